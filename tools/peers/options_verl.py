"""Write verl's options by release: every key of its composed trainer configurations, from the wheels.

python -m tools.peers.options_verl
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from tools.peers.common import Packages
from tools.peers.option_files import option_spans, write_options
from tools.peers.verl import RELEASES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FOLDER: Final = "verl/trainer/config"
_ENGINES: Final = ("", "_megatron", "_torchtitan", "_veomni")  # the first one gives the defaults
_DAPO: Final = {  # of the recipe in the repository, which the wheels do not hold
    "data.gen_batch_size": None,
    "reward_model.reward_manager": "naive",
    "reward_model.overlong_buffer.enable": False,
    "reward_model.overlong_buffer.len": 0,
    "reward_model.overlong_buffer.penalty_factor": 0.0,
    "reward_model.overlong_buffer.log": False,
    "algorithm.filter_groups.enable": False,
    "algorithm.filter_groups.metric": None,
    "algorithm.filter_groups.max_num_gen_batches": 0,
}
_RECIPE: Final = RELEASES[RELEASES.index("0.4.0") :]
_READ: Final = {  # read from the configuration where it has them; its files do not list them
    "reward.reward_kwargs.overlong_buffer_cfg.enable": ("0.7.1", False),
    "reward.reward_kwargs.overlong_buffer_cfg.len": ("0.7.1", 0),
    "reward.reward_kwargs.overlong_buffer_cfg.penalty_factor": ("0.7.1", 0.0),
    "reward.reward_kwargs.overlong_buffer_cfg.log": ("0.7.1", False),
    "reward.reward_kwargs.max_resp_len": ("0.7.1", None),
    "reward_model.reward_kwargs.overlong_buffer_cfg.enable": ("0.4.0", False),
    "reward_model.reward_kwargs.overlong_buffer_cfg.len": ("0.4.0", 0),
    "reward_model.reward_kwargs.overlong_buffer_cfg.penalty_factor": ("0.4.0", 0.0),
    "reward_model.reward_kwargs.overlong_buffer_cfg.log": ("0.4.0", False),
    "reward_model.reward_kwargs.max_resp_len": ("0.4.0", None),
    "actor_rollout_ref.actor.use_rollout_log_probs": ("0.6.1", False),
    "actor_rollout_ref.rollout.repetition_penalty": ("0.7.0", 1.0),
    "algorithm.gdpo_reward_keys": ("0.7.1", None),
    "algorithm.gdpo_reward_weights": ("0.7.1", None),
}


def options_of(release: str) -> dict[str, Any]:
    """Return every option of a release by its dotted name, with its default."""
    folder = Packages().install(f"verl=={release}") / _FOLDER
    found: dict[str, Any] = {}
    for engine in _ENGINES:
        composed, plain = (folder / f"{head}ppo{engine}_trainer.yaml" for head in ("_generated_", ""))
        path = composed if composed.exists() else plain
        if path.exists():
            tree = yaml.safe_load(path.read_text(encoding="utf-8"))
            found = dict(_flat({key: value for key, value in tree.items() if key not in ("hydra", "defaults")})) | found
    for path in sorted((folder.parents[1] / "experimental").glob("*/config/*trainer.yaml")):
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = dict(_flat({key: value for key, value in tree.items() if key not in ("hydra", "defaults")})) | found
    if release in _RECIPE:
        found = _DAPO | found
    order = RELEASES.index(release)
    read = {name: default for name, (since, default) in _READ.items() if order >= RELEASES.index(since)}
    return read | {name: _number(value) for name, value in found.items() if not name.endswith("_target_")}


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _number(value: Any) -> Any:
    """Return a number that YAML 1.1 reads as a word, such as 1e-6."""
    if isinstance(value, str) and value[:1].isdigit():
        try:
            return float(value)
        except ValueError:
            return value
    return value


def main() -> None:
    """Write the options file."""
    print(write_options("verl", RELEASES, option_spans(RELEASES, {each: options_of(each) for each in RELEASES})))


if __name__ == "__main__":
    main()
