"""What is usual among the records says little where two of them agree in it."""

from __future__ import annotations

from identity.frequencies import apply_frequencies, count_names
from identity.prepare import RECORDS
from warehouse import DuckDBWarehouse, Warehouse

PLACEHOLDER, USUAL, RARE = "1970-01-01", "1984-01-01", "1991-07-23"


def _prepare(warehouse: Warehouse, *, placeholders: int) -> None:
    """One record for each of many birth dates, and two dates that many have."""
    warehouse.execute(
        f"create or replace temp table {RECORDS} as "
        "select null::varchar as first_name, null::varchar as given_name, null::varchar as last_name, birth_date "
        f"from (select date '{PLACEHOLDER}' as birth_date from range({placeholders}) "
        f"union all select date '{USUAL}' from range(40) union all select date '{RARE}' "
        "union all select date '1991-07-24' + range::int from range(9000))"
    )


def _rarity(warehouse: Warehouse, day: str) -> float:
    return float(
        warehouse.scalar(
            f"select any_value(birth_date_rarity) from {RECORDS} where birth_date = date '{day}'"
        )
    )


def test_a_birth_date_weighs_by_how_many_records_have_it() -> None:
    warehouse = DuckDBWarehouse.in_memory()
    _prepare(warehouse, placeholders=1000)
    apply_frequencies(warehouse, count_names(warehouse))

    usual, rare = _rarity(warehouse, USUAL), _rarity(warehouse, RARE)
    placeholder = _rarity(warehouse, PLACEHOLDER)

    # log2 of 40 / 2 and of 1,000 / 2.
    assert round(rare - usual, 2) == 4.32
    assert round(rare - placeholder, 2) == 8.97


def test_a_record_more_weighs_by_what_was_learned_before() -> None:
    warehouse = DuckDBWarehouse.in_memory()
    _prepare(warehouse, placeholders=1000)
    learned = count_names(warehouse)
    apply_frequencies(warehouse, learned)
    before = _rarity(warehouse, PLACEHOLDER)
    _prepare(warehouse, placeholders=1001)
    apply_frequencies(warehouse, learned)

    assert _rarity(warehouse, PLACEHOLDER) == before
