from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import lazy_loader
import pytest
import torch

from harness.models import download as smol
from harness.models.errors import ModelError
from harness.models.load import load_model
from harness.models.locate import EMBEDDED_MODELS, WEIGHTS_FOLDER, check_model, locate_model
from tools.embedded_models.pretrain import new_model
from tools.embedded_models.tokenizer import build_tokenizer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole checkpoint, for tests to take a file from."""
    tokenizer = build_tokenizer()
    new_model("small", tokenizer, seed=0).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


def _complaint(path: str) -> str:
    with pytest.raises(ModelError) as raised:
        check_model(path)
    with pytest.raises(ModelError, match=r"model\.path"):
        load_model(path, torch.float32)
    message = str(raised.value)
    assert "\n" not in message
    return message


def test_embedded_checkpoints_are_whole() -> None:
    for name in EMBEDDED_MODELS:
        check_model(f"builtin:{name}")
        assert locate_model(f"builtin:{name}") == WEIGHTS_FOLDER / name


def test_a_misspelled_embedded_name_gets_a_suggestion() -> None:
    assert "did you mean builtin:small_base?" in _complaint("builtin:small_bsae")


def test_an_unknown_embedded_name_gets_the_list() -> None:
    assert "small_base, small_aligned, large_base, large_aligned" in _complaint("builtin:7")


def test_a_whole_folder_loads(folder: Path) -> None:
    check_model(str(folder))
    model, tokenizer = load_model(str(folder), torch.bfloat16)
    assert model.dtype == torch.bfloat16
    assert tokenizer.pad_token == "<pad>"


def test_a_folder_without_tokenizer_is_refused(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    assert "no tokenizer; write it there" in _complaint(str(folder))


def test_a_folder_without_config_is_refused(folder: Path) -> None:
    (folder / "config.json").unlink()
    assert "no config.json" in _complaint(str(folder))


def test_a_folder_without_safetensors_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert "no safetensors weights" in _complaint(str(folder))


def test_a_file_is_not_a_folder(folder: Path) -> None:
    assert "not a folder" in _complaint(str(folder / "config.json"))


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "no such folder" in _complaint(str(tmp_path / "nothing" / "here"))


def test_damaged_weights_are_named_in_one_line(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"not tensors")
    with pytest.raises(ModelError, match="the weights cannot be read") as raised:
        load_model(str(folder), torch.float32)
    assert "\n" not in str(raised.value)


def test_a_damaged_tokenizer_is_named_in_one_line(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="the tokenizer cannot be read") as raised:
        load_model(str(folder), torch.float32)
    assert "\n" not in str(raised.value)


def test_an_unreachable_hub_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    check_model("some-owner/some-model")  # a name that may exist is not refused without asking
    with pytest.raises(ModelError, match="hub cannot be reached .* builtin:small_base"):
        load_model("some-owner/some-model", torch.float32)


def test_checking_a_model_imports_no_torch() -> None:
    code = (
        "import sys, harness.models.locate as l; l.check_model('builtin:small_base'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_small_pretrained_model_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = smol._target()
    folder.mkdir(parents=True)
    check_model("smol")
    assert locate_model("smol") == folder


def test_the_small_pretrained_model_names_its_extra(tmp_path: Path) -> None:
    code = "import harness.models.locate as l; l.check_model('smol')"
    (tmp_path / "lazy_loader").symlink_to(Path(lazy_loader.__file__).parent)  # which packages of ours load
    paths = f"{WEIGHTS_FOLDER.parents[2]}{os.pathsep}{tmp_path}"
    hidden = {"XDG_CACHE_HOME": str(tmp_path), "PATH": "", "PYTHONPATH": paths}
    isolated = [sys.executable, "-S", "-c", code]  # no site-packages, so no such wheel
    done = subprocess.run(isolated, env=hidden, capture_output=True, text=True, check=False)
    assert "make setup EXTRA=smol" in done.stderr
