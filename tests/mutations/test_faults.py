import json
import subprocess
from dataclasses import asdict

import pytest
import yaml

from tests.mutations import __main__ as command
from tests.mutations.faults import Fault, FaultError, chosen, problems, read_faults
from tests.mutations.tree import Tree
from tests.mutations.trial import Pytest, tried, unsound

AREAS = {"tricks": 25, "harness": 60, "sweeps": 20, "analysis": 20}

PRODUCT = "def doubled(value):\n    return 2 * value  # twice\n\n\ndef half(value):\n    return value / 2\n"
TESTS = """\
from product import doubled, half

def test_zero():
    assert doubled(0) == 0

def test_doubled():
    assert doubled(2) == 4
"""


CAUGHT_BY = "tests/test_product.py::test_doubled"


def fault(**given):
    usual = {"name": "thrice", "file": "product.py", "old": "return 2 * value", "new": "return 3 * value", "why": "."}
    return Fault(**{**usual, **given})


HARMLESS = fault(name="third", old="return value / 2", new="return value / 3")


@pytest.fixture
def project(tmp_path):
    """A project of two files that are not committed yet."""
    root = tmp_path / "project"
    (root / "tests").mkdir(parents=True)
    author = ("-c", "user.name=a", "-c", "user.email=a@localhost")
    for words in (("init", "--quiet"), (*author, "commit", "--quiet", "--allow-empty", "--message", "first")):
        subprocess.run(["git", *words], cwd=root, check=True)
    (root / "product.py").write_text(PRODUCT)
    (root / "tests" / "test_product.py").write_text(TESTS)
    return root


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


@pytest.mark.slow
def test_faults_are_tried_in_a_copy_alone(project, tmp_path):
    tree = Tree(project, tmp_path / "copy")
    found = [tried(each, tree, "all", Pytest()) for each in (fault(), HARMLESS)]
    assert [(result.outcome, result.test) for result in found] == [("caught", CAUGHT_BY), ("missed", "")]
    assert (project / "product.py").read_text() == PRODUCT
    tree.restore()
    assert (tree.folder / "product.py").read_text() == PRODUCT


@pytest.mark.slow
def test_a_test_that_fails_without_the_fault_has_caught_nothing(project, tmp_path):
    (project / "tests" / "test_product.py").write_text(TESTS.replace("== 4", "== 5"))
    tree = Tree(project, tmp_path / "copy")
    assert unsound({CAUGHT_BY, "tests/test_product.py::test_zero"}, tree, "all", Pytest()) == {CAUGHT_BY}


@pytest.mark.slow
def test_the_command_goes_on_where_it_was_and_tells_what_was_missed(project, tmp_path, capsys):
    listed, results = tmp_path / "faults.yaml", tmp_path / "results.json"
    listed.write_text(yaml.safe_dump([asdict(each) | {"tests": []} for each in (fault(), HARMLESS)]))
    words = ["--tier", "all", "--results", str(results)]
    assert command.main(words, project, listed) == 1
    assert "1 of 2 faults are caught; 0 were not tried" in capsys.readouterr().out
    (project / "tests" / "test_product.py").write_text(TESTS.replace("== 4", "== 6"))
    before = results.read_bytes()
    assert command.main(words, project, listed) == 1
    assert results.read_bytes() == before  # both are known, so nothing ran
    assert command.main([*words, "--again", "thrice"], project, listed) == 1
    assert json.loads(results.read_text())["thrice"]["outcome"] == "missed"


def test_the_command_checks_the_list_alone(capsys):
    assert command.main(["--check"]) == 0
    assert "each on a line that occurs once" in capsys.readouterr().out
    assert command.main(["--check", "no-such-fault"]) == 2
