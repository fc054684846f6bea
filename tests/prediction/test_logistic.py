from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from prediction.dataset import Examples
from prediction.logistic import RidgeModel, _fit, calibrate, fit_scaler, train
from prediction.metrics import auc
from prediction.states import as_state, from_state

RNG = np.random.default_rng(2)


def examples(n: int, *, dates: int = 1, signal: float = 1.0) -> Examples:
    """n persons at some dates; the second feature says nothing."""
    persons = np.tile(np.arange(n), dates)
    keenness = np.tile(RNG.normal(size=n), dates)
    values = np.column_stack([np.exp(signal * keenness), RNG.poisson(3, n * dates).astype(float)])
    outcomes = np.tile(RNG.random(n) < 1 / (1 + np.exp(2.5 - keenness[:n])), dates)
    roles = np.repeat("training", n * dates)
    return Examples(("told", "idle"), values, outcomes, roles, persons, "")


def test_the_fit_is_that_of_scikit_learn() -> None:
    data = examples(3_000)
    scaled = np.log1p(data.values) - np.log1p(data.values).mean(axis=0)

    weights, intercept = _fit(scaled, data.outcomes, 0.03)

    reference = LogisticRegression(C=0.03, tol=1e-9, max_iter=1_000).fit(scaled, data.outcomes)
    assert weights == pytest.approx(reference.coef_[0], abs=1e-4)
    assert intercept == pytest.approx(reference.intercept_[0], abs=1e-4)


def test_the_same_examples_and_seed_give_the_same_model() -> None:
    data, use = examples(800), np.ones(2, dtype=bool)

    first, again = (train(data, use=use, seed=5) for _ in range(2))

    np.testing.assert_array_equal(first.weights, again.weights)
    np.testing.assert_array_equal(first.covariance, again.covariance)


def test_repeated_dates_of_the_same_persons_do_not_make_the_model_surer() -> None:
    once = examples(1_000)
    rows = np.tile(np.arange(1_000), 5)
    often = Examples(once.features, once.values[rows], once.outcomes[rows],
                     once.roles[rows], once.persons[rows], "")  # fmt: skip
    use = np.ones(2, dtype=bool)

    widths = []
    for data in (once, often):
        found = train(data, use=use, seed=1).explain(once.values)
        widths.append(float(np.mean(found.upper - found.lower)))

    assert widths[1] == pytest.approx(widths[0], rel=0.2)


def test_contributions_add_up_to_the_log_odds() -> None:
    data = examples(800)
    model = train(data, use=np.ones(2, dtype=bool), seed=1)

    logits = model.scaler.apply(data.values) @ model.weights
    found = model.explain(data.values).contributions.sum(axis=1)

    np.testing.assert_allclose(found, logits, atol=1e-12)


def test_an_unknown_value_counts_as_average_and_says_so() -> None:
    data = examples(2_000)
    data.values[::3, 1] = np.nan
    model = train(data, use=np.ones(2, dtype=bool), seed=1)

    assert list(model.scaler.flagged) == [1]
    assert np.isfinite(model.predict(np.array([[np.nan, np.nan]]))).all()


def test_isotonic_needs_a_thousand_rows_and_two_hundred_positives() -> None:
    logits = RNG.normal(size=20_000)
    crooked = np.where(logits > 1, 0.5, 0.05)  # a step: no sigmoid fits it
    outcomes = RNG.random(20_000) < crooked
    folds = np.arange(20_000) % 5

    assert calibrate(logits, outcomes, folds).kind == "isotonic"
    assert calibrate(logits[:900], outcomes[:900], folds[:900]).kind == "sigmoid"


def test_calibrated_scores_never_claim_certainty() -> None:
    logits = RNG.normal(size=4_000)
    found = calibrate(logits, logits > 0.5, np.arange(4_000) % 5).apply(np.array([-99.0, 99.0]))

    assert 0 < found[0] < found[1] < 1


def test_a_rare_outcome_keeps_its_order_where_log_odds_lie_far_from_zero() -> None:
    """Full steps of Newton's method run away here, and every score was the same."""
    rng = np.random.default_rng(4)
    logits = np.concatenate([rng.normal(-3, 0.5, 3_920), rng.normal(6, 2, 80)])
    outcomes = rng.random(4_000) < np.repeat([0.004, 0.7], [3_920, 80])

    found = calibrate(logits, outcomes, np.arange(4_000) % 5).apply(logits)

    assert found.mean() == pytest.approx(outcomes.mean(), rel=0.05)
    assert auc(found, outcomes) > 0.8


def test_logarithms_are_taken_of_long_tails_alone_and_values_below_zero_are_told_apart() -> None:
    rng = np.random.default_rng(6)
    long, below = rng.lognormal(2, 1, 2_000), -rng.lognormal(2, 1, 2_000)
    even = np.where(rng.random(2_000) < 0.05, 0, rng.normal(120, 20, 2_000))
    values = np.column_stack([long, even, below, rng.random(2_000) < 0.1]).astype(float)

    scaler = fit_scaler(values, np.ones(4, dtype=bool))

    assert scaler.logged.tolist() == [True, False, True, False]
    assert np.corrcoef(scaler.apply(values)[:, 2], np.log1p(-below))[0, 1] == pytest.approx(-1)


def test_chance_does_not_choose_the_scale_of_what_has_no_long_tail() -> None:
    """Its skewness, and its logarithm's, are about 0: which is less is noise."""
    rng = np.random.default_rng(6)
    values = np.hstack([rng.normal(0, 100, (2_000, 50)), rng.uniform(-100, 100, (2_000, 50))])

    assert not fit_scaler(values, np.ones(100, dtype=bool)).logged.any()


def test_the_longest_tails_are_seen_as_such() -> None:
    tail = np.random.default_rng(6).lognormal(0, 2, (2_000, 1)) * 1e105

    assert fit_scaler(tail, np.ones(1, dtype=bool)).logged.all()


def test_a_version_of_an_earlier_candor_scores_as_it_learnt() -> None:
    """It learnt of the logarithms of all columns, and of 0 for what lies below."""
    state = as_state(train(examples(500), use=np.ones(2, dtype=bool), seed=1))
    del state["logged"], state["is_cut"]

    model = from_state(state)

    assert isinstance(model, RidgeModel)
    assert model.scaler.logged.all()
    below, nought = model.predict(np.array([[-5.0, -0.5], [0.0, 0.0]]))
    assert below == nought
    again = from_state(as_state(model))
    assert again.predict(np.array([[-5.0, -0.5]]))[0] == nought
