"""Record SkyRL's numbers: its own estimators, loss reductions and losses, on log-probs of ours.

    python -m tools.peers skyrl [RELEASE...]

The functions of ``ppo_utils`` are run as released. What the trainer and the worker do around them is written here: the
loss mask of filtered responses, the sum over micro-batches, and the weights of the KL and entropy terms.
"""

from __future__ import annotations

import json
from collections import defaultdict
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor

from tools.peers.common import merge_releases, round_numbers, write_recorded
from tools.peers.ms_swift import CANCELS
from tools.peers.sources import load_functions, read_member, wheel_of
from tools.peers.swift_batches import BEYOND, CONSTANT, FAR, RIGHT_AND_WRONG, SIXTEEN, SIZES, UNEQUAL
from tricks.dialects import find_dialect
from tricks.io import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

RELEASES: Final = find_dialect("skyrl").known_releases
_UTILS: Final = "skyrl/backends/skyrl_train/utils/"
_TRAINER: Final = "skyrl/train/utils/trainer_utils.py"
_GENERATORS: Final = "skyrl/train/generators/utils.py"
BATCHES: Final = {
    "unequal": UNEQUAL,
    "far": FAR,
    "right_and_wrong": RIGHT_AND_WRONG,
    "constant": CONSTANT,
    "sizes": SIZES,
    "sixteen": SIXTEEN,
    "beyond": BEYOND,
}

DEFAULTS: Final[Mapping[str, Any]] = {
    "advantage_estimator": "grpo",
    "grpo_norm_by_std": True,
    "advantage_batch_normalize": False,
    "policy_loss_type": "regular",
    "loss_reduction": "token_mean",
    "eps_clip_low": 0.2,
    "eps_clip_high": 0.2,
    "clip_ratio_c": 3.0,
    "cispo.cispo_eps_clip_low": 0.0,
    "cispo.cispo_eps_clip_high": 5.0,
    "use_kl_loss": False,
    "use_kl_in_reward": False,
    "kl_loss_coef": 0.001,
    "kl_estimator_type": "k3",
    "use_entropy_loss": False,
    "entropy_loss_coef": 0.01,
    "max_seq_len": 9,
    "zero_variance_filter": False,
    "apply_overlong_filtering": False,
    "off_policy_correction.tis_ratio_type": None,
    "off_policy_correction.token_tis_ratio_clip_high": 2.0,
    "off_policy_correction.sequence_tis_ratio_clip_high": 5.0,
    "off_policy_correction.sequence_mask_metric": None,
    "off_policy_correction.product_mask_high": 2.0,
    "off_policy_correction.product_mask_low": 0.5,
    "off_policy_correction.outlier_token_is_threshold_low": None,
    "off_policy_correction.outlier_token_is_threshold_high": None,
    "off_policy_correction.token_mask_is_threshold_low": None,
    "off_policy_correction.token_mask_is_threshold_high": None,
}
_ESTIMATORS: Final = {
    "grpo": "compute_grpo_outcome_advantage",
    "rloo": "compute_rloo_outcome_advantage",
    "reinforce++": "compute_reinforce_plus_plus_outcome_advantage",
}
_LOSSES: Final = {
    "regular": "ppo_policy_loss",
    "dual_clip": "ppo_policy_loss",
    "gspo": "gspo_policy_loss",
    "cispo": "compute_policy_loss_cispo",
}


def cases() -> Iterator[dict[str, Any]]:
    """Yield the cases: options of SkyRL and the same in our words, with the words of the refusals by release."""
    yield from _advantage_cases()
    yield from _mean_cases()
    yield from _surrogate_cases()
    yield from _term_cases()
    yield from _filter_cases()


def _advantage_cases() -> Iterator[dict[str, Any]]:
    mean: dict[str, Any] = {"sequence_mean": {}}
    norms: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "grpo": ({}, {"group_norm": {}}),
        "grpo, no std": ({"grpo_norm_by_std": False}, {"group_mean": {}}),
        "rloo": ({"advantage_estimator": "rloo"}, {"rloo": {}}),
        "reinforce++": ({"advantage_estimator": "reinforce++"}, {"token_whitening": {}}),
        "batch normalize": (
            {"advantage_batch_normalize": True, "grpo_norm_by_std": False},
            {"group_mean": {}, "token_whitening": {}},
        ),
    }
    for name, (options, tricks) in norms.items():
        for batch in ("unequal", "right_and_wrong", "constant", "sizes", *(("sixteen",) if name == "grpo" else ())):
            yield _case(f"advantages: {name}, {batch}", options, {**tricks, **mean}, batch)
    for estimator in ("k1", "k2", "k3"):
        options = {"use_kl_in_reward": True, "kl_loss_coef": 0.02, "kl_estimator_type": estimator}
        kl = {"coef": 0.02, "estimator": estimator}
        tricks = {"group_norm": {}, "kl_reward": kl, **mean}
        yield _case(f"advantages: KL in the reward, {estimator}", options, tricks, "far")
        tricks = {"kl_to_go": kl, "token_whitening": {}, **mean}
        options |= {"advantage_estimator": "reinforce++", "loss_reduction": "sequence_mean"}
        yield _case(f"KL to go, {estimator}", options, tricks, "far")


_UPDATE: Final = {"0.1.0": "averages over the tokens of each micro-batch"}
_REDUCTIONS: Final[Mapping[str, tuple[dict[str, Any], dict[str, str]]]] = {
    "token_mean": ({"token_mean": {}}, _UPDATE),
    "token_mean, 0.1.0": ({"token_mean": {"scope": "micro_batch"}}, {"0.2.0": "-", "0.3.0": "-"}),
    "token_mean_legacy": ({"token_mean": {"scope": "micro_batch"}}, {"0.1.0": "-"}),
    "sequence_mean": ({"sequence_mean": {}}, {}),
    "seq_mean_token_sum_norm": ({"constant_length": {}}, {}),
    "prompt_mean": (
        {"prompt_mean": {}},
        {"0.1.0": "prompt_mean came with 0.3.0", "0.2.0": "prompt_mean came with 0.3.0"},
    ),
}


def _mean_cases() -> Iterator[dict[str, Any]]:
    for name, (mean, said) in _REDUCTIONS.items():
        options = {"loss_reduction": name.partition(",")[0]}
        tricks = {"group_norm": {}, **mean}
        yield _case(name, options, tricks, "unequal", said)
        overlong = {**said, "0.1.0": said.get("0.1.0", "")} if said else {}
        yield _case(
            f"{name}, overlong",
            {**options, "apply_overlong_filtering": True},
            {**tricks, "overlong_filter": {}},
            "unequal",
            {release: words for release, words in overlong.items() if words},
        )


def _surrogate_cases() -> Iterator[dict[str, Any]]:
    norm: dict[str, Any] = {"group_norm": {}, "sequence_mean": {}}
    bounds = {"clip_ratio_low": 0.1, "clip_ratio_high": 0.28}
    given: dict[str, Any] = {"loss_reduction": "sequence_mean", "eps_clip_low": 0.1, "eps_clip_high": 0.28}
    yield _case("regular", given, {**norm, "clip": bounds}, "far")
    yield _case(
        "dual_clip", {**given, "policy_loss_type": "dual_clip"}, {**norm, "clip": {**bounds, "dual_clip": 3.0}}, "far"
    )
    yield _case("gspo", {**given, "policy_loss_type": "gspo"}, {**norm, "gspo": bounds}, "far")
    yield _case("gspo, beyond", {**given, "policy_loss_type": "gspo"}, {**norm, "gspo": bounds}, "beyond")
    given = {"loss_reduction": "sequence_mean", "policy_loss_type": "cispo"}
    yield _case("cispo", given, {**norm, "cispo": {}}, "far")
    given |= {"cispo.cispo_eps_clip_low": 1.0, "cispo.cispo_eps_clip_high": 4.0}
    yield _case("cispo, 0 to 5", given, {**norm, "cispo": {"low": 0.0, "high": 5.0}}, "far")
    place = "off_policy_correction."
    base: dict[str, Any] = {"loss_reduction": "sequence_mean"}
    for level in ("token", "sequence"):
        options = {**base, f"{place}tis_ratio_type": level, f"{place}{level}_tis_ratio_clip_high": 1.2}
        yield _case(f"tis, {level}", options, {**norm, "truncated_is": {"level": level, "cap": 1.2}}, "unequal")
    shrinks = {"0.1.0": "takes masked tokens out of the denominator"}
    options = {
        **base,
        f"{place}tis_ratio_type": "token",
        f"{place}token_tis_ratio_clip_high": 1.5,
        f"{place}token_mask_is_threshold_low": 0.7,
        f"{place}token_mask_is_threshold_high": 1.5,
    }
    weight = {"level": "token", "outside": "drop", "floor": 0.7, "cap": 1.5}
    yield _case("token mask", options, {**norm, "truncated_is": weight}, "unequal", shrinks)
    options = {
        **base,
        f"{place}tis_ratio_type": "sequence",
        f"{place}sequence_mask_metric": "product",
        f"{place}product_mask_low": 0.7,
        f"{place}product_mask_high": 1.9,
    }
    weight = {"level": "sequence", "outside": "drop", "floor": 0.7, "cap": 1.9}
    yield _case("product mask", options, {**norm, "truncated_is": weight}, "unequal", shrinks)


def _term_cases() -> Iterator[dict[str, Any]]:
    for estimator in ("k1", "k2", "k3"):
        options = {"use_kl_loss": True, "kl_loss_coef": 0.02, "kl_estimator_type": estimator}
        kl = {"kl_loss": {"coef": 0.02, "estimator": estimator}}
        for name in ("token_mean", "token_mean, 0.1.0", *(("prompt_mean",) if estimator == "k3" else ())):
            mean, said = _REDUCTIONS[name]
            given = {**options, "loss_reduction": name.partition(",")[0]}
            yield _case(f"{name}, KL {estimator}", given, {"group_norm": {}, **mean, **kl}, "far", said)
    options = {"use_entropy_loss": True, "loss_reduction": "sequence_mean"}
    yield _case("entropy", options, {"group_norm": {}, "sequence_mean": {}, "entropy_bonus": {"coef": 0.01}}, "unequal")


def _filter_cases() -> Iterator[dict[str, Any]]:
    for name in ("token_mean", "token_mean, 0.1.0", "sequence_mean", "prompt_mean"):
        mean, said = _REDUCTIONS[name]
        tricks = {"group_mean": {}, **mean, "zero_variance_filter": {}}
        options = {
            "loss_reduction": name.partition(",")[0],
            "zero_variance_filter": True,
            "grpo_norm_by_std": False,
        }
        yield _case(f"{name}, equal rewards", options, tricks, "constant", said)
    options = {"loss_reduction": "sequence_mean", "zero_variance_filter": True, "grpo_norm_by_std": False}
    tricks = {"group_mean": {}, "sequence_mean": {}, "zero_variance_filter": {}}
    yield _case("groups of one", options, tricks, "sizes")
    tricks |= {"overlong_filter": {}}
    yield _case("equal rewards of ended", {**options, "apply_overlong_filtering": True}, tricks, "unequal")


def _case(
    name: str,
    options: Mapping[str, Any],
    tricks: Mapping[str, Any],
    batch: str,
    said: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    return {
        "name": name,
        "options": dict(options),
        "preset": "vanilla_ppo",
        "tricks": dict(tricks),
        "updates_per_rollout": 1,
        "batch": batch,
        "dtype": "float32",
        "tolerance": 2e-6,
        "refused": dict(said or {}),
    }


class Release:
    """The functions of one release."""

    def __init__(self, wheel: Path) -> None:
        quiet = SimpleNamespace(warning=_same, info=_same)
        self.space: dict[str, Any] = {"torch": torch, "np": np, "defaultdict": defaultdict, "logger": quiet}
        for member in ("torch_utils.py", "off_policy_correction_utils.py", "ppo_utils.py"):
            text = read_member(wheel, _UTILS + member)
            assert text is not None
            load_functions(text.replace("from loguru import", "from tools.peers.skyrl import"), self.space)
        for member, name in ((_TRAINER, "zero_variance_filter"), (_GENERATORS, "apply_overlong_filtering")):
            text = read_member(wheel, member)
            assert text is not None
            load_functions(text, self.space, only=(name,))

    def __getattr__(self, name: str) -> Any:
        return self.space[name]


def logger(*_: Any) -> None:
    """Stand for the logger that a function imports in its body."""


logger.warning = logger  # type: ignore[attr-defined]


def numbers(case: Mapping[str, Any], wheel: Path) -> dict[str, Any]:
    """Return the advantages, or the loss and its gradient, that a release computes for a case."""
    options, own = {**DEFAULTS, **case["options"]}, Release(wheel)
    document = read_document(json.dumps(BATCHES[case["batch"]]).encode(), torch.float32)
    mask = document.rollouts.response_mask.float()
    loss_mask = _loss_mask(own, options, document, mask)
    advantages = _advantages(own, options, document, mask, loss_mask)
    if case["name"].startswith("advantages"):
        return {"advantages": round_numbers(advantages[:, 0].tolist())}
    leaf = document.log_probs.clone().requires_grad_()
    loss = _loss(own, options, document, leaf, advantages, loss_mask)
    (gradient,) = torch.autograd.grad(loss, leaf)
    found = {"gradient": round_numbers(gradient.tolist())}
    return found if abs(loss.item()) < CANCELS else {"loss": round_numbers(loss.item()), **found}


def _loss_mask(own: Release, options: Mapping[str, Any], document: Any, mask: Tensor) -> Tensor:
    """Return the loss mask after the generator's overlong filter and the trainer's filter of equal rewards."""
    rollouts = document.rollouts
    rows = [[1] * int(length) for length in mask.sum(dim=1)]
    if options["apply_overlong_filtering"]:
        reasons = ["length" if each else "stop" for each in rollouts.truncated]
        if "stop_reasons" in own.apply_overlong_filtering.__code__.co_varnames:
            rows = own.apply_overlong_filtering(rows, reasons)
        else:
            ids = [[7 if reason == "stop" else 1] * len(row) for row, reason in zip(rows, reasons, strict=True)]
            rows = own.apply_overlong_filtering(rows, ids, 7)
    if options["zero_variance_filter"]:
        rewards = [float(each) for each in rollouts.rewards]
        uids = [str(each) for each in rollouts.group.tolist()]
        live = "loss_masks" in own.zero_variance_filter.__code__.co_varnames
        more = {"loss_masks": rows, "tol": 1e-6} if live else {}
        kept = set(own.zero_variance_filter(rewards, uids, **more))
        rows = [row if place in kept else [0] * len(row) for place, row in enumerate(rows)]
    width = mask.shape[1]
    return torch.tensor([row + [0] * (width - len(row)) for row in rows], dtype=torch.float32)


def _advantages(own: Release, options: Mapping[str, Any], document: Any, mask: Tensor, loss_mask: Tensor) -> Tensor:
    rollouts = document.rollouts
    rewards = torch.zeros_like(mask)
    rewards[torch.arange(len(mask)), mask.sum(dim=1).long() - 1] = rollouts.rewards
    if options["use_kl_in_reward"]:
        kl = own.compute_approx_kl(
            rollouts.old_log_probs,
            rollouts.ref_log_probs,
            loss_mask=loss_mask,
            kl_estimator_type=options["kl_estimator_type"],
        )
        rewards = rewards - kl * options["kl_loss_coef"]
    estimator = own.space[_ESTIMATORS[options["advantage_estimator"]]]
    found: Tensor = estimator(
        token_level_rewards=rewards,
        response_mask=mask,
        index=np.array([str(each) for each in rollouts.group.tolist()]),
        gamma=1.0,
        grpo_norm_by_std=options["grpo_norm_by_std"],
    )[0]
    if options["advantage_batch_normalize"]:  # as the trainer writes it in all releases
        mean = found.mean()
        spread = ((found - mean).pow(2) * mask).sum()
        found = (found - mean) * (spread / mask.sum()).clamp(min=1e-8).rsqrt()
    return found


def _loss(
    own: Release, options: Mapping[str, Any], document: Any, leaf: Tensor, advantages: Tensor, loss_mask: Tensor
) -> Tensor:
    """Return the loss of the mini-batch, summed or averaged over micro-batches as the worker does."""
    config, rollouts = _config(options), document.rollouts
    numbers = document.micro_batch if document.micro_batch is not None else torch.zeros(len(leaf), dtype=torch.int64)
    windows = [(numbers == each).nonzero().flatten() for each in torch.unique(numbers)]
    scaled = "apply_loss_reduction_to_advantages_minibatch" in own.space
    if scaled:
        more = {}
        if options["loss_reduction"] == "prompt_mean":
            ends = [place for place in range(1, len(leaf)) if rollouts.group[place] != rollouts.group[place - 1]]
            more = {"prompt_boundaries": list(zip([0, *ends], [*ends, len(leaf)], strict=True))}
        advantages = own.apply_loss_reduction_to_advantages_minibatch(
            advantages=advantages,
            loss_mask=loss_mask,
            loss_reduction=options["loss_reduction"],
            micro_batch_size=len(windows[0]),
            max_seq_len=options["max_seq_len"],
            **more,
        )
    total = leaf.new_zeros(())
    for rows in windows:
        policy = own.space[_LOSSES[options["policy_loss_type"]]](
            leaf[rows],
            rollouts.old_log_probs[rows],
            advantages[rows],
            config=config,
            loss_mask=loss_mask[rows],
            rollout_logprobs=rollouts.sampler_log_probs[rows],
        )[0]
        weight = len(rows) / len(leaf)
        total = (
            total
            + policy * (1.0 if scaled else weight)
            + weight * _terms(own, options, document, leaf, loss_mask, rows)
        )
    return total


def _terms(
    own: Release, options: Mapping[str, Any], document: Any, leaf: Tensor, loss_mask: Tensor, rows: Tensor
) -> Tensor:
    found = leaf.new_zeros(())
    mask = loss_mask[rows]
    if options["use_kl_loss"]:
        kl = own.compute_approx_kl(
            leaf[rows],
            document.rollouts.ref_log_probs[rows],
            loss_mask=mask,
            kl_estimator_type=options["kl_estimator_type"],
        )
        found = found + own.masked_mean(kl, mask, dim=-1).mean() * options["kl_loss_coef"]
    if options["use_entropy_loss"]:
        found = found - own.masked_mean(document.entropies[rows], mask) * options["entropy_loss_coef"]
    return found


def _config(options: Mapping[str, Any]) -> SimpleNamespace:
    found = SimpleNamespace(cispo=SimpleNamespace(), off_policy_correction=SimpleNamespace())
    for name, value in options.items():
        place, _, key = name.rpartition(".")
        setattr(getattr(found, place) if place else found, key, value)
    return found


def _same(*given: Any, **_: Any) -> Any:
    return given[0] if given else None


def record(releases: Sequence[str] = ()) -> Path:
    """Record the numbers of the releases, by default of all known ones, and return the file."""
    order = list(releases) or list(RELEASES)
    found = []
    for case in cases():
        said = case.pop("refused")
        known = {  # "-": in that release our words mean another option
            release: {"refused": said[release]} if release in said else numbers(case, wheel_of("skyrl", release))
            for release in order
            if said.get(release) != "-"
        }
        found.append({**case, "releases": merge_releases(known, RELEASES)})
    environment = {"torch": torch.__version__, "worker": "its sums over micro-batches are written out by hand"}
    head = {"framework": "skyrl", "made_by": "python -m tools.peers skyrl", "environment": environment}
    return write_recorded("skyrl", {**head, "batches": BATCHES, "cases": found})
