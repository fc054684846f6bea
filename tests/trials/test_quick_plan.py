"""The plan that asks about few persons, against that which asks about all, whatever happens."""

from __future__ import annotations

import pytest

from tests.audiences.changing import Changing

COMPANIES = {"sample": 4, "full": 40}
STEPS = 15


@pytest.mark.slow
@pytest.mark.timeout(3_000)
def test_the_quick_plan_is_the_whole_one(request: pytest.FixtureRequest) -> None:
    lives = [Changing(seed) for seed in range(COMPANIES[request.config.getoption("--trials")])]

    for life in lives:
        life.live(STEPS)

    # Most plans asked about some persons only.
    assert sum(life.narrowed for life in lives) > sum(life.compared for life in lives) / 2
