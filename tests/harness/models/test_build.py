from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch

from harness.models.load import load_model
from harness.models.locate import EMBEDDED_MODELS
from tools.embedded_models.build import build, main
from tools.embedded_models.card import main as write_card
from tools.embedded_models.corpus import Mix
from tools.embedded_models.recipe import Stage

if TYPE_CHECKING:
    from pathlib import Path

    from tools.embedded_models.recipe import Recipe

_STAGE = Stage(Mix((("easy", 1.0),), (("clean", 1.0),), chat_share=0.5), steps=3, batch=4, lr=1e-3)
_MINIATURE: Recipe = {"skill": _STAGE, "base": _STAGE, "aligned": _STAGE}


def test_a_miniature_rebuild_gives_the_same_file_twice(tmp_path: Path) -> None:
    first, again = (build("small_base", tmp_path / name, _MINIATURE, seed=0) for name in "ab")
    assert (first / "model.safetensors").read_bytes() == (again / "model.safetensors").read_bytes()


def test_a_built_checkpoint_loads_from_its_folder_in_bf16(tmp_path: Path) -> None:
    folder = build("large_aligned", tmp_path, _MINIATURE, seed=0)
    model, tokenizer = load_model(str(folder), torch.bfloat16)
    assert model.config.hidden_size == 128
    assert model.generation_config.use_cache
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id


def test_building_refuses_to_overwrite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "large_base").mkdir()
    assert main(["--out", str(tmp_path)]) == 2
    assert "already holds large_base; pass --force" in capsys.readouterr().err
    assert list((tmp_path / "large_base").iterdir()) == []


def test_the_card_is_written_from_the_checkpoints_beside_it(tmp_path: Path) -> None:
    for name in EMBEDDED_MODELS:
        build(name, tmp_path, _MINIATURE, seed=0)
    assert write_card(["--weights", str(tmp_path), "--problems", "2"]) == 0
    entries = json.loads((tmp_path / "card.json").read_text())
    assert [entry["checkpoint"] for entry in entries] == [name for name in EMBEDDED_MODELS for _ in range(3)]
    assert all(entry["measured"]["n"] == 16 for entry in entries)
    assert all(entry["form"] == ("chat" if "aligned" in entry["checkpoint"] else "base") for entry in entries)
    assert (tmp_path / "CARD.md").read_text().count("\n| small_base |") == 4
