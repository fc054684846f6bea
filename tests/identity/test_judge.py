"""Pairs of one person are told from pairs of one household."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from identity.evidence import PairEvidence, SourcePairs
from identity.judge import Kind, Mixture, SourceShare, fit_mixture, judge_pairs
from identity.model import COMPARISONS
from identity.train import (
    FieldParameters,
    Floats,
    bounded,
    conventional,
    field_parameters,
    is_sound,
)

FIELDS = tuple(
    FieldParameters(name, ("same", "different"), (m, 1 - m), (u, 1 - u), "proven pairs", 1000)
    for name, m, u in [
        ("first_name", 0.95, 0.01),
        ("last_name", 0.97, 0.001),
        ("birth_date", 0.98, 0.0001),
        ("address", 0.9, 0.0001),
    ]
)
PERSON, HOUSEHOLD, STRANGERS = 0, 1, 2


def drawn(persons: int, households: int, strangers: int) -> tuple[PairEvidence, np.ndarray]:
    """Pairs of each kind, their levels drawn by chance."""
    chance = np.random.default_rng(1)
    kinds = np.repeat([PERSON, HOUSEHOLD, STRANGERS], [persons, households, strangers])
    agreeing = {
        "first_name": (0.95, 0.01, 0.01), "last_name": (0.97, 0.95, 0.001),
        "birth_date": (0.98, 0.001, 0.0001), "address": (0.9, 0.95, 0.0001),
    }  # fmt: skip
    levels = {
        name: (chance.random(len(kinds)) >= np.array(shares)[kinds]).astype(np.int8)
        for name, shares in agreeing.items()
    }
    nothing = {name: np.zeros(len(kinds)) for name in levels}
    return PairEvidence(levels, nothing, 5e7), kinds


def judged(evidence: PairEvidence, fields: tuple[FieldParameters, ...] = FIELDS) -> Floats:
    return judge_pairs(evidence, fields, fit_mixture(evidence, fields))


def families(evidence: PairEvidence) -> float:
    """How many pairs the mixture takes for different people of one family."""
    mixture: Mixture = fit_mixture(evidence, FIELDS)
    kinds = {item.name: item.share for item in mixture.kinds}
    return (kinds["household"] + kinds["relatives"]) * evidence.total_pairs


def test_people_of_one_household_are_not_taken_for_one_person() -> None:
    evidence, kinds = drawn(2000, 6000, 2000)

    probabilities = judged(evidence)

    linked = probabilities >= 0.9
    assert (kinds[linked] == PERSON).mean() > 0.99
    # Of seven pairs in a hundred, first name or birth date differs: nobody could tell.
    assert linked[kinds == PERSON].mean() > 0.9


def test_the_number_of_household_pairs_is_found() -> None:
    evidence, _ = drawn(2000, 6000, 2000)

    found = families(evidence)

    assert 5000 < found < 7000


def test_where_there_are_no_households_the_class_stays_empty() -> None:
    evidence, _ = drawn(2000, 0, 2000)

    assert families(evidence) < 100


def test_an_unknown_field_says_nothing() -> None:
    evidence, _ = drawn(200, 200, 200)
    levels = {**evidence.levels, "address": np.full(600, -1, dtype=np.int8)}
    without = tuple(item for item in FIELDS if item.name != "address")

    unknown = judged(PairEvidence(levels, evidence.adjustments, 5e7))
    absent = judged(evidence, without)

    np.testing.assert_allclose(unknown, absent, atol=0.02)


def test_a_tool_that_holds_everybody_once_has_no_two_records_of_one_person() -> None:
    """The same agreement is one person's between two tools, and a namesake's within one."""
    evidence, kinds = drawn(2000, 6000, 2000)
    place = np.where(kinds == PERSON, 0, 1)
    sources = SourcePairs((("crm", "shop"), ("shop", "shop")), (2.5e7, 2.5e7), place)
    taught = replace(evidence, sources=sources)
    mixture = fit_mixture(taught, FIELDS)
    alike = {name: np.zeros(2, dtype=np.int8) for name in evidence.levels}
    alike["birth_date"] = np.full(2, -1, dtype=np.int8)
    nothing = {name: np.zeros(2) for name in alike}
    one_of_each = replace(sources, place=np.array([0, 1]))

    between, within = judge_pairs(
        PairEvidence(alike, nothing, 5e7, one_of_each), FIELDS, mixture
    )  # fmt: skip

    assert mixture.share_of("shop", "crm") > 20 * mixture.share_of("shop", "shop")
    assert between > within
    assert mixture.share_of("billing", "crm") == mixture.person.share


def test_a_source_with_persons_less_than_half_as_often_twice_has_them_once() -> None:
    person = Kind("person", 0.008, {}, frozenset(), frozenset())
    shares = [
        SourceShare("crm", "crm", 0.001), SourceShare("shop", "shop", 0.005),
        SourceShare("crm", "shop", 0.001), SourceShare("", "", 0.001), SourceShare("new", "new", 0.0),
    ]  # fmt: skip

    assert Mixture((person,), {}, tuple(shares)).once == {"crm": pytest.approx(3)}


def test_some_of_a_family_have_one_name() -> None:
    evidence, _ = drawn(2000, 6000, 2000)

    mixture = fit_mixture(evidence, FIELDS)

    kinds = {item.name: item for item in mixture.kinds}
    families = kinds["household"].share + kinds["relatives"].share
    named = kinds["named after another"]
    assert named.share / families == pytest.approx(0.015)
    assert named.levels["first_name"] == mixture.person.levels["first_name"]
    assert named.levels["birth_date"][0] < 0.01


def test_two_of_one_first_name_at_mailboxes_made_of_it_are_not_one_person() -> None:
    """A Sarah writes from sarah73, another one from sarah91; one person has both seldom."""
    chance = np.random.default_rng(1)
    labels = {
        "first_name": (("same", "different"), (0.95, 0.05), (0.01, 0.99)),
        "last_name": (("same", "different"), (0.9, 0.1), (0.001, 0.999)),
        "email": (
            ("same", "same mailbox with other digits", "different"),
            (0.7, 0.2, 0.1),
            (0.0001, 0.0002, 0.9997),
        ),
    }
    fields = tuple(
        FieldParameters(name, names, tuple(conventional(np.array(u))), u, "convention", 0)
        for name, (names, _, u) in labels.items()
    )
    persons, namesakes, sarahs = 2000, 2000, 6000
    others = {"first_name": (0, 0), "last_name": (0, 1), "email": (1, 1)}
    levels = {
        name: np.concatenate([
            chance.choice(len(told[1]), persons, p=told[1]),
            np.repeat(others[name], (namesakes, sarahs)),
        ]).astype(np.int8)
        for name, told in labels.items()
    }  # fmt: skip
    nothing = {name: np.zeros(len(told)) for name, told in levels.items()}

    evidence = PairEvidence(levels, nothing, 5e7)
    mixture = fit_mixture(evidence, fields)
    probabilities = judge_pairs(evidence, fields, mixture)

    # Without a kind of their own, the Sarahs take that of people who have one name in full, who
    # then seem to be one person twice as often.
    kinds = {item.name: item for item in mixture.kinds}
    assert kinds["namesakes"].levels["last_name"][0] > 0.5
    assert probabilities[persons : persons + namesakes].mean() < 0.25
    assert probabilities[persons + namesakes :].max() < 0.1


def test_more_first_names_that_differ_than_one_person_has_are_a_familys() -> None:
    u = np.array([0.01, 0.99])

    believed = bounded("first_name", np.array([0.8, 0.2]), u)
    families = bounded("first_name", np.array([0.6, 0.4]), u)
    placeholders = bounded("birth_date", np.array([0.6, 0.4]), u)

    np.testing.assert_allclose(believed, [0.8, 0.2])
    np.testing.assert_allclose(families, conventional(u))
    np.testing.assert_allclose(placeholders, [0.75, 0.25])


def test_families_whose_records_lack_an_address_are_counted_with_those_that_show_one() -> None:
    evidence, _ = drawn(2000, 6000, 2000)
    seen, shown = (
        {item.name: item.share for item in fit_mixture(pairs, FIELDS).kinds}
        for pairs in (evidence, replace(evidence, placed=0.25))
    )

    assert shown["named after another"] > 3 * seen["named after another"]
    assert shown["household"] == pytest.approx(seen["household"], rel=0.1)


def test_without_a_proven_pair_the_places_of_mailboxes_say_nothing() -> None:
    mailboxes = next(item for item in COMPARISONS if item.is_proven_only)
    u = np.array([0.4, 0.1, 0.5])

    nothing, taught = (
        field_parameters(mailboxes, np.array(counts), u, {}, min_proven_pairs=100)
        for counts in ([0.0, 0.0, 0.0], [90.0, 5.0, 5.0])
    )

    assert nothing.m == pytest.approx(nothing.u)
    assert not is_sound("mailboxes", np.array(nothing.m), u)
    assert taught.weights[0] > 1
    assert taught.weights[-1] < -2
