"""Run oat's own learner, from rewards to the loss of each micro-batch, and record the numbers.

    python -m tools.peers oat [PATH OR ADDRESS OF THE REPOSITORY]

``learning_step`` of the learner of math runs whole, with log-probs given in place of a model's and a strategy that
collects what is backpropagated. Gradients are the mean of those of the micro-batches, as DeepSpeed takes it over
accumulated steps.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import torch

from tools.peers.small_batches import WIDTH, make_batches
from tools.peers.snapshots import Snapshot, answer, padded, trimmed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ABSENT: Final = (
    *("deepspeed", "vllm", "tree", "launchpad", "oat.actors", "oat.args", "oat.learners", "oat.types", "oat.interface"),
    *("oat.oracles", "oat.utils.data", "oat.utils.math_grader"),
)
NOTE: Final = (
    "ZeroMathLearner.learning_step with given log-probs and a strategy that collects gradients; no engine, no model"
)

_PLAIN: Final[dict[str, dict[str, Any]]] = {"group_mean": {}, "constant_length": {}}
_GRPO: Final[dict[str, dict[str, Any]]] = {"group_norm": {}, "sequence_mean": {}}


def cases() -> list[dict[str, Any]]:
    """Return every case: options of oat, the same in our words, and the batch."""
    plain: dict[str, Any] = {"tis_c": None}
    grpo = {"critic_type": "grpo", **plain}
    found = [_case(f"drgrpo on {batch}", plain, _PLAIN, batch) for batch in ("near", "far", "pairs")]
    found += [_case(f"grpo on {batch}", grpo, _GRPO, batch) for batch in ("near", "far", "pairs")]
    found += [_case("grpo on constant", grpo, _GRPO, "constant", dtype="float32", only=["advantages"])]
    found += [_case("drgrpo on constant", plain, _PLAIN, "constant", dtype="float32", only=["advantages"])]
    only_std, only_length = {**grpo, "remove_std_bias": True}, {**grpo, "remove_len_bias": True}
    found += [
        _case("grpo without std bias", only_std, {"group_mean": {}, "sequence_mean": {}}, "far"),
        _case("grpo without length bias", only_length, {"group_norm": {}, "constant_length": {}}, "far"),
        _case("grpo without biases", only_std | only_length, _PLAIN, "far"),
    ]
    found += _losses(plain, grpo)
    return found


def _losses(plain: Mapping[str, Any], grpo: Mapping[str, Any]) -> list[dict[str, Any]]:
    clip = {"clip_ratio_low": 0.1, "clip_ratio_high": 0.1}
    found = []
    for name, options, tricks in (("drgrpo", plain, _PLAIN), ("grpo", grpo, _GRPO)):
        filtered = {**tricks, "overlong_filter": {}}
        found += [
            _case(f"{name}, tis", {**options, "tis_c": 2.0}, {**tricks, "truncated_is": {}}, "far"),
            _case(
                f"{name}, other bounds",
                {**options, "tis_c": 1.2, "cliprange": 0.1},
                {**tricks, "truncated_is": {"cap": 1.2}, "clip": clip},
                "far",
            ),
            _case(f"{name}, no EOS", {**options, "ignore_no_eos": True}, filtered, "truncated"),
            _case(
                f"{name}, reinforce", {**options, "reinforce_update": True}, {**tricks, "policy_gradient": {}}, "far"
            ),
            _case(f"{name}, KL loss", {**options, "beta": 0.1}, {**tricks, "kl_loss": {"coef": 0.1}}, "far"),
            _case(
                f"{name}, KL loss, no EOS",
                {**options, "beta": 0.1, "ignore_no_eos": True},
                {**filtered, "kl_loss": {"coef": 0.1}},
                "truncated",
            ),
            _case(
                f"{name}, KL in the reward",
                {**options, "kl_penalty_coef": 0.1},
                {**tricks, "kl_reward": {"coef": 0.1}},
                "far",
            ),
        ]
    return found


def _case(name: str, options: Mapping[str, Any], tricks: Mapping[str, Any], batch: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "options": dict(options), "tricks": dict(tricks), "batch": batch, **more}


class _Strategy:
    """The learner's part of DeepSpeed: it collects losses and does no step."""

    def __init__(self, micro_batches: int) -> None:
        self.grad_acc_step = micro_batches
        self.losses: list[torch.Tensor] = []

    def backward(self, loss: torch.Tensor, *_: Any) -> None:
        """Keep the loss of a micro-batch."""
        self.losses.append(loss)

    def optimizer_step(self, *_: Any) -> None:
        """Do nothing."""

    def get_gradient_norm(self, _: Any) -> float:
        """Return a number for the metrics."""
        return 0.0


def run(options: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return advantages, loss and gradient of one update."""
    torch.cuda.current_device = lambda: "cpu"  # type: ignore[assignment,return-value]
    lengths = document["lengths"]
    leaf = padded(document["log_probs"], WIDTH).requires_grad_()
    learner, advantages = _learner(options, document, leaf), []
    own = learner.compute_monte_carlo_advantages

    def remembered(rewards: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = own(rewards, masks)
        advantages.extend(found.tolist())
        return found

    learner.compute_monte_carlo_advantages = remembered
    try:
        learner.learning_step(_trajectory(options, document))
    except ZeroDivisionError:  # its metrics divide by a count of tokens that reinforce_update leaves at 0
        assert options.get("reinforce_update")
    value = torch.stack(learner.strategy.losses).mean()
    (gradient,) = torch.autograd.grad(value, leaf)
    return {"loss": value.item(), "gradient": trimmed(gradient, lengths), "advantages": advantages}


def _learner(options: Mapping[str, Any], document: Mapping[str, Any], leaf: torch.Tensor) -> Any:
    """Return a learner whose policies give the log-probs of the document."""
    import_module("oat.algorithms.ppo").RLLearner._init = lambda *_: None
    learner = object.__new__(import_module("oat.experiment.run_math_rl").ZeroMathLearner)
    learner._init(_arguments(options, document), [])
    micro_batches = len(document["lengths"]) // learner.args.train_batch_size_per_device
    learner.strategy = _Strategy(micro_batches)
    learner.model, learner.optimizer, learner.scheduler = "policy", None, None
    has_reference = learner.args.beta > 0 or learner.args.kl_penalty_coef > 0
    learner.ref_model = "reference" if has_reference else None
    old, reference = (padded(document[name], WIDTH).float() for name in ("old_log_probs", "ref_log_probs"))

    def given(model: str, input_ids: torch.Tensor, att_mask: torch.Tensor, compute_entropy: bool, **_: Any) -> Any:
        rows, width = input_ids[:, 0], att_mask.shape[1] - 1
        values = reference if model == "reference" else leaf if compute_entropy else old
        return values[rows][:, :width], torch.zeros(len(rows), width)

    learner.get_batch_logps = given
    return learner


def _arguments(options: Mapping[str, Any], document: Mapping[str, Any]) -> SimpleNamespace:
    """Return oat's arguments: its defaults with the given options."""
    defaults = {
        "critic_type": "drgrpo",
        "remove_std_bias": False,
        "remove_len_bias": False,
        "eval_data": "",
        "test_split": "all",
        "num_ppo_epochs": 1,
        "kl_penalty_coef": 0.0,
        "beta": 0.0,
        "reinforce_update": False,
        "whiten_adv": False,
        "reward_scale": 1.0,
        "tis_c": 2.0,
        "cliprange": 0.2,
        "temperature": 1.0,
        "train_batch_size_per_device": 2,
        "num_samples": document["group"].count(document["group"][0]),
        "generate_max_length": document["max_response_length"],
    }
    return SimpleNamespace(**{**defaults, **options})


def _trajectory(options: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the batch as actors make it: prompts of one token, whose id is the number of the sample."""
    lengths = document["lengths"]
    cut = [truncated and bool(options.get("ignore_no_eos")) for truncated in document["truncated"]]
    attention = (torch.arange(WIDTH + 1)[None, :] <= torch.tensor(lengths)[:, None]).long()
    return {
        "input_ids": torch.arange(len(lengths))[:, None].expand(-1, WIDTH + 1).clone(),
        "attention_mask": attention,
        "rewards": [
            [0.0] * (length - 1) + [reward] for length, reward in zip(lengths, document["rewards"], strict=True)
        ],
        "prompt_ids_lens": [1] * len(lengths),
        "action_logprobs": [row[:length] for row, length in zip(document["sampler_log_probs"], lengths, strict=True)],
        "loss_masks": [not each for each in cut],
    }


def record(words: Sequence[str]) -> Path:
    """Record the numbers of every case and return the file."""
    snapshot = Snapshot("oat", "sail-sg/oat", "c1a074c", Path(__file__), NOTE)
    return snapshot.record(words, cases(), make_batches())


if __name__ == "__main__":
    answer(run, "oat", ABSENT)
