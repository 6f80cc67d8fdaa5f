from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from tools.embedded_models.corpus import Mix
from tools.embedded_models.pretrain import hidden_states, lr_share, new_model, train
from tools.embedded_models.recipe import RECIPES, STAGES, Stage, fingerprint
from tools.embedded_models.stages import Teacher
from tools.embedded_models.tokenizer import build_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from tools.embedded_models.recipe import Recipe, StageName

_TOKENIZER = build_tokenizer()
_MIX = Mix((("easy", 1.0),), (("clean", 1.0),), chat_share=0.5)
_SHORT = Stage(_MIX, steps=4, batch=4, lr=1e-3)
_RECIPE: Recipe = {"skill": _SHORT, "base": _SHORT, "aligned": _SHORT}


def _weights(teacher: Teacher, stage: StageName) -> dict[str, torch.Tensor]:
    return {name: tensor.detach() for name, tensor in teacher.teach(stage).model.named_parameters()}


@pytest.mark.parametrize("size", ["small", "large"])
def test_the_plain_forward_equals_that_of_transformers(size: str) -> None:
    model = new_model(size, _TOKENIZER, seed=1)  # type: ignore[arg-type]
    ids = torch.randint(0, len(_TOKENIZER), (3, 17), generator=torch.Generator().manual_seed(1))
    expected = model.model(ids, use_cache=False).last_hidden_state
    torch.testing.assert_close(hidden_states(model, ids), expected, atol=2e-5, rtol=0)


def test_the_learning_rate_warms_up_stays_and_decays_to_zero() -> None:
    shares = [lr_share(step, 400) for step in range(401)]
    assert shares[0] == pytest.approx(0.02)
    assert shares[49] == shares[199] == 1.0
    assert shares[300] == pytest.approx(0.5)
    assert shares[400] == 0.0


def test_training_lowers_the_loss() -> None:
    losses: list[float] = []
    model = new_model("small", _TOKENIZER, seed=2)
    stage = Stage(_MIX, steps=200, batch=8, lr=3e-3)
    train(model, _TOKENIZER, stage, 2, lambda _, loss: losses.append(loss))
    assert losses[1] < 0.7 * losses[0]


def test_the_same_seed_teaches_the_same_weights() -> None:
    first, again = (_weights(Teacher("small", _RECIPE, _TOKENIZER, 3), "aligned") for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    other = _weights(Teacher("small", _RECIPE, _TOKENIZER, 4), "aligned")
    assert not torch.equal(first["model.norm.weight"], other["model.norm.weight"])


def test_a_kept_stage_is_taken_up_where_it_ended(tmp_path: Path) -> None:
    keeping = Teacher("small", _RECIPE, _TOKENIZER, 5, keep=tmp_path)
    first = _weights(keeping, "base")
    assert len(list(tmp_path.iterdir())) == 2
    again = _weights(keeping, "base")
    straight = _weights(Teacher("small", _RECIPE, _TOKENIZER, 5), "base")
    assert all(torch.equal(first[name], again[name]) and torch.equal(first[name], straight[name]) for name in first)


def test_a_changed_recipe_is_another_stage() -> None:
    changed: Recipe = {**_RECIPE, "base": Stage(_MIX, steps=5, batch=4, lr=1e-3)}
    assert fingerprint("small", _RECIPE, "skill", 0) == fingerprint("small", changed, "skill", 0)
    assert fingerprint("small", _RECIPE, "base", 0) != fingerprint("small", changed, "base", 0)
    marks = {fingerprint(size, RECIPES[size], stage, 0) for size in RECIPES for stage in STAGES}
    assert len(marks) == 6
