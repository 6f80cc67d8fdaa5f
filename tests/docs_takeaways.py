"""Tables of docs/reference/takeaways.md and docs/guides/advice.md: what is claimed, and what is advised."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.claims.claim import SOURCES, Claim
from analysis.guide.rules import RULES
from analysis.paper.claims.catalog import CLAIMS
from tests.markdown import code, table

Lines = Iterator[str]


def claims() -> Lines:
    """Every claim, where it stands, and what judges it."""
    rows = [(code(claim.id), claim.sentence, _stands(claim), _grids(claim), _parts(claim)) for claim in CLAIMS]
    yield from table(("claim", "says", "stands in", "grid", "parts"), rows)


def advice() -> Lines:
    """Every rule of the guide, and the claims that it rests on."""
    rows = [
        (
            rule.question,
            ", ".join(rule.roles),
            ", ".join((*_only(rule.lengths, 3), *_only(rule.rewards, 2))) or "any",
            rule.do,
            rule.instead,
            ", ".join(map(code, rule.claims)),
        )
        for rule in RULES
    ]
    yield from table(("question", "models", "where", "do", "where runs contradict", "claims"), rows)


def _stands(claim: Claim) -> str:
    return f"{SOURCES[claim.source]}: {claim.stands}" if claim.source != "summary" else claim.stands


def _grids(claim: Claim) -> str:
    only = f" ({', '.join(claim.profiles)} alone)" if claim.profiles else ""
    return (", ".join(map(code, claim.studies)) or "none") + only


def _parts(claim: Claim) -> str:
    beyond = sum(part.beyond for part in claim.parts)
    return f"{len(claim.parts)}" + (f", {beyond} of them beyond the paper" if beyond else "")


def _only(words: tuple[str, ...], everything: int) -> tuple[str, ...]:
    return words if len(words) < everything else ()
