"""TikTok: every answer has status 200; one that is refused is refused as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import httpx

from audiences.sync.destinations.tiktok import TikTok
from tests.destinations.world import Asked, Case, Service


class TikTokService(Service):
    rates = TikTok.facts.rates

    def answer(self, asked: Asked) -> httpx.Response:
        body = asked.json()
        place = body["id_schema"].index("EMAIL_SHA256")
        cells = [row[place] for row in body["batch_data"]]
        if body["action"] == "add" and any(cell["id"] in self.broken for cell in cells):
            return httpx.Response(200, json={"code": 40002, "message": "m"})
        for cell in cells:
            (target,) = cell["audience_ids"]
            if body["action"] == "add":
                self.put(target, cell["id"], {})
            else:
                self.take(target, cell["id"])
        return httpx.Response(200, json={"code": 0, "message": "OK"})

    def busy_answer(self, status: int, headers: Mapping[str, str]) -> httpx.Response:
        codes = {403: 40105, 500: 50000}
        if status not in codes:
            return httpx.Response(status, headers=dict(headers))
        return httpx.Response(200, json={"code": codes[status], "message": "m"})


CASE = Case(
    kind="tiktok",
    settings={"token_env": "TIKTOK_TOKEN", "advertiser_id": "700"},
    identifiers=("email",),
    target="55",
    service=TikTokService,
    seen=lambda person: hashlib.sha256(f"{person}@mail.example".encode()).hexdigest(),
    carries_fields=False,
    erases=False,
)
