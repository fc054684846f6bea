"""ActiveCampaign: one contact a call; tags hang on contacts by ids of their own."""

from __future__ import annotations

from typing import Any

import httpx

from audiences.sync.destinations.activecampaign import ActiveCampaign
from tests.destinations.world import Asked, Case, Clock, Service


class ActiveCampaignService(Service):
    rates = ActiveCampaign.facts.rates

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.contacts: dict[str, dict[str, Any]] = {}

    def answer(self, asked: Asked) -> httpx.Response:  # noqa: PLR0911 - one for each path
        match asked.method, asked.path.split("/")[3:]:
            case "POST", ["contact", "sync"]:
                return self._sync(asked.json()["contact"])
            case "POST", ["contactTags"]:
                tag = asked.json()["contactTag"]
                self.put(tag["tag"], tag["contact"], self.contacts[tag["contact"]])
                return httpx.Response(201, json={"contactTag": tag})
            case "GET", ["contacts"]:
                assert asked.query["status"] == "-1"
                found = [{"id": e} for e in self.contacts if e == asked.query["email"]]
                return httpx.Response(200, json={"contacts": found})
            case "GET", ["contacts", email, "contactTags"]:
                tags = [
                    {"id": f"{t}|{email}", "tag": t}
                    for t in self.members
                    if email in self.members[t]
                ]
                return httpx.Response(200, json={"contactTags": tags})
            case "DELETE", ["contactTags", found]:
                self.take(*found.split("|"))
                return httpx.Response(200)
            case "DELETE", ["contacts", email]:
                self.erased.append(email)
                return httpx.Response(200)
        return httpx.Response(404)

    def _sync(self, contact: dict[str, Any]) -> httpx.Response:
        email = contact["email"]
        assert all(isinstance(value, str) for value in contact.values())
        if email in self.broken:
            return httpx.Response(422, json={"errors": [{"code": "email_invalid"}]})
        self.contacts[email] = {k: v for k, v in contact.items() if k != "email"}
        return httpx.Response(200, json={"contact": {"id": email}})


CASE = Case(
    kind="activecampaign",
    settings={"token_env": "AC_TOKEN", "account": "acme"},
    identifiers=("email",),
    target="5",
    service=ActiveCampaignService,
    seen=lambda person: f"{person}@mail.example",
)
