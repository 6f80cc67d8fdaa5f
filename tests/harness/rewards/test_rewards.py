"""One's own reward: how it is found, what breaks its contract, and what a run makes of its scores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from harness.common.schema import SchemaError
from harness.config.experiment import ExperimentConfig, load_config
from harness.data.catalog import Problem
from harness.evaluation.report import name_evaluation
from harness.rewards.__main__ import main
from harness.rewards.judges import Function, Judge, RewardError
from harness.rewards.locate import locate_reward
from harness.rollouts.generate import VerifiedRollouts, build_rollouts, verify_samples
from harness.rollouts.metrics import METRICS, REWARD_METRICS, find_metric_family
from harness.rollouts.problems import read_run_problems
from harness.training.run import FinishedRun, RunSpec, execute_run
from harness.verify.model.verdict import Judgment
from sweeps.equivalence.twins import find_twins
from tests.harness.test_tasks import NOW, SAMPLES, TASKS

ROOT = Path(__file__).parents[3]
ONE = Problem("one", "What is 1+1?", "2")
SMALL = ("steps=1", "rollout.prompts_per_batch=4", "rollout.group_size=2", "eval.problems=2", "eval.samples=2")
SOURCE = '''\
import os
import sys
import time

def same(problem, answer, response):
    return response == answer

def share(*, problem, answer, response, scale=1):
    """A graded reward: the share of the response's characters that are digits."""
    return sum(sign.isdigit() for sign in response) / max(len(response), 1)

def raises(problem, answer, response):
    return 1 / len(response)

def nothing(problem, answer, response):
    return None

def words(problem, answer, response):
    return "1"

def nan(problem, answer, response):
    return float("nan")

def above(problem, answer, response):
    return 1.5

def below(problem, answer, response):
    return -0.5

def rounded(problem, answer, response):
    return 1.0000000000000002

def leaves(problem, answer, response):
    sys.exit(0)

def ends(problem, answer, response):
    os._exit(3)

def spins(problem, answer, response):
    while "box" in response:
        pass
    return 1.0

def hoards(problem, answer, response):
    return float(len("x" * 10**11))

def talks(problem, answer, response):
    print("hello")
    return float(sys.stdin.read() == "")

calls = []

def counts(problem, answer, response):
    calls.append(response)
    return len(calls) % 5 / 5

def hashes(problem, answer, response):
    return hash(response) % 1000 / 1000

def two(problem, response):
    return 1.0

async def later(problem, answer, response):
    return 1.0

class Kind:
    pass

number = 3
anonymous = lambda problem, answer, response: 0.25
'''


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the command, with a module of rewards."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(SOURCE)
    return tmp_path


@pytest.fixture
def judge() -> Iterator[type]:
    """Makes judges, and ends their processes."""
    made: list[Judge] = []

    class Made:
        def __new__(cls, name: str, seconds: float = 5.0, right_from: float = 1.0) -> Judge:  # type: ignore[misc]
            made.append(Judge(Function(locate_reward(f"mine:{name}"), right_from, seconds, 2048)))
            return made[-1]

    yield Made
    for one in made:
        one.close()


def own(name: str, *overrides: str) -> ExperimentConfig:
    return load_config(f"reward.function=mine:{name}", *overrides)


def test_a_score_is_a_verdict(judge) -> None:
    verdicts = judge("same").verify([(ONE, "2"), (ONE, "3"), (ONE, "2")])
    assert [(one.right, one.reason, one.score) for one in verdicts] == [
        (True, "scored", 1.0),
        (False, "scored", 0.0),
        (True, "scored", 1.0),
    ]


def test_a_response_is_right_from_a_score_on(judge) -> None:
    assert [one.right for one in judge("share", right_from=0.5).verify([(ONE, "1a"), (ONE, "1aa")])] == [True, False]
    assert [one.right for one in judge("share").verify([(ONE, "1a"), (ONE, "11")])] == [False, True]


def test_equal_responses_vote_together(judge) -> None:
    votes = [
        one.answer
        for one in judge("same").verify([(ONE, text) for text in (r"\boxed{1/2}", r"\boxed{0.5}", " a ", "a")])
    ]
    assert votes[0] == votes[1]
    assert votes[2] == votes[3] == "a"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("raises", "ZeroDivisionError: division by zero (mine.py:13), on a response to the problem 'one' ('')"),
        ("nothing", "returned None; a reward is one number from 0 to 1"),
        ("words", "returned a str; a reward is one number from 0 to 1"),
        ("nan", "returned nan; a reward is one number"),
        ("above", "returned 1.5; a reward is one number"),
        ("below", "returned -0.5; a reward is one number"),
        ("leaves", "SystemExit: 0 (mine.py:"),
        ("two", "mine:two(problem, response) cannot be called with problem=..., answer=..., response=..."),
        ("later", "mine:later is asynchronous or a generator"),
        ("Kind", "mine:Kind is of type type, not a function"),
        ("number", "mine:number is of type int, not a function"),
        ("sane", "mine has no sane; did you mean 'same'?"),
    ],
)
def test_a_function_that_breaks_the_contract_is_named(name: str, message: str, judge) -> None:
    with pytest.raises(RewardError) as caught:
        judge(name).verify([(ONE, "")])
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"reward.function=mine:{name}: ")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(("name", "score"), [("rounded", 1.0), ("talks", 1.0), ("anonymous", 0.25)])
def test_what_is_odd_but_keeps_the_contract_is_scored(name: str, score: float, judge) -> None:
    assert judge(name).verify([(ONE, "a")])[0].score == score


@pytest.mark.parametrize(("name", "reason"), [("ends", "crash"), ("hoards", "memory")])
def test_a_response_that_costs_the_process_counts_as_wrong(name: str, reason: str, judge) -> None:
    (verdict,) = judge(name).verify([(ONE, "a")])
    assert (verdict.right, verdict.reason, verdict.credit, verdict.undecided) == (False, reason, 0.0, True)
    with pytest.raises(RewardError, match=rf"not one of 8 responses was scored \({reason}\)"):
        judge(name).verify([(ONE, str(number)) for number in range(8)])


def test_a_response_beyond_the_deadline_counts_as_wrong_and_the_others_do_not(judge) -> None:
    verdicts = judge("spins", seconds=0.3).verify([(ONE, "a"), (ONE, "box"), (ONE, "b")])
    assert [one.reason for one in verdicts] == ["scored", "deadline", "scored"]


def test_a_module_that_fails_on_import_is_named_with_its_line(folder: Path, judge) -> None:
    for text, message in (
        ("x = 1\nimport nowhere_at_all\n", "ModuleNotFoundError: No module named 'nowhere_at_all' (mine.py:2)"),
        ("def same(:\n", "SyntaxError: "),
        ("import os\nos._exit(1)\n", "its module ended the process"),
        ("raise SystemExit('no')\n", "SystemExit: no (mine.py:1)"),
    ):
        (folder / "mine.py").write_text(text)
        with pytest.raises(RewardError) as caught:
            judge("same").start()
        assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere:same", "no module 'nowhere' in"),
        ("mine.inner:same", "mine is a module, not a package, and has no module 'inner'"),
        ("package.nowhere:same", "no module package.nowhere in "),
        ("mine.py:same", "a module is written without .py"),
        ("./mine:same", "is not the name of a function"),
        ("mine:", "is not the name of a function"),
        ("same", "no reward 'same'; no installed package offers any; write package.module:name"),
        ("math:sqrt", "math has no source file in Python"),
    ],
)
def test_a_function_that_is_not_there_is_refused_with_the_config(name: str, message: str, folder: Path) -> None:
    (folder / "package").mkdir()
    (folder / "package/__init__.py").touch()
    with pytest.raises(SchemaError) as caught:
        load_config(f"reward.function='{name}'")
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_function_is_found_in_a_package_without_importing_it(folder: Path, judge) -> None:
    (folder / "package/inner").mkdir(parents=True)
    (folder / "package/__init__.py").write_text("raise RuntimeError('imported')\n")
    (folder / "package/inner/rewards.py").write_text(SOURCE)
    found = locate_reward("package.inner.rewards:same")
    assert (found.root, found.module, found.attribute) == (str(folder), "package.inner.rewards", "same")
    with pytest.raises(RewardError, match=r"RuntimeError: imported \(package/__init__\.py:1\)"):
        Judge(Function(found, 1.0, 5.0, 2048)).start()


def test_a_package_offers_a_reward_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "offer-0.1.dist-info").mkdir()
    (folder / "offer-0.1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: offer\nVersion: 0.1\n")
    (folder / "offer-0.1.dist-info/entry_points.txt").write_text("[liteppo.rewards]\ndigits = mine:share\n")
    monkeypatch.syspath_prepend(str(folder))
    assert load_config("reward.function=digits").reward.source == locate_reward("mine:share")
    with pytest.raises(SchemaError, match="no reward 'digit'; did you mean 'digits'"):
        load_config("reward.function=digit")


def test_a_changed_function_is_another_run_and_a_changed_place_is_not(folder: Path, monkeypatch) -> None:
    before = own("share").cell_id()
    assert before != load_config().cell_id() != own("same").cell_id() != before
    assert own("share", "reward.right_from=0.5").cell_id() != before
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere/mine.py").write_text(SOURCE)
    monkeypatch.chdir(folder / "elsewhere")
    assert own("share").cell_id() == before
    (folder / "elsewhere/mine.py").write_text(SOURCE + "\n# changed\n")
    assert own("share").cell_id() != before


def test_a_function_that_changed_since_it_was_described_is_refused(folder: Path, judge) -> None:
    made = judge("same")
    (folder / "mine.py").write_text(SOURCE + "\n")
    with pytest.raises(RewardError, match="has changed since the run was described"):
        made.start()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("reward.right_from=0", "reward.right_from: "),
        ("reward.seconds=0", "reward.seconds: "),
        ("reward.memory_mb=0", "reward.memory_mb: "),
        ("reward.functoin=a:b", "reward.functoin: no such setting; did you mean 'function'?"),
        ("reward.function=3", "reward.function: input should be a valid string"),
    ],
)
def test_a_wrong_setting_is_named(override: str, message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        load_config(override)
    assert message in str(caught.value)


def test_scores_become_rewards_by_the_scale() -> None:
    scores = (1.0, 0.0, 0.25, 0.5)
    drawn = VerifiedRollouts.of(SAMPLES, [Judgment(value == 1, "scored", "a", value) for value in scores])
    for correct, wrong in ((1.0, 0.0), (1.0, -1.0), (0.7, 0.1)):
        scale = replace(load_config().reward, correct=correct, wrong=wrong)
        seen = build_rollouts(drawn, scale, NOW - 1, None, 9).rewards
        wanted = torch.tensor([correct, wrong, *(wrong + value * (correct - wrong) for value in scores[2:])])
        assert torch.equal(seen, wanted.float())
    joined = drawn.join(drawn)
    assert joined.credit is not None
    assert joined.credit.tolist() == [*scores, *scores]
    picked = drawn.pick(torch.tensor([1]))
    assert picked.credit is not None
    assert picked.credit.tolist() == [scores[row] for row in (SAMPLES.group == 1).nonzero()[:, 0].tolist()]


def test_the_function_judges_in_place_of_the_verifier() -> None:
    function = own("share", "reward.right_from=0.5").reward.judge()
    tasks = [replace(task, function=function) for task in TASKS]
    verdicts = verify_samples(SAMPLES, tasks)
    assert {one.reason for one in verdicts} == {"scored"}
    digits = [sum(sign.isdigit() for sign in text) / max(len(text), 1) for text in SAMPLES.texts]
    assert [one.score for one in verdicts] == digits


def test_arms_with_other_functions_are_no_twins() -> None:
    from sweeps.grid.cells import PlannedCell

    cells = [
        PlannedCell({"reward": name}, config, config.cell_id()) for name in ("same", "share") for config in [own(name)]
    ]
    assert find_twins(cells, {"reward": "same"}) == ()


def test_a_broken_function_ends_a_run_before_its_first_step() -> None:
    with pytest.raises(RewardError, match="has no sane"):
        read_run_problems(own("sane"))
    with pytest.raises(RewardError, match="crash on the first problem"):
        read_run_problems(own("ends"))


def test_a_run_trains_with_the_function_and_records_its_scores(folder: Path) -> None:
    config = own("share", "reward=plus_minus_one", *SMALL)
    *reports, finished = execute_run(RunSpec("tests", "laptop", {}, config, {}), folder / "run")
    assert isinstance(finished, FinishedRun)
    assert {"final/score", "final/score/se", "final/arithmetic/score", "final/accuracy"} <= set(finished.record.scores)
    assert 0 < finished.record.scores["final/score"] < 1
    assert -1 < reports[1].metrics["reward/mean"] < 1
    logged = {find_metric_family(name) for report in reports for name in report.metrics}
    assert set(REWARD_METRICS) <= logged <= {*METRICS, *REWARD_METRICS}
    assert finished.record.config["reward"]["source"] == asdict(locate_reward("mine:share"))
    assert "final/score" not in set(_plain_run(folder).record.scores)


def _plain_run(folder: Path) -> FinishedRun:
    *_, finished = execute_run(RunSpec("tests", "laptop", {}, load_config(*SMALL), {}), folder / "plain")
    assert isinstance(finished, FinishedRun)
    return finished


def test_an_evaluation_by_another_function_is_another_folder() -> None:
    from harness.models.load import load_tokenizer
    from harness.rollouts.prompts import Prompts

    names = set()
    for config in (
        load_config(*SMALL),
        own("same", *SMALL),
        own("share", *SMALL),
        own("share", "reward.right_from=0.5", *SMALL),
    ):
        exams = Prompts(config, load_tokenizer(config.model.path)).eval_sets({"arithmetic": [ONE]})
        names.add(name_evaluation(config, exams))
    assert len(names) == 4


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("same", 0, "mine:same keeps the contract"),
        ("share", 0, "scores from 0 to "),
        ("raises", 1, "FAULT gives a number from 0 to 1 for every response: reward.function=mine:raises: ZeroDivision"),
        ("counts", 1, "FAULT gives the same scores in another order"),
        ("hashes", 1, "FAULT gives the same scores in a new process"),
        ("anonymous", 0, "one score for all of them"),
    ],
)
def test_the_check_tells_what_is_kept(name: str, code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", f"mine:{name}"]) == code
    assert said in capsys.readouterr().out


def test_the_check_takes_a_file_and_limits(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine.jsonl").write_text(json.dumps({"problem": "Say a", "answer": "box"}) + "\n")
    assert main(["check", "mine:spins", "file=mine.jsonl", "seconds=0.2"]) == 1
    assert "FAULT stays within the time and memory limits, and ends no process: deadline" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["chekc", "a:b"], "unknown command 'chekc'; did you mean 'check'?"),
        (["check", "mine:same", "seconds"], "seconds: write seconds=VALUE"),
        (["check", "mine:same", "secnds=3"], "secnds: no such argument; did you mean 'seconds'?"),
        (["check", "mine:same", "file=nowhere.jsonl"], "nowhere.jsonl: no such file"),
        (["check", "nowhere:same"], "no module 'nowhere'"),
    ],
)
def test_a_wrong_call_is_said_in_words(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_refuses_a_function_that_fails_in_one_message(folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RESULTS_DIR": "results"}
    command = [sys.executable, "-m", "harness", *SMALL, "reward.function=mine:raises"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode in {0, 2}
    assert "Traceback" not in done.stderr
    command[-1] = "reward.function=mine:nothing"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("reward.function=mine:nothing: returned None; ")


def test_a_function_that_waits_too_long_counts_as_beyond_the_deadline(folder: Path) -> None:
    (folder / "slow.py").write_text("import time\n\ndef waits(problem, answer, response):\n    time.sleep(1000)\n")
    judge = Judge(Function(locate_reward("slow:waits"), 1.0, 0.02, 2048))  # 0.6 s on the clock
    try:
        assert judge.verify([(ONE, "a")])[0].reason == "deadline"
    finally:
        judge.close()


def test_processes_that_a_function_starts_end_with_it(folder: Path) -> None:
    (folder / "parent.py").write_text(
        "import subprocess\n\ndef starts(problem, answer, response):\n"
        "    found = subprocess.Popen(['sleep', '1000'])\n"
        "    open('child', 'w').write(str(found.pid))\n    return 1.0\n"
    )
    judge = Judge(Function(locate_reward("parent:starts"), 1.0, 5.0, 2048))
    judge.verify([(ONE, "a")])
    child = int((folder / "child").read_text())
    os.kill(child, 0)
    judge.close()
    for _ in range(100):
        if _is_gone(child):
            break
        time.sleep(0.05)
    assert _is_gone(child)


def _is_gone(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"
