import json

import pytest

from tests.mutations import __main__ as command
from tests.mutations.faults import Fault, FaultError, chosen, problems, read_faults
from tests.mutations.tree import Tree
from tests.mutations.trial import Pytest, tried

AREAS = {"tricks": 25, "harness": 60, "sweeps": 20, "analysis": 20}

PRODUCT = "def doubled(value):\n    return 2 * value  # twice\n\n\ndef half(value):\n    return value / 2\n"
TESTS = """\
from product import doubled, half

def test_zero():
    assert doubled(0) == 0

def test_doubled():
    assert doubled(2) == 4
"""


def fault(**given):
    usual = {"name": "thrice", "file": "product.py", "old": "return 2 * value", "new": "return 3 * value", "why": "."}
    return Fault(**{**usual, **given})


@pytest.fixture
def project(tmp_path):
    """A project of two files that are not committed yet."""
    root = tmp_path / "project"
    (root / "tests").mkdir(parents=True)
    Tree._git(root_only(root), "init", "--quiet")
    Tree._git(root_only(root), "-c", "user.name=a", "-c", "user.email=b", "commit", "-q", "--allow-empty", "-m", "first")
    (root / "product.py").write_text(PRODUCT)
    (root / "tests" / "test_product.py").write_text(TESTS)
    return root


def root_only(root):
    tree = Tree.__new__(Tree)
    tree.folder = root
    return tree


def test_every_fault_fits_one_line_of_the_code():
    assert problems(read_faults()) == []


def test_faults_are_spread_over_the_packages():
    files = [fault.file for fault in read_faults()]
    for package, least in AREAS.items():
        assert sum(file.startswith(f"{package}/") for file in files) >= least


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"old": "return 4 * value"}, "0 times"),
        ({"file": "absent.py"}, "no file"),
        ({"new": "return (value"}, "no Python"),
        ({"new": "return 2 * value"}, "the new line is the old one"),
        ({"tests": ("tests/absent.py",)}, "there is no tests/absent.py"),
    ],
)
def test_a_fault_that_does_not_fit_is_told(project, wrong, said):
    assert said in " ".join(problems([fault(**wrong)], project))


def test_a_line_that_occurs_twice_is_told(project):
    (project / "product.py").write_text(PRODUCT + PRODUCT)
    assert "2 times" in " ".join(problems([fault()], project))


def test_two_faults_of_one_name_are_told(project):
    assert problems([fault(), fault(new="return value")], project) == ["thrice: two faults have this name"]


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(FaultError, match="thrice"):
        chosen([fault()], ["thice"])


def test_a_planted_line_keeps_its_indentation_and_nothing_else_changes(project):
    assert fault().planted(project) == PRODUCT.replace("return 2 * value  # twice", "return 3 * value")


@pytest.mark.parametrize(
    ("given", "outcome", "test"),
    [
        ({}, "caught", "tests/test_product.py::test_doubled"),
        ({"old": "return value / 2", "new": "return value / 3"}, "missed", ""),
    ],
)
def test_a_fault_is_tried_in_a_copy_alone(project, tmp_path, given, outcome, test):
    tree = Tree(project, tmp_path / "copy")
    result = tried(fault(**given), tree, "all", Pytest())
    assert (result.outcome, result.test) == (outcome, test)
    assert (project / "product.py").read_text() == PRODUCT
    tree.restore()
    assert (tree.folder / "product.py").read_text() == PRODUCT


def test_a_test_that_fails_without_the_fault_has_caught_nothing(project, tmp_path):
    (project / "tests" / "test_product.py").write_text(TESTS.replace("== 4", "== 5"))
    result = tried(fault(), Tree(project, tmp_path / "copy"), "all", Pytest())
    assert result.outcome == "unsound"


def test_results_are_kept_until_the_fault_changes(project, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "ROOT", project)
    monkeypatch.setattr(command, "read_faults", lambda: [fault(tests=("tests/test_product.py",))])
    monkeypatch.setattr(command, "problems", lambda faults: [])
    words = ["--tier", "all", "--results", str(tmp_path / "results.json")]
    assert command.main(words) == 0
    first = json.loads((tmp_path / "results.json").read_text())
    assert first["thrice"]["outcome"] == "caught"
    (project / "tests" / "test_product.py").unlink()
    assert command.main(words) == 0  # known: nothing runs
    assert "1 of 1 faults are caught" in capsys.readouterr().out
    assert command.main([*words, "--again"]) == 1
