"""The options of TRL's AsyncGRPOConfig by release, with those that it inherits, read as ``options_trl.py`` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.peers.common import Packages
from tools.peers.options_trl import async_options_at, spans, write_spans
from tools.peers.trl_async import RELEASES

if TYPE_CHECKING:
    from collections.abc import Sequence


def record(words: Sequence[str]) -> str:
    """Write the options of all releases and return a line on them; ``words`` are not used, all are needed."""
    del words
    packages = Packages()
    found = spans({release: async_options_at(release, packages) for release in RELEASES}, RELEASES)
    return write_spans("trl_async", RELEASES, found)
