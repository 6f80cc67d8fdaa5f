"""Show the guide: one case in the terminal, or the decision table of a profile."""

from __future__ import annotations

from dataclasses import replace
from textwrap import fill
from typing import TYPE_CHECKING, Final

from analysis.claims import compute_costs, format_ratio, judge_claims
from analysis.guide.advice import advise, answer_rule
from analysis.guide.rules import RULES
from analysis.guide.scenario import read_scenario
from analysis.paper.claims import CLAIMS, STUDIES
from analysis.study import LAPTOP_WARNING as LAPTOP_WORDS
from analysis.study_data import ProfileData, read_profiles
from analysis.tables import Column, ResultTable, render_markdown, write_result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from analysis.claims import Finding
    from analysis.guide.advice import Advice
    from analysis.guide.rules import Rule
    from analysis.guide.scenario import Scenario
    from harness.tracking import Store


_COLUMNS: Final = ("question", "when", "do", "the paper", "runs of this profile", "how sure", "next")
_NOTES: Final = (
    "Find the rows of your model, length and rewards; each question has one. Short, medium and long are the "
    "paper's limits of 8k, 16k and 20k tokens, and for those of the grid p8_overlong; rewards are concentrated if "
    "most responses are correct and their standard deviation is small (the paper's easy data).",
    "The paper's evidence is one seed per curve. It is shown separately from your own runs of this profile: "
    "verdict, place, mean paired difference with its 95 % interval, seeds.",
    "How sure: shown here, contradicted here, no difference here (the verdict of the claims behind the advice, on "
    "your runs), open (inconclusive), first signs (fewer than 6 seeds), paper alone, untested (not in the paper "
    "either). If your runs contradict the paper, the advice is reversed. docs/guide.md has the rule.",
    "Next: the number of seeds that detects an effect of the grid's margin with 80 % power, from the spread of "
    "your runs; 6 if there are none. One case in the terminal: `make guide MODEL=small_base LENGTH=short`.",
)


def build_guide_table(findings: Sequence[Finding], data: ProfileData) -> ResultTable:
    """Return the decision table, with one row per question and case."""
    rows = tuple(_row(rule, role, findings, data) for rule in RULES for role in rule.roles)
    checked = any(part.word != "no runs" for finding in findings for part in finding.parts)
    return ResultTable(
        name=f"guide.{data.profile}",
        title=f"guide ({data.profile} profile)",
        warning=LAPTOP_WORDS if data.profile == "laptop" else "",
        lead=(
            "What to do, in which case, on which evidence, and which runs would add certainty.",
            *[UNCHECKED][checked:],
        ),
        columns=tuple(Column(name, name, "label") for name in _COLUMNS),
        rows=rows,
        notes=_NOTES,
    )


def _row(rule: Rule, role: str, findings: Sequence[Finding], data: ProfileData) -> tuple[str, ...]:
    advice = answer_rule(rule, role, findings, data)
    command = f"`{advice.next}`" if advice.next.startswith("make ") else advice.next
    return (rule.question, _when(rule, role), advice.do, advice.paper, advice.here, advice.sure, command)


def _when(rule: Rule, role: str) -> str:
    """Format the case of a rule: ``small base model, short responses``."""
    parts = [f"{role.replace('_', ' ')} model"]
    if len(rule.lengths) == 1:
        parts.append(f"{rule.lengths[0]} responses")
    if len(rule.rewards) == 1:
        parts.append(f"{rule.rewards[0]} rewards")
    return ", ".join(parts)


WIDTH: Final = 60
UNCHECKED: Final = "Nothing here was checked: there are no runs for it. It is what the paper says, from one seed."


def format_terminal(case: Scenario, advice: Sequence[Advice], costs: Sequence[str], tiny: Sequence[Advice] = ()) -> str:
    """Format the answers to one case for the terminal.

    Args:
        case: The case.
        advice: The answers.
        costs: Lines with the measured cost of a step of each recipe.
        tiny: Answers for the laptop's model of the same role, if the case is of another profile.

    """
    lines = [fill(f"{case.words[0].upper()}{case.words[1:]} ({case.profile} profile)", WIDTH)]
    if all(each.word == "no runs" for each in advice):
        lines += ["", fill(UNCHECKED, WIDTH)]
    elif case.profile == "laptop":
        lines += ["", fill(LAPTOP_WORDS, WIDTH)]
    for each in advice:
        lines += ["", each.question, *_answer(each)]
    if costs:
        lines += ["", "cost per step, relative to vanilla PPO", *(f"  {line}" for line in costs)]
    if known := [f"{each.question} {each.word}" for each in tiny if each.word != "no runs"]:
        told = f"On the tiny model of this role (laptop profile): {', '.join(known)}. {LAPTOP_WORDS}"
        lines += ["", fill(told, WIDTH)]
    return "\n".join(lines)


def _answer(advice: Advice) -> Iterator[str]:
    rows = (("do", advice.do), ("paper", advice.paper), ("here", advice.here), ("sure", advice.sure))
    for name, text in (*rows, ("next", advice.next), ("budget", advice.budget)):
        if text:
            yield _terminal_row(name, text)


def _terminal_row(name: str, text: str) -> str:
    if text.startswith("make "):  # a command stays on one line so that it can be copied
        return f"  {name:7} {text}" if len(text) <= WIDTH - 10 else f"  {name}\n    {text}"
    return fill(text, WIDTH, initial_indent=f"  {name:7} ", subsequent_indent=" " * 10, break_on_hyphens=False)


CASE: Final = ("model", "length", "rewards", "aligned", "budget")  # words that name a case
LAPTOP: Final = "laptop"


def answer_guide(store: Store, results: Path, options: Mapping[str, str], mixed: bool = False) -> str:
    """Return the answer to a case, or the paths of the written tables if no case is named.

    Args:
        store: The store of the runs.
        results: The results folder.
        options: The options of the command, such as ``model``.
        mixed: Include studies with runs of several commits or environments.

    Raises:
        ScenarioError: The options name no valid case.

    """
    studies = store.studies()
    profiles = {data.profile: data for data in read_profiles(store, studies, results, STUDIES, mixed)}
    if not any(name in options for name in CASE):
        return "\n".join(str(path) for path in _tables(profiles, results, options.get("profile")))
    case = read_scenario(options, sorted(profiles))
    data = profiles.get(case.profile, ProfileData(case.profile, {}, {}))
    return format_terminal(case, _answers(case, data), list(_costs(case, data)), _tiny(case, profiles))


def _answers(case: Scenario, data: ProfileData) -> tuple[Advice, ...]:
    return advise(case, judge_claims(CLAIMS, data), data)


def _tiny(case: Scenario, profiles: Mapping[str, ProfileData]) -> tuple[Advice, ...]:
    if case.profile == LAPTOP or LAPTOP not in profiles:
        return ()
    return _answers(replace(case, profile=LAPTOP, hours=None), profiles[LAPTOP])


def _tables(profiles: Mapping[str, ProfileData], results: Path, profile: str | None) -> Iterator[Path]:
    for data in profiles.values() or (ProfileData(profile or LAPTOP, {}, {}),):
        if profile in {None, data.profile}:
            table = build_guide_table(judge_claims(CLAIMS, data), data)
            yield write_result(results / "tables" / f"{table.name}.md", render_markdown(table).encode())


def _costs(case: Scenario, data: ProfileData) -> Iterator[str]:
    """Yield the measured costs of the case's model.

    A line reads ``liteppo  easy   seconds 1.02 [1.00, 1.04] (6)``.
    """
    for cost in compute_costs(data):
        if cost.role == case.role and cost.seconds_ratio is not None:
            yield f"{cost.recipe:8} {cost.tier:6} seconds {format_ratio(cost.seconds_ratio)}"
            if cost.tokens_ratio is not None:
                yield f"{'':15} tokens {format_ratio(cost.tokens_ratio)}"
