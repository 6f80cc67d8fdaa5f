"""Write a rule as formulas along the hooks, with the numbers in effect.

    i, t                  response and token; |o_i| is the number of tokens of response i
    R_i, r_i              reward of the verifier, and what becomes of it
    A_i, A_it             advantage of a response, of a token
    mean_S, std_S, rms_S  over S: group, batch, or the others of the group; the divisor stands after ";": n or n - 1
    each token            a response counts once per token
    rho_it, s_i           ratio of the current to the old policy of a token, of a response
    w_it, l_it, L         weight and loss of a token, loss of the update, to minimize
    sg(x), x <- y         x without gradient; x becomes y

Sums and means are over kept tokens and responses. Text in square brackets after a formula says what it cannot.
"""

from __future__ import annotations

import re
from inspect import getdoc
from typing import TYPE_CHECKING, Any, Final

from tricks.api import HOOKS
from tricks.formula_parts import formula_of
from tricks.recorded import spell_briefly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tricks.rule import UpdateRule

_TOKENWISE: Final = re.compile(r"\bA_i\b")


def write_formula(rule: UpdateRule) -> list[str]:
    """Return the rule as formulas in the order of the hooks, one or more lines each.

    A trick without a formula, such as one of another package, is named with its settings and the first line of its
    description.
    """
    lines: list[str] = []
    per_token = weighted = False
    for hook, part in _along_hooks(rule):
        own = _formula(part, rule)
        lines += [_TOKENWISE.sub("A_it", line) for line in own] if per_token else own
        per_token |= hook == "shape_advantages"
        weighted |= hook == "token_weights"
        if hook == "surrogate" and weighted:
            lines.append("l_it <- w_it l_it")
    return lines


def _along_hooks(rule: UpdateRule) -> Iterator[tuple[str, Any]]:
    for hook in HOOKS:
        found = [trick for name, trick in sorted(rule.tricks.items()) if hasattr(trick, hook)]
        yield from ((hook, trick) for trick in found)
        if not found and hook in rule.fillers:
            yield hook, rule.fillers[hook]


def _formula(part: Any, rule: UpdateRule) -> list[str]:
    return list(formula_of(part, rule.setup)) or [_described(part)]


def _described(part: Any) -> str:
    """Return the settings and the first line of the description of a trick without a formula."""
    first = (getdoc(type(part)) or "").strip().partition("\n")[0]
    return f"{spell_briefly(part)}: {first}" if first else spell_briefly(part)
