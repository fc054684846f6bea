"""Quality by pairs, against a truth that is a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from identity import TruthFileError, evaluate_members
from tests.identity.conftest import Company

HEADER = "source,source_record_id,person_id,ambiguous\n"


def truth(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "truth.csv"
    path.write_text(header + "\n".join(rows) + "\n")
    return path


def fill(company: Company, **persons: str) -> None:
    for record, person in persons.items():
        company.warehouse.execute(
            "insert into identity.members (source, source_record_id, person_id) "
            f"values ('crm', '{record}', '{person}')"
        )


def test_pairs_are_counted(company: Company, tmp_path: Path) -> None:
    fill(company, a="p1", b="p1", c="p1", d="p2")
    path = truth(tmp_path, "crm,a,X,0", "crm,b,X,0", "crm,c,Y,0", "crm,d,Y,0")

    found = evaluate_members(company.warehouse, path)

    assert (found.true_pairs, found.found_pairs, found.right_pairs) == (2, 3, 1)
    assert (found.precision, found.recall, found.f1) == (
        pytest.approx(1 / 3),
        0.5,
        pytest.approx(0.4),
    )


def test_ambiguous_records_are_left_out_and_missing_ones_counted(
    company: Company, tmp_path: Path
) -> None:
    fill(company, a="p1", b="p1")
    path = truth(tmp_path, "crm,a,X,0", "crm,b,Y,1", "crm,gone,X,0")

    found = evaluate_members(company.warehouse, path)

    assert (found.records, found.missing_records, found.found_pairs) == (1, 1, 0)


def test_numbers_as_ids_are_compared_as_text(company: Company, tmp_path: Path) -> None:
    fill(company, **{"1": "p1", "2": "p1"})
    path = truth(tmp_path, "crm,1,7", "crm,2,7", header="source,source_record_id,person_id\n")

    assert evaluate_members(company.warehouse, path).f1 == 1


def test_a_truth_without_persons_says_what_it_needs(company: Company, tmp_path: Path) -> None:
    path = truth(tmp_path, "crm,1", header="source,source_record_id\n")

    with pytest.raises(TruthFileError, match="has no column person_id"):
        evaluate_members(company.warehouse, path)


def test_a_missing_truth_says_so(company: Company, tmp_path: Path) -> None:
    with pytest.raises(TruthFileError, match="cannot be read"):
        evaluate_members(company.warehouse, tmp_path / "nowhere.csv")
