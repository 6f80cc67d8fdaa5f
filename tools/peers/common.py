"""Install pinned releases, run code in them and write the numbers, for every peer script.

A script runs in a process of its own, with the folders of a release before all other packages. It reads a request as
JSON from standard input and prints its answer as the last line of standard output, so that a framework may print what
it likes before. The folder of the script is not searched for packages: run_trl.py may import trl.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

RECORDED: Final = Path(__file__).resolve().parents[2] / "tests/tricks/dialects/recorded"
WIDTH: Final = 150
DIGITS: Final = 9  # enough for a float32 to read back as the same bits


class PeerError(RuntimeError):
    """A release cannot be installed, or its code fails on a batch."""


@dataclass(frozen=True, slots=True)
class Packages:
    """Pinned packages, installed without their dependencies into folders that are made once.

    Wheels of large packages are shared between releases: one folder for each set of requirements.
    """

    folder: Path = field(default_factory=lambda: Path(os.environ.get("PEERS", tempfile.gettempdir())) / "peers")

    def install(self, *requirements: str) -> Path:
        """Return the folder that holds these requirements, installed with pip and without dependencies.

        Raises PeerError with the last words of pip where one of them cannot be had.
        """
        name = "+".join(requirements).replace("==", "-").replace("/", "_")
        if len(name) > 100:
            name = f"{name[:80]}+{hashlib.sha256(name.encode()).hexdigest()[:12]}"
        target, done = self.folder / name, self.folder / f"{name}.installed"
        if done.exists():
            return target
        self.folder.mkdir(parents=True, exist_ok=True)
        words = ["install", "--quiet", "--no-deps", "--upgrade", "--target", str(target), *requirements]
        found = subprocess.run([*pip_command(), *words], capture_output=True, text=True, check=False)
        if found.returncode:
            raise PeerError(f"{' '.join(requirements)} cannot be installed: {_last(found.stderr)}")
        done.touch()
        return target


def pip_command() -> list[str]:
    """Return the command of pip; an environment without pip borrows that of the base interpreter."""
    own = [sys.executable, "-m", "pip"]
    works = subprocess.run([*own, "--version"], capture_output=True, check=False).returncode == 0
    base = str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}")
    return own if works else [base, "-m", "pip"]


def run_inside(script: Path, folders: Sequence[Path], request: Mapping[str, Any], seconds: float = 1800.0) -> Any:
    """Run a script in a process of its own, with the folders of a release first.

    Args:
        script: The file to run; it reads JSON from standard input and prints JSON as its last line.
        folders: Folders of installed packages, the first one before the others.
        request: What the script reads.
        seconds: When to give up.

    Returns:
        What the script printed.

    Raises:
        PeerError: The script failed; with its last words.

    """
    path = os.pathsep.join([*map(str, folders), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    quiet = {
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "CUDA_VISIBLE_DEVICES": "",
        "WANDB_DISABLED": "true",
    }
    with tempfile.TemporaryDirectory() as place:
        found = subprocess.run(
            [sys.executable, "-P", "-W", "ignore", str(script)],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
            cwd=place,
            env=os.environ | quiet | {"PYTHONPATH": path},
        )
    lines = found.stdout.strip().splitlines()
    if found.returncode or not lines:
        raise PeerError(f"{script.name} failed: {_last(found.stderr, 30)}")
    return json.loads(lines[-1])


def _last(text: str, lines: int = 3) -> str:
    return "\n".join(text.strip().splitlines()[-lines:]) or "no message"


def round_numbers(value: Any, digits: int = DIGITS) -> Any:
    """Return nested lists with every float rounded to that many significant digits."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    if isinstance(value, list):
        return [round_numbers(part, digits) for part in value]
    return {key: round_numbers(part, digits) for key, part in value.items()} if isinstance(value, dict) else value


def merge_releases(
    found: Mapping[str, Any], order: Sequence[str], same: Callable[[Any, Any], bool] | None = None
) -> dict[str, Any]:
    """Merge neighboring releases with the same result into spans such as ``0.14.0..0.21.0``.

    Args:
        found: The result of each release that was run.
        order: All known releases in order; those that were not run do not end a span.
        same: Whether two results are the same; by default all numbers agree to 1e-6.

    Returns:
        The results by span, or by release where a span has one. The result is that of its first release.

    """
    agree = same or _agree
    spans: list[tuple[str, str, Any]] = []
    for release in (known for known in order if known in found):
        if spans and agree(spans[-1][2], found[release]):
            spans[-1] = (spans[-1][0], release, spans[-1][2])
        else:
            spans.append((release, release, found[release]))
    return {first if first == last else f"{first}..{last}": value for first, last, value in spans}


def _agree(first: Any, second: Any) -> bool:
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_agree(first[key], second[key]) for key in first)
    if _is_table(first) and _is_table(second):
        ours, theirs = list(_numbers(first)), list(_numbers(second))
        largest = max(map(abs, (*ours, *theirs, 1e-3)))
        return len(ours) == len(theirs) and all(abs(a - b) <= 1e-6 * largest for a, b in zip(ours, theirs, strict=True))
    return bool(first == second)


def _is_table(value: Any) -> bool:
    parts = value if isinstance(value, list) else [value]
    return all(_is_table(part) if isinstance(part, list) else isinstance(part, int | float) for part in parts)


def _numbers(value: Any) -> Iterable[float]:
    if isinstance(value, list):
        for part in value:
            yield from _numbers(part)
    else:
        yield float(value)


def write_recorded(framework: str, document: Mapping[str, Any], folder: Path = RECORDED) -> Path:
    """Write the recorded numbers of a framework and return the file.

    A value stands in one line where it is short, so that a change of a number changes few lines.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{framework}.json"
    target.write_text("\n".join(_lines(round_numbers(dict(document)))) + "\n", encoding="utf-8")
    return target


def _lines(value: Any, indent: str = "", head: str = "") -> Iterable[str]:
    whole = json.dumps(value, allow_nan=False)
    if not isinstance(value, dict | list) or len(indent + head + whole) <= WIDTH or _is_numbers(value):
        return [indent + head + whole]
    inner, (left, right) = indent + " ", ("{", "}") if isinstance(value, dict) else ("[", "]")
    parts = (
        [(json.dumps(k) + ": ", v) for k, v in value.items()] if isinstance(value, dict) else [("", v) for v in value]
    )
    found = [indent + head + left]
    for place, (key, part) in enumerate(parts):
        lines = list(_lines(part, inner, key))
        lines[-1] += "," if place + 1 < len(parts) else ""
        found += lines
    return [*found, indent + right]


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(part, dict | list) for part in value)
