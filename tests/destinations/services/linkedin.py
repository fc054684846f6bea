"""LinkedIn: a status for each element."""

from __future__ import annotations

import hashlib

import httpx

from audiences.sync.destinations.linkedin import LinkedIn
from tests.destinations.world import Asked, Case, Service


class LinkedInService(Service):
    rates = LinkedIn.facts.rates

    def answer(self, asked: Asked) -> httpx.Response:
        assert asked.headers["x-restli-method"] == "BATCH_CREATE"
        target, found = asked.path.split("/")[3], []
        for element in asked.json()["elements"]:
            (who,) = (
                one["idValue"] for one in element["userIds"] if one["idType"] == "SHA256_EMAIL"
            )
            if element["action"] == "REMOVE":
                self.take(target, who)
            elif who not in self.broken:
                self.put(target, who, {})
            is_refused = element["action"] == "ADD" and who in self.broken
            found.append({"status": 400 if is_refused else 201})
        return httpx.Response(200, json={"elements": found})


CASE = Case(
    kind="linkedin",
    settings={"token_env": "LINKEDIN_TOKEN"},
    identifiers=("email",),
    target="31",
    service=LinkedInService,
    seen=lambda person: hashlib.sha256(f"{person}@mail.example".encode()).hexdigest(),
    carries_fields=False,
    erases=False,
)
