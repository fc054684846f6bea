"""The model's odds are corrected by pairs that a birth date proves."""

from __future__ import annotations

import numpy as np
import pytest

from identity.evidence import PairEvidence
from identity.judge import Kind, Mixture, judge_pairs
from identity.train import FieldParameters
from identity.verify import measure_doubt, shifted

NAME = FieldParameters("name", ("same", "different"), (0.9, 0.1), (0.01, 0.99), "proven pairs", 500)
BIRTH_DATE = FieldParameters(
    "birth_date", ("same", "different"), (0.99, 0.01), (0.001, 0.999), "proven pairs", 500
)
FIELDS = (NAME, BIRTH_DATE)
PAIRS = 1_000


def mixture(*, slips: float = 0.01) -> Mixture:
    """By name alone, a pair whose names agree is one person with a probability of about one half."""
    levels = {"name": NAME.m, "birth_date": (1 - slips, slips)}
    person = Kind("person", 0.011, levels, frozenset(), frozenset(levels))
    return Mixture((person,), {})


def same_names(*, agreeing: int) -> PairEvidence:
    birth_dates = np.repeat(np.array([0, 1], dtype=np.int8), [agreeing, PAIRS - agreeing])
    levels = {"name": np.zeros(PAIRS, dtype=np.int8), "birth_date": birth_dates}
    return PairEvidence(levels, {}, 1e6)


def test_after_the_correction_the_mean_probability_is_the_share_that_is_right() -> None:
    evidence = same_names(agreeing=200)
    by_name = judge_pairs(evidence, (NAME,), mixture())

    doubt = measure_doubt(evidence, FIELDS, mixture(), least=100)

    assert by_name.mean() == pytest.approx(0.5, abs=0.01)
    assert doubt < 0
    assert shifted(by_name, bits=doubt).mean() == pytest.approx(0.2, abs=0.01)


def test_too_few_proven_pairs_correct_nothing() -> None:
    assert measure_doubt(same_names(agreeing=200), FIELDS, mixture(), least=PAIRS + 1) == 0


def test_birth_dates_full_of_slips_correct_nothing() -> None:
    assert measure_doubt(same_names(agreeing=200), FIELDS, mixture(slips=0.2), least=100) == 0


def test_parts_of_a_birth_date_that_strangers_share_prove_nothing() -> None:
    """Where years alone are known, all dates agree in day and month."""
    dates = FieldParameters(
        "birth_date", ("same", "two parts", "different"), (0.98, 0.01, 0.01), (0.02, 0.97, 0.01),
        "proven pairs", 500,
    )  # fmt: skip
    levels = {"name": NAME.m, "birth_date": dates.m}
    person = Kind("person", 0.011, levels, frozenset(), frozenset(levels))
    evidence = same_names(agreeing=200)

    doubt = measure_doubt(evidence, (NAME, dates), Mixture((person,), {}), least=100)

    by_name = judge_pairs(evidence, (NAME,), mixture())
    # A fifth has one date, two of a hundred of those by chance, and one person's slip as often.
    right = (0.2 - 0.02) / (0.98 - 0.02)
    assert shifted(by_name, bits=doubt).mean() == pytest.approx(right, abs=0.01)
