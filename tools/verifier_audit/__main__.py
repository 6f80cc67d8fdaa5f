"""``python -m tools.verifier_audit``: measure the verifier's error rates on labeled pairs."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from typer import Typer
from typer.main import get_command

from harness.common import atomic_write as write_file, find_commit, results_folder, run_git
from harness.records import AUDIT_NAME, AuditReport, Mistake
from harness.verify import Verifier
from harness.verify.model import Gold
from liteppo.endings import ended
from liteppo.program import run_command
from liteppo.words import Command
from tools.verifier_audit.counts import AuditWord, count, labelled
from tools.verifier_audit.plain import PlainError, plain_words
from tools.verifier_audit.tables import comma_separated, markdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from harness.records import AuditCounts
    from tools.verifier_audit.counts import Pair


SPOTLESS: Final = ("aime", "amc", "gsm8k")  # forms without a single false positive
FALSE_POSITIVES: Final = 0.005  # largest share of the incorrect pairs
FALSE_NEGATIVES: Final = 0.02  # largest share of the correct pairs


def missed(counts: AuditCounts) -> Iterator[str]:
    """Yield a sentence for each error limit that the verifier exceeds."""
    for name in SPOTLESS:
        if found := counts.forms[name].false_positives:
            yield f"{found} false positives on {name}: none is allowed"
    total = counts.total
    yield from _above("false positives", total.false_positives, total.wrong, FALSE_POSITIVES)
    yield from _above("false negatives", total.false_negatives, total.right, FALSE_NEGATIVES)


def _above(name: str, part: int, whole: int, most: float) -> Iterator[str]:
    if part > most * whole:
        yield f"{part} {name} of {whole}: more than {100 * most:g} %"


_JUDGED: Final = "harness/verify"
_PACKAGES: Final = ("math-verify", "latex2sympy2-extended", "sympy")


def dirty() -> str:
    """Return "yes" if the verifier's code differs from the commit, else "no" or "unknown"."""
    changes = run_git("status", "--porcelain", "--", _JUDGED)
    return "unknown" if changes is None else "yes" if changes else "no"


def versions() -> Mapping[str, str]:
    """Return the versions of the packages that influence verdicts."""
    return {package: version(package) for package in _PACKAGES}


def run_audit(folder: Path) -> int:
    """Audit the verifier and write the report.

    Returns exit code 1 where an error limit is exceeded or nothing can be written.
    """
    try:
        (folder / "tables").mkdir(parents=True, exist_ok=True)  # refuse now, not after a minute
        report = measure(labelled())
        write(report, folder)
    except OSError as error:
        print(f"{error.filename or folder}: {error.strerror or error}; set RESULTS_DIR to a folder", file=sys.stderr)
        return 1
    print(markdown(report))
    faults = [f"bar missed: {fault}" for fault in missed(report.verifier)]
    print(*faults, sep="\n", end="\n" * bool(faults), file=sys.stderr)
    return 1 if faults else 0


def measure(pairs: Sequence[Pair]) -> AuditReport:
    """Judge every pair with our verifier and with plain math-verify."""
    words = _words(pairs)
    mistakes = tuple(_mistakes(pairs, words))
    return AuditReport(count(pairs, words), _plain(pairs), mistakes, find_commit(), dirty(), versions())


def write(report: AuditReport, folder: Path) -> None:
    """Write the document and the tables, each atomically."""
    write_file(folder / "tables" / f"{AUDIT_NAME}.md", markdown(report).encode(errors="backslashreplace"))
    write_file(folder / "tables" / f"{AUDIT_NAME}.csv", comma_separated(report).encode(errors="backslashreplace"))
    write_file(folder / f"{AUDIT_NAME}.json", report.to_json().encode(errors="backslashreplace"))


def _words(pairs: Sequence[Pair]) -> list[AuditWord]:
    with closing(Verifier(processes=min(2, os.cpu_count() or 1))) as verifier:
        verdicts = verifier.verify([(Gold(pair.gold), pair.response) for pair in pairs])
    return [AuditWord(verdict.right, verdict.reason, verdict.answer, verdict.undecided) for verdict in verdicts]


def _plain(pairs: Sequence[Pair]) -> AuditCounts | None:
    try:
        return count(pairs, plain_words(pairs))
    except PlainError as error:
        print(f"no comparison: {error}", file=sys.stderr)
        return None


def _mistakes(pairs: Sequence[Pair], words: Sequence[AuditWord]) -> Iterator[Mistake]:
    for pair, word in zip(pairs, words, strict=True):
        if pair.right != word.right:
            kind = "false positive" if word.right else "false negative"
            yield Mistake(pair.id, kind, pair.gold, word.answer, word.reason, pair.why)


def audit() -> int:
    """Measure the verifier's error rates on pairs with known labels.

    Writes results/verifier.json and results/tables/verifier.md and .csv; RESULTS_DIR names another folder. Exit code 1
    where the verifier exceeds an error limit.
    """
    return ended(lambda: run_audit(results_folder()))


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    app = Typer(add_completion=False)
    app.command(cls=Command)(audit)
    return run_command(get_command(app), "python -m harness.audit", argv)


if __name__ == "__main__":
    sys.exit(main())
