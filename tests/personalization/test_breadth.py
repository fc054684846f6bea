"""What people meet of the content, counted by hand from a warehouse."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from measurement import BreadthFinding, Holdout
from measurement.breadth import HIDDEN
from personalization import describe_breadth, read_breadth, write_breadth
from personalization.held_out import is_held_out
from personalization.inventory import DECISIONS, TABLES
from tests.personalization.conftest import AS_OF, Company

HOLDOUT = Holdout(share=0.25, salt="2026")


@pytest.fixture
def library(company: Company) -> Company:
    """200 persons: who is chosen for reads of two topics, who is held out of one."""
    company.warehouse.execute(
        "create table marts.current_person (person_id varchar, current_person_id varchar)"
    )
    company.warehouse.create_missing(TABLES)
    for item, topic in (("a1", "seo"), ("a2", "seo"), ("b1", "privacy"), ("new", "privacy")):
        company.item(item, topic)
    company.person(*PEOPLE)
    company.read_by(CHOSEN, "a1", "b1")
    company.read_by(HELD_OUT, "a1", "a2")
    return company


PEOPLE = [f"p{number:03d}" for number in range(200)]
HELD_OUT = [person for person in PEOPLE if is_held_out(person, HOLDOUT)]
CHOSEN = [person for person in PEOPLE if person not in HELD_OUT]


def _measured(company: Company, holdout: Holdout | None = HOLDOUT) -> dict[str, BreadthFinding]:
    found = write_breadth(company.warehouse, holdout=holdout, as_of=AS_OF, run_id="r1")
    assert set(found) == set(read_breadth(company.warehouse))
    return {f"{f.measure} {f.subject}": f for f in found}


def _drawn(company: Company, persons: list[str], *, is_ghost: bool, days_ago: float = 20) -> None:
    at = AS_OF - dt.timedelta(days=days_ago)
    rows = [
        {"decision_id": f"{person}-{days_ago}", "position": 4, "slot": "home", "slot_kind": "block",
         "person_id": person, "unit_id": person, "action_id": "new", "decided_at": at,
         "is_discovery": True, "is_ghost": is_ghost}
        for person in persons
    ]  # fmt: skip
    company.warehouse.append(DECISIONS.name, pa.Table.from_pylist(rows))


def test_topics_and_exposure_are_told_against_the_held_out(library: Company) -> None:
    found = _measured(library)

    topics = found["topics_per_reader readings"]
    assert (topics.n, topics.n_held_out) == (len(CHOSEN), len(HELD_OUT))
    assert (topics.value, topics.value_held_out, topics.effect) == (2.0, 1.0, 1.0)
    assert topics.verdict == "wider"
    # Two of four items have all readers, on either side.
    assert found["exposure_gini readings"].value == pytest.approx(0.5)
    assert found["exposure_gini readings"].effect == pytest.approx(0.0)


def test_old_readings_and_people_who_have_not_agreed_do_not_count(library: Company) -> None:
    library.person("quiet", status="denied")
    library.read("quiet", "a1", "a2", "b1")
    library.read(CHOSEN[0], "new", days_ago=29)

    assert _measured(library)["topics_per_reader readings"].n == len(CHOSEN)
    assert _measured(library)["topics_per_reader readings"].value == 2.0


def test_draws_are_compared_with_those_that_were_never_shown(library: Company) -> None:
    _drawn(library, CHOSEN, is_ghost=False)
    _drawn(library, HELD_OUT, is_ghost=True)
    library.read_by(CHOSEN[:30], "new", days_ago=18)
    library.read_by(CHOSEN[30:40], "new", days_ago=12)  # more than a week later
    library.read_by(HELD_OUT[:10], "new", days_ago=18)
    _drawn(library, CHOSEN, is_ghost=False, days_ago=6.9)  # the week is not over

    found = _measured(library)["discovery_yield pages"]

    assert (found.n, found.n_held_out) == (len(CHOSEN), len(HELD_OUT))
    assert found.value == pytest.approx(30 / len(CHOSEN))
    assert found.value_held_out == pytest.approx(10 / len(HELD_OUT))
    assert found.verdict == "cannot_tell"


def test_what_is_shown_has_nothing_to_be_compared_with(library: Company) -> None:
    _drawn(library, CHOSEN[:10], is_ghost=False)
    _drawn(library, HELD_OUT, is_ghost=True)

    found = _measured(library)["exposure_gini shown"]

    assert (found.n, found.value, found.effect) == (10, 0.75, None)
    assert "nothing to compare with" in found.reason


def test_of_fewer_than_ten_no_figure_is_told_however_much_they_were_shown(library: Company) -> None:
    library.warehouse.execute(
        f"delete from marts.content_engagement where person_id not in ('{CHOSEN[0]}', '{HELD_OUT[0]}')"
    )
    for days in (20, 19):
        _drawn(library, CHOSEN[:9], is_ghost=False, days_ago=days)

    found = _measured(library)

    assert [one.value for one in found.values()] == [None] * 5
    assert [one.value_held_out for one in found.values()] == [None] * 5
    for name in ("topics_per_reader readings", "exposure_gini readings", "exposure_gini shown"):
        assert HIDDEN in found[name].reason
    assert found["exposure_gini shown"].n == 18
    assert HIDDEN in _measured(library, holdout=None)["topics_per_reader readings"].reason


def test_content_that_is_published_no_more_stands_in_for_none_that_nobody_was_shown(
    library: Company,
) -> None:
    _drawn(library, CHOSEN[:10], is_ghost=False)
    library.warehouse.execute("delete from marts.content_items where content_id = 'new'")

    found = _measured(library)["exposure_gini shown"]

    # Three that nobody was shown, and the one that has gone since.
    assert (found.n, found.value) == (10, 0.75)


def test_without_a_hold_out_or_anything_it_says_so(library: Company) -> None:
    alone = _measured(library, holdout=None)["topics_per_reader readings"]
    library.warehouse.execute("delete from marts.content_engagement")
    empty = write_breadth(library.warehouse, holdout=HOLDOUT, as_of=AS_OF, run_id="r2")

    assert (alone.value, alone.verdict) == (1 + len(CHOSEN) / 200, "cannot_tell")
    assert alone.reason.startswith("no hold-out")
    assert all(finding.verdict == "cannot_tell" for finding in empty)
    assert "too few yet" in describe_breadth(empty)["topics_per_reader: readings"]
