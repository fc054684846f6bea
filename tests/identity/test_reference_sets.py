"""Public record-linkage sets, each with the default configuration."""

from __future__ import annotations

from pathlib import Path

from identity import QualityReport, evaluate_members
from tests.identity.conftest import Company

_FEBRL = """
    select 'febrl' as source, rec_id as source_record_id, given_name as first_name,
        surname as last_name, trim(concat_ws(' ', street_number, address_1)) as street,
        suburb as city, postcode as postal_code, state, date_of_birth as birth_date
    from read_csv('{path}', all_varchar = true, normalize_names = true)
"""
_FEBRL_TRUTH = r"regexp_extract(source_record_id, 'rec-(\d+)', 1)"


def test_febrl_3_is_resolved(company: Company, shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "identity/febrl/dataset3.csv"
    company.warehouse.execute(
        "insert into staging.stg_raw__person_records by name " + _FEBRL.format(path=path)
    )

    company.resolve()

    assert _quality(company, _FEBRL_TRUTH, tmp_path).f1 >= 0.985


def _quality(company: Company, truth: str, folder: Path) -> QualityReport:
    path = folder / "truth.csv"
    company.warehouse.execute(
        f"copy (select source, source_record_id, {truth} as person_id "
        f"from staging.stg_raw__person_records) to '{path}'"
    )
    return evaluate_members(company.warehouse, path)
