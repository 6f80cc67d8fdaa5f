"""All claims, in the order of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from analysis.takeaways import clipping, losses, normalisation, popular, recipes

if TYPE_CHECKING:
    from analysis.takeaways.claim import Claim

CLAIMS: Final[tuple[Claim, ...]] = (
    *normalisation.CLAIMS,
    *clipping.CLAIMS,
    *losses.CLAIMS,
    *recipes.CLAIMS,
    *popular.CLAIMS,
)
