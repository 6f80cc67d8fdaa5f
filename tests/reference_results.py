"""Copy one's own results over the reference: ``python -m tests.reference_results [grid=NAME]`` (make reference).

The reference is what the documentation cites: tables and figures of recorded runs, under ``results/reference``. A copy
adds and replaces files there. It removes none, and says of every file whether it is new, changed or the same.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.common.repository import REFERENCE_RESULTS, format_path, results_folder
from harness.common.schema import SchemaError

KEPT = ("md", "csv", "tex", "svg")  # a PNG is copied where the reference has it, for a page that shows it
FOLDERS = ("tables", "figures")


def main(words: Sequence[str], reference: Path = REFERENCE_RESULTS) -> int:
    """Copy and report. Exit code 2 for a wrong call, 1 where there is nothing to copy."""
    grid = words[0].removeprefix("grid=") if words else ""
    if len(words) > 1 or (words and not words[0].startswith("grid=")):
        print("usage: python -m tests.reference_results [grid=NAME]", file=sys.stderr)
        return 2
    try:
        results = results_folder()
    except SchemaError as error:
        print(error, file=sys.stderr)
        return 2
    found = list(_wanted(results, reference, grid))
    if not found:
        what = f"no table or figure of {grid}" if grid else "no table and no figure"
        print(f"{results} holds {what}; write them with make tables figures", file=sys.stderr)
        return 1
    counts = Counter(_copied(results / name, reference / name) for name in found)
    print(f"{format_path(reference)}: {', '.join(f'{number} {what}' for what, number in sorted(counts.items()))}")
    return 0


def _wanted(results: Path, reference: Path, grid: str) -> Iterator[str]:
    """Yield the files to copy, by their paths in the results folder."""
    for folder in FOLDERS:
        for path in sorted((results / folder).glob(f"{grid}.*" if grid else "*.*")):
            name = f"{folder}/{path.name}"
            kept = path.suffix[1:] in KEPT or (reference / name).exists()
            if kept and not path.name.startswith("."):
                yield name
    if not grid and (results / "verifier.json").exists():
        yield "verifier.json"


def _copied(own: Path, cited: Path) -> str:
    content = own.read_bytes()
    before = cited.read_bytes() if cited.exists() else None
    if before == content:
        return "the same"
    cited.parent.mkdir(parents=True, exist_ok=True)
    cited.write_bytes(content)
    said = "new" if before is None else "changed"
    print(f"{said:8} {format_path(cited)}")
    return said


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
