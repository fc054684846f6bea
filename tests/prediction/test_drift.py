from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from prediction.drift import Kind, Profile, compare_features, compare_scores, profile_of
from prediction.outcomes import Judged, Matured, auc_error, judge_outcomes, ratio_of_counts
from prediction.retraining import Standing, why_train
from tests.prediction.conftest import AS_OF

JUDGED = Judged(positives=400, auc=0.75, auc_error=0.015)


def draw(n: int, *, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, n)


@pytest.mark.parametrize(
    ("people", "status"), [(49, "not_tested"), (100, "stable"), (2_000, "stable")]
)
def test_drift_is_not_cried_without_drift(people: int, status: str) -> None:
    before = profile_of(draw(5_000, seed=0))

    found = [compare_scores(before, draw(people, seed=n)).status for n in range(1, 41)]

    assert found.count(status) >= 39  # type: ignore[arg-type]


def test_half_a_deviation_of_drift_is_seen_at_five_hundred_people() -> None:
    before = profile_of(draw(500, seed=0))

    found = [compare_scores(before, draw(500, seed=n, shift=0.5)).tier for n in range(1, 41)]

    assert found.count("ticket") >= 36  # type: ignore[arg-type]


def test_a_feature_that_moves_is_information_alone() -> None:
    before = {"moved": profile_of(draw(2_000, seed=0)), "same": profile_of(draw(2_000, seed=1))}
    now = np.column_stack([draw(800, seed=2, shift=0.8), draw(800, seed=3), draw(800, seed=4)])

    found = compare_features(before, ("moved", "same", "new"), now)

    assert [(m.subject, str(m.tier)) for m in found] == [("moved", "information"), ("same", "none")]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        pytest.param([0.0] * 95 + [3.0] * 5, [0.0] * 60 + [3.0] * 40, id="mostly-zero"),
        pytest.param([0.0] * 5 + [1.0] * 95, [0.0] * 40 + [1.0] * 60, id="mostly-one"),
        pytest.param([1.0, 2.0] * 50, [1.0, 2.0] * 30 + [np.nan] * 40, id="becomes-unknown"),
        pytest.param([np.nan] * 100, [np.nan] * 50 + [4.0] * 50, id="becomes-known"),
    ],
)
def test_a_value_that_most_share_does_not_hide_a_movement(
    before: list[float], now: list[float]
) -> None:
    profile, same = profile_of(np.array(before * 20)), np.array(before * 5)

    assert compare_scores(profile, same).status == "stable"
    assert compare_scores(profile, np.array(now * 5)).status == "moved"


def test_a_profile_comes_back_from_json_as_it_was() -> None:
    profile = profile_of(np.array([0.0] * 50 + [0.1, 0.7, np.nan] * 30))

    again = Profile.from_dict(profile.as_dict())  # type: ignore[arg-type]

    assert compare_scores(again, np.array([0.0, 0.7] * 50)) == compare_scores(
        profile, np.array([0.0, 0.7] * 50)
    )


def matured(ratio: float, *, n: int = 4_000, ranks: bool = True) -> Matured:
    rng = np.random.default_rng(8)
    keenness = rng.normal(size=n)
    chances = 1 / (1 + np.exp(2.4 - 1.2 * keenness))
    outcomes = rng.random(n) < np.minimum(ratio * chances, 1)
    return Matured("v", chances if ranks else rng.permutation(chances), outcomes)


@pytest.mark.parametrize(
    ("ratio", "tier"),
    [(1.0, "none"), (1.4, "ticket"), (0.8, "ticket"), (2.0, "page"), (0.4, "page")],
)
def test_probabilities_that_do_not_come_true_page(ratio: float, tier: str) -> None:
    labels, _ = judge_outcomes(matured(ratio), JUDGED)

    assert (labels.kind, labels.tier) == (Kind.LABELS, tier)
    assert labels.lower < labels.value < labels.upper


def test_scores_that_rank_no_more_page() -> None:
    _, good = judge_outcomes(matured(1.0), JUDGED)
    _, lost = judge_outcomes(matured(1.0, ranks=False), JUDGED)

    assert (str(good.tier), str(lost.tier)) == ("none", "page")


def test_few_outcomes_are_not_tested() -> None:
    found = judge_outcomes(matured(1.0, n=40), JUDGED)

    assert [str(m.status) for m in found] == ["not_tested", "not_tested"]


def test_the_interval_of_a_ratio_holds_what_is_true_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    counts = rng.poisson([60, 200], (2_000, 2))

    held = [
        low <= 1 <= high
        for found, learnt in counts.tolist()
        for low, high in [ratio_of_counts(found, learnt * 60 / 200, learnt, 0.1)]
    ]

    assert 0.9 <= np.mean(held) < 0.94


def test_the_error_of_an_auc_is_that_of_many_draws() -> None:
    found = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        wins = rng.exponential(2.5, 80)[:, None] > rng.exponential(1, 300)[None, :]
        found.append(wins.mean())

    assert auc_error(float(np.mean(found)), 80, 300) == pytest.approx(np.std(found), rel=0.15)


STANDING = Standing(
    in_force_from=AS_OF, tried_at=AS_OF, is_configured=True, is_chosen=False, alarms=()
)


@pytest.mark.parametrize(
    ("change", "days", "reason"),
    [
        pytest.param({}, 29, "", id="young"),
        pytest.param({}, 30, "answers for 30 days", id="on-schedule"),
        pytest.param({"alarms": ("score moved",)}, 6, "", id="cools-down"),
        pytest.param({"alarms": ("score moved",)}, 7, "drift: score moved", id="drifts"),
        pytest.param({"is_configured": False}, 0, "configuration changed", id="reconfigured"),
        pytest.param({"is_configured": False, "is_chosen": True}, 0, "", id="chosen"),
        pytest.param({"in_force_from": AS_OF - dt.timedelta(40)}, 1, "", id="tried-since"),
        pytest.param({}, -1, "made from later data", id="earlier"),
    ],
)
def test_a_version_stays_until_its_time_or_an_alarm_comes(
    change: dict[str, object], days: int, reason: str
) -> None:
    standing = replace(STANDING, **change)  # type: ignore[arg-type]

    found = why_train(
        standing,
        as_of=AS_OF + dt.timedelta(days=days),
        schedule=dt.timedelta(days=30),
        cooldown=dt.timedelta(days=7),
    )

    assert reason in "; ".join(found)
    assert bool(found) == bool(reason)
