"""Input that no company should send: it is resolved, and does not make one person of the world."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from identity.cluster import KEPT, Clusters, Edges, connect
from identity.limit import limit_size
from tests.identity.conftest import RECORDS, Company
from tests.scenarios.crowd import crowd

MANY = 100_000
COLUMNS = ("first_name", "birth_date", "email", "phone")


def fill(company: Company, count: int, **values: str) -> None:
    """Records numbered from 0; a value is SQL over the number ``n``."""
    columns = "".join(f", {name}" for name in values)
    given = "".join(f", {value}" for value in values.values())
    company.warehouse.execute(
        f"insert into {RECORDS.sql} (source, source_record_id, record_created_at{columns}) "
        f"select 'bad', n::varchar, timestamp '2026-01-01'{given} from range({count}) as numbers(n)"
    )


def sizes(company: Company) -> list[int]:
    """How many records each person has, the largest first."""
    rows = company.warehouse.read(
        "select count(*) as size from identity.members where source <> 'emails' "
        "group by person_id order by size desc"
    )
    return rows.column("size").to_pylist()


def test_records_without_any_identifier_are_a_person_each(company: Company) -> None:
    fill(company, 300, first_name="'Ann'", last_name="'Lee'")

    company.resolve()

    assert sizes(company) == [1] * 300


@pytest.mark.parametrize("given", [(), ("email",), ("first_name",)])
def test_columns_that_are_all_null_are_no_reason_to_stop(
    company: Company, given: tuple[str, ...]
) -> None:
    """More records than a model needs, and nothing that it could learn from."""
    values = {"email": "'somebody' || n || '@mail.test-crowd.org'", "first_name": "'Name' || n"}
    fill(company, 260, **{name: values[name] for name in given})

    company.resolve()

    assert sizes(company) == [1] * 260


@pytest.mark.parametrize("column", COLUMNS)
def test_one_column_that_is_all_null_is_done_without(company: Company, column: str) -> None:
    company.warehouse.append(RECORDS, crowd(60))
    company.warehouse.execute(f"update {RECORDS.sql} set {column} = null")

    company.resolve()

    assert 1 < max(sizes(company)) <= 4


def test_two_sources_with_the_same_ids_stay_apart(company: Company) -> None:
    fill(company, 150, email="'one' || n || '@mail.test-crowd.org'")
    company.warehouse.execute(
        f"insert into {RECORDS.sql} by name select * replace ('other' as source, "
        f"'two' || email as email) from {RECORDS.sql}"
    )

    company.resolve()

    assert sizes(company) == [1] * 300


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"email": "'one@mail.test-crowd.org'"}, id="nameless"),
        pytest.param(
            {"email": "'one@mail.test-crowd.org'", "first_name": "'Ann'", "last_name": "'Lee'"},
            id="one-name",
        ),
        pytest.param(
            {"email": "'one@mail.test-crowd.org'", "phone": "'+12025550101'",
             "first_name": "'Name' || n % 997", "last_name": "'Surname' || n % 991"},
            id="many-names",
        ),
    ],
)  # fmt: skip
def test_an_address_of_a_hundred_thousand_records_joins_none(
    company: Company, values: dict[str, str]
) -> None:
    company.configure(probabilistic=False)
    fill(company, MANY, **values)

    report = company.resolve()

    assert report.shared_values == ("email" in values) + ("phone" in values)
    assert sizes(company) == [1] * MANY


def test_a_user_id_of_thousands_of_records_joins_none(company: Company) -> None:
    """No address, no name: what joins them is an id that one tool gives to everybody."""
    fill(company, 3_000, user_id="'everybody'", email="'one' || n || '@mail.test-crowd.org'")
    company.configure(probabilistic=False)
    company.event(2, user_id="everybody", anonymous_id="laptop")

    report = company.resolve()

    assert report.cut_links >= 2_999
    assert max(sizes(company)) <= company.config.max_records_per_person


@pytest.mark.parametrize("decision", ["must_link", "cannot_link"])
def test_a_decision_on_unknown_records_is_passed_over(company: Company, decision: str) -> None:
    fill(company, 3, email="'one' || n || '@mail.test-crowd.org'")
    company.decide(decision, ("bad", "0"), ("bad", "404"), number=1)
    company.decide(decision, ("nowhere", "1"), ("bad", "404"), number=2)

    company.resolve()

    assert sizes(company) == [1, 1, 1]


@pytest.mark.parametrize("year", ["0001", "2290", "9999"])
def test_dates_that_nobody_can_have_seen_stop_nothing(company: Company, year: str) -> None:
    fill(company, 2, email="'one@mail.test-crowd.org'", birth_date="'9999-99-99'")
    company.warehouse.execute(
        f"update {RECORDS.sql} set record_created_at = $far",
        {"far": dt.datetime.fromisoformat(f"{year}-01-01")},
    )

    company.resolve()

    assert sizes(company) == [2]


# The guard itself: a chain of two stars that a probability joins.
STAR = [(0, leaf, 3.5) for leaf in range(1, 5)] + [(5, leaf, 3.5) for leaf in range(6, 9)]


def limited(links: list[tuple[int, int, float]], limit: int, records: int = 9) -> Clusters:
    rows = np.array(links)
    edges = Edges(rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), rows[:, 2])
    found = Clusters(connect(edges, nodes=9), np.full(len(links), KEPT))
    return limit_size(edges, found, is_record=np.arange(9) < records, limit=limit)


def test_the_weak_link_between_two_of_fitting_size_is_cut_alone() -> None:
    found = limited([*STAR, (4, 6, 0.9)], limit=5)

    assert found.clusters.tolist() == [0, 0, 0, 0, 0, 5, 5, 5, 5]
    assert (found.cuts != KEPT).sum() == 1


def test_who_is_still_too_large_falls_apart_and_the_other_stays() -> None:
    found = limited([*STAR, (4, 6, 0.9)], limit=4)

    assert found.clusters.tolist() == [0, 1, 2, 3, 4, 5, 5, 5, 5]


def test_a_decision_is_never_cut_for_size() -> None:
    found = limited([(0, leaf, 10.0) for leaf in range(1, 9)], limit=3)

    assert set(found.clusters.tolist()) == {0}


def test_only_records_count() -> None:
    assert set(limited(STAR[:4], limit=2, records=2).clusters[:5].tolist()) == {0}


def test_the_order_of_links_does_not_matter_for_size() -> None:
    links = [*STAR, (4, 6, 0.9), (2, 7, 0.95)]

    assert limited(links, 5).clusters.tolist() == limited(links[::-1], 5).clusters.tolist()
