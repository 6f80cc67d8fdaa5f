"""The tokenizer of the embedded models: 64 tokens, single digits, whole words."""

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

PAD, BOS, EOS, UNKNOWN, USER, ASSISTANT = "<pad>", "<bos>", "<eos>", "<unk>", "<user>", "<assistant>"
SPECIALS = (PAD, BOS, EOS, UNKNOWN, USER, ASSISTANT)

_SYMBOLS = (r"\boxed{", "}", *"0123456789", *"+-*=;?.,:", " ", "\n")
_NAMES = ("Tom", "Ann", "Ben", "Eva", "Max", "Mia", "Sam", "Zoe")
_STORY = tuple(
    " has bags of apples coins pens books finds buys gives away loses How many".replace(" ", "| ").split("|")
)[1:]
_THOUGHTS = ("wait", "hmm", "check", "again", "so", " the", " answer", " is")
_VOCABULARY = (*SPECIALS, *_SYMBOLS, *_NAMES, *_STORY, *_THOUGHTS)

# System messages are left out, because the vocabulary lacks their words.
_CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ '<user>' + message['content'] }}"
    "{% elif message['role'] == 'assistant' %}{{ '<assistant>' + message['content'] + eos_token }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
)
VOCABULARY_SIZE = 64


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Build the tokenizer from its word list.

    ``save_pretrained`` of the result writes the files of a checkpoint folder.
    """
    reserved = (f"<reserved_{index}>" for index in range(VOCABULARY_SIZE - len(_VOCABULARY)))
    words = [*_VOCABULARY, *reserved]
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\\boxed\{| ?[A-Za-z]+|[^A-Za-z]"), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, words.index(BOS))]
    )
    tokenizer.add_special_tokens([AddedToken(word, normalized=False, special=True) for word in SPECIALS])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, bos_token=BOS, eos_token=EOS, unk_token=UNKNOWN,
        padding_side="left", clean_up_tokenization_spaces=False, model_max_length=512,
    )  # fmt: skip
    fast.chat_template = _CHAT_TEMPLATE
    return fast
