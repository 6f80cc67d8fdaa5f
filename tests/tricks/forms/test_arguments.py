"""Arguments of a command: flags with their values, overrides of Hydra, and files that they name."""

from typing import Any

import pytest

from tricks.forms import FormHints, read_arguments, read_options


def values(*arguments: str, **files: str) -> dict[str, Any]:
    found = {name.replace("_", "."): text for name, text in files.items()}
    return {each.name: each.value for each in read_arguments(arguments, FormHints(find=found.get)).given}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--loss_type dapo --beta=0.0 --bf16", {"loss_type": "dapo", "beta": 0.0, "bf16": True}),
        ("--no-rope --x", {"no-rope": True, "x": True}),
        ("--clip 0.2 0.28 --top_k -1", {"clip": [0.2, 0.28], "top_k": -1}),
        ("--a true --b False --c None --d=", {"a": True, "b": False, "c": "None", "d": ""}),
        ('--kw {"t":[1,null]}', {"kw.t": [1, None]}),
        ("--actor.adam.lr 5e-7 --ds.x bf16", {"actor.adam.lr": 5e-7, "ds.x": "bf16"}),
        ("--stop Observation: --p a=b", {"stop": "Observation:", "p": "a=b"}),
        ("a.b=1 +x.y=[1,2] ++z={a:1,b:{c:null}}", {"a.b": 1, "x.y": [1, 2], "z.a": 1, "z.b.c": None}),
        (
            "a=null b=Null c=true d='1' e= f=1e-6 g=a-b",
            {"a": None, "b": None, "c": True, "d": "1", "e": "", "f": 1e-6, "g": "a-b"},
        ),
        ("a.b=1 a.c=2 d=3 ~a", {"d": 3}),
        ("l=[console,'a b',{x:1}] m=[] n={}", {"l": ["console", "a b", {"x": 1}], "m": [], "n": {}}),
        ("p=/x/y:z q=a=b", {"p": "/x/y:z", "q": "a=b"}),
        ("--config-name ppo a.b=1 -m", {"a.b": 1}),
        ("a.b=2 c.d=${a.b}", {"a.b": 2, "c.d": 2}),
    ],
)
def test_words_are_options(line: str, expected: dict[str, Any]) -> None:
    found = values(*(line.split(" ") if "'a b'" not in line else ["l=[console,'a b',{x:1}]", "m=[]", "n={}"]))
    assert found == expected
    assert {name: type(value) for name, value in found.items()} == {
        name: type(value) for name, value in expected.items()
    }


def test_the_later_of_two_flags_holds() -> None:
    reading = read_arguments(["--a", "1", "--a", "2"])
    assert [(each.name, each.value, each.place) for each in reading.given] == [("a", 2, "argument 3")]
    assert "argument 3: a is given a second time" in reading.notes[0]


def test_a_removed_option_is_noted() -> None:
    reading = read_arguments(["a.b=1", "~a.b", "~never"])
    assert reading.given == ()
    assert [note.split(":")[0] for note in reading.notes] == ["argument 2", "argument 3"]


@pytest.mark.parametrize("word", ["a=1,2", "a=range(1,10)", "a=choice(x,y)"])
def test_a_sweep_is_noted(word: str) -> None:
    assert "takes several values in turn" in read_arguments([word]).notes[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--config", "x.yaml", "b.c=3"),
        ("@", "x.yaml", "--b.c", "3"),
        ("@x.yaml", "--b.c=3"),
        ("x.yaml", "b.c=3"),
        ("--config-name=x", "b.c=3"),
        ("--config-path", "/unknown", "--config-name", "x", "b.c=3"),
    ],
)
def test_a_file_lies_below_the_arguments(arguments: tuple[str, ...]) -> None:
    assert values(*arguments, x_yaml="a: 1\nb: {c: 2, d: '${a}'}\n") == {"a": 1, "b.d": 1, "b.c": 3}


def test_a_file_that_is_not_there_is_noted() -> None:
    (note,) = read_arguments(["--config", "x.yaml", "--a", "1"]).notes
    assert "argument 1" in note or "argument 2" in note
    assert "x.yaml" in note


def test_words_that_are_no_options_are_noted() -> None:
    assert read_arguments(["train", "--a", "1"]).notes == (
        "argument 1: 'train' is neither a flag nor name=value; it is not read",
    )


def test_lines_of_options_without_a_command() -> None:
    reading = read_options("a.b=1  # why\n+c='x y'\n\nd=\"[1, 2]\"\n")
    assert [(each.name, each.value, each.place) for each in reading.given] == [
        ("a.b", 1, "line 1"),
        ("c", "x y", "line 2"),
        ("d", [1, 2], "line 4"),
    ]
