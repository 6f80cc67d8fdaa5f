"""A batch that was sampled and not learned from yet, on its way to disk and back."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Final

from harness.batches import Ready
from harness.engines.learner_files import load_tensors, save_tensors
from harness.engines.protocols import Samples
from harness.resample import Batch
from harness.schema import read_json
from harness.tasks import Drawn

if TYPE_CHECKING:
    from pathlib import Path

_TENSORS: Final = "batch.safetensors"
_WORDS: Final = "batch.json"
_VERDICTS: Final = ("right", "formatted", "undecided")
_CREDIT: Final = "credit"  # of a reward function alone


@dataclass(frozen=True, slots=True)
class _Words:
    """What is not a tensor."""

    step: int
    age: int
    metrics: dict[str, float]
    texts: tuple[str, ...] | None  # None: no group was accepted


def save_batch(ready: Ready, folder: Path) -> None:
    """Write it as safetensors and JSON."""
    drawn = ready.batch.drawn
    words = _Words(ready.step, ready.age, ready.batch.metrics, None if drawn is None else drawn.samples.texts)
    (folder / _WORDS).write_text(json.dumps(asdict(words)), encoding="utf-8")
    if drawn is not None:
        named = {name: getattr(drawn.samples, name) for name in _tensor_names()}
        of_samples = {name: tensor for name, tensor in named.items() if tensor is not None}
        verdicts = {name: getattr(drawn, name) for name in _VERDICTS}
        credit = {} if drawn.credit is None else {_CREDIT: drawn.credit}
        save_tensors({**of_samples, **verdicts, **credit}, folder / _TENSORS)


def load_batch(folder: Path) -> Ready | None:
    """What ``save_batch`` wrote; None where it wrote nothing."""
    path = folder / _WORDS
    if not path.exists():
        return None
    words = read_json(_Words, path.read_text(encoding="utf-8"))
    drawn = None if words.texts is None else _drawn(folder, words.texts)
    return Ready(words.step, Batch(drawn, words.metrics), words.age)


def _drawn(folder: Path, texts: tuple[str, ...]) -> Drawn:
    tensors = load_tensors(folder / _TENSORS)
    samples = Samples(**{name: tensors[name] for name in _tensor_names() if name in tensors}, texts=texts)
    right, formatted, undecided = (tensors[name] for name in _VERDICTS)
    return Drawn(samples, right, formatted, undecided, tensors.get(_CREDIT))


def _tensor_names() -> list[str]:
    return [field.name for field in fields(Samples) if field.name != "texts"]
