"""Tell a configuration of another framework, or of another trainer, by the options that it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tricks.dialects import ALL_RELEASES
from tricks.frameworks.catalogue import load_options
from tricks.frameworks.effective import resolve_options
from tricks.frameworks.registry import FRAMEWORKS, find_framework

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tricks.frameworks.effective import GivenOption
    from tricks.frameworks.explanation import Explanation

_MANY: Final = 0.5  # share of unknown options from which the file is probably another framework's
_LEAST: Final = 2


def note_other_framework(explanation: Explanation, given: Sequence[GivenOption]) -> str:
    """Return a sentence on whose configuration this may be, or "" where its options are known.

    Args:
        explanation: The explanation of the framework that was asked for.
        given: The options as they were read.

    Returns:
        The framework that knows most of the options, or that none does: another trainer, such as DPO's.

    """
    unknown = len(explanation.unknown)
    if not given or unknown < _LEAST or unknown < _MANY * len(given):
        return ""
    counts = {name: _known(name, given) for name in FRAMEWORKS}
    best = max(counts, key=lambda name: counts[name])
    first = f"{unknown} of {len(given)} options are not those of {explanation.framework} {explanation.release}"
    if counts[best] > len(given) - unknown:
        return f"{first}; {best} knows {counts[best]} of them: --framework {best}"
    return f"{first}; only GRPO-like training is read, so check that this is not the file of another trainer (SFT, DPO)"


def _known(name: str, given: Sequence[GivenOption]) -> int:
    framework = find_framework(name)
    release = ALL_RELEASES[name].known_releases[-1]
    return len(given) - len(resolve_options(framework, load_options(name), release, given).unknown)
