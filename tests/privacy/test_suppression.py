"""Erased people are known by keyed hash alone."""

from __future__ import annotations

import pyarrow as pa
import pytest

from identifiers import normalise_phone
from ingestion.load_records import record_identifiers
from ingestion.records import RECORDS
from privacy import KeyRing, MissingKeyError
from tests.privacy.company import ANN, NOW, Company

KEYS = pa.table({"subject_request_id": ["r1"], "kind": ["email"], "value": [ANN]})
ASKED = pa.table(
    {"person_id": ["p1", "p2"], "kind": ["email", "email"], "value": [ANN, "b@x.example"]}
)


def test_further_columns_come_back_with_the_suppressed_rows(company: Company) -> None:
    company.suppressions.add(KEYS, now=NOW)

    assert company.suppressions.suppressed(ASKED)["person_id"].to_pylist() == ["p1"]


def test_a_number_that_was_erased_before_countries_were_read_is_kept_out(company: Company) -> None:
    earlier = normalise_phone("98450 12345", default_region="US")
    company.suppressions.add(
        pa.table({"subject_request_id": ["r1"], "kind": ["phone"], "value": [earlier]}), now=NOW
    )
    rows = pa.table({"line": [7], "phone": ["98450 12345"], "country": ["IN"]})

    with company.warehouse.view(RECORDS, rows):
        carried = record_identifiers(company.warehouse, "crm", "US")

    assert company.suppressions.suppressed(carried)["line"].to_pylist() == [7]


def test_nobody_is_suppressed_before_the_first_erasure(company: Company) -> None:
    assert company.suppressions.suppressed(ASKED).num_rows == 0


def test_the_same_value_of_another_kind_is_not_suppressed(company: Company) -> None:
    company.suppressions.add(KEYS, now=NOW)
    asked = pa.table({"kind": ["user_id"], "value": [ANN]})

    assert company.suppressions.suppressed(asked).num_rows == 0


def test_a_dictionary_of_a_million_addresses_recovers_nobody_without_the_key(
    company: Company,
) -> None:
    company.suppressions.add(KEYS, now=NOW)

    found = company.warehouse.read(_GUESSES, {"known": ANN}).to_pylist()

    assert found == [{"plain": 1, "kept": 0}]  # the plain hash, for comparison, is guessed


_GUESSES = """
    with addresses as (
        select 'guess' || n || '@maple.example' as value from range(999_999) as numbers(n)
        union all select $known
    ),
    guesses as (
        select unnest([md5(value), sha1(value), sha256(value), sha256('email|' || value)]) as digest
        from addresses
    ),
    stored as (
        select sha256($known) as digest, 'plain' as form
        union all select digest, 'kept' from privacy.suppressions
    )
    select count(*) filter (form = 'plain') as plain, count(*) filter (form = 'kept') as kept
    from guesses inner join stored using (digest)
"""


def test_adding_again_changes_nothing(company: Company) -> None:
    company.suppressions.add(KEYS, now=NOW)
    company.suppressions.add(KEYS, now=NOW)

    assert len(company.rows("privacy.suppressions")) == 1


def test_an_older_version_of_the_key_still_keeps_people_out(company: Company) -> None:
    company.suppressions.add(KEYS, now=NOW)
    (company.home / "keys" / "suppression-v2.key").write_bytes(b"another key, 32 bytes long, yes!")

    assert company.suppressions.suppressed(ASKED)["value"].to_pylist() == [ANN]


def test_a_lost_key_stops_everything(company: Company) -> None:
    company.suppressions.add(KEYS, now=NOW)
    (company.home / "keys" / "suppression-v1.key").unlink()

    with pytest.raises(MissingKeyError):
        company.suppressions.suppressed(ASKED)


def test_keys_are_their_owners_alone(company: Company) -> None:
    KeyRing(company.home / "fresh").add_suppression_key()

    path = company.home / "fresh" / "suppression-v1.key"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
