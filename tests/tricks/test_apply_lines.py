"""Many batches, one a line: each is answered as if it were alone, and bad lines are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.markdown import ROOT
from tricks.io import apply_as_json, apply_each_line, holds_lines, read_options

EXAMPLE = json.loads((Path(ROOT) / "docs" / "reference" / "rollouts.example.json").read_text())
OPTIONS = read_options("liteppo")


def line(**changes: object) -> bytes:
    return json.dumps(EXAMPLE | changes).encode()


def test_each_line_is_answered_as_alone() -> None:
    batches = [line(), line(rewards=EXAMPLE["rewards"][::-1]), line(group=list(range(len(EXAMPLE["group"]))))]
    alone = [json.loads(apply_as_json(OPTIONS, batch)) for batch in batches[:2]]
    answers = [json.loads(found) for found, _ in apply_each_line(OPTIONS, b"\n\n".join(batches[:2]) + b"\n")]
    assert answers == alone
    assert answers[0]["advantages"] != answers[1]["advantages"]


def test_bad_lines_are_named_and_the_others_answered() -> None:
    found = list(apply_each_line(OPTIONS, b"\n".join([line(), b"{", line(rewards=[1]), line()])))
    answers = [json.loads(text) for text, _ in found]
    assert [answer.get("line") for answer in answers] == [None, 2, 3, None]
    assert answers[0] == answers[3]
    assert [messages[0].partition(":")[0] for _, messages in found if messages] == ["line 2", "line 3"]


def test_hints_are_given_once() -> None:
    bad = line(log_probs=[[0.5] * len(row) for row in EXAMPLE["log_probs"]])
    said = [messages for _, messages in apply_each_line(OPTIONS, b"\n".join([bad, bad]))]
    assert len(said[0]) == 1
    assert "hint: line 1: log_probs" in said[0][0]
    assert said[1] == []


def test_without_fired_all_else_is_the_same() -> None:
    whole = json.loads(apply_as_json(OPTIONS, line()))
    less = json.loads(apply_as_json(read_options("liteppo", fired="false"), line()))
    assert whole["fired"]
    assert less == whole | {"fired": None}


@pytest.mark.parametrize(
    ("text", "many"),
    [
        (line(), False),
        (json.dumps(EXAMPLE, indent=1).encode(), False),
        (b"{}\n{}", True),
        (line() + b"\n" + b"{", True),
        (b"[]\n[]", False),
        (b"", False),
        (b"\xff\n{}", False),
    ],
)
def test_many_batches_are_told_from_one(text: bytes, many: bool) -> None:
    assert holds_lines(text) is many
