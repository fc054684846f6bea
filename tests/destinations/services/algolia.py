"""Algolia: a batch is taken as a whole or not at all, and is there when its task is published."""

from __future__ import annotations

from typing import Any

import httpx

from audiences.sync.destinations.algolia import Algolia
from tests.destinations.description import Description
from tests.destinations.world import Asked, Case, Clock, Service


class AlgoliaService(Service):
    description = Description("algolia/search.yml")
    rates = Algolia.facts.rates

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.tasks = 0
        self.polled: set[str] = set()

    def answer(self, asked: Asked) -> httpx.Response:
        index, verb = asked.path.split("/")[3:5]
        if verb == "task":
            status = "published" if asked.path in self.polled else "notPublished"
            self.polled.add(asked.path)
            return httpx.Response(200, json={"status": status})
        requests = asked.json()["requests"]
        if any(request["body"]["objectID"] in self.broken for request in requests):
            return httpx.Response(400, json={"message": "Invalid object"})
        for request in requests:
            self._change(index, request["action"], request["body"])
        self.tasks += 1
        ids = [request["body"]["objectID"] for request in requests]
        return httpx.Response(200, json={"taskID": self.tasks, "objectIDs": ids})

    def _change(self, index: str, action: str, body: dict[str, Any]) -> None:
        if action == "deleteObject":
            self.erased.append(body["objectID"])
        elif body["audiences"] == {"_operation": "Remove", "value": "everyone"}:
            self.take(index, body["objectID"])
        else:
            self.put(index, body["objectID"], {"country": body["country"]})


CASE = Case(
    kind="algolia",
    settings={"api_key_env": "ALGOLIA_KEY", "app_id": "LATENCY"},
    identifiers=("person_id",),
    target="people",
    service=AlgoliaService,
    seen=lambda person: person,
)
