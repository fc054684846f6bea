from __future__ import annotations

import pytest

from tests.dbt_project.project import Company, failures, run_dbt

pytestmark = pytest.mark.warehouse


def test_a_company_that_sent_nothing_has_empty_marts(empty: Company) -> None:
    marts = empty.read(
        "select table_name from information_schema.tables where table_schema = 'marts'"
    )

    rows = {
        mart["table_name"]: empty.read(f"select count(*) as n from marts.{mart['table_name']}")
        for mart in marts
    }

    assert len(rows) == 16
    assert {counted[0]["n"] for counted in rows.values()} == {0}


def test_every_unit_test_of_the_sql_passes(empty: Company) -> None:
    result = run_dbt(empty, "test", "--select", "test_type:unit")

    assert failures(result) == []
    assert len(result.result) >= 20
