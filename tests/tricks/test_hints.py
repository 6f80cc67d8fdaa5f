"""Settings and numbers that are probably not meant get one line; what the project itself uses gets none."""

from __future__ import annotations

import io
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tricks.batches import SETUP
from tricks.__main__ import main
from tricks.api import TrickError
from tricks.catalog import load_catalog
from tricks.dialects.build import DIALECTS, NO_DIALECT, build_rule
from tricks.hints import PLAUSIBLE_RANGES, hint_positive_log_probs, list_rule_hints
from tricks.presets import PRESETS

EXAMPLE = Path(__file__).parents[2] / "docs" / "reference" / "rollouts.example.json"
BATCH = {
    "rewards": [1.0, 0.0, 0.0, 0.0],
    "group": [0, 0, 0, 0],
    "lengths": [2, 1, 1, 1],
    "log_probs": [[-0.5, -0.25], [-1.0], [-1.0], [-2.0]],
}
ODD = {
    "clip_higher.clip_ratio_high": 28,
    "clip_higher.clip_ratio_low": 1.0,
    "clip_higher.dual_clip": 1000,
    "kl_loss.coef": 10,
    "kl_reward.coef": 1.5,
    "entropy_bonus.coef": 5,
    "group_norm.eps": 1,
    "format_reward.bonus": 100,
}


def hints(preset: str = "grpo", emulate: str = NO_DIALECT, **tricks: Any) -> list[str]:
    return list(list_rule_hints(build_rule(preset, tricks, emulate, SETUP)))


@pytest.mark.parametrize(("setting", "value"), ODD.items())
def test_a_value_outside_of_practice_gets_one_hint_with_its_name(setting: str, value: float) -> None:
    name, _, field = setting.partition(".")
    found = hints(**{name: {field: value}})
    assert len(found) == 1
    assert found[0].startswith(f"{setting}={value:g} is outside ")


@pytest.mark.parametrize("value", [0.1, 0.28, 0.4, 1.0])
def test_usual_values_get_none(value: float) -> None:
    assert hints(clip_higher={"clip_ratio_high": value}) == []


def test_a_setting_without_a_number_has_no_range() -> None:
    assert hints(clip_higher={"dual_clip": None, "log_ratio_bound": None}) == []


@pytest.mark.parametrize("emulate", [NO_DIALECT, *DIALECTS])
def test_no_preset_and_no_dialect_gets_a_hint(emulate: str) -> None:
    found: dict[str, list[str]] = {}
    for preset in PRESETS:
        with suppress(TrickError):  # what a dialect cannot express
            found[preset] = hints(preset, emulate)
    assert found or emulate != NO_DIALECT
    expected = {"cispo"} if emulate == "ms_swift" else set()  # whose default shrinks every weight to 0.2
    assert {preset for preset, said in found.items() if said} == expected


def test_every_range_is_of_a_setting_that_exists_and_holds_its_default() -> None:
    classes = {spec.cls.__name__: spec.cls for spec in load_catalog().values()}
    for place, known in PLAUSIBLE_RANGES.items():
        name, _, field = place.partition(".")
        if name[0].isupper():
            default = classes[name].__dataclass_fields__[field].default
            assert default is None or known.low <= default <= known.high, place


def test_no_trick_of_the_catalog_gets_a_hint_by_its_own_settings() -> None:
    for name, spec in load_catalog().items():
        for field, value in spec.settings.items():
            known = PLAUSIBLE_RANGES.get(f"{spec.cls.__name__}.{field}")
            assert known is None or known.low <= value <= known.high, f"{name}.{field}"


def test_log_probs_above_zero_are_named_where_a_token_was_sampled() -> None:
    values, mask = torch.tensor([[-1.0, 5.0], [0.0, 0.7]]), torch.tensor([[True, False], [True, True]])
    assert list(hint_positive_log_probs("log_probs", values, mask)) == [
        "log_probs[1][1] is 0.7, one of 1 above 0, and no probability exceeds 1; give natural logarithms of "
        "probabilities"
    ]
    assert not list(hint_positive_log_probs("log_probs", values.clamp(max=1e-6), mask))


def applied(batch: dict[str, Any], *words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(batch).encode())))
    return main(["apply", "preset=grpo", *words])


def test_apply_tells_hints_beside_the_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = {**BATCH, "old_log_probs": [[0.5, -0.25], [-1.0], [-1.0], [-2.0]]}
    assert applied(batch, "tricks.clip_higher.clip_ratio_high=28", monkeypatch=monkeypatch) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["preset"] == "grpo"
    starts = [line.split(" is ")[0] for line in said.err.splitlines()]
    assert starts == ["hint: clip_higher.clip_ratio_high=28", "hint: old_log_probs[0][0]"]


@pytest.mark.parametrize("name", ["log_probs", "old_log_probs", "sampler_log_probs", "ref_log_probs"])
def test_each_table_of_a_batch_is_named_once(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert applied({**BATCH, name: [[0.5, 0.5], [-1.0], [-1.0], [-2.0]]}, monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().err.startswith(f"hint: {name}[0][0] is 0.5, one of 2 above 0")


def test_the_example_of_the_documentation_gets_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert applied(json.loads(EXAMPLE.read_text()), monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("trick", ["group_norm", "batch_norm"])
def test_a_deviation_that_overflows_is_refused(
    trick: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (
        ("tricks.group_norm=null", f"tricks.{trick}={{}}", "dtype=float64")
        if trick != "group_norm"
        else ("dtype=float64",)
    )
    huge = {**BATCH, "rewards": [1e200, 0.0, 0.0, 0.0]}
    assert applied(huge, *words, monkeypatch=monkeypatch) == 2
    assert capsys.readouterr().err == (
        "the standard deviation overflows; divide the rewards by a constant, such as the largest\n"
    )


@pytest.mark.parametrize("precision", ["single", "double"])
def test_rewards_that_float32_holds_have_a_deviation(
    precision: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    huge = {**BATCH, "rewards": [1e20, 0.0, 0.0, 0.0]}
    assert applied(huge, f"tricks.group_norm.precision={precision}", monkeypatch=monkeypatch) == 0
    assert json.loads(capsys.readouterr().out)["advantages"] == pytest.approx([1.5, -0.5, -0.5, -0.5])


def test_an_advantage_that_overflows_is_named_and_not_a_log_ratio(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    huge = {**BATCH, "rewards": [3e38, 3e38, -3e38, -3e38]}
    words = ("tricks.group_norm.precision=single", "tricks.group_norm.std=none")
    assert applied(huge, *words, monkeypatch=monkeypatch) == 2
    assert "the advantage of sample " in capsys.readouterr().err
