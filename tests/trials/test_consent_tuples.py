"""A million tuples of person, purpose and time through audience and sync: nothing leaks."""

from __future__ import annotations

import pytest

from tests.audiences.consents import PURPOSES, World

PERSONS = {"sample": 2_000, "full": 50_000}
MOMENTS = 5


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_nobody_is_sent_without_every_consent(request: pytest.FixtureRequest) -> None:
    persons = PERSONS[request.config.getoption("--trials")]
    world = World(11, persons)

    world.live(MOMENTS)

    assert world.tuples == persons * len(PURPOSES) * MOMENTS
    assert world.leaks == 0
