"""Marketo: every answer has status 200, whatever it means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from audiences.sync.destinations.marketo import Marketo
from tests.destinations.description import Description
from tests.destinations.world import Asked, Case, Clock, Service


class MarketoService(Service):
    description = Description("marketo/swagger-mapi.json")
    rates = Marketo.facts.rates
    logins = "/identity/oauth/token"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.leads: dict[str, dict[str, Any]] = {}
        self.ids: dict[str, int] = {}

    def answer(self, asked: Asked) -> httpx.Response:
        match asked.method, asked.path.split("/")[3:]:
            case "POST", ["leads.json"]:
                return _result([self._upsert(lead) for lead in asked.json()["input"]])
            case "GET", ["leads.json"]:
                return _result(self._find(asked))
            case verb, ["lists", target, "leads.json"]:
                return _result([self._list(verb, target, r["id"]) for r in asked.json()["input"]])
            case "POST", ["leads", "delete.json"]:
                self.erased += [self._email(r["id"]) for r in asked.json()["input"]]
                return _result(
                    [{"id": r["id"], "status": "deleted"} for r in asked.json()["input"]]
                )
        return _errors("610")

    def expired_answer(self) -> httpx.Response:
        return _errors("602")

    def busy_answer(self, status: int, headers: Mapping[str, str]) -> httpx.Response:
        return _errors("603") if status == 403 else httpx.Response(status, headers=dict(headers))

    def _upsert(self, lead: dict[str, Any]) -> dict[str, Any]:
        if lead["email"] in self.broken:
            return {"status": "skipped", "reasons": [{"code": "1003", "message": "email"}]}
        self.leads[lead["email"]] = {k: v for k, v in lead.items() if k != "email"}
        number = self.ids.setdefault(lead["email"], len(self.ids) + 1)
        return {"id": number, "status": "updated"}

    def _find(self, asked: Asked) -> list[dict[str, Any]]:
        return [
            {"id": self.ids[email], "email": email}
            for email in asked.every("filterValues")
            if email in self.ids
        ]

    def _list(self, verb: str, target: str, lead: int) -> dict[str, Any]:
        email = self._email(lead)
        if verb == "POST":
            self.put(target, email, self.leads[email])
        else:
            self.take(target, email)
        return {"id": lead, "status": "added" if verb == "POST" else "removed"}

    def _email(self, lead: int) -> str:
        return next(email for email, number in self.ids.items() if number == lead)


def _result(rows: list[dict[str, Any]]) -> httpx.Response:
    return httpx.Response(200, json={"requestId": "q", "success": True, "result": rows})


def _errors(code: str) -> httpx.Response:
    errors = [{"code": code, "message": "m"}]
    return httpx.Response(200, json={"requestId": "q", "success": False, "errors": errors})


CASE = Case(
    kind="marketo",
    settings={
        "munchkin_id": "123-ABC-456",
        "client_id_env": "MARKETO_ID",
        "client_secret_env": "MARKETO_SECRET",
    },
    identifiers=("email",),
    target="1042",
    service=MarketoService,
    seen=lambda person: f"{person}@mail.example",
)
