"""One case for the terminal: plain text in 60 columns."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Final

from analysis.layout import LAPTOP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analysis.guide.advice import Advice
    from analysis.guide.scenario import Scenario

WIDTH: Final = 60
UNCHECKED: Final = "Nothing of this was checked here: there are no runs for it. It is what the paper says, on one seed."


def terminal(case: Scenario, advice: Sequence[Advice], costs: Sequence[str], tiny: Sequence[Advice] = ()) -> str:
    """The answers to one case. ``costs``: what a step of each recipe costs, where it was measured.

    ``tiny``: the answers for the laptop's model of the same role, where the case is of another profile.
    """
    lines = [fill(f"{case.words[0].upper()}{case.words[1:]} ({case.profile} profile)", WIDTH)]
    if all(each.word == "no runs" for each in advice):
        lines += ["", fill(UNCHECKED, WIDTH)]
    elif case.profile == "laptop":
        lines += ["", fill(LAPTOP, WIDTH)]
    for each in advice:
        lines += ["", each.question, *_answer(each)]
    if costs:
        lines += ["", "cost of a step, times vanilla PPO", *(f"  {line}" for line in costs)]
    if known := [f"{each.question} {each.word}" for each in tiny if each.word != "no runs"]:
        told = f"On the tiny model that plays this role on the laptop: {', '.join(known)}. {LAPTOP}"
        lines += ["", fill(told, WIDTH)]
    return "\n".join(lines)


def _answer(advice: Advice) -> Iterator[str]:
    rows = (("do", advice.do), ("paper", advice.paper), ("here", advice.here), ("sure", advice.sure))
    for name, text in (*rows, ("next", advice.next), ("budget", advice.budget)):
        if text:
            yield _row(name, text)


def _row(name: str, text: str) -> str:
    if text.startswith("make "):  # a command stays on one line, to be copied
        return f"  {name:7} {text}" if len(text) <= WIDTH - 10 else f"  {name}\n    {text}"
    return fill(text, WIDTH, initial_indent=f"  {name:7} ", subsequent_indent=" " * 10, break_on_hyphens=False)
