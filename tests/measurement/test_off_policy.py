"""What another policy would have earned: by hand, on real logs, and refused where it is a guess."""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from measurement import LoggedDecisions, PolicyValue, expect_rewards, judge_policy
from measurement.off_policy import ExpectedRewards


def decisions(
    rewards: list[float], logged: list[float], wanted: list[float], *, is_unsupported: bool = False
) -> LoggedDecisions:
    return LoggedDecisions(
        np.array(rewards), np.array(logged), np.array(wanted), is_unsupported=is_unsupported
    )


def by_name(values: tuple[PolicyValue, ...]) -> dict[str, PolicyValue]:
    return {value.estimator: value for value in values}


def test_the_estimates_are_what_their_formulas_give_by_hand() -> None:
    # Weights 2, 0.5, 0 and 1; rewards 1, 1, 0, 0.
    logged = decisions([1, 1, 0, 0], [0.25, 0.8, 0.5, 0.5], [0.5, 0.4, 0.0, 0.5])
    model = ExpectedRewards(np.array([0.5, 0.5, 0.5, 0.25]), np.array([0.4, 0.4, 0.4, 0.2]))

    found = by_name(judge_policy(logged, model))

    assert found["ips"].value == pytest.approx((2 + 0.5) / 4, abs=1e-12)
    assert found["snips"].value == pytest.approx(2.5 / 3.5, abs=1e-12)
    # 0.4 + 2 x 0.5; 0.4 + 0.5 x 0.5; 0.4; 0.2 - 1 x 0.25
    assert found["doubly_robust"].value == pytest.approx((1.4 + 0.65 + 0.4 - 0.05) / 4, abs=1e-12)
    assert found["ips"].effective_n == pytest.approx(3.5**2 / (4 + 0.25 + 1), abs=1e-12)
    assert found["ips"].largest_weight == pytest.approx(2 / 3.5, abs=1e-12)


def test_the_policy_that_was_followed_earned_what_it_earned_with_students_wilson_interval() -> None:
    chance = np.random.default_rng(1)
    rewards = (chance.random(2_000) < 0.1).astype(float)
    logged = LoggedDecisions(rewards, np.full(2_000, 0.3), np.full(2_000, 0.3))

    ips, snips = judge_policy(logged)

    rate, converted = rewards.mean(), rewards.sum()
    assert ips.value == snips.value == pytest.approx(rate, abs=1e-12)
    # Wilson's ends are the roots of (rate - p)^2 = t^2 p (1 - p) / n, with t of Student and n - 1
    # draws, as the variance is estimated; the width of his correction is the normal one's.
    z, t = stats.norm.ppf(0.975), stats.t.ppf(0.975, converted - 1)
    ratio = z**2 / (1_999 * (z / t) ** 2)
    roots = np.roots([1 + ratio, -2 * rate - ratio, rate**2])
    assert ips.interval is not None
    assert sorted(roots.real) == pytest.approx([ips.interval.low, ips.interval.high], abs=1e-9)
    assert ips.refusal is None


def test_a_model_that_knows_everything_leaves_only_what_it_cannot_know() -> None:
    chance = np.random.default_rng(2)
    cells, actions = chance.integers(0, 2, 4_000), chance.integers(0, 2, 4_000)
    rates = np.array([[0.1, 0.9], [0.9, 0.1]])
    rewards = (chance.random(4_000) < rates[cells, actions]).astype(float)
    policy = np.array([[0.0, 1.0], [1.0, 0.0]])
    logged = LoggedDecisions(rewards, np.full(4_000, 0.5), policy[cells, actions])
    expected = expect_rewards(cells, actions, rewards, policy[cells])

    found = by_name(judge_policy(logged, expected))

    widths = {k: v.interval.high - v.interval.low for k, v in found.items() if v.interval}
    assert found["doubly_robust"].value == pytest.approx(0.9, abs=0.02)
    assert widths["doubly_robust"] < 0.6 * widths["ips"]


def test_half_the_decisions_teach_what_is_expected_of_the_other_half() -> None:
    rewards = np.zeros(100)
    cells, actions = np.zeros(100, dtype=int), np.zeros(100, dtype=int)
    one_sided = expect_rewards(cells, actions, rewards, np.ones((100, 1)))
    rewards[0] = 1.0

    with_one = expect_rewards(cells, actions, rewards, np.ones((100, 1)))

    assert one_sided.of_drawn.max() == 0
    assert with_one.of_drawn[0] == 0  # its own reward has not taught what is expected of it
    assert (with_one.of_drawn > 0).sum() == 50


GOOD = {"n": 1_000, "converted": 100, "logged": 0.5, "wanted": 0.5}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({}, None, id="good"),
        pytest.param({"n": 150, "converted": 60}, "needs 200", id="few-decisions"),
        pytest.param({"converted": 20}, "needs 25", id="few-conversions"),
        pytest.param({"wanted": 0.3}, "average", id="wrong-probabilities"),
        pytest.param({"is_unsupported": True}, "never done", id="never-done"),
    ],
)
def test_a_guess_is_refused_with_the_reason(change: dict[str, float], reason: str | None) -> None:
    facts = {**GOOD, **change}
    n, converted = int(facts["n"]), int(facts["converted"])
    spread = np.where(np.arange(n) % 2, 0.02, -0.02)  # so that weights have an error
    logged = LoggedDecisions(
        (np.arange(n) < converted).astype(float),
        np.full(n, facts["logged"]),
        facts["wanted"] + spread,
        is_unsupported=bool(facts.get("is_unsupported")),
    )

    for value in judge_policy(logged):
        assert (value.refusal is None) == (reason is None)
        assert reason is None or reason in (value.refusal or "")


def test_nobody_at_all_has_no_value_and_is_no_error() -> None:
    ips, snips = judge_policy(decisions([], [], []))

    assert (ips.value, snips.value, ips.interval) == (None, None, None)
    assert ips.refusal is not None


def test_of_the_open_bandit_logs_the_random_policy_is_refused_and_its_interval_holds_the_truth(
    shared_data: Path,
) -> None:
    folder = shared_data / "bandit" / "open_bandit_men"
    columns = ["click", "propensity_score"]
    bts = pd.read_csv(folder / "bts.men.csv", usecols=columns)
    truth = pd.read_csv(folder / "random.men.csv", usecols=columns)["click"].mean()
    logged = LoggedDecisions(
        bts["click"].to_numpy(dtype=float),
        bts["propensity_score"].to_numpy(),
        np.full(len(bts), 1 / 34),
    )

    for value in judge_policy(logged):
        assert value.refusal == "69 conversions, worth 15 of equal weight, needs 25"
        assert value.effective_n > 200
        assert value.interval is not None
        assert value.interval.low <= truth <= value.interval.high


def test_from_the_random_logs_the_random_policy_earns_what_it_earned(shared_data: Path) -> None:
    random = pd.read_csv(shared_data / "bandit" / "open_bandit_men" / "random.men.csv")
    logged = LoggedDecisions(
        random["click"].to_numpy(dtype=float),
        random["propensity_score"].to_numpy(),
        np.full(len(random), 1 / 34),
    )

    for value in judge_policy(logged):
        assert value.refusal is None
        assert value.value == pytest.approx(0.0046, abs=1e-9)


def test_intervals_are_as_wide_as_the_estimates_stray() -> None:
    estimates, errors = [], []
    for seed in range(60):
        chance = np.random.default_rng(seed)
        actions = (chance.random(2_000) < 0.2).astype(int)
        rewards = (chance.random(2_000) < np.array([0.1, 0.3])[actions]).astype(float)
        logged = LoggedDecisions(rewards, np.where(actions, 0.2, 0.8), np.where(actions, 0.5, 0.5))
        snips = judge_policy(logged)[1]
        assert snips.interval is not None
        assert snips.value is not None
        estimates.append(snips.value)
        errors.append((snips.interval.high - snips.interval.low) / 2 / 1.96)

    assert float(np.mean(estimates)) == pytest.approx(0.2, abs=4 * np.std(estimates) / sqrt(60))
    assert float(np.mean(errors)) == pytest.approx(float(np.std(estimates)), rel=0.3)
