"""Names of tags, params and metrics of runs and studies in MLflow."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.records import RunHead, RunRecord

# MLflow's own prefix keeps these out of the tag lists of its pages; their values are for machines.
RECORD: Final = "mlflow.liteppo.record"
STUDY: Final = "mlflow.liteppo.study"
DRIVER: Final = "mlflow.liteppo.driver"
ATTEMPT: Final = "mlflow.liteppo.attempt"
CLAIM: Final = "mlflow.liteppo.sweep"  # tag of a study: its present driver
# These two identify a run: its name in MLflow is for people, and anybody may change it there.
CELL: Final = "cell_id"
SEED: Final = "seed"
RUN_TAG_LIMIT: Final = 8_000  # characters, MLflow's limits
EXPERIMENT_TAG_LIMIT: Final = 5_000
_IN_FORCE: Final = "edition"
_PART: Final = "-"

_NOT_IN_A_KEY: Final = re.compile(r"[^/\w.\- :]")


def escape_name(name: str) -> str:
    """Return the name in the form that MLflow accepts: "final/pass@8" becomes "final/pass at 8"."""
    return _NOT_IN_A_KEY.sub("_", name.replace("@", " at "))


def run_id(tags: Mapping[str, str]) -> str:
    """Return our run id from a run's tags, or "" for a run of another program."""
    return f"{tags[CELL]}-s{tags[SEED]}" if CELL in tags and SEED in tags else ""


def cell_and_seed(run_id: str) -> tuple[str, str]:
    """Return the values of the tags ``CELL`` and ``SEED`` for a run id."""
    cell, _, seed = run_id.rpartition("-s")
    return cell, seed


def build_tags(head: RunHead) -> dict[str, str]:
    """Return the tags by which a run is searched and grouped."""
    commit = head.provenance.get("commit", "unknown")
    return {
        CELL: head.cell_id,
        "study": head.study,
        "profile": head.profile,
        SEED: str(head.seed),
        "commit": commit,
        "mlflow.source.git.commit": commit,
        "mlflow.note.content": _note(head),
        **{escape_name(f"axis.{axis}"): label for axis, label in head.labels.items()},
    }


def params(head: RunHead) -> dict[str, str]:
    """Return the flat config and the rule's lines, so that MLflow compares runs as algorithms."""
    return {escape_name(name): value for name, value in (*flat(head.config), *_rule(head))}


def encode_record(record: RunRecord) -> str:
    """Return the record as JSON without whitespace."""
    return json.dumps(json.loads(record.to_json()), separators=(",", ":"), sort_keys=True)


def pack_tags(name: str, text: str, limit: int, mark: str = ".") -> dict[str, str]:
    """Split a text into numbered tags.

    Args:
        name: Start of the tags' names.
        text: The text.
        limit: Largest number of characters of a tag.
        mark: Separator before the number.

    Returns:
        Tag name -> part of the text.

    """
    starts = range(0, max(len(text), 1), limit)
    return {f"{name}{mark}{index}": text[start : start + limit] for index, start in enumerate(starts)}


def unpack_tags(name: str, chunks: Mapping[str, str], mark: str = ".") -> str:
    """Join the text that ``pack_tags`` split; tags of other names are ignored.

    Args:
        name: Start of the tags' names.
        chunks: Tag name -> part of the text.
        mark: Separator before the number.

    Returns:
        The text; "" where there is none.

    """
    numbers = [chunk.removeprefix(f"{name}{mark}") for chunk in chunks if chunk.startswith(f"{name}{mark}")]
    return "".join(chunks[f"{name}{mark}{number}"] for number in sorted((n for n in numbers if n.isdigit()), key=int))


def pack_edition(name: str, text: str, limit: int) -> dict[str, str]:
    """Split a text into tags that are written one by one.

    The last tag makes the new text replace the old one.

    Args:
        name: Start of the tags' names.
        text: The text.
        limit: Largest number of characters of a tag.

    Returns:
        Tag name -> part of the text, in the order of writing.

    """
    edition = _edition(text)
    return {**pack_tags(f"{name}.{edition}", text, limit, _PART), f"{name}.{_IN_FORCE}": edition}


def unpack_edition(name: str, chunks: Mapping[str, str]) -> str:
    """Return the text of ``pack_edition`` or ``pack_tags``; "" where a part is missing."""
    edition = chunks.get(f"{name}.{_IN_FORCE}")
    if edition is None:
        return unpack_tags(name, chunks)
    text = unpack_tags(f"{name}.{edition}", chunks, _PART)
    return text if _edition(text) == edition else ""


def _edition(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _note(head: RunHead) -> str:
    place = ", ".join(f"{axis} = {label}" for axis, label in head.labels.items())
    rule = "\n".join(f"    {name.removeprefix('rule.'):14}{value}" for name, value in _rule(head))
    return f"{place or 'one run'}, seed {head.seed}\n\n{rule}"


def _rule(head: RunHead) -> Iterator[tuple[str, str]]:
    return ((f"rule.{hook}", " + ".join(settings) or "none") for hook, settings in head.rule.items())


def flat(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Yield the values of nested settings: dotted name, text."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from flat(inner, f"{at}.{name}" if at else str(name))
    else:
        yield at, value if isinstance(value, str) else json.dumps(value, default=str)
