"""A hundred thousand hostile names and values through the language of audiences."""

from __future__ import annotations

import pytest

from tests.audiences.oracle import judge_hostile

# Three clauses an audience, and about 1.7 names or values a clause.
PLANS = {"sample": 2, "full": 200}
AUDIENCES = 100


@pytest.mark.slow
@pytest.mark.timeout(3_000)
def test_no_name_or_value_is_ever_sql(request: pytest.FixtureRequest) -> None:
    plans = PLANS[request.config.getoption("--trials")]

    members = [judge_hostile(seed, people=40, audiences=AUDIENCES) for seed in range(plans)]

    assert min(members) > 0
