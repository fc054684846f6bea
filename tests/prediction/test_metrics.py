from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss as reference_log_loss
from sklearn.metrics import roc_auc_score

from prediction.metrics import (
    auc,
    bootstrap,
    calibration_slope,
    expected_calibration_error,
    log_loss,
    measure,
    top_decile_lift,
)

RNG = np.random.default_rng(1)
SCORES = RNG.beta(1, 9, 5_000)
OUTCOMES = RNG.random(5_000) < SCORES


def test_auc_and_log_loss_agree_with_scikit_learn() -> None:
    rough = np.round(SCORES, 2)  # ties

    assert auc(rough, OUTCOMES) == pytest.approx(roc_auc_score(OUTCOMES, rough), abs=1e-12)
    assert log_loss(SCORES, OUTCOMES) == pytest.approx(reference_log_loss(OUTCOMES, SCORES))


def test_the_calibration_slope_agrees_with_a_regression_on_the_log_odds() -> None:
    logits = np.log(SCORES / (1 - SCORES))
    reference = LogisticRegression(C=1e9).fit(logits[:, None], OUTCOMES)

    slope, error = calibration_slope(SCORES, OUTCOMES)

    assert slope == pytest.approx(reference.coef_[0, 0], abs=1e-3)
    assert 0.02 < error < 0.08


def test_right_probabilities_have_no_error_beyond_chance() -> None:
    found = measure(SCORES, OUTCOMES, seed=1)

    assert found.ece == pytest.approx(found.ece_by_chance, abs=0.006)
    assert found.slope_interval.low < 1 < found.slope_interval.high


def test_exaggerated_probabilities_show_in_error_and_slope() -> None:
    odds = (SCORES / (1 - SCORES)) ** 2
    found = measure(odds / (1 + odds), OUTCOMES, seed=1)

    assert found.ece > 0.04
    assert found.slope_interval.high < 0.8


def test_the_lift_of_a_perfect_ranking_is_the_most_there_can_be() -> None:
    outcomes = np.arange(1_000) >= 980

    assert top_decile_lift(np.arange(1_000.0), outcomes) == pytest.approx(10 * 20 / 20)
    assert top_decile_lift(np.ones(1_000), outcomes) == pytest.approx(1)


def test_one_kind_of_outcome_alone_tells_nothing() -> None:
    assert auc(SCORES, np.zeros(5_000, dtype=bool)) == 0.5


def test_the_interval_holds_the_truth_and_repeats_itself() -> None:
    first = bootstrap(auc, SCORES[:800], OUTCOMES[:800], seed=3)

    assert first.low < auc(SCORES, OUTCOMES) < first.high
    assert first == bootstrap(auc, SCORES[:800], OUTCOMES[:800], seed=3)


def test_calibration_error_is_the_mean_distance_of_the_bins() -> None:
    scores = np.repeat([0.1, 0.9], 50)
    outcomes = np.repeat([False, True], 50)

    assert expected_calibration_error(scores, outcomes) == pytest.approx(0.1)


def test_the_slope_of_scores_that_hardly_differ_is_unsure_and_no_error() -> None:
    outcomes = np.arange(500) % 20 == 0

    slope, error = calibration_slope(0.05 + 1e-6 * np.arange(500) / 500, outcomes)

    assert np.isfinite(slope)
    assert error > 100
