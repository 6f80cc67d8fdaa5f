"""Run open-instruct's own functions, from rewards to the loss of grpo_fast, and record the numbers.

    python -m tools.peers open_instruct [PATH OR ADDRESS OF THE REPOSITORY]

The data preparation loop gives the advantages, ``process_group`` the groups that stay, and ``compute_rho_correction``,
``compute_grpo_loss`` and ``masked_mean`` the loss. Ray, the engine, packing, the model and DeepSpeed are not run; all
responses are one accumulation group of one rank.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from tools.peers.small_batches import WIDTH, make_batches
from tools.peers.snapshots import Snapshot, answer, mask_of, padded, trimmed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ABSENT: Final = (
    *("ray", "vllm", "deepspeed", "datasets", "olmo_core", "wandb", "accelerate"),
    *(f"open_instruct.{name}" for name in ("olmo_core_callbacks", "olmo_core_hybrid", "olmo_core_utils")),
)
NOTE: Final = "data preparation loop, process_group, compute_rho_correction, compute_grpo_loss, masked_mean; one rank"
DEFAULTS: Final = {
    "advantage_normalization_type": "centered",
    "filter_zero_std_samples": True,
    "mask_truncated_completions": False,
    "beta": 0.05,
    "clip_lower": 0.2,
    "clip_higher": 0.272,
    "use_rho_correction": True,
    "rho_clamp_lower_bound": 0.0,
    "rho_clamp_upper_bound": 2.0,
    "rho_mask_lower_bound": 0.0,
    "rho_mask_upper_bound": 0.0,
    "rho_mask_sequence_level": False,
    "rho_mask_tv_divergence": False,
    "kl_estimator": 2,
    "loss_denominator": "token",
    "loss_fn": "dapo",
    "load_ref_policy": True,
}

_BARE: Final = {"filter_zero_std_samples": False, "beta": 0.0, "use_rho_correction": False}
_NORM: Final = {"advantage_normalization_type": "standard"}
_CLIP: Final = {"clip": {"clip_ratio_low": 0.2, "clip_ratio_high": 0.272}}
_PLAIN: Final = {"group_mean": {}, "token_mean": {}, **_CLIP}
_GROUP: Final = {"group_norm": {}, "token_mean": {}, **_CLIP}


def cases() -> list[dict[str, Any]]:
    """Return every case: options of open-instruct, the same in our words, and the batch."""
    return [*_advantages(), *_losses(), *_corrections(), *_divergences()]


def _advantages() -> list[dict[str, Any]]:
    found = [_case(f"centered on {batch}", {}, _PLAIN, batch) for batch in ("near", "far", "pairs")]
    found += [_case(f"standard on {batch}", _NORM, _GROUP, batch) for batch in ("near", "far", "pairs")]
    filtered = {**_PLAIN, "zero_variance_filter": {}}
    found += [
        _case(
            f"filtered on {batch}",
            {"filter_zero_std_samples": True},
            filtered,
            batch,
            only=["loss", "gradient", "mask"],
        )
        for batch in ("near", "threes")
    ]
    found += [_case("standard on constant", _NORM, _GROUP, "constant", only=["advantages"])]
    masked = {"mask_truncated_completions": True}
    return [*found, _case("masked truncated", masked, {**_PLAIN, "overlong_filter": {}}, "truncated")]


def _losses() -> list[dict[str, Any]]:
    bounds = {"clip": {"clip_ratio_low": 0.1, "clip_ratio_high": 0.3}}
    mean = {"group_mean": {}, "token_mean": {}}
    constant = {"length": 100, "per_response": False}
    return [
        _case("clip bounds", {"clip_lower": 0.1, "clip_higher": 0.3}, {**mean, **bounds}, "far"),
        _case("cispo", {"loss_fn": "cispo"}, {**mean, "cispo": {"low": 0.0, "high": 1.272}}, "far"),
        _case("constant", {"loss_denominator": "100"}, {"group_mean": {}, "constant_length": constant, **_CLIP}, "far"),
    ]


def _corrections() -> list[dict[str, Any]]:
    on = {"use_rho_correction": True}
    floor = {"rho_clamp_lower_bound": 0.6, "rho_clamp_upper_bound": 1.5}
    drop = {"rho_mask_lower_bound": 0.5, "rho_mask_upper_bound": 2.0, "rho_clamp_upper_bound": 0.0}
    dropped = {"cap": 2.0, "floor": 0.5, "outside": "drop"}
    return [
        _case("rho", on, {**_PLAIN, "truncated_is": {}}, "far"),
        _case("rho bounds", on | floor, {**_PLAIN, "truncated_is": {"cap": 1.5, "floor": 0.6}}, "far"),
        _case("rho drops", on | drop, {**_PLAIN, "truncated_is": dropped}, "far"),
        _case(
            "rho of a far engine",
            {**on, "rho_clamp_upper_bound": 1e9},
            {**_PLAIN, "truncated_is": {"cap": 1e9}},
            "engine",
        ),
    ]


def _divergences() -> list[dict[str, Any]]:
    estimators = (
        {"estimator": "k1"},
        {"estimator": "k2"},
        {"estimator": "k3"},
        {"estimator": "k1", "gradient": "ratio"},
    )
    return [
        _case(
            f"kl_estimator {number} on {batch}",
            {"beta": 0.1, "kl_estimator": number},
            {**_PLAIN, "kl_loss": {"coef": 0.1, **ours}},
            batch,
        )
        for number, ours in enumerate(estimators)
        for batch in ("far", "engine")
    ]


def _case(name: str, options: Mapping[str, Any], tricks: Mapping[str, Any], batch: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "options": {**_BARE, **options}, "tricks": dict(tricks), "batch": batch, **more}


def more_batches() -> dict[str, Any]:
    """Return a batch of groups of three with equal rewards, and one with log-ratios beyond all bounds."""
    batches = make_batches()
    engine = {**batches["far"]}
    for name, sign in (("sampler_log_probs", 1.0), ("ref_log_probs", 2.5)):
        far = [list(row) for row in engine[name]]
        far[1][2], far[4][0], far[7][1] = -24.0 * sign, -0.01, -13.0 * sign
        engine[name] = far
    engine["old_log_probs"] = [list(row) for row in engine["old_log_probs"]]
    engine["old_log_probs"][4][0] = -16.0
    engine["log_probs"] = [list(row) for row in engine["log_probs"]]
    engine["log_probs"][4][0] = -15.5
    rewards = [0.1, 0.1, 0.1, 0.3, 0.3, 0.3, 1.0, 1.0, 1.0, 0.0, 0.5, 1.0]
    return {"engine": engine, "threes": {**batches["near"], "group": [i // 3 for i in range(12)], "rewards": rewards}}


class _Done(Exception):  # noqa: N818
    """The loop has computed the advantages."""


def run(options: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return advantages, mask, loss and gradient of one update."""
    loader = import_module("open_instruct.data_loader")
    arguments = SimpleNamespace(**{**DEFAULTS, **options})
    kept = _kept(loader, arguments, document)
    rows = [row for row, stays in enumerate(kept) if stays]
    try:
        advantages = _advantages_of(loader, arguments, document, rows)
    except ValueError:
        return {"refused": "drops truncated responses before it forms groups"}
    value, gradient = _loss(arguments, document, rows, advantages)
    found = {"loss": value, "gradient": gradient, "advantages": advantages}
    mask = mask_of(document["lengths"], WIDTH).int() * torch.tensor(kept).int()[:, None]
    return found | {"mask": mask.tolist()} if arguments.filter_zero_std_samples else found


def _kept(loader: Any, arguments: SimpleNamespace, document: Mapping[str, Any]) -> list[bool]:
    """Return the samples of groups that ``process_group`` does not drop."""
    example = dict.fromkeys((loader.INPUT_IDS_PROMPT_KEY, loader.GROUND_TRUTHS_KEY, loader.RAW_PROMPT_KEY), "")
    example[loader.VERIFIER_SOURCE_KEY] = ""
    stays = {}
    for group in dict.fromkeys(document["group"]):
        scores = [score for score, own in zip(document["rewards"], document["group"], strict=True) if own == group]
        result = SimpleNamespace(
            index=0,
            prompt_id="",
            reward_scores=scores,
            reward_metrics={},
            token_statistics=0,
            responses=[[1]] * len(scores),
            finish_reasons=["stop"] * len(scores),
        )
        found = loader.process_group(
            result=result,
            generation_config=SimpleNamespace(n=len(scores)),
            tokenizer=SimpleNamespace(batch_decode=lambda rows, **_: rows),
            dataset=[example],
            max_possible_score=1.0,
            no_resampling_pass_rate=None,
            iter_dataloader=None,
            filter_zero_std_samples=arguments.filter_zero_std_samples,
            replenish_prompts=False,
            param_prompt_Q=None,
            base_env_config=None,
        )
        stays[group] = found is not None
    return [stays[group] for group in document["group"]]


def _advantages_of(
    loader: Any, arguments: SimpleNamespace, document: Mapping[str, Any], rows: Sequence[int]
) -> list[float]:
    """Return the advantages that the preparation loop gives the samples in ``rows``."""
    texts = ["" for _ in rows]
    batch = import_module("open_instruct.model_utils").Batch(
        queries=texts,
        ground_truths=texts,
        datasets=texts,
        raw_queries=None,
        decoded_responses=None,
        indices=None,
        scores=[document["rewards"][row] for row in rows],
        model_steps=[0] * len(rows),
    )
    reasons = ["length" if document["truncated"][row] else "stop" for row in rows]
    result = SimpleNamespace(finish_reasons=reasons, responses=list(texts), masks=list(texts), logprobs=list(texts))
    found: list[float] = []

    def saved(*given: Any, **_: Any) -> None:
        found.extend(np.asarray(given[5], dtype=np.float64).tolist())
        raise _Done

    loader.accumulate_inference_batches = lambda *_, **__: (result, batch, {}, {})
    loader.save_rollouts_to_disk = saved
    own = getattr(loader.DataPreparationActor, "_data_preparation_loop", None)
    assert own is not None
    try:
        own(_loop(arguments, document))
    except _Done:
        return found
    raise RuntimeError("the preparation loop ended without advantages")


def _loop(arguments: SimpleNamespace, document: Mapping[str, Any]) -> Any:
    """Return the state of the preparation loop, which saves its traces after the advantages."""
    config = SimpleNamespace(
        save_traces=True,
        rollouts_save_path="traces",
        async_steps=1,
        active_sampling=False,
        no_resampling_pass_rate=None,
        max_possible_score=1.0,
        num_samples_per_prompt_rollout=document["group"].count(document["group"][0]),
        **vars(arguments),
    )
    names = ("inference_results_Q", "generation_config", "model_dims", "tokenizer", "dataset", "actor_manager")
    more = (
        "iter_dataloader",
        "param_prompt_Q",
        "verbose",
        "base_env_config",
        "rubric_manager",
        "run_name",
        "model_name",
    )
    counts = {"global_batch_size": 0, "training_step": 0, "num_training_steps": 1, "_last_consumed_step": 0}
    state = {**dict.fromkeys((*names, *more)), **counts, "metadata_saved": True, "total_samples_written": 0}
    return SimpleNamespace(config=config, ground_truth_overrides={}, **state)


def _loss(
    arguments: SimpleNamespace, document: Mapping[str, Any], rows: Sequence[int], advantages: Sequence[float]
) -> tuple[float, list[Any]]:
    """Return the loss and its gradient (B, T), as the learner computes them for one accumulation group."""
    utils = import_module("open_instruct.grpo_utils")
    masked_mean = import_module("open_instruct.rl_utils").masked_mean
    lengths, chosen = document["lengths"], torch.tensor(rows)
    leaf = padded(document["log_probs"], WIDTH).requires_grad_()
    mask = mask_of(lengths, WIDTH).bool()[chosen]
    now = utils.mask_logprobs(leaf[chosen], mask)
    old, engine, reference = (
        utils.mask_logprobs(padded(document[name], WIDTH)[chosen], mask)
        for name in ("old_log_probs", "sampler_log_probs", "ref_log_probs")
    )
    signs = torch.tensor(advantages, dtype=torch.float64)[:, None] * mask
    weights = utils.compute_rho_correction(old, engine, mask, signs, arguments).weights
    losses, _, divergence = utils.compute_grpo_loss(now, (now - old).exp(), signs, reference, arguments, weights)
    tokens = arguments.loss_denominator == "token"
    denominator = float(mask.sum()) if tokens else float(arguments.loss_denominator)
    value = masked_mean(losses + arguments.beta * divergence, mask, None, denominator)
    (gradient,) = torch.autograd.grad(value, leaf)
    return value.item(), trimmed(gradient, lengths)


def record(words: Sequence[str]) -> Path:
    """Record the numbers of every case and return the file."""
    snapshot = Snapshot("open_instruct", "allenai/open-instruct", "e6c3044", Path(__file__), NOTE)
    return snapshot.record(words, cases(), {**make_batches(), **more_batches()})


if __name__ == "__main__":
    answer(run, "open_instruct", ABSENT)
