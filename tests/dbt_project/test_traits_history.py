from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.dbt_project import small_company
from tests.dbt_project.project import Company, Project, failures, moment
from tests.dbt_project.small_company import record

WITHOUT_TESTS = ("--select", "+traits_history", "--exclude-resource-type", "test")

pytestmark = pytest.mark.warehouse


@pytest.fixture(scope="module")
def moved(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """Ann's company after three runs: a first, a repeated one, and one after she moved."""
    company = project.company(tmp_path_factory.mktemp("moved"))
    small_company.fill(company)
    assert failures(company.build(*WITHOUT_TESTS)) == []
    company.execute("create table first_run as from marts.traits_history")
    assert failures(company.build("--select", "traits_history")) == []
    company.execute("create table second_run as from marts.traits_history")
    _move(company)
    assert failures(company.build(*WITHOUT_TESTS)) == []
    return company


def test_a_run_with_nothing_new_changes_nothing(moved: Company) -> None:
    difference = moved.read(
        "(from first_run except all from second_run) union all "
        "(from second_run except all from first_run)"
    )

    assert difference == []


def test_a_new_value_closes_the_old_one(moved: Company) -> None:
    cities = moved.read(
        "select value, valid_from, valid_to from marts.traits_history "
        "where person_id = 'p_ann' and trait = 'city' order by valid_from"
    )

    assert cities == [
        {"value": "Lima", "valid_from": moment("2026-03-01"), "valid_to": moment("2026-03-02")},
        {"value": "Cusco", "valid_from": moment("2026-03-02"), "valid_to": None},
    ]


def test_what_stayed_the_same_is_not_written_again(moved: Company) -> None:
    names = moved.read(
        "select valid_from, valid_to from marts.traits_history "
        "where person_id = 'p_ann' and trait = 'last_name'"
    )

    assert names == [{"valid_from": moment("2026-03-01"), "valid_to": None}]


def test_a_full_refresh_keeps_what_was(project: Project, moved: Company, tmp_path: Path) -> None:
    shutil.copy(moved.path, tmp_path / moved.path.name)
    refreshed = Company(project.manifest, tmp_path)

    assert failures(refreshed.build("--full-refresh", *WITHOUT_TESTS)) == []

    kept = "select * from marts.traits_history order by all"
    assert refreshed.table(kept).equals(moved.table(kept))


def _move(company: Company) -> None:
    company.execute("update raw.as_of set as_of = timestamp '2026-03-02'")
    company.add(
        "raw.person_records",
        record(
            "billing",
            "c7",
            full_name="Lee, Ann",
            email="ann.lee@mail.example",
            city="Cusco",
            record_updated_at=moment("2026-03-01 12:00"),
        ),
    )
