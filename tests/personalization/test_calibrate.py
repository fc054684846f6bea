"""Lists that keep to their readers' topics, and what is foretold by what is read together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from personalization.blocks import BlockRules, fill_block
from personalization.calibrate import TopicShares, best_first, calibrated_order
from personalization.calibrations import judge_calibrations, why_refused
from personalization.co_reading import MOST_EASE_ITEMS, RIDGE, ease, skips_ease
from personalization.interests import Method
from personalization.look_back import look_back
from personalization.readings import Catalogue, Floats, Readings, Views

# Of two topics, seven in ten readings are of the first; twenty items of each, alike in score.
MIXED = TopicShares(np.repeat([0, 1], 20), np.array([[0.7, 0.3]]))
NOTHING = np.zeros((1, 2))


def _scores(first: float = 1.0, second: float = 1.0) -> Floats:
    return np.asarray(np.repeat([first, second], 20)[None, :] - np.arange(40) * 1e-4)


@pytest.mark.parametrize(
    ("strength", "of_second"),
    [pytest.param(0.0, 0, id="by-score"), pytest.param(1.0, 3, id="by-topic")],
)
def test_a_list_by_topics_alone_holds_them_as_they_are_read(
    strength: float, of_second: int
) -> None:
    found = calibrated_order(_scores(2.0, 1.0), MIXED, NOTHING, size=10, strength=strength).items

    assert (found >= 20).sum() == of_second
    assert len(set(found[0].tolist())) == 10


def test_what_pins_hold_already_counts() -> None:
    given = np.array([[0.0, 5.0]])

    found = calibrated_order(_scores(), MIXED, given, size=5, strength=1.0).items

    assert (found >= 20).sum() == 0


def test_each_place_takes_the_item_that_the_formula_says() -> None:
    """Person by person and item by item, as the module's text has it."""
    rng = np.random.default_rng(6)
    scores, shares = rng.random((20, 30)), rng.dirichlet(np.ones(5), 20)
    of_item, strength = rng.integers(0, 5, 30), 0.3
    scores[rng.random(scores.shape) < 0.3] = -np.inf

    found = calibrated_order(
        scores, TopicShares(of_item, shares), np.zeros((20, 5)), size=6, strength=strength
    ).items

    for person in range(20):
        listed: list[int] = []
        for _ in range(6):
            taken = np.bincount(of_item[listed], minlength=5)
            gain = shares[person] * np.log((taken + 1 + shares[person]) / (taken + shares[person]))
            value = (1 - strength) * scores[person] / scores[person].max() + strength * gain[
                of_item
            ]
            value[listed] = -np.inf
            listed.append(int(value.argmax()))
        assert found[person].tolist() == listed


def test_what_may_not_be_listed_stays_behind() -> None:
    scores = _scores()
    scores[0, 3:] = -np.inf

    found = calibrated_order(scores, MIXED, NOTHING, size=10, strength=1.0).items

    assert set(found[0, :3].tolist()) == {0, 1, 2}


def test_of_equal_scores_the_first_by_position_are_taken() -> None:
    keys = np.random.default_rng(7).integers(0, 5, (200, 50)).astype(np.float32)
    keys[:20, 3:] = -np.inf

    found = best_first(keys, 8)

    assert found.tolist() == np.argsort(-keys, axis=1, kind="stable")[:, :8].tolist()


def test_a_block_says_which_items_their_topic_brought_there() -> None:
    rules = BlockRules(
        allowed=np.ones(40, dtype=np.bool_), pins=np.array([0]),
        discoverable=np.zeros(40, dtype=np.bool_), size=6, discovery_slots=0, shows_read=False,
        salt=1, calibration=0.9,
    )  # fmt: skip
    nobody_read: sparse.csr_matrix = sparse.csr_matrix((1, 40))

    filled = fill_block(
        rules, _scores(2.0, 1.0), nobody_read, np.zeros(1, dtype=np.uint64), topics=MIXED
    )

    assert filled.items[0, 0] == 0
    assert filled.is_lifted[0].tolist() == (filled.items[0] >= 20).tolist()
    assert 0 < filled.is_lifted.sum() < 4


def _views(rng: np.random.Generator, persons: int, *, is_mixed: bool) -> Views:
    """Four readings of one topic; the fifth, within the last month, of the other or the same."""
    topic = rng.integers(0, 2, persons)
    items = np.stack([20 * topic + part for part in rng.permuted(
        np.tile(np.arange(20), (persons, 1)), axis=1)[:, :5].T], axis=1)  # fmt: skip
    if is_mixed:
        items[:, 3:] = 39 - items[:, 3:]
    days = np.tile([90.0, 80.0, 70.0, 60.0, 10.0], persons)
    readers = np.repeat(np.arange(persons), 5)
    return Views((persons, 40), readers, items.ravel(), days, days, np.full(len(days), np.nan))


def _catalogue() -> Catalogue:
    names = np.array([f"i{number:02d}" for number in range(40)])
    same = np.full(40, "x")
    facets = {"topic": np.repeat(["a", "b"], 20), "content_type": same, "funnel_stage": same}
    return Catalogue(names, facets, np.full(40, 400.0))


def _rules(calibration: float) -> BlockRules:
    return BlockRules(
        allowed=np.ones(40, dtype=np.bool_), pins=np.zeros(0, dtype=np.int64),
        discoverable=np.zeros(40, dtype=np.bool_), size=5, discovery_slots=0, shows_read=False,
        salt=1, calibration=calibration,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("persons", "is_mixed", "calibration", "used", "reason"),
    [
        pytest.param(400, True, 0.3, 0.3, "topics a list", id="readers-of-both"),
        pytest.param(400, False, 1.0, 0.0, "surely worse", id="readers-of-one"),
        pytest.param(90, True, 0.3, 0.0, "needs 10 more readers", id="too-few"),
        pytest.param(400, True, 0.0, 0.0, "calibration is 0", id="off"),
    ],
)
def test_lists_keep_to_topics_only_where_that_costs_next_to_nothing(
    persons: int, is_mixed: bool, calibration: float, used: float, reason: str
) -> None:
    views = _views(np.random.default_rng(8), persons, is_mixed=is_mixed)
    past = look_back(_catalogue(), views, half_life_days=30)

    found = judge_calibrations(past, Method.INTERESTS, {"home": _rules(calibration)})["home"]

    assert found.used == used, found.reason
    assert reason in found.reason
    if found.topics is not None and found.plain_topics is not None:
        assert found.topics > found.plain_topics


@pytest.mark.parametrize(
    ("gain", "at_first", "once_refused"),
    [
        pytest.param((0.001, -0.005, 0.007), True, True, id="no worse"),
        pytest.param((-0.001, -0.005, 0.003), True, False, id="worse, perhaps"),
        pytest.param((-0.004, -0.007, -0.001), False, False, id="surely worse"),
        pytest.param((0.001, -0.014, 0.016), True, False, id="much may be lost"),
        pytest.param((0.001, -0.016, 0.018), False, False, id="too much may be lost"),
    ],
)
def test_what_was_refused_must_be_better_than_what_is_used(
    gain: tuple[float, float, float], *, at_first: bool, once_refused: bool
) -> None:
    """Of an NDCG of .3 by score alone; a result does not change where nothing else does."""
    found = [why_refused(gain, 0.3, was_refused=refused) is None for refused in (False, True)]

    assert found == [at_first, once_refused]


def test_a_block_that_was_calibrated_needs_fewer_readers_to_stay_so() -> None:
    views = _views(np.random.default_rng(8), 90, is_mixed=True)
    past = look_back(_catalogue(), views, half_life_days=30)

    used = [
        judge_calibrations(past, Method.INTERESTS, {"home": _rules(0.3)}, before)["home"].used
        for before in ({}, {"home": False}, {"home": True})
    ]

    assert used == [0.0, 0.0, 0.3]


def _readings(counts: Floats) -> Readings:
    read = sparse.csr_matrix(counts)
    per_person = np.asarray(counts.sum(axis=1))
    return Readings(read, per_person, read, read, np.full(counts.shape[1], np.nan), 90.0, 30.0)


def test_ease_is_the_ridge_regression_of_each_item_on_all_others() -> None:
    counts = (np.random.default_rng(9).random((400, 12)) < 0.3).astype(np.float64)
    counts[:, 1] = counts[:, 0]

    found = ease(_readings(counts))

    assert found is not None
    readers = counts.sum(axis=0)
    for item in range(12):
        others = np.delete(counts, item, axis=1)
        slopes = np.linalg.solve(others.T @ others + RIDGE * np.eye(11), others.T @ counts[:, item])
        expected = np.insert(slopes, item, 0.0) * readers[item] / (readers[item] + 20)
        assert found[:, item] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        pytest.param(np.ones((30, 12)), "needs 1,000 readings", id="few-readings"),
        pytest.param(np.ones((2, MOST_EASE_ITEMS + 1)), "needs 1,000 readings and 25 readers",
                     id="few-readers"),
        pytest.param(np.ones((25, MOST_EASE_ITEMS + 1)), "3,001 items; it is tried up to 3,000",
                     id="many-items"),
    ],
)  # fmt: skip
def test_ease_is_skipped_with_a_reason(counts: Floats, reason: str) -> None:
    assert ease(_readings(counts)) is None
    assert reason in (skips_ease(_readings(counts)) or "")
