"""The forms of identifiers, as the engine computes them, against the vectors that vendors publish."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from audiences.sync.forms import form_sql
from tests.destinations.description import SPECS
from warehouse import DuckDBWarehouse

VECTORS = SPECS / "identifier_vectors" / "vectors.json"


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    if not VECTORS.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{VECTORS} must be there in CI")
        pytest.skip(f"the vectors are not at {VECTORS}")
    return dict(json.loads(VECTORS.read_text()))


@pytest.fixture(scope="module")
def engine() -> DuckDBWarehouse:
    return DuckDBWarehouse.in_memory()


def _formed(engine: DuckDBWarehouse, value: str, kind: str, form: str) -> str:
    sql = f"select {form_sql('value', kind, form)} from (select $value::varchar as value)"
    return str(engine.scalar(sql, {"value": value}))


def _trimmed(case: dict[str, Any]) -> str:
    """What a contact point holds before any vendor's rule: lower case, or E.164."""
    is_phone = case["kind"] == "phone"
    return str(case["normalised"] if is_phone else case["raw"].strip().lower())


def test_every_vector_of_uid2_is_met(engine: DuckDBWarehouse, vectors: dict[str, Any]) -> None:
    cases = vectors["uid2"]["cases"]

    found = [_formed(engine, _trimmed(case), case["kind"], "uid2") for case in cases]

    assert found == [case["sha256_base64"] for case in cases]
    assert len(found) == 10


def test_every_vector_of_google_is_met(engine: DuckDBWarehouse, vectors: dict[str, Any]) -> None:
    cases = [c for c in vectors["google_data_manager"]["cases"] if c["kind"] != "hash"]

    for case in cases:
        hashed = _formed(engine, case["normalised"], "id", "sha256")
        assert _formed(engine, _trimmed(case), case["kind"], "google") == hashed
    assert len(cases) == 8


def test_the_hashes_of_google_are_met(engine: DuckDBWarehouse, vectors: dict[str, Any]) -> None:
    cases = [c for c in vectors["google_data_manager"]["cases"] if c["kind"] == "hash"]

    found = [_formed(engine, case["normalised"], "id", "google") for case in cases]

    assert found == [case["sha256_hex"] for case in cases]


@pytest.mark.parametrize(
    ("form", "value", "as_if"),
    [
        ("google", "a.b+c@gmail.com", "ab+c@gmail.com"),
        ("google", "a.b@googlemail.com", "ab@googlemail.com"),
        ("google", "a.b@maple.example", "a.b@maple.example"),
        ("google", "a.b@gmail.com.evil.example", "a.b@gmail.com.evil.example"),
        ("meta", "a.b+c@gmail.com", "a.b+c@gmail.com"),
    ],
)
def test_vendors_differ_in_what_they_do_to_an_address(
    engine: DuckDBWarehouse, form: str, value: str, as_if: str
) -> None:
    assert _formed(engine, value, "email", form) == _formed(engine, as_if, "id", "sha256")


def test_meta_hashes_a_number_without_its_plus(engine: DuckDBWarehouse) -> None:
    expected = _formed(engine, "12065557870", "id", "sha256")

    assert _formed(engine, "+12065557870", "phone", "meta") == expected


@pytest.mark.parametrize("form", ["raw", "sha256", "google", "uid2", "meta"])
def test_what_is_unknown_stays_unknown(engine: DuckDBWarehouse, form: str) -> None:
    for kind in ("email", "phone"):
        assert engine.scalar(f"select {form_sql('null::varchar', kind, form)}") is None
