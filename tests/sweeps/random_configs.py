"""Random valid configs, and neighbours that differ in one thing, for the certificate of twins."""

import random
from dataclasses import fields, replace
from typing import Annotated, Any, Literal, get_args, get_origin

from harness.common.schema import SchemaError
from harness.config.experiment import ExperimentConfig, RewardConfig
from sweeps.grid.cells import PlannedCell
from tricks.api import TrickError
from tricks.catalog import BUILT_IN_TRICKS, find_trick
from tricks.dialects.build import DIALECTS
from tricks.presets import PRESETS
from tricks.settings import read_field_types

SCALES = ((1.0, 0.0), (1.0, -1.0), (0.0, -1.0), (2.0, 0.5), (1.0, 0.9), (0.3, -0.7), (1.0, 1.0), (0.0, 1.0))
SPOKEN = (*("none",) * 10, *DIALECTS)
# Settings with numbers; those of one name mean similar things in all tricks.
NUMBERS: dict[str, tuple[Any, ...]] = {
    "eps": (1e-6, 1e-8, 1e-4, 1e-5),
    "clip_ratio_low": (0.2, 0.1, 3e-4, 0.0),
    "clip_ratio_high": (0.2, 0.28, 4e-4, 1.0),
    "dual_clip": (None, 3.0, 10.0, 2.5),
    "log_ratio_bound": (20.0, None, 10.0),
    "value_bound": (None, 10.0, 5.0, 3.0),
    "low": (-1.0, 0.0, -5.0, 0.8, -1.5),
    "high": (1.0, 5.0, 1.28, 2.0, 1.5, 7.0),
    "cap": (2.0, 5.0, 1e9),
    "floor": (0.0, 0.5),
    "coef": (1e-3, 0.0, 0.05),
    "weight": (1.0, 0.1, 0.0),
    "bonus": (0.1, 0.0),
    "tolerance": (0.0, 0.5, 1.5),
    "length": ("limit", "padded", 1, 5, 20),
    "limit": (None, 1, 5, 19, 20, 25),
    "cache": (None, 1, 4, 10),
    "rounds": (0, 4),
}


def cell(config: ExperimentConfig, **labels: str) -> PlannedCell:
    return PlannedCell(labels, config, config.cell_id())


def random_config(base: ExperimentConfig, chance: random.Random) -> ExperimentConfig:
    """A config that composes, with any preset and dialect, up to three more tricks, and any shape."""
    while True:
        preset = chance.choice(sorted(PRESETS))
        names = chance.sample([spec.name for spec in BUILT_IN_TRICKS], chance.choice((0, 1, 1, 2, 3)))
        tricks: dict[str, Any] = {name: random_settings(name, chance) for name in names}
        shaped = replace(_shaped(base, chance), reward=RewardConfig(*chance.choice(SCALES)))
        made = replace(shaped, preset=preset, tricks=tricks, emulate=chance.choice(SPOKEN))
        if valid(made):
            return made


def neighbour(config: ExperimentConfig, chance: random.Random) -> ExperimentConfig:
    """Another valid config of the same shape: another scale or dialect, or a trick more, less, or set otherwise."""
    while True:
        made = _changed(config, chance)
        if made != config and valid(made):
            return made


def valid(config: ExperimentConfig) -> bool:
    try:
        config.update_rule()
    except (TrickError, SchemaError):
        return False
    return True


def random_settings(name: str, chance: random.Random, share: float = 0.35) -> dict[str, Any]:
    cls = find_trick(name).cls
    kinds = read_field_types(cls)
    return {
        field.name: value
        for field in fields(cls)
        if chance.random() < share and (value := _value(field.name, kinds[field.name], chance)) is not ...
    }


def _value(name: str, kind: Any, chance: random.Random) -> Any:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if name in NUMBERS:
        return chance.choice(NUMBERS[name])
    if get_origin(kind) is Literal:
        return chance.choice(get_args(kind))
    return chance.choice((True, False)) if kind is bool else ...


def _shaped(base: ExperimentConfig, chance: random.Random) -> ExperimentConfig:
    updates = chance.choice((1, 1, 2, 4))
    rollout = replace(
        base.rollout,
        prompts_per_batch=updates * chance.choice((1, 2, 3)),
        group_size=chance.choice((1, 2, 3, 4, 8, 16)),
        max_response_length=chance.choice((1, 2, 8, 20, 20)),
    )
    # One token a micro-batch splits every update; 16,384 hold any of these.
    optim = replace(base.optim, updates_per_rollout=updates, micro_batch_tokens=chance.choice((1, 16384)))
    return replace(base, rollout=rollout, optim=optim)


def _changed(config: ExperimentConfig, chance: random.Random) -> ExperimentConfig:
    tricks = dict(config.tricks)
    chosen = {**PRESETS[config.preset].tricks, **tricks}
    match chance.choice(("scale", "speak", "add", "add", "leave", "set", "set", "set")):
        case "scale":
            return replace(config, reward=RewardConfig(*chance.choice(SCALES)))
        case "speak":
            return replace(config, emulate=chance.choice(SPOKEN))
        case "add":
            name = chance.choice([spec.name for spec in BUILT_IN_TRICKS])
            tricks[name] = random_settings(name, chance)
        case "leave" if chosen:
            name = chance.choice(sorted(chosen))
            tricks[name] = None
            if name not in PRESETS[config.preset].tricks:
                del tricks[name]
        case "set" if chosen:
            name = chance.choice(sorted(chosen))
            tricks[name] = {**(tricks.get(name) or {}), **random_settings(name, chance)}
    return replace(config, tricks=tricks)
