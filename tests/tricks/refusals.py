"""Every refusal of the tricks: each is provoked in the tests, and the table of the documentation is made from them."""

from __future__ import annotations

from typing import Final

from tests.tricks.refused import Refusal
from tests.tricks.refused_batches import BATCHES
from tests.tricks.refused_dialects import DIALECTS
from tests.tricks.refused_settings import SETTINGS
from tests.tricks.refused_tricks import TRICKS

REFUSALS: Final[tuple[Refusal, ...]] = (*SETTINGS, *TRICKS, *BATCHES, *DIALECTS)
