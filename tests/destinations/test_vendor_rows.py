"""What a vendor reads off the rows of a batch."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from audiences.sync.destinations.base import Batch
from audiences.sync.destinations.vendor import ship


@pytest.mark.parametrize(
    ("operation", "taken"),
    [("remove", ["new", "old"]), ("erase", ["new", "old"]), ("change", ["old"])],
)
def test_who_goes_is_taken_away_under_both_identifiers_that_they_may_have(
    operation: str, taken: list[str]
) -> None:
    payload = {
        "id": "r_1", "operation": operation, "identifiers": {"email_sha256": "new"},
        "previous_identifiers": {"email_sha256": "old"}, "traits": None,
    }  # fmt: skip
    rows = pa.table({"payload": [json.dumps(payload)]})

    shipment = ship(Batch("b_1", "s", "everyone", (), rows, "list"))

    assert [row.identifiers["email"] for row in shipment.taken] == taken
    assert {row.row_id for row in shipment.rows} == {"r_1"}
