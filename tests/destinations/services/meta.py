"""Meta: an answer counts invalid entries; errors have codes of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import httpx

from audiences.sync.destinations.meta import Meta
from tests.destinations.world import Asked, Case, Service


class MetaService(Service):
    rates = Meta.facts.rates

    def answer(self, asked: Asked) -> httpx.Response:
        payload, target = asked.json()["payload"], asked.path.split("/")[2]
        place, invalid = payload["schema"].index("EMAIL"), 0
        for data in payload["data"]:
            if asked.method == "DELETE":
                self.take(target, data[place])
            elif data[place] in self.broken:
                invalid += 1
            else:
                self.put(target, data[place], {})
        found = {"num_received": len(payload["data"]), "num_invalid_entries": invalid}
        return httpx.Response(200, json=found)

    def busy_answer(self, status: int, headers: Mapping[str, str]) -> httpx.Response:
        codes = {403: 200, 429: 17}
        if status not in codes:
            return httpx.Response(status, headers=dict(headers))
        error = {"error": {"code": codes[status], "message": "m"}}
        return httpx.Response(status, headers=dict(headers), json=error)


CASE = Case(
    kind="meta",
    settings={"token_env": "META_TOKEN", "app_secret_env": "META_SECRET"},
    identifiers=("email",),
    target="238",
    service=MetaService,
    seen=lambda person: hashlib.sha256(f"{person}@mail.example".encode()).hexdigest(),
    carries_fields=False,
    erases=False,
)
