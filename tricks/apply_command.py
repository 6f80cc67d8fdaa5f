"""Apply an algorithm to a batch: everything that decides its gradient, as JSON in full precision."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from tricks.apply import apply, setup_of
from tricks.build import build
from tricks.document import document_hints, read_document
from tricks.hints import rule_hints

if TYPE_CHECKING:
    from tricks.apply_options import ApplyOptions


def results(options: ApplyOptions, text: bytes) -> str:
    """Compute what the algorithm makes of a batch, one key a line; hints go to stderr. Raises TrickError."""
    document = read_document(text, options.dtype)
    setup = setup_of(document.rollouts, options.updates_per_rollout)
    rule = build(options.preset, options.tricks, options.emulate, setup)
    asked = {
        "preset": options.preset,
        "emulate": options.emulate,
        "dtype": str(options.dtype).removeprefix("torch."),
    }
    found = _lines(asked | apply(rule, document))
    for hint in (*rule_hints(rule), *document_hints(document)):
        print(f"hint: {hint}", file=sys.stderr)
    return found


def _lines(found: dict[str, Any]) -> str:
    # A float's repr is the shortest text that reads back as the same bits, so nothing is lost.
    return (
        "{\n"
        + ",\n".join(f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in found.items())
        + "\n}"
    )
