"""Where nothing differs, weekly looks cry wolf in 5 of 100 experiments; segments tell the truth."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from measurement import Counts
from measurement.config import GLOBAL_SEGMENT, Metric
from measurement.lift import Floats, corrected, difference_p_value, difference_variance, shrink
from measurement.looks import Look, significance_at
from measurement.report import Rules, compare
from measurement.samples import Sample

LOOKS = 8
PAIR = ("b", "control")
AT = dt.datetime.fromisoformat("2026-03-02")
SHARE = Metric(event="Demo Requested", within_days=7)
RATIO = Metric(event="Recommendation Clicked", within_days=7, measure="count",
               per="Recommendation Shown", before_days=28)  # fmt: skip


def is_alarm(arms: list[dict[str, Sample | Counts]], metric: Metric) -> bool:
    """Whether a verdict is given at any look at what each arm had done by then."""
    persons: list[float] = []
    for number, found in enumerate(arms, start=1):
        persons.append(sum(arm.n for arm in found.values()))
        level = significance_at(Look(number, LOOKS, AT, None), persons)
        rules = Rules(metric=metric, significance=level)
        (finding,) = compare({GLOBAL_SEGMENT: found}, PAIR, rules).findings
        if finding.verdict != "cannot_tell":
            return True
    return False


def ratio_by_company(chance: np.random.Generator) -> list[dict[str, Sample | Counts]]:
    """Clicks per list shown in 400 companies of one to six persons, who join week by week."""
    company = np.repeat(np.arange(400), chance.integers(1, 7, 400))
    is_b = (np.arange(400) % 2 == 0)[company]
    week = chance.integers(1, LOOKS + 1, len(company))
    habit = chance.beta(2, 8, 400)[company]
    shown = chance.poisson(4, len(company)) + 1
    clicked = chance.binomial(shown, habit)
    before = chance.binomial(5, habit)
    rows = np.stack([clicked, shown, before, np.ones(len(company))]).astype(float)
    return [
        {
            arm: _sample(rows[:, side & (week <= look)], company[side & (week <= look)])
            for arm, side in (("b", is_b), ("control", ~is_b))
        }
        for look in range(1, LOOKS + 1)
    ]


def share_of_persons(chance: np.random.Generator) -> list[dict[str, Sample | Counts]]:
    """One in twelve of 3,000 persons, who join week by week."""
    is_b, did = chance.random(3_000) < 0.5, chance.random(3_000) < 1 / 12
    week = chance.integers(1, LOOKS + 1, 3_000)
    return [
        {
            arm: Counts(
                int((side & (week <= look)).sum()), int((did & side & (week <= look)).sum())
            )
            for arm, side in (("b", is_b), ("control", ~is_b))
        }
        for look in range(1, LOOKS + 1)
    ]


def _sample(rows: Floats, units: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Sample:
    by_unit = np.stack([np.bincount(units, weights=row) for row in rows])
    by_unit = by_unit[:, by_unit[3] > 0]
    return Sample(
        rows.shape[1], by_unit.shape[1], int((by_unit[0] != 0).sum()),
        tuple(by_unit.sum(axis=1).tolist()), tuple(map(tuple, (by_unit @ by_unit.T).tolist())),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("world", "metric"),
    [
        pytest.param(ratio_by_company, RATIO, id="ratio-by-company-adjusted"),
        pytest.param(share_of_persons, SHARE, id="share-of-persons"),
    ],
)
def test_weekly_looks_at_nothing_find_something_in_one_of_twenty(
    request: pytest.FixtureRequest, world: object, metric: Metric
) -> None:
    is_full = request.config.getoption("--trials") == "full"
    runs = 2_000 if is_full else 60
    made = [world(np.random.default_rng([7, run])) for run in range(runs)]  # type: ignore[operator]

    alarms = np.mean([is_alarm(arms, metric) for arms in made])

    assert alarms == pytest.approx(0.05, abs=0.01 if is_full else 0.08)


@pytest.mark.parametrize(
    ("largest", "nearer"),
    [
        # Segments differ by 0.6 times their noise.
        pytest.param(1_500, 0.66, id="small-segments"),
        # By 0.9 times: even who knew both could not get below 0.66.
        pytest.param(3_000, 0.71, id="larger-segments"),
    ],
)
def test_segments_that_are_called_differ_and_shrunken_effects_are_nearer_the_truth(
    request: pytest.FixtureRequest, largest: int, nearer: float
) -> None:
    """Twelve segments, of which a third have an effect."""
    is_full = request.config.getoption("--trials") == "full"
    false_share, raw, shrunken, held = [], [], [], []
    for run in range(2_000 if is_full else 100):
        chance = np.random.default_rng([11, run])
        truth = np.where(np.arange(12) < 4, chance.normal(0.02, 0.01, 12), 0.0)
        sizes = chance.integers(200, largest, 12)
        control = [Counts(int(n), int(chance.binomial(n, 0.1))) for n in sizes]
        arm = [
            Counts(int(n), int(chance.binomial(n, 0.1 + t)))
            for n, t in zip(sizes, truth, strict=True)
        ]
        pairs = list(zip(arm, control, strict=True))
        effects = np.array([a.rate - c.rate for a, c in pairs])
        found = shrink(effects.tolist(), [difference_variance(a, c) for a, c in pairs])
        called = np.array(corrected([difference_p_value(a, c) for a, c in pairs])) <= 0.05
        false_share.append((called & (truth == 0)).sum() / max(called.sum(), 1))
        raw.append(((effects - truth) ** 2).mean())
        shrunken.append(((np.array(found.effects) - truth) ** 2).mean())
        held += [i.low <= t <= i.high for i, t in zip(found.intervals, truth.tolist(), strict=True)]

    assert np.mean(false_share) <= (0.05 if is_full else 0.09)
    assert np.sqrt(np.mean(shrunken) / np.mean(raw)) <= nearer + (0 if is_full else 0.08)
    assert np.mean(held) >= (0.93 if is_full else 0.9)
