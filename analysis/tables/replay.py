"""The table of a replay: the gradient of every rule against the baseline's on one batch."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Final

from analysis.study.layout import LAPTOP_WARNING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.records.replay import ArmResult, Replay

KINDS: Final = {"paper": "trick of the paper", "peer": "other trick", "preset": "preset"}
_TITLES: Final = ("rule", "kind", "cosine", "norm ratio", "sign flips", "tokens changed")
_NOTES: Final = (
    "Cosine and norm ratio: the rule's gradient against the baseline's. Cosine 1 with another norm is another length "
    "of the step and nothing else; a dash stands where a rule has no gradient on this batch.",
    "Sign flips: share of the coordinates in which the baseline has a gradient and the rule one of the other sign.",
    "Tokens changed: share of sampled tokens whose gradient the trick changes or which it takes out of a denominator, "
    "exactly 0 where it did not fire; of a trick that draws groups anew, tokens of the groups it would replace.",
    "A trick is added to the baseline alone; a preset is whole. Groups that dynamic sampling refuses are left out.",
)


def render_replay_markdown(replay: Replay) -> str:
    """Return a replay as Markdown: the batch, one row per rule, notes and sources."""
    rows = [_TITLES, ("---", "---", *("---:",) * 4), *(_row(replay, arm) for arm in replay.arms)]
    rows += [(title, "", f"— {because}", "", "", "") for title, because in replay.refused.items()]
    above = [f"# replay ({replay.name})", *_warning(replay), _lead(replay)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return "\n\n".join((*above, table, "\n".join(f"- {note}" for note in (*_NOTES, *_origin(replay))))) + "\n"


def render_replay_csv(replay: Replay) -> str:
    """Return a replay as CSV with six significant digits; a missing number is an empty field."""
    numbers = [
        (arm.name, arm.kind, *map(_digits, (arm.cosine, arm.norm_ratio, arm.sign_flips, arm.fired)))
        for arm in replay.arms
    ]
    return _csv([("rule", "kind", "cosine", "norm_ratio", "sign_flips", "tokens_changed"), *numbers])


def render_pairwise_csv(replay: Replay) -> str:
    """Return the cosine similarity of each pair of rules as CSV."""
    names = [format_arm_title(arm) for arm in replay.arms]
    rows = [(name, *map(_digits, row)) for name, row in zip(names, replay.cosines, strict=True)]
    return _csv([("rule", *names), *rows])


def format_arm_title(arm: ArmResult) -> str:
    """Return a unique name of a rule; some tricks and presets have the same name."""
    return f"preset {arm.name}" if arm.kind == "preset" else arm.name


def _row(replay: Replay, arm: ArmResult) -> tuple[str, ...]:
    baseline = arm.kind == "preset" and arm.name == replay.baseline
    numbers = (_shown(number) for number in (arm.cosine, arm.norm_ratio, arm.sign_flips, arm.fired))
    return f"`{arm.name}`" + (" (baseline)" if baseline else ""), KINDS[arm.kind], *numbers


def _shown(number: float | None) -> str:
    if number is None:
        return "—"
    return f"{number:.0e}" if 0 < number < 0.0005 else f"{number:.3f}" if number else "0"


def _warning(replay: Replay) -> Iterator[str]:
    if replay.name == "laptop":
        yield f"**{LAPTOP_WARNING}**"


def _lead(replay: Replay) -> str:
    facts = "; ".join(f"{name} {_fact(value)}" for name, value in replay.batch.items())
    return (
        f"The gradient of every rule on one frozen batch of rollouts, with respect to {replay.coordinates:,} "
        f"{replay.gradient_of}, against that of `{replay.baseline}`. The batch: {facts}."
    )


def _fact(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"


def _origin(replay: Replay) -> Iterator[str]:
    yield f"From: {', '.join(f'{name} {value}' for name, value in replay.origin.items())}."
    dirty = " with changes" if replay.provenance.get("dirty") == "yes" else ""
    commit, torch = (replay.provenance.get(name, "unknown") for name in ("commit", "torch"))
    yield f"Commit {commit[:10]}{dirty}, torch {torch}. One batch and one seed, hence no interval."


def _digits(number: float | None) -> str:
    return "" if number is None else f"{number:.6g}"


def _csv(rows: list[tuple[str, ...]]) -> str:
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
