"""How a run and a study look in MLflow: the names of tags, params and metrics."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.records.record import RunHead, RunRecord

# MLflow's own prefix keeps these out of the tag lists of its pages; their values are for machines.
RECORD: Final = "mlflow.liteppo.record"
STUDY: Final = "mlflow.liteppo.study"
DRIVER: Final = "mlflow.liteppo.driver"
ATTEMPT: Final = "mlflow.liteppo.attempt"
CLAIM: Final = "mlflow.liteppo.sweep"  # of a study: who drives it now
# These two identify a run: its name in MLflow is for people, and anybody may change it there.
CELL: Final = "cell_id"
SEED: Final = "seed"
RUN_TAG_LIMIT: Final = 8_000  # characters, MLflow's limits
EXPERIMENT_TAG_LIMIT: Final = 5_000
_IN_FORCE: Final = "edition"
_PART: Final = "-"

_NOT_IN_A_KEY: Final = re.compile(r"[^/\w.\- :]")


def key(name: str) -> str:
    """The name as MLflow accepts it: "final/pass@8" is "final/pass at 8"."""
    return _NOT_IN_A_KEY.sub("_", name.replace("@", " at "))


def run_id(tags: Mapping[str, str]) -> str:
    """Return our run id out of a run's tags; nothing for a run that is none of ours."""
    return f"{tags[CELL]}-s{tags[SEED]}" if CELL in tags and SEED in tags else ""


def cell_and_seed(run_id: str) -> tuple[str, str]:
    """Return the values of the tags ``CELL`` and ``SEED`` of a run id."""
    cell, _, seed = run_id.rpartition("-s")
    return cell, seed


def tags(head: RunHead) -> dict[str, str]:
    """What a run is searched and grouped by."""
    commit = head.provenance.get("commit", "unknown")
    return {
        CELL: head.cell_id,
        "study": head.study,
        "profile": head.profile,
        SEED: str(head.seed),
        "commit": commit,
        "mlflow.source.git.commit": commit,
        "mlflow.note.content": _note(head),
        **{key(f"axis.{axis}"): label for axis, label in head.labels.items()},
    }


def params(head: RunHead) -> dict[str, str]:
    """The flat config and the lines of the rule, so that comparing two runs reads as an algorithm diff."""
    return {key(name): value for name, value in (*_flat(head.config), *_rule(head))}


def compact(record: RunRecord) -> str:
    """The record in as few characters as JSON allows."""
    return json.dumps(json.loads(record.to_json()), separators=(",", ":"), sort_keys=True)


def pack(name: str, text: str, limit: int, mark: str = ".") -> dict[str, str]:
    """Cut a text into numbered tags of at most ``limit`` characters; ``mark`` stands before the number."""
    starts = range(0, max(len(text), 1), limit)
    return {f"{name}{mark}{index}": text[start : start + limit] for index, start in enumerate(starts)}


def unpack(name: str, chunks: Mapping[str, str], mark: str = ".") -> str:
    """Put the text of ``pack`` together again; tags of other names are ignored."""
    numbers = [chunk.removeprefix(f"{name}{mark}") for chunk in chunks if chunk.startswith(f"{name}{mark}")]
    return "".join(chunks[f"{name}{mark}{number}"] for number in sorted((n for n in numbers if n.isdigit()), key=int))


def pack_edition(name: str, text: str, limit: int) -> dict[str, str]:
    """``pack`` for tags that are written one by one: the last of them puts this text in the place of another."""
    edition = _edition(text)
    return {**pack(f"{name}.{edition}", text, limit, _PART), f"{name}.{_IN_FORCE}": edition}


def unpack_edition(name: str, chunks: Mapping[str, str]) -> str:
    """The text of ``pack_edition``, or of ``pack``; nothing where a part of it is missing."""
    edition = chunks.get(f"{name}.{_IN_FORCE}")
    if edition is None:
        return unpack(name, chunks)
    text = unpack(f"{name}.{edition}", chunks, _PART)
    return text if _edition(text) == edition else ""


def _edition(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _note(head: RunHead) -> str:
    place = ", ".join(f"{axis} = {label}" for axis, label in head.labels.items())
    rule = "\n".join(f"    {name.removeprefix('rule.'):14}{value}" for name, value in _rule(head))
    return f"{place or 'one run'}, seed {head.seed}\n\n{rule}"


def _rule(head: RunHead) -> Iterator[tuple[str, str]]:
    return ((f"rule.{hook}", " + ".join(settings) or "none") for hook, settings in head.rule.items())


def _flat(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(inner, f"{at}.{name}" if at else str(name))
    else:
        yield at, value if isinstance(value, str) else json.dumps(value, default=str)
