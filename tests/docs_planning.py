"""The tables of docs/guides/planning.md: published and predicted times and peaks, and the constants."""

from __future__ import annotations

from collections.abc import Iterator

from sweeps.cost import inputs as constants
from tests.markdown import table
from tools.cost_fit import GROUND, PEAKS, POINTS, Point, left_out

CONSTANTS = (
    ("share of the peak that training and scoring reach", f"{constants.FITTED.compute_share:.3f}", "fitted"),
    (
        "seconds per running sequence and token: scheduling, sampling, text",
        f"{constants.FITTED.sequence_seconds:.2e}",
        "fitted",
    ),
    ("share of the bandwidth that decoding reaches", f"{constants.BANDWIDTH_SHARE}", "usual; not fitted"),
    ("latency of a layer", f"{constants.LAYER_SECONDS:.0e} s", "usual; not fitted"),
    (
        "latency of a reduction; two per layer of a split model",
        f"{constants.REDUCE_SECONDS:.1e} s, {constants.BETWEEN_NODES} times that between nodes",
        "usual; not fitted",
    ),
    (
        "share of memory for the sampler, unless the run sets it",
        f"{constants.SAMPLER_SHARE}",
        "the default of NeMo-RL and verl",
    ),
    (
        "share of memory at which a sampler is split",
        f"{constants.SPLIT_AT}",
        "gives the ranks of all NeMo-RL recipes below",
    ),
    (
        "share of a dense model's compute share that experts reach",
        f"{constants.EXPERTS_SHARE}",
        "prime-rl, SFT Full 16k on 8xH200: 16.6 % of the peak for 30B-A3B, 28.4 % for 4B",
    ),
    ("overhead outside the phases", f"{constants.REST_SHARE:.0%}", "verl: 3 to 7 %"),
    ("weight sync", f"{constants.SYNC_RATE / 1e9:.0f} GB/s", "verl: 58.6 s for 235B parameters"),
    ("start of a run", f"{constants.START_SECONDS:.0f} s", "a guess"),
)


def published_steps() -> Iterator[str]:
    """Every point, with its errors: of the constants in use, and of constants that never saw it."""
    titles = ("what", "GPUs", "published, s", "predicted, s", "error", "left out", "length", "source")
    yield from table(titles, [_row(point) for point in POINTS])


def _row(point: Point) -> tuple[str, ...]:
    what = point.model.rpartition("/")[2]
    kind = f"{what}, one update of {point.work.lengths.limit:,} tokens per GPU" if point.trainer else what
    unseen = _percent(left_out(point)) if point in GROUND else _percent(point.error())
    source = point.source if point.listed else f"{point.source} (not among the points of the bar)"
    return (
        kind,
        point.cluster,
        f"{point.seconds:,.1f}",
        f"{point.predicted():,.1f}",
        _percent(point.error()),
        unseen,
        "" if point.trainer else point.length,
        source,
    )


def published_peaks() -> Iterator[str]:
    """Peaks of memory of one GPU."""
    rows = [
        (
            peak.model.rpartition("/")[2],
            peak.cluster,
            f"{peak.tokens:,}",
            f"{peak.gib:.1f}",
            f"{peak.predicted:.1f}",
            _percent(peak.predicted / peak.gib - 1),
        )
        for peak in PEAKS
    ]
    yield from table(("model", "GPUs", "tokens", "published, GiB", "predicted, GiB", "error"), rows)


def _percent(error: float) -> str:
    return f"{round(error, 2) + 0.0:+.0%}"


def cost_constants() -> Iterator[str]:
    """What is fitted, and where the rest comes from."""
    yield from table(("constant", "value", "from"), CONSTANTS)
