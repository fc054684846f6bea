from __future__ import annotations

import datetime as dt
import itertools
import random

import pyarrow as pa
import pytest

from audiences import (
    InvalidAudienceError,
    compute_memberships,
    diff_runs,
    members_at,
    overlaps,
    tell_isolation,
)
from audiences.config import Audience
from audiences.inventory import DEFINITIONS, MEMBERSHIPS
from tests.audiences.conftest import EVERYONE, NOW, Company, audience

US = {"trait": "country", "is": "US"}


def _compute(company: Company, number: int, *audiences: Audience) -> None:
    moment = NOW + dt.timedelta(days=number)
    compute_memberships(company.warehouse, audiences, run_id=f"r{number}", now=moment)


def _move(company: Company, person: str, country: str) -> None:
    company.warehouse.execute(
        "update marts.profiles set country = $country where person_id = $person",
        {"country": country, "person": person},
    )


@pytest.fixture
def history(company: Company) -> Company:
    """Four runs: ann stays, bea leaves and comes back, cyd comes, dee withdraws, eve is erased."""
    for name in ("ann", "bea", "dee", "eve"):
        company.person(name, country="US")
    company.person("cyd", country="DE")
    _compute(company, 1, audience(US))
    _move(company, "bea", "DE")
    _compute(company, 2, audience(US))
    _move(company, "bea", "US")
    _move(company, "cyd", "US")
    company.consent("dee", "marketing", "denied")
    _compute(company, 3, audience(US))
    for table in ("marts.profiles", "audiences.memberships", "audiences.membership_changes"):
        company.warehouse.execute(f"delete from {table} where person_id = 'eve'")
    _compute(company, 4, audience({"trait": "country", "in": ["US", "FR"]}))
    return company


def test_two_runs_differ_by_cause(history: Company) -> None:
    found = diff_runs(history.warehouse, "everyone", "r1", "r4")

    assert [(row["change"], row["cause"], row["persons"]) for row in found.changes] == [
        ("entered", "data", 1),
        ("exited", "consent", 1),
        ("exited", "erasure", 1),
    ]
    assert (found.members_first, found.members_second, found.has_same_rules) == (4, 3, False)


def test_the_later_run_is_the_second_whatever_the_order(history: Company) -> None:
    assert diff_runs(history.warehouse, "everyone", "r4", "r1") == diff_runs(
        history.warehouse, "everyone", "r1", "r4"
    )


def test_the_changes_add_up(history: Company) -> None:
    for first, second in (("r1", "r2"), ("r2", "r3"), ("r1", "r3"), ("r3", "r4"), ("r1", "r4")):
        found = diff_runs(history.warehouse, "everyone", first, second)
        signs = {"entered": 1, "exited": -1}
        change = sum(signs[row["change"]] * row["persons"] for row in found.changes)
        assert found.members_first + change == found.members_second


def test_the_members_of_each_run_can_be_told_afterwards(history: Company) -> None:
    found = [
        members_at(history.warehouse, "everyone", f"r{n}")["person_id"].to_pylist()
        for n in range(1, 5)
    ]

    assert found == [["ann", "bea", "dee"], ["ann", "dee"], ["ann", "bea", "cyd"],
                     ["ann", "bea", "cyd"]]  # fmt: skip


def test_a_run_that_is_not_there_is_refused(history: Company) -> None:
    with pytest.raises(InvalidAudienceError, match=r"'r44' is no run .* did you mean 'r4'"):
        diff_runs(history.warehouse, "everyone", "r1", "r44")


def test_audiences_share_members(company: Company) -> None:
    for number, country in enumerate(["US", "US", "DE", "DE"]):
        company.person(f"p{number}", country=country)
    _compute(company, 1, audience(EVERYONE), audience(US, key="us"))

    rows = {(row["audience"], row["other"]): row for row in overlaps(company.warehouse).to_pylist()}

    assert (rows["us", "everyone"]["both"], rows["us", "everyone"]["share"]) == (2, 1.0)
    assert (rows["everyone", "us"]["share"], rows["everyone", "us"]["jaccard"]) == (0.5, 0.5)


def test_every_pair_that_isolates_few_is_flagged_and_no_other(company: Company) -> None:
    """Sixty audiences, most cut out of one another; each pair is compared as sets."""
    chance, people = random.Random(11), [f"p{number:03}" for number in range(400)]
    groups, least = {"a00": frozenset(people)}, {"a00": 0}
    for number in range(1, 60):
        kept = set(chance.choice(sorted(groups.values(), key=len)))
        kept -= set(chance.sample(sorted(kept), min(len(kept), chance.choice((0, 1, 2, 9, 60)))))
        kept |= set(chance.sample(people, chance.choice((0, 0, 1, 5))))
        groups[f"a{number:02}"], least[f"a{number:02}"] = frozenset(kept), chance.choice((0, 1, 5))
    rows = [(key, person) for key, group in groups.items() for person in group]
    company.warehouse.create_missing([MEMBERSHIPS, DEFINITIONS])
    company.warehouse.append(
        MEMBERSHIPS.name,
        pa.table({"audience_key": [key for key, _ in rows], "person_id": [who for _, who in rows]}),
    )
    company.warehouse.append(
        DEFINITIONS.name, pa.table({"audience_key": [*least], "minimum_size": [*least.values()]})
    )

    expected = {}
    for a, b in itertools.permutations(groups, 2):
        needed, over = max(least[a], least[b]) or 100, len(groups[a] - groups[b])
        is_inside = len(groups[a] & groups[b]) >= 0.99 * len(groups[b]) > 0
        if is_inside and 0 < over < needed:
            expected[a, b] = (over, needed)
    found = [row for row in overlaps(company.warehouse).to_pylist() if row["isolates_below"]]

    assert len(expected) > 50
    assert {needed for _, needed in expected.values()} == {5, 100}
    assert {
        (row["audience"], row["other"]): (row["only_here"], row["isolates_below"]) for row in found
    } == expected
    told = [tell_isolation(row) for row in found]
    assert not any(person in sentence for sentence in told for person in people)
