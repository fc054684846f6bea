from __future__ import annotations

import pytest

from warehouse import DuckDBWarehouse, Fact, Suite, TableName, judge

NUMBERS = TableName("raw", "numbers")


@pytest.fixture
def warehouse() -> DuckDBWarehouse:
    made = DuckDBWarehouse.in_memory()
    made.execute("create schema raw")
    made.execute("create table raw.numbers as select i from range(10) as t(i)")
    return made


@pytest.mark.parametrize(
    ("fact", "is_met"),
    [
        (Fact("in_range", "max(i)", at_least=0, at_most=9), True),
        (Fact("on_the_bound", "count(*)", at_most=10), True),
        (Fact("too_high", "max(i)", at_most=8), False),
        (Fact("too_low", "min(i)", at_least=1), False),
    ],
)
def test_a_fact_is_judged_by_its_range(
    warehouse: DuckDBWarehouse, fact: Fact, is_met: bool
) -> None:
    report = judge(warehouse, Suite(NUMBERS, (fact,)))

    assert report.is_met is is_met
    assert (report.rows, report.judged) == (10, 1)


def test_every_unmet_fact_is_told_with_what_was_found(warehouse: DuckDBWarehouse) -> None:
    facts = (
        Fact("a", "max(i)", at_most=1),
        Fact("b", "min(i)", at_least=0),
        Fact("c", "max(i)", at_least=20),
    )

    report = judge(warehouse, Suite(NUMBERS, facts))

    assert [str(unmet) for unmet in report.unmet] == [
        "a: found 9, expected at most 1",
        "c: found 9, expected at least 20",
    ]


def test_a_fact_about_an_empty_table_that_has_no_number_is_no_fault() -> None:
    warehouse = DuckDBWarehouse.in_memory()
    warehouse.execute("create schema raw")
    warehouse.execute("create table raw.numbers (i int)")

    report = judge(warehouse, Suite(NUMBERS, (Fact("highest", "max(i)", at_most=3),)))

    assert report.is_met
    assert report.rows == 0
