"""Salesforce: records are found by a query, and a collection answers for each of its records."""

from __future__ import annotations

import re
from typing import Any

import httpx

from audiences.sync.destinations.salesforce import Salesforce
from tests.destinations.world import Asked, Case, Clock, Service


class SalesforceService(Service):
    rates = Salesforce.facts.rates
    logins = "/services/oauth2/token"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.records: dict[str, dict[str, Any]] = {}

    def answer(self, asked: Asked) -> httpx.Response:
        match asked.method, asked.path.split("/")[4:]:
            case "GET", ["query"]:
                return self._query(asked.query["q"])
            case "PATCH", ["composite", "sobjects", *_]:
                body = asked.json()
                assert body["allOrNone"] is False
                assert len(body["records"]) <= 200
                return httpx.Response(200, json=[self._write(r) for r in body["records"]])
            case "DELETE", ["composite", "sobjects"]:
                ids = asked.query["ids"].split(",")
                self.erased += [found.removeprefix("id-") for found in ids]
                return httpx.Response(200, json=[{"success": True} for _ in ids])
        return httpx.Response(404)

    def _query(self, query: str) -> httpx.Response:
        assert query.startswith("SELECT Id, Candor_Id__c FROM Contact WHERE Candor_Id__c IN (")
        wanted = re.findall(r"'([^']*)'", query)
        found = [{"Id": f"id-{who}", "Candor_Id__c": who} for who in wanted if who in self.records]
        return httpx.Response(200, json={"totalSize": len(found), "done": True, "records": found})

    def _write(self, record: dict[str, Any]) -> dict[str, Any]:
        assert record.pop("attributes") == {"type": "Contact"}
        who = record.pop("id", "").removeprefix("id-") or record.pop("Candor_Id__c")
        if who in self.broken:
            return {"success": False, "errors": [{"statusCode": "INVALID_FIELD", "message": "m"}]}
        member = record.pop("Is_Member__c")
        self.records[who] = record
        if member:
            self.put("Is_Member__c", who, record)
        else:
            self.take("Is_Member__c", who)
        return {"success": True, "errors": []}


CASE = Case(
    kind="salesforce",
    settings={
        "domain": "acme.my.salesforce.com",
        "client_id_env": "SF_ID",
        "client_secret_env": "SF_SECRET",
        "match_field": "Candor_Id__c",
        "create_missing": True,
    },
    identifiers=("person_id",),
    target="Is_Member__c",
    service=SalesforceService,
    seen=lambda person: person,
)
