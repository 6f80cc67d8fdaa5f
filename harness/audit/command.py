"""Audit the verifier: how often it errs, on pairs whose answer is known."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from typing import TYPE_CHECKING

from harness.audit.bar import missed
from harness.audit.counts import Word, count
from harness.audit.labelled import labelled
from harness.audit.origin import dirty, versions
from harness.audit.plain import PlainError, plain_words
from harness.audit.report import NAME, Mistake, Report
from harness.audit.tables import comma_separated, markdown
from harness.clone import commit
from harness.verify.verdict import Gold
from harness.verify.verifier import Verifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from harness.audit.counts import Counts
    from harness.audit.labelled import Pair


def run_audit(folder: Path) -> int:
    """Audit the verifier and write what was found. Exit code 1 where a bar is missed or nothing can be written."""
    try:
        (folder / "tables").mkdir(parents=True, exist_ok=True)  # refused now, not after a minute
        report = audit(labelled())
        write(report, folder)
    except OSError as error:
        print(f"{error.filename or folder}: {error.strerror or error}; set RESULTS_DIR to a folder", file=sys.stderr)
        return 1
    print(markdown(report))
    faults = [f"bar missed: {fault}" for fault in missed(report.verifier)]
    print(*faults, sep="\n", end="\n" * bool(faults), file=sys.stderr)
    return 1 if faults else 0


def audit(pairs: Sequence[Pair]) -> Report:
    """Judge every pair, by our verifier and by plain math-verify."""
    words = _words(pairs)
    mistakes = tuple(_mistakes(pairs, words))
    return Report(count(pairs, words), _plain(pairs), mistakes, commit(), dirty(), versions())


def write(report: Report, folder: Path) -> None:
    """Write document and tables, each whole or not at all."""
    _replace(folder / "tables" / f"{NAME}.md", markdown(report))
    _replace(folder / "tables" / f"{NAME}.csv", comma_separated(report))
    _replace(folder / f"{NAME}.json", report.to_json())


def _words(pairs: Sequence[Pair]) -> list[Word]:
    with closing(Verifier(processes=min(2, os.cpu_count() or 1))) as verifier:
        verdicts = verifier.verify([(Gold(pair.gold), pair.response) for pair in pairs])
    return [Word(verdict.right, verdict.reason, verdict.answer, verdict.undecided) for verdict in verdicts]


def _plain(pairs: Sequence[Pair]) -> Counts | None:
    try:
        return count(pairs, plain_words(pairs))
    except PlainError as error:
        print(f"no comparison: {error}", file=sys.stderr)
        return None


def _mistakes(pairs: Sequence[Pair], words: Sequence[Word]) -> Iterator[Mistake]:
    for pair, word in zip(pairs, words, strict=True):
        if pair.right != word.right:
            kind = "false positive" if word.right else "false negative"
            yield Mistake(pair.id, kind, pair.gold, word.answer, word.reason, pair.why)


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8", errors="backslashreplace")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
