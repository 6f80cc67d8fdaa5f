"""One's own problems as a tier to train on and as a benchmark: cards, overlap, refusals, the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.data.__main__ import main
from harness.data.catalog import DataError
from harness.data.files import read_own_file
from harness.data.own import build_own_tier, read_held_out_problems, read_own_table
from tests.harness.data.folders import write_folder

LONG = "A farmer has seven fields of equal size and sows {} sacks of wheat on each of them; how many sacks are sown?"


def write(path: Path, *rows: tuple[str, str], ids: bool = True) -> Path:
    lines = [
        json.dumps({"problem": problem, "answer": answer} | ({"id": f"a{number}"} if ids else {}))
        for number, (problem, answer) in enumerate(rows)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_file_is_a_tier_with_a_card(tmp_path: Path) -> None:
    found = build_own_tier(read_own_file(str(write(tmp_path / "mine.jsonl", ("1+1=", "2"), ("1+2=", "3")))))
    assert [(one.problem_id, one.prompt, one.answer) for one in found.problems] == [
        ("a0", "1+1=", "2"),
        ("a1", "1+2=", "3"),
    ]
    card = found.card
    assert (card.rows, card.answers, card.removed) == (2, {"integer": 2}, {})
    assert card.headline == "mine.jsonl: 2 problems of a file of one's own"
    assert card.sha256 in card.text()


def test_a_reader_that_has_seen_enough_ends_the_command_quietly(tmp_path: Path) -> None:
    mine = write(tmp_path / "mine.jsonl", ("1+1=", "2"))
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "harness.data", f"file={mine}"]
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_held_out_is_not_trained_on_and_listed(tmp_path: Path) -> None:
    mine = write(
        tmp_path / "mine.jsonl",
        ("1 + 1 =", "2"),
        ("3+4=", "7"),
        (LONG.format(3), "21"),
        (f"Hear: {LONG.format(4)}", "28"),
    )
    held = write(tmp_path / "held.jsonl", ("1+1=?", "2"), (LONG.format(4), "28"))
    found = build_own_tier(read_own_file(str(mine)), (read_own_table(read_own_file(str(held))).loaded,))
    assert [one.prompt for one in found.problems] == ["3+4="]
    assert [(item.problem_id, item.reason) for item in found.card.contaminated] == [
        ("a0", "same as"),
        ("a2", "near"),
        ("a3", "near"),
    ]
    assert "a0: same as a0 (1.00)" in found.card.text()
    assert "held.jsonl: 2 rows" in found.card.text()


def test_a_file_that_is_held_out_whole_is_refused(tmp_path: Path) -> None:
    mine = read_own_file(str(write(tmp_path / "mine.jsonl", ("1+1=", "2"), ("1+2=", "3"))))
    with pytest.raises(DataError, match=r"none of its 2 problems can be trained on: same as a0 \(a0\), 2 in all"):
        build_own_tier(mine, (read_own_table(mine).loaded,))


def test_what_cannot_be_trained_on_is_left_out_and_listed(tmp_path: Path) -> None:
    rows = ("1+1=", "2"), ("1+1=", "2"), ("2+2=", r"\frac{1}{2"), ("3+3=", ""), ("4+4=", r"\foo{8}")
    found = build_own_tier(read_own_file(str(write(tmp_path / "mine.jsonl", *rows))))
    assert [one.problem_id for one in found.problems] == ["a0", "a4"]
    assert found.card.removed == {"duplicate of": 1, "no answer": 1, "unreadable answer": 1}
    assert found.card.unknown == ("a4",)
    shown = found.card.text()
    assert "also left out: a1 (duplicate of a0), a3 (no answer)" in shown
    assert "a2: unreadable answer a brace is never closed" in shown


def test_without_a_verifier_every_answer_will_do(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", ("Write a poem", ""), ("Say hello", r"{\frac"))
    found = build_own_tier(read_own_file(str(path)), graded=False)
    assert len(found.problems) == 2
    assert len(read_held_out_problems(read_own_file(str(path)), "mine", graded=False)[0]) == 2


def test_a_benchmark_keeps_all_its_rows_in_their_order(tmp_path: Path) -> None:
    path = write(tmp_path / "held.jsonl", ("2+2=", "4"), ("1+1=", "2"), ("2+2=", "4"), ids=False)
    problems, card = read_held_out_problems(read_own_file(str(path)), "held")
    assert [one.problem_id for one in problems] == ["line 1", "line 2", "line 3"]
    assert "1 problems appear twice and count twice: line 3 (as line 1)" in card.text()


def test_a_benchmark_with_answers_that_cannot_be_read_is_refused_with_all_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "held.jsonl", ("p", r"{1"), ("q", "2"), ("r", r"{1"), ("s", ""))
    with pytest.raises(DataError) as caught:
        read_held_out_problems(read_own_file(str(path)), "held")
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"{path}:1: field 'answer' cannot be read: a brace is never closed (and in 1 more: line 3)")
    assert second.startswith(f"{path}:4: field 'answer' cannot be read: it is empty")


def test_a_benchmark_whose_answers_contradict_each_other_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "held.jsonl", ("p is", "1"), ("P  is?", "2"))
    with pytest.raises(
        DataError, match=r"held\.jsonl:2: the wording of line 1 with another answer: '2' and '1'; keep one of them"
    ):
        read_held_out_problems(read_own_file(str(path)), "held")


def test_a_file_that_changed_since_it_was_described_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", ("1+1=", "2"))
    described = read_own_file(str(path))
    write(path, ("1+1=", "3"))
    with pytest.raises(DataError, match="has changed since the run was described"):
        build_own_tier(described)


@pytest.mark.parametrize(("name", "message"), [("nowhere.jsonl", "no such file"), (".", "a folder; name a file")])
def test_a_file_that_cannot_be_read_is_named(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        build_own_tier(read_own_file(str(tmp_path / name)))


def test_benchmarks_that_the_run_is_not_scored_on_are_compared_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATA_DIR", raising=False)
    mine = read_own_file(str(write(tmp_path / "mine.jsonl", ("1+1=", "2"))))
    assert any(note.startswith("not compared with benchmarks") for note in build_own_tier(mine).card.notes)
    folder = write_folder(tmp_path / "data")
    monkeypatch.setenv("DATA_DIR", str(folder))
    asked = json.loads((folder / "eval/math500.jsonl").read_text().splitlines()[0])["problem"]
    taken = read_own_file(str(write(tmp_path / "taken.jsonl", ("1+1=", "2"), (asked, "1"))))
    found = build_own_tier(taken)
    assert len(found.problems) == 2
    assert any(note.startswith("repeats 1 problems of math500") and note.endswith("a1") for note in found.card.notes)


def test_the_command_prints_both_cards_and_refuses_in_a_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, held = write(tmp_path / "mine.jsonl", ("1+1=", "2"), ("1+2=", "3")), tmp_path / "held.jsonl"
    write(held, ("1+2=", "3"))
    assert main([f"file={mine}", f"heldout={held}"]) == 0
    shown = capsys.readouterr().out
    assert "mine.jsonl: 1 problems of a file of one's own, of 2 rows" in shown
    assert "a1: same as a0" in shown
    assert "held: 1 problems" in shown
    assert main([f"file={mine}", "near=0.5"]) == 2
    assert main(["file=nowhere.jsonl"]) == 2
    assert "nowhere.jsonl: no such file" in capsys.readouterr().err


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(DataError, match="not a regular file"):
        build_own_tier(read_own_file(str(tmp_path / "pipe.jsonl")))
