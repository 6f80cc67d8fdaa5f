"""Each refusal names trick, setting and way out, and no refusal in the source is missing from the list."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import tricks
from tests.tricks.refusals import REFUSALS
from tests.tricks.refused import Refusal

SOURCE = Path(tricks.__path__[0])
# Refusals of a JSON batch and of a command line are provoked where these are read: test_apply*.py, test_main.py. The
# conformance suite speaks of violations, test_conformance.py. Refusals of a framework's configuration and options are
# provoked in forms/ and frameworks/, those of a batch that verl divides by 0 for in dialects/test_recorded.py, a name
# that is no key of the dialects in dialects/test_round_trip.py.
ELSEWHERE = ("__main__.py", "apply", "document", "values.py", "conformance.py", "parts_verl.py", "registry.py")
FOLDERS_ELSEWHERE = ("forms", "frameworks")


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: f"{refusal.trick}.{refusal.setting}")
def test_a_refusal_names_trick_setting_and_way_out_in_one_line_without_a_full_stop(refusal: Refusal) -> None:
    assert refusal.trick in refusal.message
    assert refusal.setting == "-" or refusal.setting in refusal.message
    assert refusal.way_out in refusal.message
    assert refusal.message == refusal.message.strip()
    assert not refusal.message.endswith(".")
    assert "None" not in refusal.message


def test_every_refusal_of_the_source_is_provoked() -> None:
    written = {
        place
        for path in SOURCE.rglob("*.py")
        if not path.name.startswith(ELSEWHERE) and path.parent.name not in FOLDERS_ELSEWHERE
        for place in refused_in(path)
    }
    missing = sorted(written - provoked(REFUSALS))
    assert written
    assert not missing, f"add to tests/tricks/refusals.py what provokes {missing}"


def refused_in(path: Path) -> Iterator[tuple[str, int]]:
    """Lines that raise a refusal or yield a complaint."""
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef):
            continue
        complains = function.name == "validate" or function.name.lstrip("_").startswith(("refuse", "order"))
        for node in ast.walk(function):
            if isinstance(node, ast.Raise) or (complains and isinstance(node, ast.Yield)):
                yield str(path), node.lineno


def provoked(refusals: tuple[Refusal, ...]) -> set[tuple[str, int]]:
    """Lines of the tricks that run while they are provoked."""
    found: set[tuple[str, int]] = set()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(str(SOURCE)):
            return None
        found.add((frame.f_code.co_filename, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for refusal in refusals:
            assert refusal.message
    finally:
        sys.settrace(before)
    return found
