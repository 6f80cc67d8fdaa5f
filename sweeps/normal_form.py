"""A rule with all taken out that cannot matter, each with its reason: rules of one normal form are twins.

Nothing is called a twin on the strength of these reasons alone; ``sweeps.twins`` compares gradients as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweeps.forms import Form
from sweeps.rewrites import REWRITES
from tricks.api import HOOKS

if TYPE_CHECKING:
    from sweeps.gradients import Side
    from sweeps.shapes import Shape


def normal_form(side: Side, shape: Shape) -> Form:
    """The side with all taken out that cannot matter in batches of this shape."""
    form = _without_inert(side, Form.of(side, shape))
    for rewrite in REWRITES:
        form = rewrite(form)
    return form


def reasons(one: Side, other: Side, shape: Shape) -> tuple[str, ...]:
    """Why two sides are twins, in words; empty where their normal forms differ."""
    forms = [normal_form(side, shape) for side in (one, other)]
    if forms[0].words() != forms[1].words():
        return ()
    given = [Form.of(side, shape).words() for side in (one, other)]
    apart = [slot for slot in given[0] if given[0][slot] != given[1][slot]]
    return tuple(dict.fromkeys(why for slot in apart for form in forms for why in form.because.get(slot, ())))


def _without_inert(side: Side, form: Form) -> Form:
    for name, why in side.rule.inert().items():
        trick = side.rule.tricks[name]
        for hook in (hook for hook in HOOKS if hasattr(trick, hook)):
            left = tuple(other for other in form.slots[hook] if other is not trick)
            filler = (side.rule.fillers[hook],) if hook in side.rule.fillers else ()
            form = form.put(hook, left or filler, "; ".join(why))
    return form
