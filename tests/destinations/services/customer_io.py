"""Customer.io: a batch answers 207 with what it refused; segments ignore ids that nobody has."""

from __future__ import annotations

from typing import Any

import httpx

from audiences.sync.destinations.customer_io import CustomerIo
from tests.destinations.world import Asked, Case, Clock, Service


class CustomerIoService(Service):
    rates = CustomerIo.facts.rates

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.people: dict[str, dict[str, Any]] = {}

    def answer(self, asked: Asked) -> httpx.Response:
        match asked.method, asked.path.split("/")[3:]:
            case "POST", ["batch"]:
                return self._batch(asked.json()["batch"])
            case "POST", ["segments", target, "add_customers"]:
                assert asked.query == {"id_type": "id"}
                for person in asked.json()["ids"]:
                    if person in self.people:
                        self.put(target, person, self.people[person])
                return httpx.Response(200)
            case "POST", ["segments", target, "remove_customers"]:
                for person in asked.json()["ids"]:
                    self.take(target, person)
                return httpx.Response(200)
            case "POST", ["customers", person, "suppress"]:
                self.erased.append(person)
                return httpx.Response(200)
        return httpx.Response(404)

    def _batch(self, batch: list[dict[str, Any]]) -> httpx.Response:
        errors = []
        for place, item in enumerate(batch):
            person = item["identifiers"]["id"]
            if person in self.broken:
                errors.append({"batch_index": place, "reason": "invalid", "message": "m"})
            else:
                self.people[person] = item["attributes"]
        return httpx.Response(207 if errors else 200, json={"errors": errors} if errors else {})


CASE = Case(
    kind="customer_io",
    settings={"site_id_env": "CIO_SITE", "api_key_env": "CIO_KEY"},
    identifiers=("person_id",),
    target="7",
    service=CustomerIoService,
    seen=lambda person: person,
)
