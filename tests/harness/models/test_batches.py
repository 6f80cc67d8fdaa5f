from __future__ import annotations

import random
from itertools import islice

from tools.embedded_models.batches import IGNORED, batches
from tools.embedded_models.corpus import Mix
from tools.embedded_models.recipe import Stage
from tools.embedded_models.tokenizer import build_tokenizer

_TOKENIZER = build_tokenizer()
_STAGE = Stage(Mix((("easy", 0.5), ("hard", 0.5)), (("clean", 1.0),), chat_share=0.5), steps=1, batch=8, lr=1e-3)


def test_targets_are_the_response_shifted_by_one() -> None:
    for batch in islice(batches(_STAGE, _TOKENIZER, random.Random(1)), 10):
        for ids, targets in zip(batch.ids.tolist(), batch.targets.tolist(), strict=True):
            taught = [index for index, target in enumerate(targets) if target != IGNORED]
            assert taught == list(range(taught[0], taught[-1] + 1))
            assert targets[taught[-1]] == _TOKENIZER.eos_token_id
            assert [targets[index] for index in taught[:-1]] == ids[taught[0] + 1 : taught[-1] + 1]
            assert _TOKENIZER.decode(ids[: taught[0] + 1]).endswith(("=?\n", "How many?\n", "<assistant>"))


def test_texts_are_cut_at_the_longest_length() -> None:
    short = Stage(_STAGE.mix, steps=1, batch=8, lr=1e-3, longest=20)
    assert max(batch.ids.shape[1] for batch in islice(batches(short, _TOKENIZER, random.Random(1)), 64)) == 19


def test_little_of_a_batch_is_padding() -> None:
    drawn = list(islice(batches(_STAGE, _TOKENIZER, random.Random(1)), 64))
    padding = sum((batch.ids == _TOKENIZER.pad_token_id).sum().item() for batch in drawn)
    assert padding / sum(batch.ids.numel() for batch in drawn) < 0.1


def test_the_usual_size_is_the_mean_over_the_pool() -> None:
    drawn = list(islice(batches(_STAGE, _TOKENIZER, random.Random(1)), 64))
    taught = sum((batch.targets != IGNORED).sum().item() for batch in drawn)
    assert drawn[0].usual == taught / 64
