from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.config.experiment import load_config
from harness.models import download as smol
from harness.models.errors import ModelError
from harness.models.load import load_model
from harness.models.prompting import format_prompt
from sweeps.grid.grid import read_grid

GRIDS = Path(__file__).parents[3] / "sweeps" / "grids"


def test_a_model_in_the_cache_needs_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(smol, "_WHEEL", "no-such-wheel")
    smol._target().mkdir(parents=True)
    smol.check_smol()
    assert smol.smol_folder() == smol._target()
    assert tmp_path in smol.smol_folder().parents


def test_without_the_extra_the_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(smol, "_WHEEL", "no-such-wheel")
    for call in (smol.check_smol, smol.smol_folder):
        with pytest.raises(ModelError, match=r"^model.path 'smol': .*no-such-wheel.*make setup EXTRA=smol$"):
            call()
    assert not list(tmp_path.rglob("config.json"))


def test_a_run_without_the_extra_is_refused_before_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(smol, "_WHEEL", "no-such-wheel")
    with pytest.raises(ModelError, match="make setup EXTRA=smol"):
        load_config("model=smol")


def test_the_profile_trains_on_easy_and_scores_a_slice_of_real_benchmarks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    smol._target().mkdir(parents=True)
    config = load_config(*read_grid(GRIDS / "smoke.yaml", "smol").overrides)
    assert (config.model.path, config.model.dtype) == ("smol", "float32")
    assert (config.data.source, config.data.difficulties) == ("paper", ("easy",))
    assert (config.steps, config.rollout.prompts_per_batch, config.rollout.group_size) == (3, 4, 4)
    assert (config.eval.benchmarks, config.eval.problems, config.eval.samples) == (("gsm8k", "math500", "aime24"), 4, 2)


@pytest.mark.slow
def test_the_real_model_reads_problems_and_continues_them() -> None:
    try:
        smol.check_smol()
    except ModelError as error:
        pytest.skip(str(error))
    model, tokenizer = load_model(str(smol.smol_folder()), torch.float32)
    assert sum(weight.numel() for weight in model.parameters()) == 134_515_008
    assert len(tokenizer) == model.get_input_embeddings().num_embeddings == 49_152
    assert tokenizer.tokenize("123") == ["1", "2", "3"]
    ids = format_prompt(tokenizer, "What is the capital of France?", "chat")
    with torch.inference_mode():
        answer = model.generate(torch.tensor([ids]), max_new_tokens=12, do_sample=False, pad_token_id=2)
    assert "Paris" in tokenizer.decode(answer[0, len(ids) :])
