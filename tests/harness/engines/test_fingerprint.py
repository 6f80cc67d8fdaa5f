from __future__ import annotations

import json
from shutil import copytree
from typing import TYPE_CHECKING

import pytest

from harness.engines.base.remote import compute_fingerprint, refuse_mismatch
from harness.models.errors import ModelError
from harness.models.locate import WEIGHTS_FOLDER

if TYPE_CHECKING:
    from pathlib import Path

SMALL = WEIGHTS_FOLDER / "small_base"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return copytree(SMALL, tmp_path / "copy")


def test_a_copy_is_the_same_model_whatever_wrote_it_and_in_whatever_precision(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"dtype": "float32", "transformers_version": "1"}))
    refuse_mismatch(compute_fingerprint(str(SMALL)), compute_fingerprint(str(copy)))


def test_another_tokenizer_is_refused_with_both_places(copy: Path) -> None:
    (copy / "tokenizer.json").write_text((copy / "tokenizer.json").read_text().replace("<reserved_", "<unused_"))
    with pytest.raises(ModelError) as caught:
        refuse_mismatch(compute_fingerprint(str(copy)), compute_fingerprint(str(SMALL)))
    assert f"the tokenizer of {str(copy)!r} (sampler) and of {str(SMALL)!r} (learner) differ" in str(caught.value)


def test_another_shape_is_refused() -> None:
    with pytest.raises(ModelError, match=r"the config of .*large_base.*small_base"):
        refuse_mismatch(compute_fingerprint(str(WEIGHTS_FOLDER / "large_base")), compute_fingerprint(str(SMALL)))


def test_a_tokenizer_file_more_is_another_tokenizer(copy: Path) -> None:
    (copy / "added_tokens.json").write_text('{"<think>": 63}')
    with pytest.raises(ModelError, match="tokenizer"):
        refuse_mismatch(compute_fingerprint(str(copy)), compute_fingerprint(str(SMALL)))
