"""Run TRL's GRPOTrainer for one optimizer step on given completions, rewards and log-probs.

This script runs in a process of its own, with one release of TRL. The trainer is the real one: it computes rewards,
advantages, masks, the loss, its division by accumulation and the backward pass. Only the model is replaced: it
generates the given completions, and its log-probs are the given ones. The log-probs of the current policy are a
parameter of the model, so their gradient is that of the optimizer step.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import inspect
import io
import json
import sys
import tempfile
import textwrap
import types
from dataclasses import fields
from typing import Any

import torch

PAD, EOS, FIRST = 0, 1, 4  # ids; a token of a response has an id of its own, so that rows can be told apart


def version_of(release: str) -> tuple[int, ...]:
    """Return a release as numbers that can be compared."""
    return tuple(int(part) for part in release.split("."))


class GivenBatch:
    """The given batch: what is generated, how it is rewarded, and its log-probs."""

    def __init__(self, batch: dict[str, Any], width: int) -> None:
        self.batch, self.width = batch, width
        self.generated = self.rewarded = 0
        self.lengths = batch["lengths"]
        self.tables = {
            name: self._table(batch.get(name, batch["log_probs"]))
            for name in ("log_probs", "old_log_probs", "ref_log_probs", "sampler_log_probs", "entropies")
        }
        self.theta = torch.nn.Parameter(self.tables["log_probs"].clone())
        self.spread = torch.nn.Parameter(self.tables["entropies"].clone())
        self.first = {self.tokens(row)[0]: row for row in range(len(self.lengths))}
        assert len(self.first) == len(self.lengths), "at most one response may be EOS alone"

    def _table(self, rows: list[list[float]]) -> torch.Tensor:
        found = torch.zeros(len(rows), self.width)
        for row, numbers in enumerate(rows):
            found[row, : self.lengths[row]] = torch.tensor(numbers[: self.lengths[row]])
        return found

    def tokens(self, row: int) -> list[int]:
        """Return the ids of a response."""
        found = [FIRST + row * self.width + place for place in range(self.lengths[row])]
        if self.batch["ended"][row]:
            found[-1] = EOS
        return found

    def next_rows(self, count: int) -> list[int]:
        """Return the next samples to generate."""
        rows = [(self.generated + place) % len(self.lengths) for place in range(count)]
        self.generated += count
        return rows

    def reward(self, prompts: Any, completions: Any, **_: Any) -> list[float | None]:
        """Return the rewards of the next completions."""
        size = len(self.lengths)
        found = [self.batch["rewards"][(self.rewarded + place) % size] for place in range(len(completions))]
        self.rewarded += len(completions)
        return found

    def rows_of(self, completions: torch.Tensor) -> list[int]:
        """Return the samples that these completions are."""
        return [self.first[int(ids[0])] for ids in completions]


def make_model(vocabulary: int, folder: str) -> Any:
    """Save a tiny model and its tokenizer and return the tokenizer."""
    from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: PLC0415  after packages are hidden
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast  # noqa: PLC0415  after packages are hidden

    words = {"<pad>": PAD, "</s>": EOS, "<unk>": 2, "q": 3} | {f"t{place}": place for place in range(4, vocabulary)}
    inner = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", eos_token="</s>", unk_token="<unk>")
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1,
        num_key_value_heads=1, max_position_embeddings=256, pad_token_id=PAD, eos_token_id=EOS, bos_token_id=EOS,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return tokenizer


def configure(options: dict[str, Any], folder: str) -> Any:
    """Return the GRPOConfig; options that a release lacks are an error of the case."""
    config: Any = importlib.import_module("trl").GRPOConfig

    known = {field.name for field in fields(config)}
    quiet = {
        "output_dir": folder, "report_to": "none", "save_strategy": "no", "bf16": False, "use_cpu": True,
        "gradient_checkpointing": False, "max_grad_norm": 0.0, "optim": "sgd", "learning_rate": 1e-3,
        "max_steps": 1, "logging_steps": 1000, "disable_tqdm": True, "temperature": 1.0, "max_prompt_length": None,
        "shuffle_dataset": False, "seed": 0, "use_vllm": False, "disable_dropout": False, "num_generations_eval": None,
        "dataloader_pin_memory": False,
    }  # fmt: skip
    if lacking := set(options) - known:
        raise SystemExit(f"this release has no {', '.join(sorted(lacking))}")
    return config(**{key: value for key, value in (quiet | options).items() if key in known})


def stub_generation(trainer: Any, given: GivenBatch, release: tuple[int, ...], group: int) -> None:
    """Make the model generate the given completions, in order."""

    def generate(inputs: Any = None, **settings: Any) -> torch.Tensor:
        prompts = settings["input_ids"] if inputs is None else inputs
        if release < (0, 15):
            prompts = prompts.repeat_interleave(group, dim=0)
        rows = [given.tokens(row) for row in given.next_rows(len(prompts))]
        width = max(map(len, rows))
        padded = torch.tensor([[*row, *[PAD] * (width - len(row))] for row in rows])
        return torch.cat([prompts, padded], dim=1)

    trainer.model.generate = generate


def stub_log_probs(trainer: Any, given: GivenBatch, release: tuple[int, ...]) -> None:
    """Make the model's log-probs the given ones: of the policy with a gradient, of the old or the reference without."""

    def table(model: Any, rows: list[int], width: int) -> tuple[torch.Tensor, torch.Tensor]:
        if torch.is_grad_enabled():
            chosen: torch.Tensor = given.theta
            spread: torch.Tensor = given.spread
        else:
            reference = model is not None and model is trainer.ref_model
            chosen, spread = given.tables["ref_log_probs" if reference else "old_log_probs"], given.tables["entropies"]
        index = torch.tensor(rows)
        return chosen[index][:, :width], spread[index][:, :width]

    def log_probs(model: Any, input_ids: Any, attention_mask: Any, logits_to_keep: int, *_: Any, **__: Any) -> Any:
        return table(model, given.rows_of(input_ids[:, -logits_to_keep:]), logits_to_keep)[0]

    def both(model: Any, input_ids: Any, attention_mask: Any, logits_to_keep: int, *_: Any, **__: Any) -> Any:
        found = table(model, given.rows_of(input_ids[:, -logits_to_keep:]), logits_to_keep)
        return (*found, None) if release >= (1, 7) else found

    def forward_of(model: Any) -> Any:
        def forward(input_ids: Any = None, **settings: Any) -> Any:
            keep = settings["num_logits_to_keep"] - 1
            targets = input_ids[:, -keep:]
            chosen = table(model, given.rows_of(targets), keep)[0]
            count = trainer.model.config.vocab_size
            others = torch.log(((1 - chosen.exp()) / (count - 1)).clamp(min=1e-30))
            logits = others[:, :, None].expand(-1, -1, count).scatter(2, targets[:, :, None], chosen[:, :, None])
            return types.SimpleNamespace(logits=torch.cat([logits, logits[:, :1]], dim=1))

        return forward

    if release < (0, 15):
        trainer.model.forward = forward_of(trainer.model)
        trainer.ref_model.forward = forward_of(trainer.ref_model)
    else:
        trainer._get_per_token_logps = log_probs
        trainer._get_per_token_logps_and_entropies = both


def stub_sampler(trainer: Any, given: GivenBatch, release: tuple[int, ...]) -> None:
    """Make the trainer believe that vLLM sampled, with the given log-probs."""

    def sampled(rows: list[int]) -> list[list[float]]:
        return [given.tables["sampler_log_probs"][row, : given.lengths[row]].tolist() for row in rows]

    trainer.use_vllm = True
    if release < (0, 24):

        def generate(prompts: Any, n: int, **_: Any) -> dict[str, Any]:
            rows = given.next_rows(len(prompts) * n)
            return {"completion_ids": [given.tokens(row) for row in rows], "logprobs": sampled(rows)}

        trainer.vllm_mode, trainer.vllm_client = "server", types.SimpleNamespace(generate=generate)
        trainer._last_loaded_step, trainer.guided_decoding_regex = 0, None
        return
    own, place = trainer._generate, place_of_log_probs(trainer)

    def wrapped(prompts: Any, *others: Any) -> Any:
        before = given.generated
        trainer.use_vllm = False
        found = list(own(prompts, *others))
        trainer.use_vllm = True
        found[place] = sampled([row % len(given.lengths) for row in range(before, given.generated)])
        return tuple(found)

    trainer._generate = wrapped


def place_of_log_probs(trainer: Any) -> int:
    """Return the place of the sampler's log-probs in what ``_generate`` returns."""
    source = textwrap.dedent(inspect.getsource(type(trainer)._generate_and_score_completions))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and "self._generate(" in ast.unparse(node.value):
            assert isinstance(node.targets[0], ast.Tuple)
            names = [ast.unparse(name) for name in node.targets[0].elts]
            return names.index("sampling_per_token_logps_list")
    raise SystemExit("this release has no _generate")


def run_case(case: dict[str, Any], tokenizer: Any, folder: str, release: str) -> dict[str, Any]:
    """Return what the trainer computed: advantages, masks, the loss and the gradient of the first optimizer step."""
    from datasets import Dataset  # noqa: PLC0415  after packages are hidden
    from transformers import TrainerCallback  # noqa: PLC0415  after packages are hidden

    number, batch = version_of(release), case["batch"]
    given = GivenBatch(batch, max(batch["lengths"]))
    seen: dict[str, Any] = {"loss": 0.0, "advantages": [], "mask": []}
    captured: dict[str, Any] = {}

    class Capture(TrainerCallback):  # type: ignore[misc]
        def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
            assert given.theta.grad is not None
            captured["gradient"] = given.theta.grad.clone()
            captured["entropy_gradient"] = None if given.spread.grad is None else given.spread.grad.clone()

    options = dict(case["options"])
    sampler = options.pop("use_vllm", False)
    dataset = Dataset.from_list([{"prompt": "q"}] * len(batch["lengths"]))
    chosen: Any = importlib.import_module("trl").GRPOTrainer
    trainer = chosen(
        model=folder, reward_funcs=given.reward, args=configure(options, folder), train_dataset=dataset,
        processing_class=tokenizer, callbacks=[Capture()],
    )  # fmt: skip
    module = sys.modules[chosen.__module__]
    for name in ("shuffle_tensor_dict", "shuffle_sequence_dict"):
        if hasattr(module, name):
            setattr(module, name, lambda found: found)
    trainer.model.register_parameter("theta", given.theta)
    trainer.model.register_parameter("spread", given.spread)
    stub_generation(trainer, given, number, options["num_generations"])
    stub_log_probs(trainer, given, number)
    if sampler:
        stub_sampler(trainer, given, number)
    watch(trainer, seen, number)
    with contextlib.redirect_stdout(io.StringIO()):
        trainer.train()
    gradient = captured["gradient"].tolist()
    found = {"loss": seen["loss"], "gradient": [row[: given.width] for row in gradient]}
    if seen["advantages"]:
        found |= {"advantages": seen["advantages"][: len(given.lengths)]}
        found |= {"mask": widened(seen["mask"][: len(given.lengths)], given.width)}
    spread = captured["entropy_gradient"]
    if spread is not None and bool(spread.any()):
        found["entropy_gradient"] = spread.tolist()
    return found


def watch(trainer: Any, seen: dict[str, Any], number: tuple[int, ...]) -> None:
    """Keep the advantages and masks that the trainer computes, and the losses of its micro-batches."""
    name = "_generate_and_score_completions" if number >= (0, 16) else "_prepare_inputs"
    own, step = getattr(trainer, name), trainer.training_step

    def scored(inputs: Any, *others: Any) -> Any:
        found = own(inputs, *others)
        if isinstance(found, dict) and "advantages" in found:
            seen["advantages"] += found["advantages"].tolist()
            seen["mask"] += found["completion_mask"].tolist()
        return found

    def stepped(*inputs: Any, **settings: Any) -> Any:
        found = step(*inputs, **settings)
        seen["loss"] += float(found)
        return found

    setattr(trainer, name, scored)
    trainer.training_step = stepped


def widened(rows: list[list[int]], width: int) -> list[list[int]]:
    """Return rows padded with 0 to a width."""
    return [[*row, *[0] * (width - len(row))][:width] for row in rows]


def hide_packages(*names: str) -> None:
    """Make packages look as if they were not installed; a release may not fit the installed versions."""
    own = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> Any:
        return None if name.partition(".")[0] in names else own(name, package)

    importlib.util.find_spec = find_spec


def main() -> None:
    """Run every case of the request and print the results by name, or the error of a case."""
    request = json.loads(sys.stdin.read())
    hide_packages("vllm", "deepspeed", "wandb", "liger_kernel")
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = make_model(512, folder)
        for case in request["cases"]:
            try:
                with contextlib.redirect_stdout(sys.stderr):
                    found[case["name"]] = run_case(case, tokenizer, folder, request["release"])
            except (Exception, SystemExit) as error:  # a case may fail in a release, the others go on
                found[case["name"]] = {"error": f"{type(error).__name__}: {error}"[:300]}
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
