"""YAML: dotted names, lines, references, defaults, and what is read of a text that ends too early."""

from typing import Any

import pytest

from tricks.forms import FormHints, read_yaml

NESTED = """\
loss: &clip {low: 0.2, high: 0.28}
actor:
  lr: 1e-6
  betas: [0.9, 0.95]
  kl: ~
  empty: {}
  clip:
    <<: *clip
    high: 0.4
  name: 'on'
  flag: yes
"""


def values(text: str, hints: FormHints | None = None) -> dict[str, Any]:
    return {each.name: each.value for each in read_yaml(text, hints or FormHints()).given}


def test_blocks_are_dotted_names_with_lines() -> None:
    reading = read_yaml(NESTED)
    assert {each.name: each.value for each in reading.given} == {
        "loss.low": 0.2,
        "loss.high": 0.28,
        "actor.lr": 1e-6,
        "actor.betas": [0.9, 0.95],
        "actor.kl": None,
        "actor.empty": {},
        "actor.clip.low": 0.2,
        "actor.clip.high": 0.4,
        "actor.name": "on",
        "actor.flag": True,
    }
    assert {each.name: each.place for each in reading.given}["actor.clip.high"] == "line 9"
    assert reading.notes == ()


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-6", 1e-6),
        ("1E5", 1e5),
        ("-.5", -0.5),
        ("1_000", 1000),
        ("0x10", 16),
        ("010", 8),
        ("08", "08"),
        ("1.2.3", "1.2.3"),
        (".inf", float("inf")),
        ("true", True),
        ("Off", False),
        ("oN", "oN"),
        ("null", None),
        ("", None),
        ("2024-01-01", "2024-01-01"),
        ("1:30", "1:30"),
        ("!!str 1", "1"),
        ("!!float 1", 1),
    ],
)
def test_plain_words_are_the_values_of_yaml(written: str, value: Any) -> None:
    found = values(f"a: {written}\n")["a"]
    assert (found, type(found)) == (value, type(value))


def test_the_later_of_two_options_holds_and_is_noted() -> None:
    reading = read_yaml("a: 1\nb: 2\na: 3\n")
    assert [(each.name, each.value, each.place) for each in reading.given] == [("b", 2, "line 2"), ("a", 3, "line 3")]
    assert reading.notes == ("line 3: a is given a second time; this one holds, 1 at line 1 does not; keep one",)


@pytest.mark.parametrize(
    ("text", "known", "note"),
    [
        ("a: 1\nb:\n  c: 2\n  d: [3, 4\n", {"a": 1, "b.c": 2}, "b.d is not complete"),
        ("a: 1\nb: 'x", {"a": 1}, "line 2: not YAML from here"),
        ("a: 1\nbet", {"a": 1}, "line 3: not YAML from here"),
        ("a: 1\nb: {c: 2, d", {"a": 1, "b.c": 2}, "not YAML from here"),
        ("a: 1\n\tb: 2\n", {"a": 1}, "not YAML from here"),
        ("a: 1\n  b: 2\nc: 3\n", {"a": 1}, "line 2: not YAML from here"),
    ],
)
def test_what_stands_before_an_error_is_read(text: str, known: dict[str, Any], note: str) -> None:
    reading = read_yaml(text)
    assert {each.name: each.value for each in reading.given} == known
    assert any(note in each for each in reading.notes)


def test_only_the_first_document_is_read() -> None:
    reading = read_yaml("---\na: 1\n---\nb: 2\n")
    assert [each.name for each in reading.given] == ["a"]
    assert "line 3: a second document begins" in reading.notes[0]


def test_no_object_is_made_from_a_tag() -> None:
    reading = read_yaml("a: !!python/object/apply:os.system ['true']\nb: !x 1\n")
    assert [each.value for each in reading.given] == [["true"], "1"]
    assert "the tag !x is not followed" in reading.notes[0]


REFERENCES = """\
n: 8
base: /data
block: {x: 1, y: "${n}"}
whole: ${n}
path: ${base}/${n}/${missing}
twice: ${mul:${n},2}
other: ${block}
near: {a: 3, b: "${.a}"}
env: ${oc.env:HOME}
default: ${oc.env:HOME,/root}
open: ${missing}
"""


def test_references_take_the_values_of_other_options() -> None:
    reading = read_yaml(REFERENCES)
    found = {each.name: each.value for each in reading.given}
    assert found["whole"] == 8
    assert found["path"] == "/data/8/${missing}"
    assert found["twice"] == 16
    assert (found["other.x"], found["other.y"]) == (1, 8)
    assert found["near.b"] == 3
    assert found["default"] == "/root"
    assert not {"env", "open"} & set(found)
    assert [note.split(" is ")[0] for note in reading.notes] == ["line 9: env", "line 11: open"]


def test_references_in_a_circle_stay_open() -> None:
    assert values("a: ${b}\nb: ${a}\nc: 1\n") == {"c": 1}


def test_files_in_defaults_lie_below_the_own_options() -> None:
    files = {"base.yaml": "defaults: sub/more.yaml\na: 1\nb: 2\nc: ${a}\n", "sub/more.yaml": "defaults: deep.yaml\n"}
    files["sub/deep.yaml"] = "d: 4\n"
    reading = read_yaml("defaults: base.yaml\na: 9\n", FormHints(find=files.get))
    assert {each.name: each.value for each in reading.given} == {"a": 9, "b": 2, "c": 9, "d": 4}
    assert {each.name: each.place for each in reading.given}["b"] == "line 3 of base.yaml"


def test_lists_of_defaults_follow_hydra() -> None:
    files = {"ppo.yaml": "a: 1\n", "optim/adam.yaml": "lr: 2\n", "extra.yaml": "b: 3\n"}
    text = "defaults:\n  - ppo\n  - optim: adam\n  - ../x/missing@_here_\n  - _self_\n  - extra\n"
    reading = read_yaml(text, FormHints(find=files.get))
    assert {each.name: each.value for each in reading.given} == {"a": 1, "optim.lr": 2}
    assert "defaults names ../x/missing.yaml" in " ".join(reading.notes)
    assert "defaults names extra after _self_" in " ".join(reading.notes)
