"""Which code an audit judged, and with which packages."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from harness.clone import git

if TYPE_CHECKING:
    from collections.abc import Mapping

_JUDGED: Final = "harness/verify"
_PACKAGES: Final = ("math-verify", "latex2sympy2-extended", "sympy")


def dirty() -> str:
    """Whether the verifier's code is other than the commit's: ``yes``, ``no`` or ``unknown``."""
    changes = git("status", "--porcelain", "--", _JUDGED)
    return "unknown" if changes is None else "yes" if changes else "no"


def versions() -> Mapping[str, str]:
    """The packages that decide verdicts."""
    return {package: version(package) for package in _PACKAGES}
