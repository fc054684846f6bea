from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from prediction import boosting
from prediction.boosting import BOLD, CAREFUL, train_boosted
from prediction.dataset import Examples
from prediction.files import read_state, write_folder
from prediction.logistic import train
from prediction.metrics import auc
from prediction.states import as_state, from_state

USE = np.ones(4, dtype=bool)


def examples(n: int, *, seed: int) -> Examples:
    """Only who did both often enough does it: no sum of two effects says so."""
    rng = np.random.default_rng(seed)
    values = rng.poisson(3, (n, 4)).astype(float)
    both = (values[:, 0] > 3) & (values[:, 1] > 3)
    values[rng.random((n, 4)) < 0.1] = np.nan
    outcomes = rng.random(n) < np.where(both, 0.5, 0.05)
    persons = np.arange(n) // 2
    return Examples(("a", "b", "c", "d"), values, outcomes, np.repeat("training", n), persons, "")


TRAINED = train_boosted(examples(6_000, seed=1), use=USE, seed=5)


def test_the_trees_predict_what_scikit_learn_predicts() -> None:
    data = examples(6_000, seed=1)
    rounds = len(TRAINED.trees.roots)
    reference = HistGradientBoostingClassifier(random_state=5, max_iter=rounds, **CAREFUL)
    with threadpool_limits(limits=1):
        reference.fit(data.values, data.outcomes)
    fresh = examples(2_000, seed=2).values

    assert TRAINED.trees.logits(fresh) == pytest.approx(
        reference.decision_function(fresh), abs=1e-9
    )


def test_contributions_and_the_base_sum_to_the_log_odds() -> None:
    fresh = examples(500, seed=3).values

    parts = TRAINED.trees.contributions(fresh)

    assert TRAINED.trees.base + parts.sum(axis=1) == pytest.approx(TRAINED.trees.logits(fresh))
    assert np.abs(parts[:, :2]).mean() > 3 * np.abs(parts[:, 2:]).mean()


def test_trees_see_what_belongs_together_where_a_sum_does_not() -> None:
    fresh = examples(4_000, seed=4)
    ridge = train(examples(6_000, seed=1), use=USE, seed=5)

    better, worse = (auc(model.predict(fresh.values), fresh.outcomes) for model in (TRAINED, ridge))

    assert better > worse + 0.02


def test_intervals_hold_the_score_and_narrow_with_more_people() -> None:
    fresh = examples(1_000, seed=6).values
    few = train_boosted(examples(1_500, seed=7), use=USE, seed=5)

    wide, narrow = (model.explain(fresh) for model in (few, TRAINED))

    assert ((narrow.lower <= narrow.score) & (narrow.score <= narrow.upper)).all()
    assert (wide.upper - wide.lower).mean() > (narrow.upper - narrow.lower).mean()


def test_a_feature_that_may_not_be_used_changes_nothing() -> None:
    use = np.array([True, False, True, True])
    model = train_boosted(examples(2_000, seed=1), use=use, seed=5)
    fresh = examples(300, seed=8).values
    changed = fresh.copy()
    changed[:, 1] += 5

    np.testing.assert_array_equal(model.predict(fresh), model.predict(changed))
    assert model.importance[1] == 0
    assert model.used == train(examples(2_000, seed=1), use=use, seed=5).used == ("a", "c", "d")


def test_a_feature_of_which_nothing_is_known_changes_nothing() -> None:
    data = examples(2_000, seed=1)
    data.values[:, 1] = np.nan
    use = np.array([True, False, True, True])

    found, without = (train_boosted(data, use=asked, seed=5) for asked in (USE, use))

    fresh = examples(300, seed=8).values
    np.testing.assert_array_equal(found.predict(fresh), without.predict(fresh))


def test_a_file_holds_arrays_and_gives_the_same_model_back(tmp_path: Path) -> None:
    fresh = examples(300, seed=8).values

    write_folder(tmp_path / "v", as_state(TRAINED), {})
    found = from_state(read_state(tmp_path / "v"))

    np.testing.assert_array_equal(found.predict(fresh), TRAINED.predict(fresh))
    np.testing.assert_array_equal(found.explain(fresh).upper, TRAINED.explain(fresh).upper)


def test_the_same_examples_and_seed_give_the_same_trees() -> None:
    again = train_boosted(examples(6_000, seed=1), use=USE, seed=5)

    np.testing.assert_array_equal(again.trees.values, TRAINED.trees.values)
    np.testing.assert_array_equal(again.errors, TRAINED.errors)


def test_trees_that_grow_in_steps_are_those_that_grow_at_once() -> None:
    data = examples(2_000, seed=1)
    in_steps, at_once = boosting._sapling(5, BOLD), boosting._sapling(5, BOLD)

    for rounds in (10, 25, 40):
        boosting._grow(in_steps, data.values, data.outcomes, rounds)
    boosting._grow(at_once, data.values, data.outcomes, 40)

    found, expected = (trees.decision_function(data.values) for trees in (in_steps, at_once))
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("careful", "bold", "trees", "leaves"), [
    ((0.5, 0.4, 0.45, 0.1), (0.6, 0.5, 0.41, 0.42), 4, 6),
    ((0.5, 0.4, 0.45, 0.1), (0.6, 0.5, 0.39, 0.42), 6, 12),
])  # fmt: skip
def test_trees_grow_until_more_of_them_lose_more(
    careful: tuple[float, ...], bold: tuple[float, ...], trees: int, leaves: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    losses = iter((*careful[:3], *bold))
    monkeypatch.setattr(boosting, "log_loss", lambda *_: next(losses))
    monkeypatch.setattr(boosting, "ROUNDS", (2, 4, 6, 8))

    found = train_boosted(examples(3_000, seed=1), use=USE, seed=5).trees

    ends = found.lefts == np.arange(len(found.lefts))
    assert (len(found.roots), np.add.reduceat(ends, found.roots).max()) == (trees, leaves)


def test_what_only_several_things_together_tell_is_learnt_from_few() -> None:
    """Of 1,500 people 276 did it, in three ways, each of which takes two or three things at once."""
    rng = np.random.default_rng(4)
    v = rng.normal(size=(7_500, 6))
    ways = (v[:, 0] > 0.9) & (v[:, 1] < 0.5), (v[:, 2] > 1) & (v[:, 3] * v[:, 4] > 0.3), (
        (v[:, 5] < -1.6) & (v[:, 1] > 0))  # fmt: skip
    outcomes = rng.random(7_500) < np.where(np.logical_or.reduce(ways), 0.9, 0.01)
    data = Examples(
        tuple("abcdef"), v, outcomes, np.repeat("training", 7_500), np.arange(7_500), ""
    )
    few, fresh = data.where(data.persons < 1_500), data.where(data.persons >= 1_500)

    model = train_boosted(few, use=np.ones(6, dtype=bool), seed=5)

    assert auc(model.predict(fresh.values), fresh.outcomes) > 0.96


@pytest.mark.parametrize(("rows", "positives", "share"), [
    pytest.param(2_000, 100, 1 / 3, id="rows"),
    pytest.param(1_000, 400, 400 / 589, id="who did it are few"),
    pytest.param(1_000, 2_000, 1.0, id="all"),
    pytest.param(6_000, 1, 1.0, id="few rows"),
])  # fmt: skip
def test_some_persons_choose_for_many_with_all_their_rows(
    rows: int, positives: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = examples(6_000, seed=1)
    monkeypatch.setattr(boosting, "FOLDED_ROWS", rows)
    monkeypatch.setattr(boosting, "FOLDED_POSITIVES", positives)

    folded = boosting._folded(data, 5)

    assert folded.mean() == pytest.approx(share, abs=0.04)
    assert (np.unique(data.persons[folded], return_counts=True)[1] == 2).all()


def test_trees_learn_from_all_and_are_as_sure_as_where_all_choose(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(boosting, "FOLDED_ROWS", 2_000)
    monkeypatch.setattr(boosting, "FOLDED_POSITIVES", 1)

    model = train_boosted(examples(6_000, seed=1), use=USE, seed=5)

    np.testing.assert_array_equal(model.trees.values, TRAINED.trees.values)
    assert model.errors.mean() == pytest.approx(TRAINED.errors.mean(), rel=0.3)
