from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest
from transformers import AutoTokenizer

from harness.data.synthetic import DIFFICULTIES, stream_problems
from tools.embedded_models.tokenizer import VOCABULARY_SIZE, build_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PreTrainedTokenizerBase


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerBase:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    build_tokenizer().save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def test_every_prompt_comes_back_as_it_went_in(tokenizer: PreTrainedTokenizerBase) -> None:
    for problem in islice(stream_problems(DIFFICULTIES, seed=1), 1000):
        assert tokenizer.decode(tokenizer.encode(problem.prompt), skip_special_tokens=True) == problem.prompt


@pytest.mark.parametrize(
    "text",
    [r"8*9=72;72-12=60;\boxed{60}", "wait;hmm;so the answer is 5;check;again;", "Tom has 12 bags of 3 pens, loses 4."],
)
def test_responses_come_back_as_they_went_in(tokenizer: PreTrainedTokenizerBase, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_digits_and_the_box_are_single_tokens(tokenizer: PreTrainedTokenizerBase) -> None:
    pieces = tokenizer.convert_ids_to_tokens(tokenizer.encode(r"\boxed{150}", add_special_tokens=False))
    assert pieces == [r"\boxed{", "1", "5", "0", "}"]


def test_every_id_up_to_the_vocabulary_size_is_a_token(tokenizer: PreTrainedTokenizerBase) -> None:
    assert len(tokenizer) == VOCABULARY_SIZE
    assert None not in tokenizer.convert_ids_to_tokens(list(range(VOCABULARY_SIZE)))


def test_what_cannot_be_spelled_becomes_the_unknown_token(tokenizer: PreTrainedTokenizerBase) -> None:
    assert tokenizer.encode("Please", add_special_tokens=False) == [tokenizer.unk_token_id]


def test_a_finished_exchange_ends_with_the_end_token(tokenizer: PreTrainedTokenizerBase) -> None:
    exchange = [{"role": "user", "content": "2+3=?"}, {"role": "assistant", "content": r"\boxed{5}"}]
    text = tokenizer.apply_chat_template(exchange, tokenize=False)
    assert text == r"<bos><user>2+3=?<assistant>\boxed{5}<eos>"
