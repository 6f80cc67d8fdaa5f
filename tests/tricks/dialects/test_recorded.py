"""Every dialect gives the numbers that the released framework gave, at both ends of every span of releases.

The numbers were recorded by ``python -m tools.peers NAME``, which runs the framework's own code on these batches. A
case holds the framework's options and our words for them; ``update`` names the samples of one update where a rollout
has several, and ``dtype`` the precision in which the framework computed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import torch

from tricks.api import TrickError
from tricks.dialects.build import ALL_RELEASES, build_rule
from tricks.fired import compute_token_gradients
from tricks.io.apply import apply_rule, infer_setup
from tricks.io.document import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tricks.io.document import Document
    from tricks.rule import UpdateRule

FILES: Final = sorted((Path(__file__).parent / "recorded").glob("*.json"))
COMPARED: Final = ("advantages", "mask", "loss_weights", "token_weights", "loss", "gradient", "entropy_gradient")
DOCUMENTS: Final[dict[Path, Any]] = {path: json.loads(path.read_text(encoding="utf-8")) for path in FILES}


def _ends() -> Iterator[Any]:
    for path, recorded in DOCUMENTS.items():
        for case in recorded["cases"]:
            for span, expected in case["releases"].items():
                for release in dict.fromkeys(span.split("..")):
                    name = f"{recorded['framework']}@{release}"
                    batch = json.dumps(recorded["batches"][case["batch"]])
                    yield pytest.param(name, case, batch, expected, id=f"{path.stem}-{case['name']}-{release}")


def _found(rule: UpdateRule, document: Document, update: list[int] | None) -> dict[str, Any]:
    """The results on the whole batch, or those of one of its updates as rows of the whole batch."""
    if update is None:
        return apply_rule(rule, document)
    rows = torch.tensor(update)
    signal = rule.signal(document.rollouts)[rows]
    weights = rule.loss_weights(signal, None if document.micro_batch is None else document.micro_batch[rows])
    entropies = None if document.entropies is None else document.entropies[rows]
    found = compute_token_gradients(rule, document.log_probs[rows], signal, weights, entropies)
    gradient = torch.zeros_like(document.log_probs).index_copy_(0, rows, found[0])
    loss = rule.loss(document.log_probs[rows], signal, weights, entropies)
    return {"gradient": gradient.tolist(), "loss": loss.item(), "loss_weights": weights[:, 0].tolist()}


def _paired(ours: Any, theirs: Any) -> tuple[Any, Any]:
    """Cut the rows of ours to those of theirs, which may leave the padding out; it has to be 0."""
    if not (isinstance(theirs, list) and theirs and isinstance(theirs[0], list)):
        return ours, theirs
    assert not any(any(row[len(known) :]) for row, known in zip(ours, theirs, strict=True))
    return [row[: len(known)] for row, known in zip(ours, theirs, strict=True)], theirs


def _at_tokens(advantages: list[Any], mask: torch.Tensor) -> list[list[float]]:
    """The advantages of the tokens of each response, whether they are given per response or per token."""
    return [
        [float(given[place] if isinstance(given, list) else given) for place in row.nonzero()[:, 0].tolist()]
        for given, row in zip(advantages, mask, strict=True)
    ]


def _flat(value: Any) -> list[float]:
    if not isinstance(value, list):
        return [value]
    return [number for part in value for number in _flat(part)]


@pytest.mark.parametrize(("emulate", "case", "batch", "expected"), list(_ends()))
def test_a_dialect_gives_the_numbers_of_its_release(
    emulate: str, case: dict[str, Any], batch: str, expected: dict[str, Any]
) -> None:
    document = read_document(batch.encode(), getattr(torch, case.get("dtype", "float64")))
    setup = infer_setup(document.rollouts, case["updates_per_rollout"])
    if "refused" in expected:
        with pytest.raises(TrickError) as refusal:
            # Some refuse the batch alone, where the framework divides 0 by 0.
            _found(build_rule(case["preset"], case["tricks"], emulate, setup), document, case.get("update"))
        assert expected["refused"] in str(refusal.value)
        return
    found = _found(build_rule(case["preset"], case["tricks"], emulate, setup), document, case.get("update"))
    compared = [key for key in COMPARED if key in expected]
    assert compared
    for key in compared:
        pair = (found[key], expected[key])
        if key == "advantages" and any(isinstance(value[0], list) for value in pair):  # they differ within a response
            pair = tuple(_at_tokens(value, document.rollouts.response_mask) for value in pair)
        ours, theirs = (torch.tensor(_flat(value), dtype=torch.float64) for value in _paired(*pair))
        largest = float(theirs.abs().max()) if theirs.numel() else 0.0
        atol = case["tolerance"] * max(largest, 0.1 if key == "loss" else 1e-3)  # a loss is a sum of both signs
        difference = (ours - theirs).abs() - atol - case["tolerance"] * theirs.abs()
        assert ours.shape == theirs.shape, key
        assert float(difference.max()) <= 0, f"{key}: ours {ours.tolist()}, theirs {theirs.tolist()}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_spans_are_in_the_order_of_the_releases_and_apart(path: Path) -> None:
    recorded = DOCUMENTS[path]
    order = ALL_RELEASES[recorded["framework"]].known_releases
    for case in recorded["cases"]:
        ends = [
            order.index(release) for span in case["releases"] for release in (span.split("..")[0], span.split("..")[-1])
        ]
        assert ends == sorted(ends)
        inner = ends[1:-1]
        assert all(last < first for last, first in zip(inner[::2], inner[1::2], strict=True))
    assert path.stat().st_size < 100_000
