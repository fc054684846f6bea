"""A year of weekly looks at a published model: how often it cries wolf, and how soon it sees one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import special

from prediction.dataset import Examples, Floats
from prediction.dates import Role
from prediction.drift import (
    ALARMS,
    Kind,
    Movement,
    Profile,
    Tier,
    compare_features,
    compare_scores,
    profile_of,
    profiles_of,
)
from prediction.logistic import train
from prediction.outcomes import Judged, Matured, judge_outcomes
from prediction.propensity import Question, judge
from prediction.states import Model
from prediction.threads import on_one_thread
from tests.prediction.conftest import AS_OF, predictions

# Twenty years of each company take longer than any other test may.
pytestmark = pytest.mark.timeout(0)

FEATURES, TELLING, WEEKS, LOOKS = 40, 12, 52, 2
NAMES = tuple(f"f{number:02}" for number in range(FEATURES))
USE = np.ones(FEATURES, dtype=bool)
CONFIG = predictions(rule=None).models["trial"]
# How each feature pulls on the log odds; most of them not at all.
PULL = np.append(np.full(TELLING, 0.35), np.zeros(FEATURES - TELLING))
STILL, ONE = np.zeros(FEATURES), np.append(0.5, np.zeros(FEATURES - 1))
# All telling features together move the log odds by half a deviation of theirs.
SCORE = 0.5 * PULL / np.sqrt((PULL**2).sum())
# Rare and common outcomes, few and many people a week.
COMPANIES = [(base, people) for base in (-3.0, -2.2, -1.2) for people in (500, 3_000)]


@dataclass(frozen=True, slots=True)
class Published:
    """A model that passed its gates, with what was kept of the date that it was judged at."""

    base: float
    model: Model
    judged: Judged
    scores: Profile
    features: Mapping[str, Profile]


def draw(
    rng: np.random.Generator, people: int, base: float, shifts: Floats
) -> tuple[Floats, np.ndarray]:
    """Features as counts have them, moved by so many deviations, and outcomes."""
    normal = rng.normal(size=(people, FEATURES)) + shifts
    outcomes = rng.random(people) < special.expit(base + normal @ PULL)
    return np.expm1(np.maximum(normal + 4, 0)), outcomes


@on_one_thread
def publish(seed: int, base: float, *, people: int = 2_000) -> Published | None:
    """Train and judge on 2,000 each; of ``people`` it is kept how they were. None: refused."""
    rng = np.random.default_rng(seed)
    values, outcomes = draw(rng, 4_000, base, STILL)
    roles = np.repeat([str(Role.TRAINING), str(Role.JUDGING)], 2_000)
    data = Examples(NAMES, values, outcomes, roles, np.arange(4_000), "")
    judgement = judge(Question("trial", CONFIG, AS_OF, 0, False, seed), data, USE)
    if not judgement.verdict.allowed:
        return None
    model, kept = train(data, use=USE, seed=seed), values[-people:]
    metrics = {**judgement.metrics.as_dict(), "positives": data.positives}
    scores, judged = profile_of(model.predict(kept)), Judged.of(metrics)
    return Published(base, model, judged, scores, profiles_of(NAMES, kept))


def look(
    published: Published, rng: np.random.Generator, people: int, shifts: Floats
) -> tuple[Movement, ...]:
    """One look: who is scored now, and what came of the scores of people like them."""
    values, outcomes = draw(rng, people, published.base, shifts)
    scores = published.model.predict(values)
    return (
        compare_scores(published.scores, scores),
        *compare_features(published.features, NAMES, values),
        *judge_outcomes(Matured("v", scores, outcomes), published.judged),
    )


@pytest.fixture(scope="module")
def years(pytestconfig: pytest.Config) -> int:
    """Model-years for each company."""
    return 20 if pytestconfig.getoption("--trials") == "full" else 1


def test_without_drift_there_is_less_than_one_page_in_a_model_year(years: int) -> None:
    told: dict[tuple[float, int], dict[str, float]] = {}
    for base, people in COMPANIES if years > 1 else COMPANIES[2:3]:
        found = [tiers for seed in range(years) if (tiers := year(seed, base, people))]
        whole = [tier for tiers in found for tier in tiers]
        told[base, people] = {str(tier): whole.count(tier) / len(found) for tier in ALARMS}
    print(f"a model-year: {told}")  # noqa: T201 - what the full trial is run for

    assert all(found["page"] < 1 for found in told.values()), told
    # A ticket asks for a new training: it must be rarer than the monthly schedule.
    assert all(found["ticket"] < 4 for found in told.values()), told


def year(seed: int, base: float, people: int) -> list[Tier]:
    published, rng = publish(seed, base), np.random.default_rng([seed, 1])
    if published is None:
        return []
    return [m.tier for _ in range(WEEKS) for m in look(published, rng, people, STILL)]


@pytest.mark.parametrize(
    ("shifts", "kind"),
    [
        pytest.param(ONE, Kind.FEATURE, id="one-feature"),
        pytest.param(SCORE, Kind.SCORE, id="the-score"),
    ],
)
def test_half_a_deviation_is_found_within_two_looks_at_five_hundred_people(
    years: int, shifts: Floats, kind: Kind
) -> None:
    published = [publish(seed, -2.2, people=500) for seed in range(5 * years)]
    found = [
        is_found(one, seed, shifts, kind) for seed, one in enumerate(published) if one is not None
    ]
    print(f"{kind}: {np.mean(found):.3f} of {len(found)}")  # noqa: T201 - as above

    assert len(found) >= 3 * years
    assert np.mean(found) >= 0.9


def is_found(published: Published, seed: int, shifts: Floats, kind: Kind) -> bool:
    rng = np.random.default_rng([seed, 2])
    looks = [look(published, rng, 500, shifts) for _ in range(LOOKS)]
    moved = [m.subject for one in looks for m in one if m.kind is kind and m.status == "moved"]
    return NAMES[0] in moved if kind is Kind.FEATURE else bool(moved)
