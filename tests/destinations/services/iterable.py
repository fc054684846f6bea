"""Iterable: every answer names the subscribers that failed."""

from __future__ import annotations

import httpx

from audiences.sync.destinations.iterable import IterableLists
from tests.destinations.description import Description
from tests.destinations.world import Asked, Case, Service


class IterableService(Service):
    description = Description("iterable/api-docs.json")
    rates = IterableLists.facts.rates

    def answer(self, asked: Asked) -> httpx.Response:
        body = asked.json()
        if asked.path == "/api/users/forget":
            self.erased.append(body["email"])
            return httpx.Response(200, json={"code": "Success", "msg": ""})
        target, failed = str(body["listId"]), []
        for subscriber in body["subscribers"]:
            email = subscriber["email"]
            if asked.path == "/api/lists/unsubscribe":
                self.take(target, email)
            elif email in self.broken:
                failed.append(email)
            else:
                self.put(target, email, subscriber["dataFields"])
        found = {
            "successCount": len(body["subscribers"]) - len(failed),
            "failCount": len(failed),
            "failedUpdates": {"invalidEmails": failed},
        }
        return httpx.Response(200, json=found)


CASE = Case(
    kind="iterable",
    settings={"api_key_env": "ITERABLE_KEY"},
    identifiers=("email",),
    target="417",
    service=IterableService,
    seen=lambda person: f"{person}@mail.example",
)
