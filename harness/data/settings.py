"""The numbers behind the tiers: the paper's where it states them, else ours. ``make data`` takes others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field

VERSION: Final = 2  # of the rules; a tier built by others is built anew

Share = Annotated[float, Field(ge=0, le=1)]
PositiveShare = Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True, slots=True)
class Settings:
    """How tiers are drawn and what is kept out of them."""

    size: Annotated[int, Field(ge=1)] = 5000  # rows of a paper tier; the paper's
    seed: Annotated[int, Field(ge=0)] = 42  # the paper's, though its draw is not known
    part: PositiveShare = 0.2  # of a source that is only there in part, at least this share makes a tier; ours
    guessable: Share = 0.05  # largest share of answers that can be guessed; ours, the paper gives none
    near: PositiveShare = 0.7  # similarity to a benchmark problem from which a problem is left out; ours
    covered: PositiveShare = 0.85  # coverage likewise; ours


DEFAULTS: Final = Settings()
