"""What Dagster shows beside the identity tables: numbers and pictures, never a value."""

from __future__ import annotations

from pathlib import Path

import identity.inventory
from orchestration.defs.resolve import _numbers, _shown
from tests.identity.conftest import Company


def test_members_show_their_sizes_and_signs_of_trouble(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.record("crm", "1", full_name="Ann Lee", email="ann@lee.example")
    company.record("shop", "2", full_name="Ann Lee", email="ann@lee.example")

    report = company.resolve()
    members = _shown(report, identity.inventory.MEMBERS)
    links = _shown(report, identity.inventory.LINKS)

    assert members["persons_with_over_3_given_names"] == 0
    assert members["persons_by_records"] == [{"records": 2, "persons": 1}]
    assert members["person_sizes"].value.startswith(
        "![Persons by number of records](data:image/png"
    )
    assert set(links) == {"link_sources"}
    assert _shown(report, identity.inventory.PERSONS) == {}
    assert _numbers(report)["persons"] == 1
    assert "ann@lee" not in str([members, links, _numbers(report)])
    assert len(links["link_sources"].value) < 60_000


def test_a_run_of_nothing_new_shows_numbers_alone(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.record("crm", "1", full_name="Ann Lee")
    company.resolve()

    again = company.resolve()

    assert again.is_unchanged
    assert _shown(again, identity.inventory.MEMBERS) == {}
