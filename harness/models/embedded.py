"""The embedded models without transformers, whose import takes more CPU time than a step."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import torch
from jinja2.sandbox import ImmutableSandboxedEnvironment
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn

from harness.models.locate import locate_model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from transformers import Qwen3ForCausalLM

_EMBEDDING: Final = "model.embed_tokens.weight"
# The order of transformers' modules. It decides the layout of optimizer states and the order of sums in gradient norms.
_LAYER: Final = (
    *(f"self_attn.{name}" for name in ("q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm")),
    *(f"mlp.{name}" for name in ("gate_proj", "up_proj", "down_proj")),
    "input_layernorm",
    "post_attention_layernorm",
)


class EmbeddedConfig(SimpleNamespace):
    """The settings of an embedded model, in the form of a transformers configuration."""

    def get_text_config(self, *, decoder: bool = False) -> EmbeddedConfig:
        """Return these settings; a text model has no others."""
        del decoder
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name."""
        return dict(vars(self))


class EmbeddedModel(nn.Module):
    """An embedded model's float32 parameters, named and ordered as in ``Qwen3ForCausalLM``."""

    def __init__(self, path: str) -> None:
        """Read the files of an embedded model, such as "builtin:small_base"."""
        super().__init__()
        self.folder = _folder(path)
        self.config = EmbeddedConfig(**_read_json(self.folder / "config.json"))
        self.generation_config = SimpleNamespace(**_read_json(self.folder / "generation_config.json"))
        weights = load_file(self.folder / "model.safetensors")
        for name in _names(self.config.num_hidden_layers):
            _put(self, name, nn.Parameter(weights[name].float()))
        _put(self, "lm_head.weight", self.get_parameter(_EMBEDDING))
        size = self.config.head_dim
        base = self.config.rope_parameters["rope_theta"]
        rotation = nn.Module()
        rotation.register_buffer("inv_freq", 1.0 / (base ** (torch.arange(0, size, 2).float() / size)), False)
        self.get_submodule("model").add_module("rotary_emb", rotation)

    def of_transformers(self) -> Qwen3ForCausalLM:
        """Return a transformers model that shares these parameters.

        The compact engines use it for long contexts.
        """
        from transformers import AutoConfig, Qwen3ForCausalLM  # noqa: PLC0415 - takes seconds; long contexts alone

        whole = Qwen3ForCausalLM(AutoConfig.from_pretrained(self.folder))
        for name, parameter in self.named_parameters():
            owner, _, leaf = name.rpartition(".")
            whole.get_submodule(owner).register_parameter(leaf, parameter)
        whole.tie_weights()
        return whole.eval()


class EmbeddedTokenizer:
    """The tokenizer of an embedded model: the part of transformers' interface that is needed."""

    is_fast: Final = True

    def __init__(self, path: str) -> None:
        """Read the files of an embedded model, such as "builtin:small_base"."""
        folder = _folder(path)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        settings = _read_json(folder / "tokenizer_config.json")
        self.pad_token, self.bos_token, self.eos_token, self.unk_token = (
            str(settings[f"{name}_token"]) for name in ("pad", "bos", "eos", "unk")
        )
        ids = self._tokenizer.get_vocab()
        self.pad_token_id, self.bos_token_id = ids[self.pad_token], ids[self.bos_token]
        self.eos_token_id, self.unk_token_id = ids[self.eos_token], ids[self.unk_token]
        self.chat_template = (folder / "chat_template.jinja").read_text(encoding="utf-8")
        self.all_special_ids = sorted({self.pad_token_id, self.bos_token_id, self.eos_token_id, self.unk_token_id})

    def __len__(self) -> int:
        """Return the number of tokens."""
        return int(self._tokenizer.get_vocab_size())

    def __call__(self, text: str, *, add_special_tokens: bool = True, **_: Any) -> dict[str, Any]:
        """Return the token ids of a text, with start and end of each token in the text."""
        read = self._tokenizer.encode(text, add_special_tokens=add_special_tokens)
        return {"input_ids": read.ids, "offset_mapping": read.offsets}

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        """Return the token ids of a text."""
        return list(self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids)

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = False, **_: Any) -> str:
        """Return the text of token ids."""
        return str(self._tokenizer.decode(ids, skip_special_tokens=skip_special_tokens))

    def batch_decode(self, rows: Sequence[Sequence[int]], *, skip_special_tokens: bool = False) -> list[str]:
        """Return the texts of several rows of token ids."""
        return [self.decode(ids, skip_special_tokens=skip_special_tokens) for ids in rows]

    def convert_ids_to_tokens(self, ids: int | Sequence[int]) -> Any:
        """Return the tokens of ids: one token for one id, a list for several."""
        if isinstance(ids, int):
            return self._tokenizer.id_to_token(ids)
        return [self._tokenizer.id_to_token(one) for one in ids]

    def get_chat_template(self) -> str:
        """Return the chat template."""
        return self.chat_template

    def apply_chat_template(
        self, turns: Sequence[Mapping[str, str]], *, add_generation_prompt: bool, tokenize: bool = False, **more: Any
    ) -> str:
        """Return a conversation as the text that the model reads.

        Args:
            turns: Messages with role and content.
            add_generation_prompt: Add the tokens that start the answer.
            tokenize: Must be False.
            **more: Further variables of the template.

        Returns:
            The text.

        """
        assert not tokenize
        template = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(self.chat_template)
        special = {"bos_token": self.bos_token, "eos_token": self.eos_token}
        return template.render(messages=turns, add_generation_prompt=add_generation_prompt, **special, **more)


def _folder(path: str) -> Path:
    """Return the folder of an embedded model. Raises ModelError for an unknown name."""
    source = locate_model(path)
    assert not isinstance(source, str)
    return source


def _read_json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _names(layers: int) -> list[str]:
    inner = [f"model.layers.{layer}.{name}.weight" for layer in range(layers) for name in _LAYER]
    return [_EMBEDDING, *inner, "model.norm.weight"]


def _put(root: nn.Module, name: str, parameter: nn.Parameter) -> None:
    """Register a parameter under its dotted name, and create the modules on the path."""
    *path, leaf = name.split(".")
    module = root
    for part in path:
        if not hasattr(module, part):
            module.add_module(part, nn.Module())
        module = module.get_submodule(part)
    module.register_parameter(leaf, parameter)
