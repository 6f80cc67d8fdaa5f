#!/usr/bin/env bash
# pytest-xdist 3.8.0 with pytest 9.2.0: tests of one xdist_group run on several workers.
#
# Input       twelve tests marked pytest.mark.xdist_group("shared"), in a file with a fixture of scope "module", run with
#             pytest -n 2 --dist loadgroup.
# Expected    one worker runs all of them, as the documentation of --dist loadgroup says, and makes the fixture once;
#             with pytest 8.4.2 it does.
# Seen        both workers run some of them and both make the fixture. Nothing warns. xdist's worker adds the group to
#             item._nodeid, which pytest 9.2.0 no longer reads: node ids have no "@shared", so every test is alone.
# Why care    groups keep tests that share an engine, a port or a cluster in one process; spread, they start it twice,
#             or fail now and then.
# Source      https://pypi.org/project/pytest-xdist/3.8.0/ (xdist/remote.py), https://pypi.org/project/pytest/9.2.0/
#             (_pytest/nodes.py); https://pytest-xdist.readthedocs.io/en/stable/distribution.html
# Exit        0: as seen; 1: something else; 2: the packages could not be installed.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/new"
python3 -m venv "$work/old"
"$work/new/bin/pip" install --quiet --disable-pip-version-check pytest==9.2.0 pytest-xdist==3.8.0 || exit 2
"$work/old/bin/pip" install --quiet --disable-pip-version-check pytest==8.4.2 pytest-xdist==3.8.0 || exit 2

mkdir "$work/suite"
cat > "$work/suite/test_shared.py" <<'PYTHON'
import os
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("shared")


@pytest.fixture(scope="module")
def engine():
    with Path(os.environ["STARTS"]).open("a") as file:
        print(os.environ["PYTEST_XDIST_WORKER"], file=file)


@pytest.mark.parametrize("number", range(12))
def test_something(engine, number):
    time.sleep(0.2)  # so that a second worker gets its share, if it may have one
PYTHON

cd "$work/suite"
for side in old new; do
    STARTS="$work/$side.txt" "$work/$side/bin/python" -m pytest -q -p no:cacheprovider -n 2 --dist loadgroup > "$work/log" ||
        { cat "$work/log"; exit 1; }
    echo "pytest $("$work/$side/bin/python" -c 'import pytest; print(pytest.__version__)'), pytest-xdist 3.8.0:" \
        "$(tail -n 1 "$work/log"); the fixture was made by $(sort "$work/$side.txt" | xargs)"
done
if [ "$(wc -l < "$work/old.txt")" = 1 ] && [ "$(wc -l < "$work/new.txt")" = 2 ]; then exit 0; fi
echo "changed: expected one worker with pytest 8.4.2 and two with 9.2.0"
exit 1
