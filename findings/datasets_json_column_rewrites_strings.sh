#!/usr/bin/env bash
# datasets 5.2.0: one number in a column of a JSON Lines file rewrites the strings of that column.
#
# Input       valid JSON Lines; each row has one key, "answer": a number in the first row, strings in all others.
# Expected    each string as it was written, or an error that the column has two types.
# Seen        the column becomes Json(decode=True), and strings that read as JSON are decoded: "033" is the number 33,
#             "3.50" is 3.5, "true" is True, "null" and "NaN" are None, "[1, 2]" is a list. "1/2" and "0x10" stay.
#             "033" is no JSON number (RFC 8259, section 6), so the decoder is more lenient than the format.
#             Without the number in the first row every string comes back as it is.
# Why care    answers of AIME problems are written with leading zeros and compared as text; a reward of 0 or 1 follows.
# Source      https://pypi.org/project/datasets/5.2.0/ (datasets/packaged_modules/json, features/features.py)
# Exit        0: as seen; 1: something else; 2: the packages could not be installed.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1 || exit 2

export HF_HUB_OFFLINE=1 HF_HOME="$work/home" HF_DATASETS_DISABLE_PROGRESS_BARS=1
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import json
import platform
import sys
from importlib.metadata import version

from datasets import load_dataset

STRINGS = ["033", "3.50", "true", "null", "NaN", "[1, 2]", "1/2", "0x10"]
SEEN = [33, 3.5, True, None, None, [1, 2], "1/2", "0x10"]


def read(name, values):
    with open(name, "w", encoding="utf-8") as lines:
        lines.writelines(json.dumps({"answer": value}) + "\n" for value in values)
    return list(load_dataset("json", data_files=name, split="train")["answer"])


with_number, without = read("with.jsonl", [7, *STRINGS])[1:], read("without.jsonl", STRINGS)
print(*(f"{name} {version(name)}" for name in ("datasets", "pyarrow", "pandas")), f"Python {platform.python_version()}")
print(f"{'written':10} {'beside 7':10} alone")
for written, changed, alone in zip(STRINGS, with_number, without, strict=True):
    print(f"{written!r:10} {changed!r:10} {alone!r}")
same = [(type(value), value) for value in with_number] == [(type(value), value) for value in SEEN]
sys.exit(0 if same and without == STRINGS else "changed: the strings are not what this script saw")
PYTHON
