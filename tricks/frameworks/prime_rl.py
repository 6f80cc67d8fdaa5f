"""The spelling of rules in the TOML of prime-rl: one ``rl.toml``, or files of trainer, orchestrator and inference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tricks.frameworks.catalogue import load_options
from tricks.frameworks.spelling import (
    ANY,
    OFF,
    ON,
    Counts,
    Fault,
    Framework,
    Keep,
    Loop,
    Match,
    NotModeled,
    Options,
    Part,
    Spelling,
    Take,
    one_of,
    quotient,
    whole,
)

_ALGO: Final = "orchestrator.algo.type"
_SOURCES: Final = "orchestrator.train.source"
_LOSS: Final = "trainer.loss"
_PRUNED: Final = "orchestrator.train.filter_zero_advantages"
_SAMPLING: Final = "orchestrator.train.sampling"
_OTHERS: Final = {
    "echo": "no trick adds a cross-entropy on the tokens of tools (ECHO)",
    "max_rl": "no trick divides by the mean of the group (MaxRL)",
    "rae": "no trick keeps a running baseline of each agent (RAE)",
    "hierarchical_grpo": "no trick compares proposers and solvers apart",
    "opd": "no trick distills a teacher",
    "opsd": "no trick distills a policy that saw the answer",
    "sft": "cross-entropy on the tokens of another model is no reinforcement learning",
}


def _sources(value: Any) -> tuple[Mapping[str, Any], ...]:
    """Return the tables of the training sources."""
    listed = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
    return tuple(each for each in listed if isinstance(each, Mapping))


def _table(source: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    for key in keys:
        found = source.get(key)
        source = found if isinstance(found, Mapping) else {}
    return source


def _is_grpo(value: Any) -> bool:
    algorithms = [_table(source, "algo") for source in _sources(value)]
    return all(each.get("type", "grpo") == "grpo" and "length_penalty" not in each for each in algorithms)


def _has_gate(value: Any) -> bool:
    """Return True if every source rejects the groups without an advantage."""
    gates = [_table(source, "curriculum", "gates") for source in _sources(value)]
    return bool(gates) and all(any(_closed(gate) for gate in each.values()) for each in gates)


def _closed(gate: Any) -> bool:
    return isinstance(gate, Mapping) and not gate.get("reject_min", 0) and not gate.get("reject_max", 0)


def _no_gate(value: Any) -> bool:
    return not any(_table(source, "curriculum", "gates") for source in _sources(value))


_SAME: Final = Match(_is_grpo, None, "sources without an algorithm of their own")


def _advantages() -> Iterator[Spelling]:
    yield Spelling({_ALGO: "grpo", _SOURCES: _SAME}, {"group_mean": {}})
    yield Spelling(
        {_ALGO: "grpo", _SOURCES: ANY},
        {"group_mean": {}},
        not_modeled="a source has an algorithm or a length penalty of its own, and a rule has one",
        written=False,
    )
    for name, because in _OTHERS.items():
        tricks: Mapping[str, Mapping[str, Any]] = {"group_mean": {}} if name == "echo" else {}
        yield Spelling({_ALGO: name}, tricks, not_modeled=because, written=False)


def _losses() -> Iterator[Spelling]:
    mean: Mapping[str, Mapping[str, Any]] = {"token_mean": {}}
    kind = f"{_LOSS}.type"
    plain = {
        kind: "default",
        f"{_LOSS}.dppo_mask_low": 0.2,
        f"{_LOSS}.dppo_mask_high": 0.2,
        f"{_LOSS}.adv_tau": 1.0,
        f"{_LOSS}.kl_tau": 1e-3,
    }
    yield Spelling(plain, mean, note="the mask by probabilities is the surrogate of a rule that names none")
    yield Spelling(
        {name: "default" if name == kind else ANY for name in plain},
        mean,
        not_modeled="the mask by probabilities has no name in the catalog that takes other bounds or weights",
        written=False,
    )
    for name, because in (
        ("ipo", "no trick masks by the size of a probability's change alone (IPO)"),
        ("custom", "the loss is a function of yours"),
    ):
        yield Spelling({kind: name}, mean, not_modeled=because, written=False)


_FILTER: Final = Part(
    "responses without an advantage",
    (
        Spelling({_PRUNED: OFF}),
        Spelling(
            {_PRUNED: ON},
            {"zero_variance_filter": {}},
            note="a response whose reward equals the mean of its group leaves the loss too",
        ),
    ),
)
_GATES: Final = Part(
    "admission gates",
    (
        Spelling({_SOURCES: Match(_no_gate, None, "no gates")}),
        Spelling(
            {_SOURCES: Match(_has_gate, None, "a gate that rejects advantages of 0 in every source")},
            {"dynamic_sampling": {}},
            written=False,
        ),
        Spelling({_SOURCES: ANY}, not_modeled="no trick rejects groups by a range of advantages", written=False),
    ),
)


def _counts(options: Options) -> Loop:
    """Return the counts; a batch is counted in responses, 128 where nothing says it."""
    groups = {each.get("group_size") for each in _sources(options.get(_SOURCES))} - {None}
    group = whole({"own": groups.pop()}, "own") if len(groups) == 1 else whole(options, "orchestrator.group_size", 1)
    tokens = options.get("orchestrator.token_batch_size") is not None
    batch = whole(options, "orchestrator.batch_size", None if tokens else 128)
    return {"group_size": group, "prompts_per_batch": quotient(batch, group), "updates_per_rollout": 1, "epochs": 1}


def _written_counts(loop: Loop, defaults: Options) -> Mapping[str, Any]:
    group = loop.get("group_size", defaults["orchestrator.group_size"])
    prompts = loop.get("prompts_per_batch")
    batch = {} if prompts is None else {"orchestrator.batch_size": prompts * group}
    return {"orchestrator.group_size": group, **batch}


def _is_alone(options: Options, loop: Loop) -> bool:
    """Return True for groups of one response, in a configuration that says what it trains on."""
    return loop.get("group_size") == 1 and options.get(_SOURCES) is not None


def _full_name(name: str) -> str:
    """Return the name below its process; files of one process leave that out, and command lines have hyphens."""
    known = load_options("prime_rl").spans
    for spelled in dict.fromkeys((name, name.replace("-", "_"))):
        for prefix in ("", "trainer.", "orchestrator.", "inference."):
            if _is_known(f"{prefix}{spelled}", known):
                return f"{prefix}{spelled}"
    return name.replace("-", "_")


_OPAQUE: Final = ("env_vars", "extra_body", "kwargs", "pools", "vllm_extra", "headers", "renderer")


def _is_known(name: str, known: Mapping[str, Any]) -> bool:
    parts = name.split(".")
    parents = (".".join(parts[:size]) for size in range(len(parts) - 1, 0, -1))
    return name in known or any(parent in known and parent.rpartition(".")[2] in _OPAQUE for parent in parents)


def _idle(options: Options, loop: Loop) -> Iterator[str]:
    """Yield what a loss of another type does not read."""
    del loop
    if options.get(f"{_LOSS}.type") != "ipo" and options.get(f"{_LOSS}.ipo_threshold") != 0.1:
        yield f"{_LOSS}.ipo_threshold: only {_LOSS}.type=ipo reads it"


def _all(value: Any) -> Any:
    """Return top-k with 0 for all tokens, which vLLM writes as -1."""
    return 0 if value == -1 else value


TABLE: Final = Framework(
    name="prime_rl",
    title="prime-rl",
    parts=(Part("advantages", tuple(_advantages())), Part("loss", tuple(_losses())), _FILTER, _GATES),
    keeps=(
        Keep("temperature", Take(f"{_SAMPLING}.temperature")),
        Keep("top_k", Take(f"{_SAMPLING}.extra_body.top_k", _all, lambda value: value or -1)),
        Keep("max_response_length", Take(f"{_SAMPLING}.max_completion_tokens")),
        Keep("lr", Take("trainer.optim.lr")),
        Keep("weight_decay", Take("trainer.optim.weight_decay")),
        Keep("max_grad_norm", Take("trainer.optim.max_norm")),
    ),
    counts=Counts(_counts, _written_counts),
    no_effect=(
        *("trainer", "orchestrator"),
        *("inference*", "trainer.model*", "trainer.ckpt*", "trainer.data*", "trainer.monitors*", "trainer.log*"),
        *("trainer.tokenizer*", "trainer.weight_broadcast*", "trainer.rollout_transport*", "trainer.resume*"),
        *(
            "trainer.output_dir",
            "trainer.max_steps",
            "trainer.gc*",
            "trainer.memory_profiler_path",
            "trainer.trace_path",
        ),
        *("trainer.dist_timeout_seconds", "trainer.heartbeat*", "trainer.metrics_server*", "trainer.env_vars*"),
        *("trainer.enable_token_export", "trainer.matmul_precision", "trainer.loss*", "trainer.optim*"),
        *("trainer.scheduler*", "orchestrator.model*", "orchestrator.tokenizer*", "orchestrator.renderer*"),
        *("orchestrator.eval*", "orchestrator.log*", "orchestrator.env_vars*", "orchestrator.monitors*"),
        *("orchestrator.collect_inference_metrics", "orchestrator.inference_metrics_roles", "orchestrator.ckpt*"),
        *("orchestrator.resume*", "orchestrator.weight_broadcast*", "orchestrator.rollout_transport*"),
        *("orchestrator.output_dir", "orchestrator.tasks_per_minute", "orchestrator.env_server_base_port"),
        *("orchestrator.concurrency*", "orchestrator.num_train_workers", "orchestrator.pad_to_multiple_of"),
        *("orchestrator.max_steps", "orchestrator.heartbeat*", "orchestrator.algo*", "orchestrator.train*"),
        *("orchestrator.batch_size", "env_vars*", "run*", "output_dir", "clean", "log*", "ckpt*", "resume*"),
        *("monitors*", "model*", "tokenizer*", "max_steps", "weight_broadcast*", "rollout_transport*", "deployment*"),
        *("slurm*", "dry_run"),
    ),
    not_modeled=(
        NotModeled(
            "orchestrator.algo.length_penalty*", "no trick takes a share of the group's mean reward by length", (None,)
        ),
        NotModeled("orchestrator.token_batch_size", "batches of so many tokens have no fixed number of responses"),
        NotModeled(
            "orchestrator.max_off_policy_steps",
            "responses may be that many versions old; the loss measures from the version that sampled them",
        ),
        NotModeled("orchestrator.seq_len", "longer samples lose their last tokens"),
        NotModeled("trainer.model.seq_len", "longer samples lose their last tokens"),
        NotModeled("seq_len", "longer samples lose their last tokens"),
        NotModeled("trainer.model.lora*", "only adapters are trained; the rule on tokens is the same"),
        NotModeled("trainer.enable_router_replay", "experts are those of the sampler; no trick has experts"),
        NotModeled("trainer.optim.type", "the optimizer takes the same gradient", (None, "adamw")),
        NotModeled("trainer.scheduler.type", "the learning rate changes; the rule does not", (None, "constant")),
        NotModeled(f"{_SAMPLING}.extra_body.min_p", "the sampler cuts tokens; log-probs are those of all"),
    ),
    faults=(
        Fault(
            "group_of_one",
            "group_size is 1, the default: a response is its own group mean, so that every advantage is 0 and nothing "
            "trains; set orchestrator.group_size",
            when={_ALGO: one_of("grpo", "echo", "max_rl")},
            test=_is_alone,
            source="run; src/prime_rl/orchestrator/algo/grpo.py:30",
        ),
    ),
    form="toml",
    launched=("rl", "prime_rl.entrypoints.rl", "src/prime_rl/rl.py"),
    head="# uv run rl @ rl.toml",
    rename=_full_name,
    idle=lambda options, loop: tuple(_idle(options, loop)),
    in_code={
        "dynamic_sampling": "each [[orchestrator.train.source]] takes curriculum.gates.zero.type = 'advantage_range'",
        "soft_overlong": "the reward of an environment is its own code",
    },
)
