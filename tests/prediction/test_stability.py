from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from prediction.mixture import Mixture
from prediction.stability import Grouping, Trial, _best, adjusted_rand

GOOD = Grouping(
    mixture=Mixture(
        np.full(3, 1 / 3), np.full((3, 4), 0.25), gain=1.0, closeness=np.full(1, 30.0), sizes=(4,)
    ),
    trials=(), readers=1_000, stability=0.8, gain=1.0, null_gain=0.1, smallest=60,
    sureness=0.9, expected_sureness=0.9,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        pytest.param({}, "published", "", id="good"),
        pytest.param({"stability": 0.75}, "published", "", id="just stable"),
        pytest.param({"stability": 0.74}, "provisional", "", id="fairly stable"),
        pytest.param({"stability": 0.59}, "refused", "do not come back", id="unstable"),
        pytest.param({"null_gain": 1.0}, "refused", "readers of one taste", id="by chance"),
        pytest.param({"sureness": 0.895}, "published", "", id="nearly as sure"),
        pytest.param({"sureness": 0.88}, "refused", "between the groups", id="no gap"),
        pytest.param({"smallest": 49}, "refused", "smallest group has 49", id="tiny"),
        pytest.param({"smallest": 60, "readers": 2_000}, "refused", "smallest", id="under 5 %"),
        pytest.param({"mixture": None, "readers": 250}, "refused", "needs 50 more", id="few"),
    ],
)
def test_groups_are_published_only_where_nothing_speaks_against_it(
    change: dict[str, object], status: str, reason: str
) -> None:
    grouping = replace(GOOD, **change)

    assert grouping.status == status
    assert reason in "; ".join(grouping.reasons)


def test_agreement_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    left, right = rng.integers(0, 4, 300), rng.integers(0, 3, 300)

    assert adjusted_rand(left, right) == pytest.approx(adjusted_rand_score(left, right))
    assert adjusted_rand(left, (left + 1) % 4) == pytest.approx(1)


@pytest.mark.parametrize(
    ("stability", "found"),
    [
        pytest.param((0.99, 0.76, 0.90), 5, id="all come back surely"),
        pytest.param((0.99, 0.90, 0.74), 4, id="one does not"),
        pytest.param((0.70, 0.65, 0.60), 4, id="none does: those about as sure as the surest"),
        pytest.param((0.99, 0.90, None), 4, id="one has a group that is too small"),
    ],
)
def test_of_numbers_that_come_back_the_likeliest_is_taken(
    stability: tuple[float | None, ...], found: int
) -> None:
    trials = [Trial(3 + n, each, 100, 50.0 + n) for n, each in enumerate(stability)]

    assert _best(trials) == found
