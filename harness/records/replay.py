"""The result of a replay, as the analysis reads it without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from harness.common.schema import read_json

REPLAY_FOLDER = "runs/replay"  # under results


@dataclass(frozen=True, slots=True)
class ArmResult:
    """Comparison of one arm's gradient with the baseline's on the same batch.

    A number is None where one of the two gradients is 0.
    """

    name: str
    kind: Literal["paper", "peer", "preset"]  # one of the eight tricks, another trick, or a preset
    cosine: float | None
    norm_ratio: float | None
    sign_flips: float | None  # share of the coordinates with a nonzero gradient of the baseline
    fired: float | None  # share of sampled tokens whose gradient the trick changes; None for a preset


@dataclass(frozen=True, slots=True)
class Replay:
    """The results of all arms on one frozen batch."""

    name: str  # "laptop", or the name of the file of the batch
    gradient_of: Literal["parameters", "log-probs"]
    coordinates: int
    baseline: str  # the preset that arms are compared with, and to which tricks are added
    batch: Mapping[str, float]  # statistics of the batch, such as "samples"
    arms: tuple[ArmResult, ...]
    cosines: tuple[tuple[float | None, ...], ...]  # of all pairs, in the order of the arms
    refused: Mapping[str, str]  # arm -> why it has no gradient on this batch
    origin: Mapping[str, str]  # where the batch comes from: model, seed, steps, or the file
    provenance: Mapping[str, str]

    def to_json(self) -> str:
        """Return the report as a JSON document, which ``from_json`` reads."""
        return json.dumps(asdict(self), indent=1)

    @staticmethod
    def from_json(text: str) -> Replay:
        """Read a report. Raises SchemaError where the document does not fit."""
        return read_json(Replay, text)
