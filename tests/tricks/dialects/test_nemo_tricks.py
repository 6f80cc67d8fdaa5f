"""NeMo-RL's statistics, operation by operation in float32, and its denominator."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch

from tests.tricks.dialects.spoken import advantages, batch, loss, rule, spoken
from tricks.__main__ import main
from tricks.api import TrickSpec
from tricks.conformance import check_trick
from tricks.dialects.own_tricks import NormalizeBySquares, SampleMean

SINGLE = np.float32


def written_down(rewards: list[float], *, others: bool = True, divided: bool = True) -> list[float]:
    """The advantages of one group, each operation a float32 one, sums from the least reward on."""
    values = sorted(map(SINGLE, rewards))
    found = {}
    for own, reward in enumerate(values):
        total = squares = SINGLE(0)
        for index, value in enumerate(values):
            if not (others and index == own):
                total, squares = total + value, squares + value * value
        count = SINGLE(len(values) - int(others))
        mean = total / count
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.nan_to_num(np.sqrt((squares / count - mean * mean) * (count / (count - SINGLE(1)))), nan=0.0)
        centred = reward - mean
        found[float(reward)] = float(centred / (spread + SINGLE(1e-6)) if divided and spread > 0 else centred)
    return [found[float(SINGLE(reward))] for reward in rewards]


# The odd sample of seven rewards of x and one of 0. The framework's own function (torch 2.13.0, CPU) prints -2154.06
# for 0.35 and -2160.71 for 0.7. For 0.3 it depends on the order in which BLAS adds; this number is of sums one by one.
@pytest.mark.parametrize(("reward", "printed"), [(0.35, -2154.06), (0.3, -3183.61), (0.7, -2160.71)])
@pytest.mark.parametrize("odd", [0, 3, 7])
def test_seven_equal_rewards_and_a_zero_blow_up(reward, printed, odd):
    rewards = [reward] * 8
    rewards[odd] = 0.0
    found = advantages(spoken("nemo_rl", "group_norm"), batch(rewards, dtype=torch.float32))
    assert found.tolist() == pytest.approx(written_down(rewards), rel=1e-6)
    assert float(found[odd]) == pytest.approx(printed, abs=0.01)


@pytest.mark.parametrize("reward", [0.4, 0.1, 1.0])
def test_other_rewards_do_not(reward):
    found = advantages(spoken("nemo_rl", "group_norm"), batch([reward] * 7 + [0.0], dtype=torch.float32))
    assert float(found[7]) == pytest.approx(-reward, rel=1e-6)
    assert found.tolist() == pytest.approx(written_down([reward] * 7 + [0.0]), rel=1e-6)


def test_seven_of_one_and_one_just_below():
    # The framework gave 0.312; without the rounding of the squares it would be 0.377.
    found = advantages(spoken("nemo_rl", "group_norm"), batch([0.999] + [1.0] * 7, dtype=torch.float32))
    assert float(found[1]) == pytest.approx(0.3121, abs=5e-5)


def test_the_command_gives_it_too(monkeypatch, capsys):
    document = {
        "rewards": [0.35] * 7 + [0.0],
        "group": [1] * 8,
        "lengths": [1] * 8,
        "log_probs": [[-1]] * 8,
    }
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(document).encode())))
    assert main(["apply", "preset=grpo", "emulate=nemo_rl"]) == 0
    assert json.loads(capsys.readouterr().out)["advantages"][-1] == pytest.approx(-2154.06, abs=0.01)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("settings", [{}, {"std": "none"}], ids=["norm", "mean alone"])
def test_several_groups_of_unequal_size_in_any_order(seed, settings):
    draw = np.random.default_rng(seed)
    group = draw.permutation([0] * 5 + [1] * 3 + [2] + [3] * 2).tolist()
    rewards = draw.choice([0.0, 0.1, 0.35, 0.7, 1.0], size=len(group)).tolist()
    trick = NormalizeBySquares(mean="leave_one_out", std=settings.get("std", "leave_one_out"))
    found = advantages(trick, batch(rewards, group, dtype=torch.float32)).tolist()
    for number in set(group):
        rows = [row for row, own in enumerate(group) if own == number]
        mine = [rewards[row] for row in rows]
        wanted = [0.0] if len(rows) == 1 else written_down(mine, divided=not settings)
        assert [found[row] for row in rows] == pytest.approx(wanted, rel=1e-6, abs=1e-12)


def test_the_whole_group_where_the_baseline_leaves_none_out():
    rewards = [0.35] * 7 + [0.0]
    found = advantages(NormalizeBySquares(mean="group", std="group"), batch(rewards, dtype=torch.float32))
    assert found.tolist() == pytest.approx(written_down(rewards, others=False), rel=1e-6)


def without_tokens(emulate: str, **tricks) -> tuple[float, float]:
    """The loss of six responses, the last without a token, and of the first five alone."""
    rewards, lengths = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0], [1, 2, 3, 4, 5, 6]
    mask = torch.arange(6)[None] < torch.tensor(lengths)[:, None]
    mask[5] = False
    chosen = rule(emulate, group_norm={}, sequence_mean={}, **tricks)
    sampled = batch(rewards, lengths=lengths, response_mask=mask)
    signal = chosen.signal(sampled)
    norm = signal.advantages[:5, 0].mean()
    return -loss(chosen, sampled, sampled.old_log_probs), float(norm)


def test_a_response_without_any_token_counts_in_nemo_rls_sequence_mean():
    # At ratio 1 the loss is minus the mean advantage of five responses, over six: -0.594 becomes -0.495.
    whole, mean_of_five = without_tokens("nemo_rl")
    assert whole == pytest.approx(mean_of_five * 5 / 6, rel=1e-9)


def test_it_does_not_in_roll():
    whole, mean_of_five = without_tokens("roll")
    assert whole == pytest.approx(mean_of_five, rel=1e-9)


def test_a_filtered_response_does_not_count_beside_one_without_tokens():
    # Six responses: one without a token, one filtered; four have weight, five are counted.
    mask = torch.ones(6, 2, dtype=torch.bool)
    mask[5] = False
    sampled = batch([1.0, 0.0, 0.0, 1.0, 0.0, 0.0], lengths=[2] * 6, response_mask=mask, truncated=[4])
    chosen = rule("nemo_rl", group_norm={}, sequence_mean={}, overlong_filter={})
    weights = chosen.loss_weights(chosen.signal(sampled))[:, 0]
    assert weights.tolist() == pytest.approx([1 / 5 / 2] * 4 + [0.0, 0.0])


@pytest.mark.parametrize(
    ("cls", "settings"),
    [
        (NormalizeBySquares, {"mean": "leave_one_out", "std": "leave_one_out"}),
        (NormalizeBySquares, {"mean": "leave_one_out"}),
        (NormalizeBySquares, {"mean": "group", "std": "group"}),
        (SampleMean, {}),
    ],
)
def test_the_contract_holds(cls, settings):
    check_trick(TrickSpec("own", cls, "NeMo-RL", "a dialect's own trick", settings))
