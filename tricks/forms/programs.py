"""Find the program that a command starts behind its launchers: torchrun, ray job submit, uv run, srun."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tricks.forms.overrides import Word
from tricks.forms.reading import FormHints

_PYTHON: Final = re.compile(r"(?:.*/)?(?:python[0-9.]*|pypy[0-9.]*)")
_MODULE: Final = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*")
_SCRIPT: Final = re.compile(r"[^\s=]+\.py")
_LAUNCHER_NAMES: Final = (
    "torchrun accelerate deepspeed srun nohup uv uvx mpirun mpiexec numactl timeout env sudo time exec command nice "
    "ionice stdbuf xargs conda poetry pixi pdm docker singularity apptainer sbatch ssh ray bash sh zsh eval nsys ncu "
    "gantry torchx colossalai horovodrun dlrover-run jsrun flux setsid script unbuffer mamba micromamba kubectl "
    "salloc modal sky"
)
_LAUNCHERS: Final = frozenset(_LAUNCHER_NAMES.split())
_LAUNCHER_MODULES: Final = frozenset(
    {"torch.distributed.run", "torch.distributed.launch", "accelerate.commands.launch"}
)
_COMMANDS: Final = {  # programs, and the words after them that start something
    "trl": "grpo rloo dpo kto sft reward env vllm-serve ppo online-dpo gkd cpo orpo bco",
    "swift": "rlhf sft pt rollout infer deploy export eval sample app web-ui merge-lora",
    "megatron": "rlhf sft pt export",
}
_CONSOLE: Final = {name: frozenset(commands.split()) for name, commands in _COMMANDS.items()}


@dataclass(frozen=True, slots=True)
class Program:
    """A program with its arguments, or the text of a script that a shell is given."""

    name: str  # a module, a script, or a program with its command such as "trl grpo"
    arguments: tuple[Word, ...]
    script: Word | None = None  # of bash -c "..."


def find_program(words: Sequence[Word], hints: FormHints) -> Program | None:
    """Return the program that the words of a command start, behind launchers and after their ``--``."""
    return _find(list(words), hints, True)


def matches(program: str, wanted: str) -> bool:
    """Return True if a program is the wanted module, script or command."""
    return program == wanted or program.endswith((f"/{wanted}", f".{wanted}"))


def _find(words: list[Word], hints: FormHints, first: bool) -> Program | None:
    """Return the program: the first word itself, or the first one that a launcher can mean."""
    for place, word in enumerate(words):
        name = word.text
        if first and re.match(r"[A-Za-z_]\w*=", name):
            continue  # of the environment
        if _is_start(words, place, hints, first):
            return _program(words, place, hints)
        if first and name.rpartition("/")[2] not in _LAUNCHERS:
            return None
        first = False
    return None


def _is_start(words: list[Word], place: int, hints: FormHints, first: bool) -> bool:
    """Return True if a program or a nested launcher begins at the place."""
    name = words[place].text
    if _PYTHON.fullmatch(name) or (_SCRIPT.fullmatch(name) and not name.startswith("-")):
        return True
    if name == "-m" and not first:
        return place + 1 < len(words) and bool(_MODULE.fullmatch(words[place + 1].text))
    if _is_script_text(words, place):
        return True
    return _console(words, place, hints) is not None


def _is_script_text(words: list[Word], place: int) -> bool:
    """Return True for bash -c TEXT."""
    if words[place].text.rpartition("/")[2] not in ("bash", "sh", "zsh") or place + 2 >= len(words):
        return False
    return re.fullmatch(r"-[a-z]*c", words[place + 1].text) is not None


def _console(words: list[Word], place: int, hints: FormHints) -> tuple[str, int] | None:
    """Return a program of several words that is known, and the number of its words."""
    name = words[place].text.rpartition("/")[2]
    for wanted in hints.programs:
        parts = wanted.split()
        if [name, *(word.text for word in words[place + 1 : place + len(parts)])] == parts and not _SCRIPT.fullmatch(
            name
        ):
            return wanted, len(parts)
    if place + 1 < len(words) and words[place + 1].text in _CONSOLE.get(name, ()):
        return f"{name} {words[place + 1].text}", 2
    return None


def _program(words: list[Word], place: int, hints: FormHints) -> Program | None:
    if _is_script_text(words, place):
        return Program("", (), words[place + 2])
    if console := _console(words, place, hints):
        return Program(console[0], tuple(words[place + console[1] :]))
    if not _PYTHON.fullmatch(words[place].text):
        return _module_or_script(words, place, hints)
    place += 1
    while place < len(words) and words[place].text.startswith("-") and words[place].text not in ("-m", "-c"):
        place += 2 if words[place].text in ("-X", "-W") else 1
    if place >= len(words) or words[place].text == "-c":
        return None
    return _module_or_script(words, place, hints)


def _module_or_script(words: list[Word], place: int, hints: FormHints) -> Program | None:
    """Return the program at -m MODULE or SCRIPT, or the one that it launches."""
    if words[place].text == "-m":
        place += 1
        if place >= len(words):
            return None
        if words[place].text in _LAUNCHER_MODULES:
            return _find(words[place + 1 :], hints, False)
    arguments = words[place + 1 :]
    dashes = next((index for index, word in enumerate(arguments) if word.text == "--"), None)
    if dashes is not None and (launched := _find_in_commands(arguments[dashes + 1 :], hints)):
        return launched
    return Program(words[place].text, tuple(arguments))


def _find_in_commands(words: list[Word], hints: FormHints) -> Program | None:
    """Return the program in words that hold escaped separators, such as ``source x && python y.py``."""
    commands: list[list[Word]] = [[]]
    for word in words:
        glued = word.text.startswith("&&") or word.text in (";", "||", "--")
        if glued:
            commands.append([])
        if not glued or len(word.text) > 2:
            commands[-1].append(word.after(2) if glued else word)
    found = [program for command in commands if command and (program := _find(command, hints, True))]
    wanted = [each for each in found if any(matches(each.name, name) for name in hints.programs)]
    return next(iter(wanted or found), None)
