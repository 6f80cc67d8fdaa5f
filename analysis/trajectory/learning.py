"""How a cell learns: area under its curves, where they level off, how often they collapse."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.stats import Estimate, estimate
from analysis.trajectory.collapse import Collapses, collapses
from analysis.trajectory.course import Cost, lacking
from analysis.trajectory.equal_cost import area
from analysis.trajectory.saturation import LEAST, saturation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from analysis.trajectory.course import Course, Courses
    from analysis.trajectory.saturation import Saturation

COLLAPSED = "collapsed"
SHORT = f"fewer than {LEAST} points"


@dataclass(frozen=True, slots=True)
class Learning:
    """A cell's curves over seeds. Ceiling, slope and midpoint are None unless every seed's fit knows its ceiling.

    To leave the others out would keep the seeds that levelled off early, or luckily.
    """

    area: Estimate  # mean on-policy accuracy over all steps
    over: Cost  # what the fits take for compute
    ceiling: Estimate | None
    slope: Estimate | None
    midpoint: Estimate | None  # in the unit of ``over``
    trouble: str  # why there is no ceiling, and in how many seeds
    collapses: Collapses | None  # None where the curves are too short to tell


def compute(found: Courses) -> Cost:
    """What fits take for compute: response tokens, or steps where a run of the study has not counted its tokens."""
    return "steps" if lacking(found, "tokens") else "tokens"


def learning(by_seed: Mapping[int, Course], over: Cost) -> Learning:
    """Summarise the courses of a cell; there is one at least."""
    fallen = collapses(by_seed)
    areas = estimate(area(course, "steps") for course in by_seed.values())
    if areas is None:
        raise ValueError("a cell without a course has nothing to summarise")
    down = fallen.steps if fallen else {}
    fits = {seed: _fit(course, over) for seed, course in sorted(by_seed.items()) if seed not in down}
    reasons = [COLLAPSED for _ in down] + [SHORT if fit is None else fit.trouble for fit in fits.values()]
    known = [fit for fit in fits.values() if fit is not None]
    trouble = _told(reasons)
    return Learning(
        area=areas,
        over=over,
        ceiling=None if trouble else estimate(fit.ceiling for fit in known),
        slope=None if trouble else estimate(fit.slope for fit in known),
        midpoint=None if trouble else estimate(fit.midpoint for fit in known),
        trouble=trouble,
        collapses=fallen,
    )


def _fit(course: Course, over: Cost) -> Saturation | None:
    cost = course.cost(over)
    return None if cost is None else saturation(cost, course.accuracy)


def _told(reasons: Iterable[str]) -> str:
    """``not levelled off in 2, collapsed in 1 of 6``; empty where no seed has a reason."""
    counts = Counter(reasons)
    told = [f"{reason} in {count}" for reason, count in sorted(counts.items()) if reason]
    return f"{', '.join(told)} of {counts.total()}" if told else ""
