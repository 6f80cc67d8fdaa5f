"""The JSON documents of runs, studies, replays and audits. Tables read them without torch.

Tables take a footnote from the audit, which is kept in ``results/verifier.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from harness.common import read_json

if TYPE_CHECKING:
    from collections.abc import Collection


SCHEMA_VERSION: Final = 1
DATA_PREFIX: Final = "data "  # prefix in the provenance; followed by a tier, names the SHA-256 of its rows
CONTROL_AXIS: Final = "control"  # the axis of known-effect controls; every other cell has CONTROL_OFF there
CONTROL_OFF: Final = "off"
AD_HOC_PREFIX: Final = "adhoc_"  # prefix of the name of a study whose grid was given on the command line
NEAREST: Final = 3  # number of scores that a message about an unknown score lists
# prefix, followed by a trick: share of tokens whose update it changed, mean over all steps
FIRED_PREFIX: Final = "fired/"


@dataclass(frozen=True, slots=True)
class RunHead:
    """The facts about a run that are known before its first step.

    The fields are those of ``RunRecord``.
    """

    run_id: str
    cell_id: str
    study: str
    profile: str
    labels: Mapping[str, str]
    seed: int
    config: Mapping[str, Any]
    rule: Mapping[str, tuple[str, ...]]
    provenance: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The record of one run. ``labels`` place it on the grid; ``scores`` feed the tables."""

    run_id: str  # "<cell_id>-s<seed>", from the MLflow tags of these two names
    cell_id: str
    study: str  # the grid's name; "single" for runs outside a grid
    profile: str  # "laptop", "gpu", ...
    labels: Mapping[str, str]  # axis -> label
    seed: int
    status: Literal["finished", "failed"]
    scores: Mapping[str, float]  # "final/accuracy", "final/pass@8", "auc/accuracy", ...
    config: Mapping[str, Any]  # the whole resolved ExperimentConfig
    rule: Mapping[str, tuple[str, ...]]  # hook -> settings in effect
    provenance: Mapping[str, str]  # git commit, dirty flag, versions, device
    wall_seconds: float
    cpu_seconds: float
    peak_memory_mb: float
    error: str | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def head(self) -> RunHead:
        """The part of the record that was known when the run started."""
        return RunHead(**{part.name: getattr(self, part.name) for part in fields(RunHead)})

    @property
    def never_fired(self) -> tuple[str, ...]:
        """The tricks that changed no update in any step, among those with recorded firing."""
        shares = {
            name.removeprefix(FIRED_PREFIX): share
            for name, share in self.scores.items()
            if name.startswith(FIRED_PREFIX)
        }
        return tuple(sorted(trick for trick, share in shares.items() if share == 0))

    def to_json(self) -> str:
        """Return the record as a JSON document, which ``from_json`` reads."""
        return json.dumps(asdict(self), indent=2, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a record. Raises SchemaError where the document does not fit."""
        return read_json(cls, text)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Cells that a grid leaves out, with the reason."""

    labels: Mapping[str, str]
    because: str


@dataclass(frozen=True, slots=True)
class Control:
    """A cell outside the cross with a known effect, which a working harness must detect."""

    name: str  # its label on the axis CONTROL_AXIS
    # labels of the cell; the cell that it is compared with differs only in CONTROL_OFF on CONTROL_AXIS
    labels: Mapping[str, str]
    expect: Literal["worse", "better"]
    metric: str  # the score that shows it
    because: str


@dataclass(frozen=True, slots=True)
class Study:
    """The question, design and cells of a grid, as tables read them."""

    name: str
    profile: str
    question: str
    metric: str  # the score that decides, such as "final/accuracy"
    axes: Mapping[str, tuple[str, ...]]  # axis -> labels, in the grid's order
    baseline: Mapping[str, str]
    seeds: tuple[int, ...]
    cells: tuple[Mapping[str, str], ...]  # planned cells, as labels
    cell_ids: tuple[str, ...]  # ids of the cells, in the same order; tables use only runs of these cells
    skipped: tuple[Skipped, ...] = ()
    refused: tuple[Skipped, ...] = ()
    twins: tuple[tuple[Mapping[str, str], ...], ...] = field(default=())  # classes of cells that cannot differ
    because: tuple[tuple[str, ...], ...] = ()  # the reasons, for every cell of a class but its first
    once: bool = False  # True: only the first cell of each class runs
    primary: tuple[Mapping[str, tuple[str, ...]], ...] | None = None  # slices whose contrasts are declared; None: all
    margin: float | None = None  # of equivalence, in the metric's unit; None: no equivalence is claimed
    controls: tuple[Control, ...] = ()
    fraction: tuple[
        tuple[str, ...], ...
    ] = ()  # defining words of a fractional factorial: axes whose signs multiply to +1
    choices: tuple[str, ...] = ()  # what the paper leaves open, and what was chosen
    feeds: tuple[str, ...] = ()  # tables and figures that read the study
    tuning: str | None = None  # the tuning that the settings come from

    def to_json(self) -> str:
        """Return the study as a JSON document, which ``from_json`` reads."""
        return json.dumps(asdict(self), sort_keys=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a study. Raises SchemaError where the document does not fit."""
        return read_json(cls, text)


def suggest_scores(name: str, known: Collection[str]) -> str:
    """Return the end of a message about an unknown score: the nearest known names, best first."""

    def likeness(other: str) -> float:
        same_end = name.lower().rpartition("/")[2] == other.rpartition("/")[2]
        same_start = name.lower().partition("/")[0] == other.partition("/")[0]
        extra = other.endswith("/se") and not name.endswith("/se")
        ratio = SequenceMatcher(None, name.lower(), other, autojunk=False).ratio()
        return ratio + 0.2 * same_end + 0.1 * same_start - 0.2 * extra

    close = [repr(other) for other in sorted(known, key=lambda other: (-likeness(other), other))[:NEAREST]]
    return f"did you mean {', '.join(close[:-1])} or {close[-1]}?" if len(close) > 1 else f"known: {' '.join(close)}"


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


AUDIT_NAME: Final = "verifier"


@dataclass(frozen=True, slots=True)
class Mistake:
    """A pair on which the verifier and the label disagree."""

    id: str
    kind: str  # "false positive" or "false negative"
    gold: str
    answer: str | None  # what the verifier read in the last box
    reason: str
    why: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Counts of this project's verifier and of plain math-verify on the same pairs."""

    verifier: AuditCounts
    plain: AuditCounts | None  # None: it did not finish
    mistakes: tuple[Mistake, ...]
    commit: str
    dirty: str  # "yes", "no", "unknown"
    versions: Mapping[str, str]

    def to_json(self) -> str:
        """Return the report as a JSON document, which ``from_json`` reads."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a report. Raises SchemaError where the document does not fit."""
        return read_json(cls, text)


@dataclass(frozen=True, slots=True)
class AuditCount:
    """Numbers of pairs by label, and of mistakes among them.

    An undecided pair counts as a mistake where its label is correct, because it earns no reward.
    """

    right: int = 0  # pairs labeled correct
    wrong: int = 0  # pairs labeled incorrect
    false_positives: int = 0  # among the incorrect pairs
    false_negatives: int = 0  # among the correct pairs
    undecided: int = 0

    def __add__(self, other: AuditCount) -> AuditCount:
        return AuditCount(
            self.right + other.right,
            self.wrong + other.wrong,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
            self.undecided + other.undecided,
        )


@dataclass(frozen=True, slots=True)
class AuditCounts:
    """Counts of the same pairs, grouped by form and by kind."""

    forms: Mapping[str, AuditCount]
    kinds: Mapping[str, AuditCount]

    @property
    def total(self) -> AuditCount:
        """The counts of all pairs."""
        return sum(self.forms.values(), AuditCount())
