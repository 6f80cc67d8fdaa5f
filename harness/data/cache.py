"""Store tiers on disk atomically: rows, card, and the list of removed rows."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from harness.common import SchemaError, atomic_write, read_json, wait_for_lock
from harness.data.card import Card, Removed, compute_length_percentiles, count_answer_kinds, unknown_answers
from harness.data.catalog import DataError, Problem
from harness.data.defects import find_doubtful


@dataclass(frozen=True, slots=True)
class Tier:
    """The training problems of a tier, sorted by id, and the tier's card."""

    problems: tuple[Problem, ...]
    card: Card


def encode_problems(problems: Sequence[Problem]) -> bytes:
    """Return problems as JSON Lines, with the same bytes on every machine."""
    names = [field.name for field in fields(Problem)]
    return "".join(json.dumps({name: getattr(each, name) for name in names}) + "\n" for each in problems).encode()


def describe_contents(problems: Sequence[Problem]) -> dict[str, Any]:
    """Return the fields of a card that follow from the problems alone."""
    return {
        "rows": len(problems),
        "sha256": hashlib.sha256(encode_problems(problems)).hexdigest(),
        "unknown": unknown_answers(problems),
        "doubtful": find_doubtful(problems),
        "answers": count_answer_kinds(problems),
        "characters": compute_length_percentiles([len(problem.prompt) for problem in problems]),
        "words": compute_length_percentiles([len(problem.prompt.split()) for problem in problems]),
    }


def write_tier(path: Path, tier: Tier, removed: Sequence[Removed] = ()) -> None:
    """Write the files of a tier.

    Args:
        path: The file of the rows; the others lie next to it.
        tier: The tier.
        removed: The problems that were removed from its source.

    Raises:
        DataError: The files cannot be written.

    """
    listed = "".join(json.dumps(asdict(item)) + "\n" for item in removed)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        card_path(path).unlink(missing_ok=True)  # a tier without a card does not count until all is written
        atomic_write(path, encode_problems(tier.problems))
        atomic_write(path.with_suffix(".removed.jsonl"), listed.encode())
        atomic_write(path.with_suffix(".md"), tier.card.text().encode())
        atomic_write(card_path(path), json.dumps(tier.card.to_json(), indent=1).encode())
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written: {error.strerror}; free some space, or name another folder with RESULTS_DIR"
        ) from None


def read_tier(path: Path) -> Tier:
    """Read the tier at ``path``.

    Raises DataError where a file is missing, or the rows do not match the card.
    """
    card, content = read_card(path), _content(path)
    found = hashlib.sha256(content).hexdigest()
    if found != card.sha256:
        raise DataError(
            f"{path}: SHA-256 {found[:12]}…, but its card says {card.sha256[:12]}…; the rows have changed; delete "
            f"{card_path(path)} and build it again"
        )
    lines = enumerate(content.splitlines(), start=1)
    problems = tuple(_read(Problem, line, f"{path}:{number}") for number, line in lines)
    if not problems:
        raise DataError(f"{path}: the tier holds no problems; make one that does")
    return Tier(problems, card)


def read_card(path: Path) -> Card:
    """Return the card of the tier at ``path``. Raises DataError where it cannot be read."""
    card = card_path(path)
    found: Card = _read(Card, _content(card), str(card))
    return found


def card_path(path: Path) -> Path:
    """Return the path of the card of the rows at ``path``."""
    return path.with_suffix(".card.json")


@contextmanager
def lock_tier(path: Path) -> Iterator[None]:
    """Lock the tier at ``path`` during the block; other processes that build it wait.

    Raises DataError where the lock file cannot be written.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(wait_for_lock(path.with_suffix(".lock")))
        except OSError as error:
            raise DataError(
                f"{path}: cannot be written: {error.strerror}; name another folder with RESULTS_DIR"
            ) from None
        yield


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}; name a tier that was built") from None


def _read(cls: Any, content: bytes, place: str) -> Any:
    try:
        return read_json(cls, content.decode())
    except (SchemaError, ValueError) as error:
        raise DataError(f"{place}: {error}; delete the file and build the tier again") from None
