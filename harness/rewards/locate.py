"""Find the source file of a reward function by name, without importing it.

The main process of a run never executes a user's function.
"""

import hashlib
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

from harness.common import SchemaError, suggest
from harness.rewards.contract import ENTRY_POINT_GROUP

_TARGET: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_FORM: Final = "write package.module:name, or the name of an entry point in the group " + ENTRY_POINT_GROUP


@dataclass(frozen=True, slots=True)
class Located:
    """A reward function and its source at the time when the run was described."""

    target: str  # "package.module:name"
    file: str  # absolute path of the module's source
    sha256: str  # of the source; identifies the function in the cell id

    @property
    def module(self) -> str:
        """The name of the module."""
        return self.target.partition(":")[0]

    @property
    def attribute(self) -> str:
        """The name of the function within the module."""
        return self.target.partition(":")[2]

    @property
    def root(self) -> str:
        """The folder from which the module is imported."""
        file = Path(self.file)
        above = self.module.count(".") + (file.name == "__init__.py")
        return str(file.parents[above])


def resolve_reward(composed: Mapping[str, Any]) -> dict[str, Any]:
    """Add the source of the reward function to a composed experiment.

    Raises SchemaError where it is not found.
    """
    reward = composed.get("reward")
    if not isinstance(reward, dict):
        return dict(composed)
    name = reward.get("function")
    source = asdict(locate_reward(name)) if isinstance(name, str) else None
    return {**composed, "reward": {**reward, "source": source}}


def find_offered_rewards() -> dict[str, str]:
    """Return the reward functions of installed packages: name -> "package.module:name"."""
    return {point.name: point.value.replace(" ", "") for point in entry_points(group=ENTRY_POINT_GROUP)}


def locate_reward(name: str) -> Located:
    """Find the source of a reward function without importing it.

    Raises SchemaError, which names what is missing.
    """
    target = name if ":" in name else find_offered_rewards().get(name)
    if target is None:
        known = find_offered_rewards()
        near = suggest(name, known) if known else "no installed package offers any"
        raise SchemaError(f"reward.function: no reward {name!r}; {near}; {_FORM}")
    if not _TARGET.fullmatch(target) or target.partition(":")[0].endswith(".py"):
        hint = "; a module is written without .py and with dots" if ".py" in target or "/" in target else ""
        raise SchemaError(f"reward.function: {target!r} is not the name of a function; {_FORM}{hint}")
    module = target.partition(":")[0]
    file = _source(module)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SchemaError(f"reward.function: {file} cannot be read: {error.strerror}") from None
    return Located(target, str(file), hashlib.sha256(content).hexdigest())


def _source(module: str) -> Path:
    """Return the source file of a module, as an import would find it."""
    first, *rest = module.split(".")
    spec = _top(first)
    if spec is None:
        raise SchemaError(
            f"reward.function: no module {first!r} in {Path.cwd()}, PYTHONPATH and the installed packages; run the "
            f"command in the folder of {first}, add its folder to PYTHONPATH, or install it"
        )
    file = Path(spec.origin) if spec.origin and spec.has_location else None
    folders, known = [Path(folder) for folder in spec.submodule_search_locations or ()], first
    for name in rest:
        if not folders:
            raise SchemaError(f"reward.function: {known} is a module, not a package, and has no module {name!r}")
        found = next((one for folder in folders if (one := _within(folder, name))), None)
        if found is None:
            raise SchemaError(f"reward.function: no module {known}.{name!s} in {folders[0]}; {_FORM}")
        file, folders, known = *found, f"{known}.{name}"
    if file is None or file.suffix != ".py":
        raise SchemaError(f"reward.function: {module} has no source file in Python; name a function in a .py file")
    return file.absolute()


def _top(name: str) -> ModuleSpec | None:
    """Find a top-level module; the current folder comes first, as with ``python -m``."""
    here = PathFinder.find_spec(name, [str(Path.cwd())])
    if here is not None and here.origin is not None:
        return here
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        found: ModuleSpec | None = find(name, None) if find else None
        if found is not None:
            return found
    return here


def _within(folder: Path, name: str) -> tuple[Path | None, list[Path]] | None:
    """Find a module in its package's folder; return its source, and its folder if a package.

    Python's own finders would import the package.
    """
    package = folder / name
    if (package / "__init__.py").is_file():
        return package / "__init__.py", [package]
    if package.with_suffix(".py").is_file():
        return package.with_suffix(".py"), []
    return (None, [package]) if package.is_dir() else None
