"""Shell scripts: the options of the training command, as far as they are plain; nothing is run."""

from typing import Any

import pytest

from tricks.forms import FormHints, FormReading, read_shell

HINTS = FormHints(programs=("pkg.train_main", "tool grpo", "fast.py"))


def read(text: str, **files: str) -> FormReading:
    found = {name.replace("__", "/").replace("_", "."): content for name, content in files.items()}
    return read_shell(text, FormHints(programs=HINTS.programs, find=found.get))


def values(text: str, **files: str) -> dict[str, Any]:
    return {each.name: each.value for each in read(text, **files).given}


SCRIPT = """\
#!/bin/bash
set -xeuo pipefail
export LR=${LR:-1e-6}   # of the actor
BATCH=8
N=$((BATCH * 2 + $BATCH))
NAME="run ${LR} $N"
: "${LOGGER:=console}"
ARGS=(
  --clip 0.2 0.28  # low, high
  # --off 1
  --name "$NAME"
)
MORE="--one 1 --two 2"
ARGS+=(--late)
pkill -9 something
ray job submit --address="http://x" --runtime-env-json='{"a": "b.py"}' \\
  -- python3 -m pkg.train_main \\
  --lr $LR "${ARGS[@]}" ${MORE} \\
  --n=$N --logger "$LOGGER" --out $HOME/ckpt/${N} \\
  --unknown $NOWHERE --command $(basename x) "$@" 2>&1 | tee log.txt
"""


def test_variables_and_arrays_are_put_in() -> None:
    reading = read(SCRIPT)
    assert {each.name: each.value for each in reading.given} == {
        "lr": 1e-6,
        "clip": [0.2, 0.28],
        "name": "run 1e-6 24",
        "late": True,
        "one": 1,
        "two": 2,
        "n": 24,
        "logger": "console",
        "out": "$HOME/ckpt/24",
    }
    assert {each.name: each.place for each in reading.given}["clip"] == "line 18"
    assert reading.program == "pkg.train_main"
    assert reading.notes == (
        "line 20: unknown is '$NOWHERE'; $NOWHERE comes from the environment; give it with NOWHERE=... before the "
        "file or write the value",
        "line 20: command is '$(basename x)'; the result of the command $(basename x) is known only when it runs; "
        "write the value",
    )


def test_variables_of_the_environment_come_from_the_caller() -> None:
    reading = read_shell("fast.py --a $A --b ${B:-2}", FormHints(programs=("fast.py",), variables={"A": "1", "B": "3"}))
    assert [each.value for each in reading.given] == [1, 3]


@pytest.mark.parametrize(
    "launch",
    [
        "python fast.py",
        "uv run --active x/fast.py",
        "CUDA_VISIBLE_DEVICES=0,1 torchrun --nproc_per_node=8 fast.py",
        "accelerate launch --config_file zero3.yaml --num_processes 8 x/fast.py",
        "deepspeed --num_gpus 8 fast.py",
        "srun --nodes=2 nohup python3 -u fast.py",
        "python3 -m torch.distributed.run --nproc 2 fast.py",
        "python mason.py --gpus 8 --env A=1 -- accelerate launch fast.py",
        "python mason.py --gpus 8 -- source x.sh \\&\\& python fast.py",
        "ray job submit --working-dir . -- python fast.py",
        'eval "python fast.py"',
        'RUN=(uv run python)\n"${RUN[@]}" fast.py',
        'CMD="python fast.py"\n$CMD',
        "tool grpo",
        "conda run -n x tool grpo",
        "time python -m pkg.train_main",
    ],
)
def test_launchers_are_skipped(launch: str) -> None:
    if launch.startswith("eval"):
        launch = launch[:-1] + ' --a 1 --b 2 3"'
    else:
        launch += " \\\n  --a 1 --b 2 3"
    assert values(launch) == {"a": 1, "b": [2, 3]}


def test_the_text_of_a_nested_shell_is_read() -> None:
    text = (
        'N=4\nsrun -w x bash -c "cd /x && ray job submit -- python3 -m pkg.train_main \\\n'
        " --a $N --b 'c d'\" &>> log\n"
    )
    assert values(text) == {"a": 4, "b": "c d"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('X=1\nif [ "$X" = 1 ]; then A=2; else A=3; fi', 2),
        ("X=1\nif [[ $X -gt 3 && -n $X ]]; then A=2; elif [ $X -le 1 ]; then A=3; fi", 3),
        ('if [ -z "$NONE" ]; then A=2; fi', 2),
        ("A=1\nif [ -f /etc/passwd ]; then A=2; fi", 1),
        ("A=1\n[ -d /x ] && A=2", 1),
        ("A=1\n[ 1 = 1 ] && A=2", 2),
        ("A=1\nfalse || A=2", 2),
        ("K=b\ncase $K in a) A=1;; b|c) A=2;; *) A=3;; esac", 2),
        ("while [[ $# -gt 0 ]]; do A=9; shift; done\nA=${A:-2}", 2),
        ("f() { local x=$1; A=$x; }\nf 2", 2),
        ("A=5\n((A > 3)) && A=2", 2),
        ("A=x2y\nA=${A#x}\nA=${A%y}", 2),
        ("P=(0 2)\nA=${P[1]}", 2),
        ("A=$(expr 8 / 4)", 2),
        ("A=$(( (1 + 3) / 2 ))", 2),
        ("if true; then\n  if [ 1 != 2 ]; then A=2; fi\nfi", 2),
        ("A='2'  # don't\n# it's", 2),
        ("cat <<EOF\nA=7 'not closed\nEOF\nA=2", 2),
    ],
)
def test_plain_logic_is_followed(text: str, expected: int) -> None:
    assert values(f"{text}\npython fast.py --a $A --b 1") == {"a": expected, "b": 1}


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            "A=1\nif [ -f /x ]; then A=2; fi",
            "line 2: inside if, whose condition is known only when it runs; read as not taken",
        ),
        ('if [ -z "$NONE" ]; then\n A=2; fi', "line 1: inside a condition on $NONE, which is not set; read as taken"),
        ("for A in 1 2 3; do :; done", "line 1: a loop over 3 values of A; read with the first, 1"),
        ("D=$(probe)\ncase $D in gpu) A=1;; npu) A=2;; esac", "read as gpu, the first one"),
    ],
)
def test_what_depends_on_logic_is_noted(text: str, note: str) -> None:
    reading = read(f"{text}\npython fast.py --a $A --b 1")
    assert note in " ".join(reading.notes)
    assert "b" in {each.name for each in reading.given}
    assert not read(f"{text}\npython fast.py --b 1").notes


def test_a_command_inside_a_branch_is_read_and_noted() -> None:
    reading = read("if [ -f /x ]; then\n  python fast.py --a 1\nfi")
    assert [each.value for each in reading.given] == [1]
    assert reading.notes[0].startswith("line 1: inside if")


def test_of_several_commands_the_hints_choose() -> None:
    text = (
        "tool rollout --x 1\npython fast.py --a 1 --b 2 --c 3\n"
        "python -m pkg.train_main --a 2\npython -m pkg.train_main --a 3 --b 1 --c 2\n"
    )
    reading = read(text)
    assert reading.program == "pkg.train_main"
    assert {each.name: each.value for each in reading.given} == {"a": 3, "b": 1, "c": 2}
    assert [note.split(" is started")[0] for note in reading.notes] == ["line 2: fast.py"]


def test_a_script_of_another_trainer_says_so() -> None:
    reading = read("python -m pkg.train_dpo --a 1")
    assert reading.program == "pkg.train_dpo"
    assert "line 1: this starts pkg.train_dpo, and nothing here starts pkg.train_main" in reading.notes[0]


def test_options_after_a_comment_are_lost_as_in_the_shell() -> None:
    reading = read("python fast.py --a 1 \\\n  # a comment\n  --b 2 --c 3\n")
    assert [each.name for each in reading.given] == ["a"]
    assert "line 3: the comment above ends the command, so these never reach the program: --b, --c" in reading.notes[0]


def test_sourced_files_and_configuration_files_are_read() -> None:
    text = (
        'DIR="$(cd -- "$(dirname -- "$0")" && pwd)"\nsource "${DIR}/models/m.sh"\n'
        "python fast.py --config $DIR/c.yaml ${MODEL[@]} --b 5\n"
    )
    found = values(text, models__m_sh="MODEL=(\n  --layers 2\n)\n", c_yaml="a: 1\nb: 2\n")
    assert found == {"a": 1, "layers": 2, "b": 5}
    reading = read(text)
    assert {each.name for each in reading.given} == {"b"}
    assert "line 2: the variables of models/m.sh are not read" in reading.notes[0]


def test_a_file_that_the_script_writes_is_read() -> None:
    text = "N=3\ncat > /tmp/c.yaml <<EOF\na: $N\nb: {c: 2}\nEOF\npython fast.py --config /tmp/c.yaml\n"
    assert values(text) == {"a": 3, "b.c": 2}


def test_arrays_alone_are_options() -> None:
    assert values("MODEL=(\n  --layers 2\n  --norm rms\n)\n") == {"layers": 2, "norm": "rms"}


@pytest.mark.parametrize("end", range(SCRIPT.index("--lr"), len(SCRIPT), 3))
def test_every_beginning_of_a_command_gives_the_same_options_up_to_the_last(end: int) -> None:
    whole = {each.name: each.value for each in read(SCRIPT).given}
    found = read(SCRIPT[:end]).given
    assert [(each.name, each.value) for each in found[:-1]] == [(each.name, whole[each.name]) for each in found[:-1]]
    assert not end > SCRIPT.index("--n=") or len(found) >= 6


@pytest.mark.parametrize("end", range(1, SCRIPT.index("--lr"), 7))
def test_every_beginning_of_a_script_is_read(end: int) -> None:
    names = {"clip", "name", "one", "late", "off", "address"}
    beginnings = {name[:size] for name in names for size in range(9)}
    assert {each.name for each in read(SCRIPT[:end]).given} <= names | beginnings
