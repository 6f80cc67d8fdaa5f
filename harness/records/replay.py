"""What a replay found, as the analysis reads it: no torch here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from harness.common.schema import read_json

FOLDER = "runs/replay"  # under results


@dataclass(frozen=True, slots=True)
class ArmResult:
    """How the gradient of one rule differs from the baseline's on the same batch. None where one of them is 0."""

    name: str
    kind: Literal["paper", "peer", "preset"]  # one of the eight tricks, another trick, or a preset
    cosine: float | None
    norm_ratio: float | None
    sign_flips: float | None  # share of the coordinates in which the baseline has a gradient
    fired: float | None  # share of sampled tokens whose gradient the trick changes; None for a preset


@dataclass(frozen=True, slots=True)
class Replay:
    """All arms on one frozen batch."""

    name: str  # "laptop", or that of the file the batch was read from
    gradient_of: Literal["parameters", "log-probs"]
    coordinates: int
    baseline: str  # the preset that arms are compared with, and to which tricks are added
    batch: Mapping[str, float]  # what the batch is like, such as "samples"
    arms: tuple[ArmResult, ...]
    cosines: tuple[tuple[float | None, ...], ...]  # of all pairs, in the order of the arms
    refused: Mapping[str, str]  # arm -> why it has no gradient on this batch
    origin: Mapping[str, str]  # where the batch comes from: model, seed, steps, or the file
    provenance: Mapping[str, str]

    def to_json(self) -> str:
        """The report as a document that ``from_json`` reads."""
        return json.dumps(asdict(self), indent=1)

    @staticmethod
    def from_json(text: str) -> Replay:
        """Read it back. Raises SchemaError where the document is not one."""
        return read_json(Replay, text)
