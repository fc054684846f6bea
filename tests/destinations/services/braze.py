"""Braze: status 201 with the places of what was refused."""

from __future__ import annotations

import httpx

from audiences.sync.destinations.braze import Braze
from tests.destinations.world import Asked, Case, Service


class BrazeService(Service):
    rates = Braze.facts.rates

    def answer(self, asked: Asked) -> httpx.Response:
        body = asked.json()
        if asked.path == "/users/delete":
            self.erased += body["external_ids"]
            return httpx.Response(201, json={"deleted": len(body["external_ids"])})
        errors = []
        for place, user in enumerate(body["attributes"]):
            if user["external_id"] in self.broken:
                errors.append({"type": "invalid", "input_array": "attributes", "index": place})
            elif user["candor_everyone"]:
                self.put("candor_everyone", user["external_id"], {"country": user["country"]})
            else:
                self.take("candor_everyone", user["external_id"])
        return httpx.Response(201, json={"message": "success", "errors": errors})


CASE = Case(
    kind="braze",
    settings={"api_key_env": "BRAZE_KEY", "host": "rest.fra-01.braze.eu"},
    identifiers=("person_id",),
    target="candor_everyone",
    service=BrazeService,
    seen=lambda person: person,
)
