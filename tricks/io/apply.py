"""Apply an update rule to one batch and report everything that decides its gradient."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tricks.api import TrickError
from tricks.batch import Setup
from tricks.dialects import build_rule
from tricks.fired import ablate_each_trick, compute_token_gradients, mask_changes_by_trick
from tricks.hints import list_rule_hints
from tricks.io.document import document_hints, read_document
from tricks.settings import suggest
from tricks.surrogates import max_log_ratio
from tricks.tensors import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from tricks.batch import Rollouts, Signal
    from tricks.io.document import Document
    from tricks.rule import UpdateRule


KEYS: Final = ("preset", "emulate", "dtype", "updates_per_rollout", "tricks")
DTYPES: Final = ("float32", "float64")
_HALF: Final = ("float16", "bfloat16", "half")


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """The algorithm and the precision. ``tricks`` override the preset's; None leaves one out."""

    preset: str = "vanilla_ppo"
    emulate: str = "none"
    dtype: torch.dtype = field(default_factory=lambda: torch.float32)
    updates_per_rollout: int = 4
    tricks: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)


def read_options(
    preset: str = "vanilla_ppo",
    emulate: str = "none",
    dtype: str = "float32",
    updates_per_rollout: str = "4",
    tricks: Sequence[str] = (),
) -> ApplyOptions:
    """Read the options of ``tricks apply`` from text.

    Args:
        preset: the name of a preset.
        emulate: the name of a dialect, or none.
        dtype: float32 or float64.
        updates_per_rollout: a whole number from 1.
        tricks: words such as ``tricks.clip.dual_clip=3``, each at most once.

    Returns:
        The options, checked in form; whether presets and tricks exist is checked where they are built.

    Raises:
        TrickError: naming the word at fault.

    """
    return ApplyOptions(preset, emulate, _dtype(dtype), _updates(updates_per_rollout), _tricks(_given(tricks)))


def _given(words: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for word in words:
        name, equals, text = word.removeprefix("+").partition("=")
        if not equals:
            raise TrickError(f"{word}: expected key=value, as in preset=grpo or tricks.clip_higher.clip_ratio_high=0.3")
        if not name.startswith("tricks."):
            raise TrickError(f"{name}: no such argument; {suggest(name.split('.')[0], KEYS)}")
        if name in given:
            raise TrickError(f"{name}: given twice; keep one")
        given[name] = text
    return given


def _dtype(name: str) -> torch.dtype:
    if name in _HALF:
        raise TrickError(f"dtype={name}: ratios of half-precision log-probs are noise; choose float32 or float64")
    if name not in DTYPES:
        raise TrickError(f"dtype={name}: no such precision; choose float32 or float64")
    found: torch.dtype = getattr(torch, name)
    return found


def _updates(text: str) -> int:
    if not (text.isdecimal() and len(text) < 10 and int(text)):
        raise TrickError(f"updates_per_rollout={text}: expected a whole number, 1 or more")
    return int(text)


def _tricks(given: Mapping[str, str]) -> dict[str, dict[str, Any] | None]:
    found: dict[str, dict[str, Any] | None] = {}
    for place, text in given.items():
        _, name, *settings = place.split(".")
        if not name or len(settings) > 1 or not all(settings):
            raise TrickError(f"{place}: expected tricks.NAME={{}} or tricks.NAME.SETTING=value")
        if settings:
            so_far = found.setdefault(name, {})
            if so_far is None:
                raise TrickError(f"{place}: tricks.{name}=null leaves {name} out; keep one of the two")
            so_far[settings[0]] = value(text)
        elif name in found:
            raise TrickError(f"{place}: given after a setting of {name}; write all of them as tricks.{name}.SETTING")
        else:
            found[name] = _settings(place, text)
    return found


def _settings(place: str, text: str) -> dict[str, Any] | None:
    found = value(text)
    if found is not None and not isinstance(found, dict):
        raise TrickError(f"{place}={text}: expected {{}}, null, or one setting as {place}.SETTING=value")
    return found


def value(text: str) -> Any:
    """Return the value of a setting: JSON, or the word itself.

    NaN and Infinity stay words, which no numeric setting accepts.
    """
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text


def infer_setup(rollouts: Rollouts, updates_per_rollout: int) -> Setup:
    """Return the setup of the run that such a batch comes from.

    The largest group gives the group size.
    """
    sizes = rollouts.group.bincount()
    limit = rollouts.max_response_length or rollouts.response_mask.shape[1]
    return Setup(int(sizes.max()), len(sizes), updates_per_rollout, limit)


def apply_rule(rule: UpdateRule, document: Document) -> dict[str, Any]:
    """Apply the rule to the batch as one update and return the results as plain Python values.

    A batch without kept tokens is skipped. Raises TrickError where the batch lacks a part that the rule needs, or where
    the loss or its gradient is not finite.
    """
    if "entropies" in rule.needs and document.entropies is None:
        raise TrickError(
            f"{_needing(rule, 'entropies')} needs entropies, which this batch lacks; add them or leave it out"
        )
    signal = rule.signal(document.rollouts)
    weights = rule.loss_weights(signal, document.micro_batch)
    gradients = compute_token_gradients(rule, document.log_probs, signal, weights, document.entropies)
    loss = rule.loss(document.log_probs, signal, weights, document.entropies)
    _refuse_infinite(rule, document, signal, (loss, *gradients))
    return {
        "skipped": not bool(signal.response_mask.any()),
        "loss": loss.item(),
        "advantages": _plain(signal),
        "mask": signal.response_mask.long().tolist(),
        "loss_weights": weights[:, 0].tolist(),
        "token_weights": None if signal.token_weights is None else signal.token_weights.tolist(),
        "gradient": gradients[0].tolist(),
        "entropy_gradient": None if gradients[1] is None else gradients[1].tolist(),
        "accepted": rule.accepted(document.rollouts).tolist(),
        "fired": dict(_fired(rule, document, signal)),
        "inert": {name: list(reasons) for name, reasons in rule.no_effect_reasons().items()},
        "diagnostics": _diagnostics(rule, document, signal),
        "rule": rule.settings(),
    }


def _plain(signal: Signal) -> list[Any]:
    wide = signal.advantages.shape[1] > 1
    advantages = torch.where(signal.sampled_mask, signal.advantages, 0.0) if wide else signal.advantages[:, 0]
    found: list[Any] = advantages.tolist()
    return found


def _fired(rule: UpdateRule, document: Document, signal: Signal) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the tokens whose gradient each trick changes.

    For a trick of the training loop, these are the tokens of samples that it would resample.
    """
    rollouts = document.rollouts
    for name, trick in rule.tricks.items():
        if hasattr(trick, "accept_groups"):
            yield name, _share(rollouts.response_mask & ~trick.accept_groups(rollouts)[:, None], rollouts)
    others = ablate_each_trick(rule, rollouts)
    found = mask_changes_by_trick(rule, others, document.log_probs, signal, document.entropies, document.micro_batch)
    yield from ((name, _share(tokens, rollouts)) for name, tokens in found.items())


def _share(tokens: Tensor, rollouts: Rollouts) -> dict[str, Any]:
    samples = tokens.any(dim=1).nonzero().flatten().tolist()
    share = tokens.sum().item() / max(1, int(rollouts.response_mask.sum()))
    return {"share": share, "samples": samples, "tokens": tokens.long().tolist()}


def _diagnostics(rule: UpdateRule, document: Document, signal: Signal) -> dict[str, float]:
    kept = max(1, int(signal.response_mask.sum()))
    return {name: mask.sum().item() / kept for name, mask in rule.diagnostics(document.log_probs, signal).items()}


def _refuse_infinite(rule: UpdateRule, document: Document, signal: Signal, found: tuple[Tensor | None, ...]) -> None:
    ratios = rule.log_ratio(document.log_probs, signal).abs()
    finite = all(part is None or part.isfinite().all() for part in (*found, signal.advantages, signal.token_weights))
    bounded = all(
        getattr(part, "log_ratio_bound", 0) is not None for part in (*rule.tricks.values(), *rule.fillers.values())
    )
    if finite and (bounded or bool((ratios <= max_log_ratio(ratios)).all())):
        return
    if not signal.advantages.isfinite().all():
        row = int((~signal.advantages.isfinite()).nonzero()[0, 0])
        reward = document.rollouts.rewards[row].item()
        raise TrickError(
            f"the advantage of sample {row} is not finite; its reward is {reward:g}; divide the rewards by a constant"
        )
    sample, token = divmod(int(ratios.argmax()), ratios.shape[1])
    raise TrickError(
        f"the loss or its gradient is not finite; the largest log-ratio is {ratios.max().item():g} at "
        f"log_probs[{sample}][{token}]; check it against old_log_probs, or set log_ratio_bound"
    )


def _needing(rule: UpdateRule, part: str) -> str:
    return next(name for name, trick in sorted(rule.tricks.items()) if part in getattr(trick, "needs", ()))


def apply_as_json(options: ApplyOptions, text: bytes) -> str:
    """Return the results of the algorithm on a batch as JSON, one key per line.

    Hints are printed to stderr. Raises TrickError for an invalid batch or an unknown name.
    """
    document = read_document(text, options.dtype)
    setup = infer_setup(document.rollouts, options.updates_per_rollout)
    rule = build_rule(options.preset, options.tricks, options.emulate, setup)
    asked = {
        "preset": options.preset,
        "emulate": options.emulate,
        "dtype": str(options.dtype).removeprefix("torch."),
    }
    found = _lines(asked | apply_rule(rule, document))
    for hint in (*list_rule_hints(rule), *document_hints(document)):
        print(f"hint: {hint}", file=sys.stderr)
    return found


def _lines(found: dict[str, Any]) -> str:
    # A float's repr is the shortest text that reads back as the same bits, so nothing is lost.
    return (
        "{\n"
        + ",\n".join(f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in found.items())
        + "\n}"
    )
