#!/usr/bin/env bash
# trl 0.22.1: scale_rewards="group" divides the advantages by nothing, scale_rewards="none" divides them.
#
# Input       GRPOTrainer on a random model of two layers, one prompt with four responses, rewards 1, 0, 0, 0.
# Expected    "group", the default, divides by the group's standard deviation, which is 0.5: advantages +1.5 and -0.5.
#             "none" divides by nothing: +0.75 and -0.25. The documentation of both releases says so.
# Seen        0.22.2 gives that. 0.22.1 gives the contrary: "group" +0.75 and -0.25, "none" +1.5 and -0.5.
# Why care    a run with the defaults of 0.22.1 is not the GRPO that its paper describes, its gradients are half as
#             large here, and a comparison of "group" with "none" (Dr. GRPO) has its two arms exchanged. No warning.
# Source      https://pypi.org/project/trl/0.22.1/ (trl/trainer/grpo_trainer.py, _generate_and_score_completions)
# Exit        0: as seen; 1: something else; 2: the packages could not be installed.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  torch==2.13.0 transformers==4.56.2 accelerate==1.10.0 datasets==3.6.0 trl==0.22.2 || exit 2

export HF_HUB_OFFLINE=1 HF_HOME="$work/home" CUDA_VISIBLE_DEVICES="" WANDB_DISABLED=true TRANSFORMERS_VERBOSITY=error
cd "$work"
cat > run.py <<'PYTHON'
import json
import platform
import sys
import warnings
from importlib.metadata import version

from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
from transformers.trainer_callback import PrinterCallback
from trl import GRPOConfig, GRPOTrainer

warnings.simplefilter("ignore")
EXPECTED = {"group": [1.5, -0.5, -0.5, -0.5], "none": [0.75, -0.25, -0.25, -0.25]}
words = {word: place for place, word in enumerate(["<pad>", "<eos>", "<unk>", *"abcdefgh"])}
tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
processing = PreTrainedTokenizerFast(
    tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", padding_side="left"
)


class Keeping(GRPOTrainer):
    """The trainer, which also keeps the advantages that it hands to its loss."""

    kept = None

    def _generate_and_score_completions(self, inputs):
        found = super()._generate_and_score_completions(inputs)
        self.kept = found["advantages"].tolist()
        return found


def rewards(completions, **_):
    return [1.0] + [0.0] * (len(completions) - 1)


def advantages(scale):
    config = GRPOConfig(
        output_dir="out", per_device_train_batch_size=4, num_generations=4, max_completion_length=4, max_steps=1,
        scale_rewards=scale, report_to="none", use_cpu=True, bf16=False, disable_tqdm=True, save_strategy="no",
        logging_strategy="no", gradient_checkpointing=False,
    )
    model = GPT2LMHeadModel(GPT2Config(
        vocab_size=len(words), n_positions=32, n_embd=16, n_layer=2, n_head=2, pad_token_id=0, bos_token_id=1,
        eos_token_id=1,
    ))
    trainer = Keeping(
        model=model, reward_funcs=rewards, args=config, train_dataset=Dataset.from_dict({"prompt": ["a b c"] * 4}),
        processing_class=processing,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return trainer.kept


named = ("trl", "transformers", "accelerate", "datasets", "torch")
print(*(f"{name} {version(name)}" for name in named), f"Python {platform.python_version()}")
inverted = version("trl") == "0.22.1"
same = True
for scale, other in (("group", "none"), ("none", "group")):
    found, seen = advantages(scale), EXPECTED[other if inverted else scale]
    print(f"scale_rewards={scale:6} documented {json.dumps(EXPECTED[scale])}, seen", [round(v, 4) for v in found])
    same = same and all(abs(a - b) < 1e-3 for a, b in zip(found, seen, strict=True))
sys.exit(0 if same else "changed: the advantages are not what this script saw")
PYTHON
"$work/venv/bin/python" run.py
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  torch==2.13.0 transformers==4.56.2 accelerate==1.10.0 datasets==3.6.0 trl==0.22.1 || exit 2
"$work/venv/bin/python" run.py
