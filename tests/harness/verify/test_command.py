from __future__ import annotations

import io
import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.common.schema import SchemaError
from harness.verify.__main__ import main
from harness.verify.compare.fast_path import judge_fast
from harness.verify.lines import parse_request

ROOT = Path(__file__).resolve().parents[3]
GOOD = json.dumps({"id": 1, "gold": "7", "response": r"\boxed{7}"}).encode()


class Done(NamedTuple):
    """How a command ended, and what it said."""

    returncode: object
    stdout: bytes
    stderr: bytes


def run(text: bytes, *arguments: str) -> Done:
    """``python -m harness.verify`` in this process: another one imports for a second."""
    out, err = io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
    with pytest.MonkeyPatch.context() as patch:
        for name, stream in (("stdin", io.TextIOWrapper(io.BytesIO(text))), ("stdout", out), ("stderr", err)):
            patch.setattr(sys, name, stream)
        try:
            code: object = main(list(arguments))
        except SystemExit as ended:  # of the parser of arguments
            code = ended.code
    return Done(code, _written(out), _written(err))


def _written(stream: io.TextIOWrapper) -> bytes:
    stream.seek(0)
    return stream.buffer.read()


def line(**fields: object) -> bytes:
    return json.dumps({"id": 1, "gold": "7", "response": r"\boxed{7}"} | fields).encode() + b"\n"


def test_rewards_come_in_the_order_of_the_lines() -> None:
    asked = [
        line(id=name, gold=gold) for name, gold in [("b", "7"), (3, "8"), (None, r"\sqrt{49}"), ({"a": [1]}, "7.0")]
    ]
    done = run(b"".join(asked))
    rows = [json.loads(row) for row in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [row["id"] for row in rows] == ["b", 3, None, {"a": [1]}]
    assert [row["reward"] for row in rows] == [1, 0, 1, 1]
    assert [row["reason"] for row in rows] == ["same_number", "different", "equal", "same_number"]


def test_a_bad_line_is_named_and_the_good_ones_keep_their_results() -> None:
    done = run(line(id=1) + b"{\n" + b"\n" + line(id=2, gold=3) + b"\xff\n" + line(id=3))
    assert [json.loads(row)["id"] for row in done.stdout.splitlines()] == [1, 3]
    assert [row.split(":")[0] for row in done.stderr.decode().splitlines()] == ["line 2", "line 4", "line 5"]
    assert "'gold'" in done.stderr.decode().splitlines()[1]
    assert done.returncode == 2


def test_a_file_is_read_as_standard_input_is(tmp_path: Path) -> None:
    file = tmp_path / "responses.jsonl"
    file.write_bytes(line(tolerance=1, gold="8"))
    assert json.loads(run(b"", str(file)).stdout)["reward"] == 1


def test_a_byte_order_mark_is_read() -> None:
    assert json.loads(run(b"\xef\xbb\xbf" + line()).stdout)["reward"] == 1


@pytest.mark.parametrize(
    "text", [b'{"id": NaN, "gold": "7", "response": ""}', b'{"id": 1, "gold": "7", "gold": "8", "response": ""}']
)
def test_what_json_does_not_know_is_refused(text: bytes) -> None:
    done = run(text + b"\n" + line())
    assert done.returncode == 2
    assert done.stderr.decode().startswith("line 1: not JSON")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize(("closed", "code"), [("<&-", 2), (">&-", 2), ("> /dev/full", 1)])
def test_a_closed_or_full_stream_is_said_in_a_line(closed: str, code: int) -> None:
    command = f"{sys.executable} -m harness.verify {closed}"
    done = subprocess.run(command, shell=True, input=line(), capture_output=True, cwd=ROOT, check=False, timeout=300)
    assert done.returncode == code
    assert len(done.stderr.decode().splitlines()) == 1


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run(b"", str(tmp_path / "none.jsonl"))
    assert done.returncode == 2
    assert "none.jsonl" in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_a_reader_that_leaves_ends_it_quietly() -> None:
    command = f"{sys.executable} -m harness.verify | head -n 1"
    done = subprocess.run(["bash", "-c", command], input=line() * 20_000, capture_output=True, cwd=ROOT, check=False)
    assert done.stderr == b""
    assert len(done.stdout.splitlines()) == 1


def test_half_a_character_of_utf_16_is_a_response() -> None:
    done = run(b'{"id": 1, "gold": "7", "response": "\\ud800 \\\\boxed{7}"}')
    assert json.loads(done.stdout)["reward"] == 1


def test_help_says_what_a_line_holds() -> None:
    assert b'"response"' in run(b"", "--help").stdout


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"\xff", "not UTF-8 at byte 1"),
        (b"[" * 100_000, "not JSON"),
        (b'{"gold": "7", "response": ""}', "field 'id' is missing"),
        (b'{"id": 1, "response": ""}', "field 'gold' is missing"),
        (GOOD[:-1] + b', "reason": 1}', "field 'reason' is the name of a result"),
        (GOOD[:-1] + b', "tolerance": "1"}', "field 'tolerance'"),
        (GOOD[:-1] + b', "tolerance": -1}', "field 'tolerance'"),
        (GOOD[:-1] + b', "tolerance": NaN}', "NaN is no JSON"),
        (GOOD[:-1] + b', "tolerance": true}', "field 'tolerance'"),
        (GOOD[:-1] + b', "tolerance": [0.1]}', "field 'tolerance'"),
        (GOOD[:-1] + b', "tolerance": 1' + b"0" * 400 + b"}", "field 'tolerance' is too large"),
        (GOOD[:-1] + b', "tolerance": 1e400}', "field 'tolerance' is too large"),
        (GOOD[:-1] + b', "tolerance": -1' + b"0" * 400 + b"}", "field 'tolerance' is not a number of 0 or more"),
        (GOOD[:-1] + b', "tolerance": ' + b"1" * 5_000 + b"}", "field 'tolerance' is too large"),
        (GOOD[:-1] + b', "tolerance": -' + b"1" * 5_000 + b"}", "field 'tolerance' is not a number of 0 or more"),
        (GOOD[:-1] + b', "mine": ' + b"1" * 5_000 + b"}", "field 'mine' holds a number that is too large"),
        (GOOD[:-1] + b', "mine": [1e400]}', "field 'mine' holds a number that is too large"),
        (b'{"id": -1e400, "gold": "7", "response": ""}', "field 'id' holds a number that is too large"),
        (GOOD[:-1] + b', "mine": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", "nested too deep"),
        (b'{"id": 1, "gold": 7, "response": ""}', "field 'gold' is not a string"),
        (b'{"id": 1, "gold": "7", "response": null}', "field 'response' is not a string"),
    ],
)
def test_a_request_is_read_strictly(text: bytes, says: str) -> None:
    with pytest.raises(SchemaError, match=says):
        parse_request(text)


@pytest.mark.parametrize("tolerance", [b"0." + b"0" * 400 + b"1", b"1e-400", b"-0.0", b"0", b"null", b"5e-324"])
def test_a_tolerance_without_size_allows_nothing(tolerance: bytes) -> None:
    asked = parse_request(GOOD[:-1] + b', "tolerance": ' + tolerance + b"}")
    assert judge_fast(asked.gold, "7") == (True, "same_number")
    assert judge_fast(asked.gold, "7.0000001") == (False, "different")


def test_a_tolerance_of_400_digits_is_named_and_the_rest_is_judged() -> None:
    done = run(line(id=1) + line(id=2, tolerance=10**400) + line(id=3, tolerance=0.5, gold="7.25"))
    assert [(row["id"], row["reward"]) for row in map(json.loads, done.stdout.splitlines())] == [(1, 1), (3, 1)]
    assert done.stderr.decode().startswith("line 2: field 'tolerance' is too large")
    assert len(done.stderr.splitlines()) == 1
    assert done.returncode == 2


def test_a_fault_of_many_lines_is_said_once() -> None:
    cut = [b'{"id": 1, "gold": "7", "resp' + b"o" * (number % 7) + b"\n" for number in range(2_000)]
    done = run(line(id="first") + b"".join(cut) + line(gold=3) + line(id="last") + line(gold=4))
    assert [json.loads(row)["id"] for row in done.stdout.splitlines()] == ["first", "last"]
    said = done.stderr.decode().splitlines()
    assert [message.split(":")[0] for message in said] == [
        "lines 2, 3, 4, 5, 6 and 1,995 more, 2,000 in all",
        "lines 2002, 2004",
    ]
    assert "not JSON" in said[0]
    assert done.returncode == 2


def test_an_input_with_many_kinds_of_faults_does_not_fill_the_screen() -> None:
    letters = ["".join(pair) for pair in product("abcdefgh", repeat=2)]
    done = run(b"".join(line(**{name: 1}) for name in letters) + line(), "--strict")
    said = done.stderr.decode().splitlines()
    assert len(said) == 21
    assert said[0].startswith("line 1: field 'aa' is unknown")
    assert said[-1] == "lines 21, 22, 23, 24, 25 and 39 more, 44 in all: other faults"
    assert len(done.stdout.splitlines()) == 1


def test_columns_of_ones_own_come_back_with_the_result() -> None:
    mine = {"model": "m", "step": 3, "nested": {"a": [1, None, 0.25, "\u00e9\ud800"]}, "score": 10**300}
    done = run(line(**mine) + line(id=2))
    first, second = map(json.loads, done.stdout.splitlines())
    assert first == {"id": 1, "reward": 1, "reason": "same_number", **mine}
    assert second == {"id": 2, "reward": 1, "reason": "same_number"}
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_column_that_is_not_known_is_refused_where_asked_for() -> None:
    done = run(line(id=1, tolerence=0.1) + line(id=2), "--strict")
    assert [json.loads(row)["id"] for row in done.stdout.splitlines()] == [2]
    assert "field 'tolerence' is unknown; did you mean 'tolerance'?" in done.stderr.decode()
    assert done.returncode == 2


@pytest.mark.parametrize("name", ["reward", "reason"])
@pytest.mark.parametrize("arguments", [(), ("--strict",)])
def test_a_column_that_a_result_would_overwrite_is_refused(name: str, arguments: tuple[str, ...]) -> None:
    done = run(line(id=1, **{name: 0}) + line(id=2), *arguments)
    assert [json.loads(row)["id"] for row in done.stdout.splitlines()] == [2]
    assert f"field '{name}' is the name of a result" in done.stderr.decode()


def test_long_lines_are_judged_in_order() -> None:
    long = "x" * 10_000_000
    asked = [line(id=number, response=long + rf"\boxed{{{number}}}", gold="3", note="n") for number in range(6)]
    rows = [json.loads(row) for row in run(b"".join(asked)).stdout.splitlines()]
    assert [(row["id"], row["reward"], row["note"]) for row in rows] == [(n, int(n == 3), "n") for n in range(6)]


def test_a_line_of_very_many_fields_is_read_in_linear_time() -> None:
    # Counting each name among all of them would take hours.
    many = "".join(f', "k{number}": 0' for number in range(200_000)).encode()
    assert len(parse_request(GOOD[:-1] + many + b"}").columns) == 200_000
    with pytest.raises(SchemaError, match="field 'k7' appears twice"):
        parse_request(GOOD[:-1] + many + b', "k7": 0}')


def test_a_message_repeats_no_endless_name() -> None:
    with pytest.raises(SchemaError) as caught:
        parse_request(GOOD[:-1] + b', "' + b"n" * 100_000 + b'": 1e999}')
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        ((), {"id": 1, "reward": 0, "reason": "open_box"}),
        (("--open-box", "wrong"), {"id": 1, "reward": 0, "reason": "open_box"}),
        (("--open-box=ignored",), {"id": 1, "reward": 1, "reason": "same_number"}),
    ],
)
def test_the_rule_of_an_open_last_box_is_an_option(arguments: tuple[str, ...], result: dict[str, object]) -> None:
    done = run(line(response=r"\boxed{7} no wait \boxed{8"), *arguments)
    assert json.loads(done.stdout) == result


def test_an_open_box_rule_that_is_none_is_refused_with_those_that_are() -> None:
    done = run(line(), "--open-box", "right")
    assert done.returncode == 2
    assert "invalid choice: 'right' (choose from 'wrong', 'ignored')" in done.stderr.decode()
