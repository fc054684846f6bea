"""Planned looks: the published bounds, and no more than 5 % of false alarms in all."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from scipy import stats

from measurement.config import Looks
from measurement.looks import Look, boundaries, look_of, significance_at

PLAN = Looks(begin=dt.date(2026, 3, 2), every_days=7, count=4)


@pytest.mark.parametrize(
    ("looks", "published"),
    [
        # Two-sided 5 %, O'Brien-Fleming spending: tables of Lan & DeMets's own program.
        pytest.param(5, (4.8769, 3.3569, 2.6803, 2.2898, 2.0310), id="five"),
        pytest.param(2, (2.9626, 1.9686), id="two"),
        pytest.param(1, (1.9600,), id="one"),
    ],
)
def test_bounds_of_looks_at_equal_distances_are_the_published_ones(
    looks: int, published: tuple[float, ...]
) -> None:
    times = tuple((number + 1) / looks for number in range(looks))

    assert boundaries(times, times) == pytest.approx(published, abs=2e-4)


def test_all_looks_together_alarm_as_often_as_one_whatever_the_information() -> None:
    times, information = (0.25, 0.5, 0.75, 1.0), (10.0, 70.0, 80.0, 200.0)
    bounds = np.array(boundaries(times, information))

    chance = np.random.default_rng(1)
    steps = np.sqrt(np.diff([0.0, *information]))
    paths = (chance.normal(size=(200_000, 4)) * steps).cumsum(axis=1) / np.sqrt(information)
    alarms = (np.abs(paths) > bounds).any(axis=1).mean()

    assert alarms == pytest.approx(0.05, abs=0.002)


@pytest.mark.parametrize(
    ("day", "number", "at", "next_at"),
    [
        pytest.param("2026-03-08", 0, None, "2026-03-09", id="before-the-first"),
        pytest.param("2026-03-09", 1, "2026-03-09", "2026-03-16", id="at-the-first"),
        pytest.param("2026-03-15", 1, "2026-03-09", "2026-03-16", id="between"),
        pytest.param("2026-07-01", 4, "2026-03-30", None, id="after-the-last"),
    ],
)
def test_the_latest_look_counts_until_the_next(
    day: str, number: int, at: str | None, next_at: str | None
) -> None:
    found = look_of(PLAN, dt.datetime.fromisoformat(day))

    moments = [None if m is None else dt.datetime.fromisoformat(m) for m in (at, next_at)]
    assert found == Look(number, 4, *moments)


def look(number: int) -> Look:
    return Look(number, 4, dt.datetime.fromisoformat("2026-03-09"), None)


def test_the_level_rises_from_look_to_look_and_reaches_nearly_5_percent() -> None:
    levels = [significance_at(look(k), [100.0 * i for i in range(1, k + 1)]) for k in (1, 2, 3, 4)]

    assert levels == sorted(levels)
    assert levels[0] < 0.0001
    assert 0.04 < levels[3] < 0.05


def test_looks_at_the_same_people_are_one_at_the_latest_of_their_times() -> None:
    assert significance_at(look(1), [0]) == 0
    assert significance_at(look(2), [50, 50]) > significance_at(look(1), [50])
    after = significance_at(look(3), [50, 50, 90])

    bounds = boundaries((0.5, 0.75), (50.0, 90.0))
    assert after == pytest.approx(2 * stats.norm.sf(bounds[-1]))


def test_the_first_look_with_people_spends_what_the_empty_ones_left() -> None:
    late = significance_at(look(4), [0, 0, 0, 120])

    assert late == pytest.approx(0.05)
