"""Every preset in every dialect is built, or refused by trick, reason and way out."""

from __future__ import annotations

import re

import pytest
import torch

from tests.tricks.batches import example
from tests.tricks.dialects.spoken import SETUP, refusal_line, rule, trick
from tricks.api import REQUIRED_HOOKS, TrickError
from tricks.catalog import BUILT_IN_TRICKS
from tricks.dialects.build import DIALECTS, build_rule, find_dialect, translate
from tricks.presets import PRESETS

PAIRS = [(preset, emulate) for preset in PRESETS for emulate in DIALECTS]
BUILT = {  # which presets a framework can express
    "verl": "grpo dr_grpo dapo rloo reinforce_pp reinforce_pp_baseline gspo cispo",
    "trl": "grpo dr_grpo dapo_static gspo cispo liteppo",
    "roll": "vanilla_ppo reinforce grpo dr_grpo dapo dapo_static reinforce_pp gspo cispo liteppo",
    "openrlhf": "grpo dapo reinforce_pp reinforce_pp_baseline gspo",
    "areal": "dapo reinforce_pp gspo liteppo",
    "nemo_rl": "vanilla_ppo grpo dapo dapo_static reinforce_pp_baseline gspo cispo",
    "open_instruct": "dr_grpo dapo cispo",
    "oat": "grpo dr_grpo",
    "prime_rl": "",
    "slime": "vanilla_ppo grpo dr_grpo dapo dapo_static reinforce_pp reinforce_pp_baseline gspo cispo",
    "ms_swift": "grpo dr_grpo dapo dapo_static gspo cispo liteppo",
    "skyrl": "grpo dr_grpo dapo dapo_static reinforce_pp reinforce_pp_baseline gspo cispo",
    "trl_async": "",
}


def refusal(emulate: str, *names: str) -> str | None:
    """The refusal of these tricks, None where they are built."""
    try:
        translate(find_dialect(emulate), {name: trick(name) for name in names})
    except TrickError as error:
        return str(error)
    return None


@pytest.mark.parametrize(("preset", "emulate"), PAIRS)
def test_a_preset_is_built_or_refused_by_name_with_a_way_out(preset, emulate):
    if preset not in BUILT[emulate].split():
        named = "|".join([*PRESETS[preset].tricks, *REQUIRED_HOOKS])
        with pytest.raises(TrickError) as caught:
            build_rule(preset, {}, emulate, SETUP)
        refused = refusal_line(caught.value)
        assert re.fullmatch(rf"({named})(\.\w+)?: {emulate} .+; .+leave emulate out", refused), refused
        return
    chosen = build_rule(preset, {}, emulate, SETUP)
    signal = chosen.signal(example())
    assert chosen.loss_weights(signal).sum() > 0


@pytest.mark.parametrize("emulate", DIALECTS)
def test_every_trick_of_the_catalog_is_known_to_every_dialect(emulate):
    refusals = {spec.name: refusal(emulate, spec.name) for spec in BUILT_IN_TRICKS}
    for name, words in refusals.items():
        assert words is None or re.fullmatch(rf"{name}(\.\w+)?: {emulate} .+; .+leave emulate out", words)
        assert words is None or "nothing that computes it" not in words


@pytest.mark.parametrize("emulate", DIALECTS)
def test_no_refusal_offers_what_was_given(emulate):
    refusals = [words for spec in BUILT_IN_TRICKS if (words := refusal(emulate, spec.name)) and ", got " in words]
    for words in refusals:
        offered, _, given = words.partition(", got ")
        assert given.partition("; ")[0] not in offered.partition(" has ")[2].split(" or ")


def test_a_name_without_a_dialect_is_no_key():
    assert "made_up" not in DIALECTS
    with pytest.raises(KeyError, match="made_up"):
        DIALECTS["made_up"]


def test_no_dialect_changes_nothing():
    assert rule("none", group_norm={}).tricks["group_norm"] == trick("group_norm")


@pytest.mark.parametrize("emulate", DIALECTS)
def test_every_row_names_its_source(emulate):
    dialect = find_dialect(emulate)
    rows = (*dialect.variants, *dialect.refusals, *dialect.rewrites)
    assert [row.where for row in rows if not re.fullmatch(r"[\w.-]+(/[\w.-]+)*\.(py|yaml):[1-9]\d*", row.where)] == []


@pytest.mark.parametrize("emulate", DIALECTS)
def test_what_a_framework_does_unasked_names_its_source_too(emulate):
    assert all(re.search(r"\([\w./-]+\.(py|yaml):[1-9]\d*\)", words) for words in find_dialect(emulate).besides)


@pytest.mark.parametrize("emulate", DIALECTS)
def test_rows_name_settings_that_exist(emulate):
    for row in find_dialect(emulate).variants:
        known = set(row.cls.__dataclass_fields__)
        assert known >= {*row.when, *row.then, *row.free}


@pytest.mark.parametrize("emulate", DIALECTS)
def test_the_rows_of_a_class_are_its_variants_and_its_refusals(emulate):
    dialect = find_dialect(emulate)
    for spec in BUILT_IN_TRICKS:
        assert dialect.rows(spec.cls)


@pytest.mark.parametrize("emulate", DIALECTS)
def test_statistics_agree_in_both_precisions(emulate):
    norm = "group_norm" if emulate == "trl_async" else "group_mean"
    tricks = {norm: {}, "constant_length" if emulate == "oat" else "token_mean": {}}
    chosen = rule(emulate, **tricks)
    single, double = (chosen.signal(example(dtype)).advantages for dtype in (torch.float32, torch.float64))
    torch.testing.assert_close(single.double(), double, rtol=1e-6, atol=1e-7)
