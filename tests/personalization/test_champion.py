"""Backtests and groups of readers, without a warehouse."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from personalization.champion import choose_method, contest, model_then
from personalization.groups import Tastes, find_groups
from personalization.half_lives import choose_half_life
from personalization.half_lives import contest as contest_of_half_lives
from personalization.interests import Method
from personalization.look_back import interval, look_back, ndcg
from personalization.readings import Catalogue, Floats, Views
from personalization.standing import least, most

CONCENTRATION = {"topic": 6.0}


def _views(rows: list[tuple[int, int, float, float]], shape: tuple[int, int]) -> Views:
    """Of reader, item, days since the first and since the last reading."""
    readers, items, first, last = (np.array(column) for column in zip(*rows, strict=True))
    return Views(shape, readers, items, first, last, np.full(len(rows), np.nan))


def _catalogue(items: int, topics: int) -> Catalogue:
    names = np.array([f"i{number:02d}" for number in range(items)])
    topic = np.array([f"t{number % topics}" for number in range(items)])
    facets = {
        "topic": topic,
        "content_type": np.full(items, "x"),
        "funnel_stage": np.full(items, ""),
    }
    return Catalogue(names, facets, np.full(items, 400.0))


def test_ndcg_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    ranked, relevant = rng.random((50, 30)), (rng.random((50, 30)) < 0.2).astype(float)
    relevant[:, 0] = 1

    found = ndcg(ranked, relevant)

    expected = [
        ndcg_score(r[None, :], s[None, :], k=10) for r, s in zip(relevant, ranked, strict=True)
    ]
    assert found == pytest.approx(np.array(expected))


def test_whoever_turned_to_nothing_relevant_has_no_gain() -> None:
    assert ndcg(np.ones((1, 3)), np.zeros((1, 3))).tolist() == [0.0]


def test_an_interval_holds_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)

    held = [
        low <= 0.3 <= high for _, low, high in (interval(rng.beta(3, 7, 80)) for _ in range(200))
    ]

    assert 0.89 <= np.mean(held) <= 0.99


def test_the_past_knows_nothing_of_what_came_later() -> None:
    rows = [(0, 0, 90.0, 90.0), (0, 1, 60.0, 2.0), (1, 1, 5.0, 5.0)]
    views, unread_since = _views(rows, (2, 2)), _views([rows[0], (0, 1, 60.0, 60.0)], (2, 2))

    past, known = (
        views.readings(half_life_days=30, days_ago=30),
        unread_since.readings(half_life_days=30, days_ago=30),
    )

    for name in ("counts", "recent", "liked"):
        assert getattr(past, name).toarray().tolist() == getattr(known, name).toarray().tolist()
    assert views.new_readings(days_ago=30).toarray().tolist() == [[0, 0], [0, 1]]


def _gains(**means: float) -> dict[Method, Floats]:
    """Of 400 readers NDCG@10 with these means; what sets methods apart has a deviation of .1."""
    rng, usual = np.random.default_rng(5), np.full(400, 0.3)
    noise = {name: rng.normal(0, 0.1, 400) for name in means}
    return {
        Method(name): usual + mean + noise[name] - noise[name].mean()
        for name, mean in means.items()
    }


@pytest.mark.parametrize(
    ("standing", "gain", "champion"),
    [
        pytest.param(None, 0.03, "groups", id="surely better"),
        pytest.param(None, 0.005, "interests", id="better by chance, perhaps"),
        pytest.param("interests", 0.005, "interests", id="not in use"),
        pytest.param("groups", 0.005, "groups", id="in use, and better at all"),
        pytest.param("groups", -0.005, "interests", id="in use, and no better"),
        pytest.param("popular", -0.3, "popular", id="worse than what is popular"),
    ],
)
def test_the_method_in_use_stays_as_long_as_it_is_better_at_all(
    standing: str | None, gain: float, champion: str
) -> None:
    interests = min(gain, 0.0) if standing == "popular" else 0.0
    gains = _gains(popular=0.0, interests=interests, groups=interests + gain)

    found, _ = contest(gains, Method(standing) if standing else None)
    again, _ = contest(gains, found)

    assert (found, again) == (champion, champion)


@pytest.mark.parametrize(
    ("standing", "gain", "chosen"),
    [
        pytest.param(None, 0.03, 7.0, id="surely better"),
        pytest.param(None, 0.005, 30.0, id="better by chance, perhaps"),
        pytest.param(90.0, 0.005, 30.0, id="not in use"),
        pytest.param(7.0, 0.005, 7.0, id="in use, and better at all"),
        pytest.param(7.0, -0.005, 30.0, id="in use, and no better"),
    ],
)
def test_the_configured_half_life_stands_unless_another_is_surely_better(
    standing: float | None, gain: float, chosen: float
) -> None:
    usual, other = _gains(popular=0.0, interests=gain).values()

    found, trials = contest_of_half_lives({30.0: usual, 7.0: other, 90.0: usual - 0.1}, standing)

    assert (found, trials[2].rival) == (chosen, chosen)


def test_half_lives_are_judged_as_the_method_that_lists_what_is_popular_is() -> None:
    rng = np.random.default_rng(11)
    pairs = np.unique(rng.integers(0, (200, 30), (3_000, 2)), axis=0)
    first = rng.uniform(0, 120, len(pairs))
    last = first * rng.uniform(0, 1, len(pairs))
    views = Views((200, 30), *pairs.T, first, last, np.full(len(pairs), np.nan))
    catalogue = _catalogue(30, 3)
    catalogue.age_days[:] = rng.uniform(10, 200, 30)

    found = choose_half_life(catalogue, views, usual=30.0, tried=[7.0, 30.0])

    for trial in found.trials:
        past = look_back(catalogue, views, half_life_days=30, popular_days=trial.half_life_days)
        expected = choose_method(past).trials[0]
        assert (trial.ndcg, trial.ci_low) == pytest.approx((expected.ndcg, expected.ci_low))
    assert [trial.half_life_days for trial in found.trials] == [30.0, 7.0]


def test_of_whom_there_were_enough_fewer_are_enough_to_stay() -> None:
    rows = [(reader, reader % 4, 10.0, 10.0) for reader in range(90)]
    rows += [(reader, (reader + 1) % 4, 90.0, 90.0) for reader in range(90)]
    views = _views(rows, (90, 4))
    before, after = (
        choose_method(look_back(_catalogue(4, 2), views, half_life_days=30, standing=standing))
        for standing in (None, Method.GROUPS)
    )

    assert (before.trials, before.reason) == (
        (),
        "needs 10 more readers of something new to be judged",
    )
    assert len(after.trials) >= 3
    assert (least(100, stays=True), least(25, stays=True), most(3_000, stays=True)) == (
        80,
        20,
        3_750,
    )


def test_without_structure_nothing_complex_is_used() -> None:
    rng = np.random.default_rng(7)
    rows = [
        (reader, int(item), days, days)
        for reader in range(400)
        for item, days in zip(
            rng.choice(40, 5, replace=False), (80.0, 70.0, 60.0, 50.0, 10.0), strict=True
        )
    ]

    found = choose_method(look_back(_catalogue(40, 8), _views(rows, (400, 40)), half_life_days=30))

    assert found.champion in {"popular", "interests"}
    assert found.readers == 400


def test_groups_are_found_again_whoever_stands_first() -> None:
    rng = np.random.default_rng(4)
    means = np.array([[0.45, 0.45, 0.05, 0.05], [0.05, 0.05, 0.45, 0.45]])
    of = rng.integers(0, 2, 1_000)
    counts = np.stack([rng.multinomial(6, rng.dirichlet(6 * means[group])) for group in of])
    everybody = {"topic": np.full(4, 0.25)}
    tastes = Tastes({"topic": counts.astype(float)}, CONCENTRATION)

    groups = find_groups(tastes, everybody)
    likely = groups.expected(
        Tastes({"topic": np.array([[1.0, 0, 0, 0], [0, 0, 0, 1.0]])}, CONCENTRATION)
    )

    assert len(groups) > 1
    # One reading says of which half the person is, and so that the other topic of it is liked.
    assert likely["topic"][0, 1] > 2 * likely["topic"][0, 2]
    assert likely["topic"][1, 2] > 2 * likely["topic"][1, 1]


def test_few_readers_are_one_group() -> None:
    tastes = Tastes({"topic": np.ones((299, 3))}, CONCENTRATION)

    groups = find_groups(tastes, {"topic": np.array([0.5, 0.3, 0.2])})

    assert len(groups) == 1
    assert groups.shares["topic"].tolist() == [[0.5, 0.3, 0.2]]


@pytest.mark.parametrize(
    ("method", "most"),
    [
        (Method.GROUPS, 0.0),
        (Method.GROUPS_AND_EASE, 0.25),
        (Method.EASE_AND_GROUPS, 0.75),
        (Method.GROUPS_AND_CO_READING, 0.25),
        (Method.CO_READING_AND_GROUPS, 0.75),
    ],
)
def test_what_is_read_together_is_mixed_in_or_leads(method: Method, most: float) -> None:
    """Of a person with three readings half of what it may ever make up."""
    rows = [
        (reader, (reader + k) % 4, 40.0 + k, 40.0 + k) for reader in range(400) for k in (0, 1, 2)
    ]
    past = look_back(_catalogue(4, 2), _views(rows, (400, 4)), half_life_days=30)
    before = past.before

    found = model_then(past, method).expect(before.liked, before.per_person)

    assert found.together_weight == pytest.approx(np.full(400, most / 2))
    assert found.scores.sum(axis=1) == pytest.approx(np.ones(400), abs=1e-5)
