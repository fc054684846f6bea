"""Who lives with whom: sizes, roles, shared names and birthdays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sample.chance import happens, pick
from sample.names import FEMALE_NAMES, MALE_NAMES, SURNAMES
from sample.text import Bools, Ints

GIVEN_NAMES: tuple[tuple[str, ...], ...] = FEMALE_NAMES + MALE_NAMES
_SIZES = (0.52, 0.26, 0.12, 0.07, 0.03)  # one to five known people in a household
_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class Households:
    """The household of each person and what its members have in common.

    ``place`` is 0 for the head, 1 for the partner, 2 and more for grown children.
    """

    household: Ints
    place: Ints
    given: Ints
    surname: Ints
    maiden: Ints
    birth_day: Ints
    is_junior: Bools


def form_households(rng: np.random.Generator, n: int, today: int) -> Households:
    """Households for n people, with twins and sons named like their fathers.

    Args:
        rng: Source of chance.
        n: How many people.
        today: Days since 1970; nobody is younger than 18 then.
    """
    household = np.repeat(np.arange(n), pick(rng, n, _SIZES) + 1)[:n]
    place = np.arange(n) - np.searchsorted(household, household)
    given = _given_names(rng, n)
    family = pick(rng, n, 1 / (np.arange(len(SURNAMES)) + 25.0))
    surname = np.where((place == 1) & happens(rng, n, 0.18), family, family[household])
    age = np.where(place < 2, rng.normal(47, 11, n), rng.normal(23, 3, n)).clip(18, 88)
    birth_day = today - (age * _YEAR).astype(np.int64) - rng.integers(1, 365, n)
    head = np.arange(n) - place
    is_junior = (place == 2) & (given[head] >= len(FEMALE_NAMES)) & happens(rng, n, 0.12)
    is_twin = (place == 3) & happens(rng, n, 0.25)
    birth_day = np.where(is_twin, birth_day[np.arange(n) - is_twin], birth_day)
    given = np.where(is_junior, given[head], given)
    has_married_name = (place == 1) & (given < len(FEMALE_NAMES)) & happens(rng, n, 0.15)
    maiden = np.where(has_married_name, rng.permutation(family), surname)
    return Households(household, place, given, surname, maiden, birth_day, is_junior)


def _given_names(rng: np.random.Generator, n: int) -> Ints:
    """Row numbers of ``GIVEN_NAMES``, women first; common names are drawn more often."""
    women, men = len(FEMALE_NAMES), len(MALE_NAMES)
    female = pick(rng, n, 1 / (np.arange(women) + 20.0))
    male = pick(rng, n, 1 / (np.arange(men) + 20.0)) + women
    return np.where(happens(rng, n, 0.5), female, male)
