"""HubSpot: an upsert with an address that is none is refused as a whole; lists take record ids."""

from __future__ import annotations

from typing import Any

import httpx

from audiences.sync.destinations.hubspot import HubSpot
from tests.destinations.world import Asked, Case, Clock, Service


class HubSpotService(Service):
    rates = HubSpot.facts.rates

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.records: dict[str, dict[str, str]] = {}
        self.merged: dict[str, str] = {}  # further addresses, each of another one's record

    def answer(self, asked: Asked) -> httpx.Response:
        match asked.method, asked.path.split("/")[3:]:
            case "POST", ["objects", "contacts", "batch", "upsert"]:
                return self._upsert(asked.json()["inputs"])
            case "POST", ["objects", "contacts", "batch", "read"]:
                return self._find([found["id"] for found in asked.json()["inputs"]])
            case "PUT", ["lists", target, "memberships", verb]:
                return self._list(target, verb, asked.json())
            case "POST", ["objects", "contacts", "gdpr-delete"]:
                self.erased.append(asked.json()["objectId"])
                return httpx.Response(204)
        return httpx.Response(404)

    def _upsert(self, inputs: list[dict[str, Any]]) -> httpx.Response:
        if any(found["id"] in self.broken for found in inputs):
            return httpx.Response(400, json={"category": "VALIDATION_ERROR"})
        for found in inputs:
            assert found["idProperty"] == "email"
            assert all(isinstance(value, str) for value in found["properties"].values())
            self.records[self.merged.get(found["id"], found["id"])] = found["properties"]
        traces = {
            self.merged.get(found["id"], found["id"]): found["objectWriteTraceId"]
            for found in inputs
        }
        results = [
            {"id": f"id-{email}", "properties": {"email": email}, "objectWriteTraceId": trace}
            for email, trace in traces.items()
        ]
        return httpx.Response(200, json={"status": "COMPLETE", "results": results})

    def _find(self, emails: list[str]) -> httpx.Response:
        if self.broken.intersection(emails):
            return httpx.Response(400, json={"category": "VALIDATION_ERROR"})
        return self._read(emails)

    def _read(self, emails: list[str]) -> httpx.Response:
        held = [self.merged.get(email, email) for email in emails]
        found = [
            {"id": f"id-{email}", "properties": {"email": email, **self._others(email)}}
            for email in held
            if email in self.records
        ]
        return httpx.Response(200, json={"status": "COMPLETE", "results": found})

    def _others(self, first: str) -> dict[str, str]:
        """An answer names the first address, whichever was asked for."""
        others = [email for email, of in self.merged.items() if of == first]
        return {"hs_additional_emails": ";".join(others)} if others else {}

    def _list(self, target: str, verb: str, ids: list[str]) -> httpx.Response:
        for record in ids:
            email = record.removeprefix("id-")
            if verb == "add":
                self.put(target, email, self.records[email])
            else:
                self.take(target, email)
        return httpx.Response(200, json={"recordIdsMissing": []})


CASE = Case(
    kind="hubspot",
    settings={"token_env": "HUBSPOT_TOKEN"},
    identifiers=("email",),
    target="12",
    service=HubSpotService,
    seen=lambda person: f"{person}@mail.example",
)
