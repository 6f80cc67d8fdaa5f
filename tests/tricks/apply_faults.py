"""Faults of a JSON batch and how their refusals begin: provoked in the tests, printed in docs/reference/rollouts.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import torch

from tricks.api import TrickError
from tricks.io.document import Document, read_document

BATCH: dict[str, Any] = {
    "rewards": [1, 0, 0.5],
    "group": [7, 7, 3],
    "lengths": [2, 1, 3],
    "log_probs": [[-1.0, -2.0], [-0.5], [-1, -2, -3]],
}


def read(**changes: Any) -> Document:
    given = {key: value for key, value in (BATCH | changes).items() if value is not ...}
    return read_document(json.dumps(given).encode(), torch.float32)


INFINITE = float("inf")
DEEP = "[" * 100_000

# Changes to the batch above; ... takes a key away.
FAULTS: Final[tuple[tuple[dict[str, Any], str], ...]] = (
    ({"rewards": ...}, "rewards: required; give the verifier's reward of each sample, before any shaping"),
    (
        {"lengths": ...},
        "lengths, response_mask: neither is given, so padding cannot be told from tokens; give one of",
    ),
    ({"response_mask": [[1], [1], [1]]}, "lengths, response_mask: both are given; give one of them"),
    ({"reward": [1]}, "reward: a batch has no such part; did you mean 'rewards'?"),
    ({"rewards": []}, "rewards: no entries; a batch has at least one sample"),
    ({"rewards": 1}, "rewards: 1, expected a list with one entry per sample"),
    ({"rewards": [1, None, 0]}, "rewards[1]: null, expected a number"),
    ({"rewards": [1, True, 0]}, "rewards[1]: true, expected a number"),
    ({"rewards": [1, "1", 0]}, 'rewards[1]: "1", expected a number'),
    ({"rewards": [1, [0], 0]}, "rewards[1]: a list, expected a number"),
    (
        {"rewards": [1, float("nan"), 0]},
        "rewards[1]: nan, one of 1 that are not finite; score the sample or leave it",
    ),
    ({"rewards": [1, -INFINITE, INFINITE]}, "rewards[1]: -inf, one of 2 that are not finite; score the sample or"),
    ({"rewards": [1, 1e300, 0]}, "rewards[1]: inf, one of 1 that are not finite; score the sample or leave it out"),
    ({"rewards": [1, 10**400, 0]}, "rewards: has a whole number too large for a float; write numbers as 1e-3"),
    ({"group": [7, 7]}, "group: 2 entries, rewards has 3; give one entry per sample"),
    ({"group": [7, 7, "3"]}, 'group[2]: "3" among ids like 7; give all ids one type'),
    ({"group": [7, 7, 3.5]}, "group[2]: 3.5, expected a whole number or a string; name the prompt"),
    ({"group": [7, 7, False]}, "group[2]: false, expected a whole number or a string; name the prompt"),
    ({"group": [7, 7, None]}, "group[2]: null, expected a whole number or a string; name the prompt"),
    ({"lengths": [2, 1, -3]}, "lengths[2]: -3, expected a whole number, 0 or more"),
    ({"lengths": [2, 1, 3.0]}, "lengths[2]: 3.0, expected a whole number, 0 or more"),
    (
        {"lengths": [2, 1, 10**12]},
        "log_probs[2]: 3 entries, the response has 1000000000000 tokens; give 1000000000000",
    ),
    (
        {"lengths": [2, 2, 3]},
        "log_probs[1]: 1 entries, the response has 2 tokens; give 2, or 3 as in the widest row",
    ),
    (
        {"lengths": ..., "response_mask": [[1, 1], [2], [1, 1, 1]]},
        "response_mask[1][0]: 2, expected true or false, or",
    ),
    (
        {"lengths": ..., "response_mask": [[1, 0], [1], [1, 1, 1]], "log_probs": [[-1], [-1], [-1, -1, -1]]},
        "response_mask[0]: 2 entries, the response has 1 tokens; give 1, or 3 as in the widest row",
    ),
    ({"log_probs": [[-1, -2], [-1], -3]}, "log_probs[2]: -3, expected a list with one number per token"),
    ({"log_probs": [[-1, -2], [-1], [-1, False, -1]]}, "log_probs[2][1]: false, expected a number"),
    (
        {"log_probs": [[-1, -2], [-1], [-1, -INFINITE, -1]]},
        "log_probs[2][1]: -inf, one of 1 that are not finite; every sampled token needs a finite number",
    ),
    (
        {"old_log_probs": [[-1, -2], [-1, -1], [-1, -1, -1]]},
        "old_log_probs[1]: 2 entries, the response has 1 tokens; give 1, or 3 as in the widest row",
    ),
    ({"entropies": {}}, "entropies: an object, expected a list with one entry per sample"),
    ({"truncated": [0, 1, 2]}, "truncated[2]: 2, expected true or false, or 1 or 0"),
    ({"truncated": ["no", 1, 0]}, 'truncated[0]: "no", expected true or false, or 1 or 0'),
    ({"max_response_length": 2}, "max_response_length: 2, a response has 3 tokens; give the limit of sampling"),
    ({"max_response_length": "8"}, 'max_response_length: "8", expected a whole number, 1 or more'),
    ({"micro_batch": [0, 0]}, "micro_batch: 2 entries, rewards has 3; give one entry per sample"),
)

# Texts that hold no batch.
NO_BATCHES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"", "the batch is empty; give it on standard input, docs/reference/rollouts.md shows the form"),
    (b" \n", "the batch is empty; give it on standard input, docs/reference/rollouts.md shows the form"),
    (
        b"[1, 0]",
        "the batch is a list, expected an object with rewards, group and log_probs; docs/reference/rollouts.md shows",
    ),
    (b'"text"', 'the batch is "text", expected an object with rewards, group and log_probs'),
    (
        b'{"rewards":\n [1',
        "the batch is not JSON at line 2, column 4 (expecting ',' delimiter); docs/reference/rollouts.md shows",
    ),
    (
        b"__import__('os')",
        "the batch is not JSON at line 1, column 1 (expecting value); docs/reference/rollouts.md shows the",
    ),
    (b'{"rewards": [1], "rewards": [0]}', "rewards: given twice; keep one"),
    (b'{"rewards": "\xff"}', "the batch is not UTF-8 at byte 13; save it as UTF-8"),
    (DEEP.encode(), "the batch is nested too deeply for a table of numbers; docs/reference/rollouts.md shows the form"),
    (
        b'{"rewards": [' + b"9" * 5000 + b"]}",
        "the batch holds a number of thousands of digits; write floats as 1e-3",
    ),
)


def messages() -> Iterator[str]:
    """What each fault is answered with."""
    texts = [
        json.dumps({key: value for key, value in (BATCH | changes).items() if value is not ...}).encode()
        for changes, _ in FAULTS
    ]
    for text in (*texts, *(text for text, _ in NO_BATCHES)):
        try:
            read_document(text, torch.float32)
        except TrickError as error:
            yield str(error)
