"""Responses that try to hang, crash, fill or fool the verifier. None deserves a reward."""

from __future__ import annotations

from typing import Final

from tests.harness.verify.hostile_cost import costly
from tests.harness.verify.hostile_text import misleading

HOSTILE: Final = (*costly(), *misleading())
