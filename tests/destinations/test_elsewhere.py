"""No answer sends a key to another host, and no field sends a person's values to another record."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pyarrow as pa
import pytest

from audiences.sync.destinations import Batch
from tests.destinations.cases import CASES
from tests.destinations.services.klaviyo import KlaviyoService
from tests.destinations.world import Asked, Clock

ELSEWHERE = "https://elsewhere.example/api/profile-bulk-import-jobs/job-0/import-errors?page=2"


class _PagedService(KlaviyoService):
    """Klaviyo, whose first page of errors names a next one on another host."""

    def answer(self, asked: Asked) -> httpx.Response:
        found = super().answer(asked)
        if asked.path.endswith("import-errors") and "page" not in asked.query:
            return httpx.Response(200, json={"data": [], "links": {"next": ELSEWHERE}})
        return found


def test_a_next_page_is_asked_for_at_the_host_that_was_configured() -> None:
    case, clock = _case("klaviyo"), Clock()
    service = _PagedService(clock)
    service.broken = {"p000@mail.example"}
    destination = case.open(service, clock)

    delivery = destination.send(
        destination.plan(case.batch([("p000", "add"), ("p001", "add")])), sleep=clock.sleep
    )

    assert [a.query for a in service.asked if a.query.get("page") == "2"] == [{"page": "2"}]
    assert {asked.host for asked in service.asked} == {"a.klaviyo.com"}
    assert delivery.rejected["row_id"].to_pylist() == ["r_p000"]


@pytest.mark.parametrize(("kind", "name"), [("algolia", "objectID"), ("braze", "external_id")])
def test_a_field_never_takes_the_place_of_an_identifier(kind: str, name: str) -> None:
    case, clock = _case(kind), Clock()
    destination = case.open(case.service(clock), clock)
    row: dict[str, Any] = {
        "id": "r_p000",
        "operation": "add",
        "identifiers": {"person_id": "p000"},
        "traits": {name: "p001"},
    }
    rows = pa.table({"row_id": ["r_p000"], "operation": ["add"], "payload": [json.dumps(row)]})

    body = destination.plan(Batch("b_1", "to_it", "everyone", (), rows, "people")).body

    assert b"p000" in body
    assert b"p001" not in body


def _case(kind: str) -> Any:
    return next(case for case in CASES if case.kind == kind)
