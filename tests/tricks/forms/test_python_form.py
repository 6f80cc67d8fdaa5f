"""Keyword arguments of Python: read as text, never run."""

from typing import Any

import pytest

from tricks.forms import FormHints, read_python

HINTS = FormHints(constructors=("GRPOConfig",), programs=("grpo.py",))
SCRIPT = """\
import os
BATCH = 8
SIZE = BATCH * 2
many = 1
many = 2
extra = {"top_k": 50, "seed": int("3")}

class Other:
    pass

config = GRPOConfig(
    beta=0.0,
    learning_rate=-1e-6 * 2,
    size=SIZE,
    many=many,
    names=["a", ("b", 1)],
    model_init_kwargs=dict(dtype="bfloat16"),
    path=os.environ["X"],
    **extra,
    **{"z": None},
)
config.beta = 0.04
SFTConfig(beta=3)
"""


def values(text: str, hints: FormHints = HINTS) -> dict[str, Any]:
    return {each.name: each.value for each in read_python(text, hints).given}


def test_plain_arguments_of_the_class_are_read() -> None:
    reading = read_python(SCRIPT, HINTS)
    assert {each.name: each.value for each in reading.given} == {
        "learning_rate": -2e-6,
        "size": 16,
        "names": ["a", ["b", 1]],
        "model_init_kwargs.dtype": "bfloat16",
        "top_k": 50,
        "z": None,
        "beta": 0.04,
    }
    assert {each.name: each.place for each in reading.given}["beta"] == "line 22"
    assert [note.split(",")[0] for note in reading.notes] == [
        "line 15: many is many",
        "line 18: path is os.environ['X']",
        "line 6: seed is int('3')",
    ]


@pytest.mark.parametrize(
    "text",
    [
        'GRPOConfig(beta=0.1, loss_type="dapo")',
        'beta=0.1, loss_type="dapo"',
        'beta=0.1,  # why\nloss_type="dapo",\n',
        "{'beta': 0.1, 'loss_type': 'dapo'}",
        'dict(beta=0.1, loss_type="dapo")',
        'trainer = GRPOTrainer(args=trl.GRPOConfig(beta=0.1, loss_type="dapo"))',
        'kw = dict(beta=0.1)\nGRPOConfig(loss_type="dapo", **kw)',
        'GRPOConfig(beta=0.1, loss_type="dapo"',
        'GRPOConfig(beta=0.1, loss_type="dapo", broken=[1,',
        'def f(:\nGRPOConfig(beta=0.1, loss_type="dapo")',
    ],
)
def test_a_call_a_part_of_it_and_a_dictionary_give_the_same(text: str) -> None:
    assert values(text) == {"beta": 0.1, "loss_type": "dapo"}


def test_the_call_with_the_most_options_is_read_and_the_others_noted() -> None:
    reading = read_python("GRPOConfig(a=1)\nGRPOConfig(a=2, b=3)\n", HINTS)
    assert {each.name: each.value for each in reading.given} == {"a": 2, "b": 3}
    assert reading.notes[0].startswith("line 1: GRPOConfig is called here too; the call at line 2 is read")


def test_the_command_in_a_docstring_is_read_if_there_is_no_call() -> None:
    text = '"""Train it.\n\npython x/grpo.py \\\n    --beta 0.1 \\\n    --use_vllm\n\nIt\'s easy.\n"""\nimport os\n'
    reading = read_python(text, HINTS)
    assert [(each.name, each.value, each.place) for each in reading.given] == [
        ("beta", 0.1, "line 4"),
        ("use_vllm", True, "line 5"),
    ]
    assert reading.program == "x/grpo.py"


@pytest.mark.parametrize(
    "power", ["2**2**2**99999", "10**64**64", "'a' * 999999999", "1/0", "(-8)**0.5", "[0] * 10**9"]
)
def test_arithmetic_that_is_not_plain_is_noted(power: str) -> None:
    reading = read_python(f"GRPOConfig(a={power}, b=1)", HINTS)
    assert [each.name for each in reading.given] == ["b"]
    assert "known only when it runs" in reading.notes[0]
