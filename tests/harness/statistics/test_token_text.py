from __future__ import annotations

from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from harness.rollouts.metrics import decode_token
from tools.embedded_models.tokenizer import build_tokenizer


def test_a_token_reads_as_it_does_in_a_text() -> None:
    tokenizer = build_tokenizer()
    for word in (r"\boxed{", " the", "\n", "<eos>"):
        assert decode_token(tokenizer, tokenizer.convert_tokens_to_ids(word)) == word


def test_a_part_of_a_character_is_written_as_in_the_vocabulary() -> None:
    inner = Tokenizer(models.BPE({"Ã": 0, "©": 1, "Ã©": 2, "Ġan": 3}, [("Ã", "©")]))
    inner.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner)
    assert [decode_token(tokenizer, token) for token in range(4)] == ["Ã", "©", "é", " an"]
