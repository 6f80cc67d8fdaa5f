"""A tier's session reads the files that can hold its tests, and no mark is where it would not be looked for."""

import pytest

from tests.marked_files import may_hold, refuse_unwritten_marks

SLOW = "(slow or distributed or hypothesis) and not (engines or gpu)"
ENGINES = "engines and not gpu"
REST = "not (slow or distributed or engines or gpu)"
TEXTS = {
    "plain": "def test_it(): ...",
    "slow": "pytestmark = pytest.mark.slow",
    "of tiers": "from tests.tiers import only",
    "on engines": "@pytest.mark.engines",
    "both": "pytestmark = [pytest.mark.slow, pytest.mark.engines]",
    "properties": "from hypothesis import given",
}


@pytest.mark.parametrize(
    ("expression", "read"),
    [
        (SLOW, {"slow", "of tiers", "both", "properties"}),
        (ENGINES, {"on engines", "both"}),
        (REST, set(TEXTS)),
        ("", set(TEXTS)),
        ("another", set(TEXTS)),
        ("not another", set(TEXTS)),
        ("slow and (", set(TEXTS)),  # for pytest to refuse
    ],
)
def test_files_that_may_hold_a_test_of_a_tier_are_read(tmp_path, expression, read):
    found = set()
    for name, text in TEXTS.items():
        (path := tmp_path / name).write_text(text)
        found |= {name} if may_hold(path, expression) else set()
    assert found == read


def test_a_mark_that_its_file_does_not_name_is_refused(request):
    request.node.add_marker(pytest.mark.parametrize)  # no tier
    refuse_unwritten_marks([request.node])
    request.node.add_marker("gpu")
    with pytest.raises(pytest.UsageError, match=r"test_a_mark_that_.* has the mark gpu, and its file does not say so"):
        refuse_unwritten_marks([request.node])
