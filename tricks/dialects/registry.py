"""The known dialects, one per framework, each at the commit that was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tricks.api import TrickError
from tricks.dialects.areal import AREAL
from tricks.dialects.nemo_rl import NEMO_RL
from tricks.dialects.oat import OAT
from tricks.dialects.open_instruct import OPEN_INSTRUCT
from tricks.dialects.openrlhf import OPENRLHF
from tricks.dialects.prime_rl import PRIME_RL
from tricks.dialects.roll import ROLL
from tricks.dialects.slime import SLIME
from tricks.dialects.trl import TRL
from tricks.dialects.verl import VERL
from tricks.settings import suggest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tricks.dialects.dialect import Dialect

_ALL: Final = (VERL, TRL, ROLL, OPENRLHF, AREAL, NEMO_RL, OPEN_INSTRUCT, OAT, PRIME_RL, SLIME)

DIALECTS: Final[Mapping[str, Dialect]] = {dialect.name: dialect for dialect in _ALL}


def find_dialect(name: str) -> Dialect:
    """Return the dialect of a framework. Raises TrickError with the nearest known name."""
    try:
        return DIALECTS[name]
    except KeyError:
        raise TrickError(f"unknown dialect {name!r}; {suggest(name, DIALECTS)}") from None
