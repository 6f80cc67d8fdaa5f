"""Run a framework's own functions from a commit of its repository, without the packages that they do not use.

Frameworks that release nothing are known by a commit. It is fetched with git. Packages that are
not installed, such as Megatron, are replaced by empty ones on import: whatever calls them fails, and the arithmetic of
losses does not.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import platform
import subprocess
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tools.peers.common import Packages, PeerError, run_inside, write_recorded
from tools.peers.small_batches import make_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


def check_out(repository: str, commit: str, folder: Path) -> Path:
    """Fetch one commit with git.

    Args:
        repository: ``owner/name`` on GitHub, or a path or address that git understands.
        commit: The commit, by its first letters.
        folder: Where its files go, unless they are there.

    Returns:
        The folder of the files.

    Raises:
        PeerError: git could not fetch the commit.

    """
    target = folder.with_name(f"{folder.name}-{commit}")
    if (target / ".git").exists():
        return target
    address = repository if Path(repository).exists() or ":" in repository else f"https://github.com/{repository}"
    words = ["clone", "--quiet", "--no-checkout", "--filter=blob:none", address, str(target)]
    found = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    if found.returncode:
        raise PeerError(f"{address} cannot be fetched: {found.stderr.strip()}")
    git = ["git", "-C", str(target)]
    subprocess.run([*git, "checkout", "--quiet", commit, "--", "*.py"], capture_output=True, check=False)
    if not list(target.glob("*/*.py")):
        raise PeerError(f"{address} has no commit {commit}")
    return target


class _Nothing(type):
    """The class of names from absent packages: they may be subclassed, subscripted and used as decorators."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _named(name)

    def __getitem__(cls, _: Any) -> Any:
        return cls

    def __or__(cls, _: Any) -> Any:
        return cls

    def __ror__(cls, _: Any) -> Any:
        return cls


class _Absent(metaclass=_Nothing):
    """A name from an absent package."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Return what is decorated, or an object of nothing."""
        return args[0] if len(args) == 1 and callable(args[0]) and not kwargs else super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        """Take anything."""

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: Any) -> dict[str, str]:
        """Let a configuration have a field of the type."""
        return {"type": "any"}

    def __call__(self, *args: Any, **_: Any) -> Any:
        """Return what is decorated."""
        return args[0] if args else self

    def __getattr__(self, name: str) -> Any:
        """Return another such name."""
        if name.startswith("__"):
            raise AttributeError(name)
        return _named(name)


def _named(name: str) -> Any:
    return _Nothing(name, (_Absent,), {})


class _Package(types.ModuleType):
    """An absent package; every name in it is an ``_Absent``."""

    def __getattr__(self, name: str) -> Any:
        """Return a name of the package, always the same one."""
        if name.startswith("__"):
            raise AttributeError(name)
        setattr(self, name, _named(name))
        return self.__dict__[name]


class _SnapshotFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Find what the files of a checkout import and is absent, and the modules that are to be taken as absent."""

    def __init__(self, folder: Path, absent: Iterable[str], own: str) -> None:
        self.folder, self.absent, self.own, self.looking = str(folder), tuple(absent), own, False

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """Return a spec for what nobody else finds."""
        top = fullname.partition(".")[0]
        listed = any(fullname == name or fullname.startswith(f"{name}.") for name in self.absent)
        if not listed and (top == self.own or not self._asked() or self._installed(top)):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def _asked(self) -> bool:
        """Return True if a file of the checkout imports; other packages know how to do without."""
        frame: Any = sys._getframe(1)
        while frame is not None and (
            frame.f_code.co_filename in (__file__,) or "importlib" in frame.f_code.co_filename
        ):
            frame = frame.f_back
        return frame is not None and frame.f_code.co_filename.startswith(self.folder)

    def _installed(self, top: str) -> bool:
        if self.looking or isinstance(sys.modules.get(top), _Package):
            return self.looking
        self.looking = True
        try:
            return importlib.util.find_spec(top) is not None
        except (ImportError, ValueError):
            return False
        finally:
            self.looking = False

    def create_module(self, spec: Any) -> types.ModuleType:
        """Return an empty package."""
        module = _Package(spec.name)
        module.__path__ = []
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Do nothing."""


def open_checkout(folder: Path, package: str, absent: Sequence[str] = ()) -> None:
    """Make a checkout's package importable.

    Args:
        folder: The files of the commit.
        package: The framework's own top-level package.
        absent: Modules to replace by empty ones although they exist, such as those that start servers.

    """
    os.environ["ROLL_LOG_DIR"] = str(Path.cwd())  # a temporary folder
    os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")  # torch.compile needs a compiler and changes no number here
    sys.meta_path.insert(0, _SnapshotFinder(folder, absent, package))
    sys.path.insert(0, str(folder))


def padded(rows: Sequence[Sequence[float]], width: int, fill: float = 0.0) -> torch.Tensor:
    """Return rows of numbers as a float64 tensor (B, width), so that sums of a loss lose nothing."""
    return torch.tensor([list(row) + [fill] * (width - len(row)) for row in rows], dtype=torch.float64)


def mask_of(lengths: Sequence[int], width: int) -> torch.Tensor:
    """Return the mask (B, width) of the tokens of responses, as 0 and 1 in float32."""
    return (torch.arange(width)[None, :] < torch.tensor(lengths)[:, None]).float()


def trimmed(rows: torch.Tensor, lengths: Sequence[int]) -> list[Any]:
    """Return rows (B, T) with 0 beyond each response."""
    found: list[Any] = torch.where(mask_of(lengths, rows.shape[1]) > 0, rows, 0.0).tolist()
    return found


def by_sample(advantages: torch.Tensor, lengths: Sequence[int]) -> list[Any]:
    """Return one advantage a response, or rows where they differ within a response; 0 beyond each response."""
    rows = [row[:length] for row, length in zip(advantages, lengths, strict=True)]
    if all(bool((row == row[0]).all()) for row in rows):
        return [float(row[0]) for row in rows]
    return trimmed(advantages, lengths)


def answer(
    run: Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]], package: str, absent: Sequence[str]
) -> None:
    """Run the cases of the request on standard input and print their numbers, as ``run_inside`` expects.

    Args:
        run: Gives the numbers of a case from the options of the framework and a document.
        package: The framework's own top-level package.
        absent: Modules to replace by empty ones although they exist, such as those that start servers.

    """
    request = json.load(sys.stdin)
    open_checkout(Path(request["folder"]), package, absent)
    print(json.dumps([run(case["options"], request["batches"][case["batch"]]) for case in request["cases"]]))


def _asked(case: Mapping[str, Any], numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers that a case compares; all of them unless it names some in ``only``."""
    return {key: value for key, value in numbers.items() if key in case.get("only", numbers)}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A framework that releases nothing: where it is, and the commit that ran."""

    framework: str  # the name of its dialect
    repository: str  # owner/name
    commit: str  # as the dialect names it
    script: Path  # the file that answers
    note: str  # what was run and what was not

    def record(self, words: Sequence[str], cases: Sequence[Mapping[str, Any]], more: Mapping[str, Any]) -> Path:
        """Run every case and write its numbers.

        Args:
            words: Of the command line: a path or an address to fetch from in place of GitHub, or nothing.
            cases: Name, options of the framework, our tricks and the batch of each case.
            more: Batches by name beside the small ones.

        Returns:
            The file.

        Raises:
            PeerError: The commit cannot be fetched, or its code fails.

        """
        folder = check_out(words[0] if words else self.repository, self.commit, Packages().folder / self.framework)
        batches = {**make_batches(), **more}
        request = {"folder": str(folder), "batches": batches, "cases": [dict(case) for case in cases]}
        found = run_inside(self.script, [Path(__file__).parents[2]], request)
        common = {"preset": "vanilla_ppo", "updates_per_rollout": 4, "tolerance": 2e-6}
        environment = {"python": platform.python_version(), "torch": torch.__version__, "note": self.note}
        return write_recorded(
            self.framework,
            {
                "framework": self.framework,
                "made_by": f"python -m tools.peers {self.framework}",
                "environment": environment,
                "batches": {name: batches[name] for name in dict.fromkeys(case["batch"] for case in cases)},
                "cases": [
                    {**common, **case, "releases": {self.commit: _asked(case, numbers)}}
                    for case, numbers in zip(cases, found, strict=True)
                ],
            },
        )


def write_options(framework: str, release: str, defaults: Mapping[str, Any]) -> Path:
    """Write the options of a framework, one a line, and return the file.

    Args:
        framework: The name of its dialect.
        release: The commit, as the dialect names it.
        defaults: The default of each option by its name; null where it has none.

    """
    lines = ",\n".join(
        f"{json.dumps(name)}: {json.dumps([[release, None, defaults[name]]])}" for name in sorted(defaults)
    )
    head = f'{{"framework": {json.dumps(framework)}, "releases": [{json.dumps(release)}],\n"options": {{\n'
    file = Path(__file__).resolve().parents[2] / "tricks" / "frameworks" / "options" / f"{framework}.json"
    file.write_text(f"{head}{lines}\n}}}}\n", encoding="utf-8")
    return file


def plain_value(value: Any) -> Any:
    """Return a default as JSON: numbers and words as they are, empty collections, and null for all else."""
    if isinstance(value, bool | int | float | str) or value is None:
        return value
    if isinstance(value, list | tuple) and all(isinstance(each, bool | int | float | str) for each in value):
        return list(value)
    return {} if isinstance(value, dict) else None
