from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.schema import SchemaError
from harness.verify.request import parse_request

ROOT = Path(__file__).resolve().parents[3]
GOOD = json.dumps({"id": 1, "gold": "7", "response": r"\boxed{7}"}).encode()


def run(text: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "harness.verify", *arguments]
    return subprocess.run(command, input=text, capture_output=True, cwd=ROOT, check=False, timeout=300)


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
        (GOOD[:-1] + b', "answer": 1}', "field 'answer' is unknown"),
        (GOOD[:-1] + b', "tolerance": "1"}', "field 'tolerance'"),
        (GOOD[:-1] + b', "tolerance": -1}', "field 'tolerance'"),
        (GOOD[:-1] + b', "tolerance": NaN}', "NaN is no JSON"),
        (GOOD[:-1] + b', "tolerance": true}', "field 'tolerance'"),
        (b'{"id": 1, "gold": 7, "response": ""}', "field 'gold' is no string"),
        (b'{"id": 1, "gold": "7", "response": null}', "field 'response' is no string"),
    ],
)
def test_a_request_is_read_strictly(text: bytes, says: str) -> None:
    with pytest.raises(SchemaError, match=says):
        parse_request(text)
