"""Mailchimp: who is not a member of the list cannot be given a segment."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx

from audiences.sync.destinations.mailchimp import Mailchimp
from tests.destinations.description import Description
from tests.destinations.world import Asked, Case, Clock, Service


class MailchimpService(Service):
    description = Description(
        "mailchimp_2018/openapi.json", base="/3.0", besides="delete-permanent$"
    )
    rates = Mailchimp.facts.rates

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.list: dict[str, dict[str, Any]] = {}
        self.statuses: set[str] = set()

    def answer(self, asked: Asked) -> httpx.Response:
        match asked.method, asked.path.split("/")[4:]:
            case "PUT", ["members", found]:
                return self._member(found, asked.json())
            case "POST", ["segments", target]:
                return self._segment(target, asked.json())
            case "POST", ["members", found, "actions", "delete-permanent"]:
                self.erased += [e for e in self.list if _hash(e) == found]
                return httpx.Response(204)
        return httpx.Response(404)

    def _member(self, found: str, body: dict[str, Any]) -> httpx.Response:
        email = body["email_address"]
        self.statuses |= {body["status"]} if "status" in body else set()
        # "Data did not match any of the schemas described in anyOf."
        is_odd = any(v is None or isinstance(v, bool) for v in body["merge_fields"].values())
        if found != _hash(email) or email in self.broken or is_odd:
            return httpx.Response(400, json={"title": "Invalid Resource"})
        self.list[email] = body["merge_fields"]
        return httpx.Response(200, json={"email_address": email})

    def _segment(self, target: str, body: dict[str, list[str]]) -> httpx.Response:
        for email in body.get("members_to_remove", []):
            self.take(target, email)
        for email in body.get("members_to_add", []):
            if email in self.list:
                self.put(target, email, self.list[email])
        return httpx.Response(200, json={"errors": []})


def _hash(email: str) -> str:
    return hashlib.md5(email.encode()).hexdigest()


CASE = Case(
    kind="mailchimp",
    settings={
        "api_key_env": "MAILCHIMP_KEY",
        "data_centre": "us21",
        "list_id": "ab12",
        "status_if_new": "transactional",
    },
    identifiers=("email",),
    target="77",
    service=MailchimpService,
    seen=lambda person: f"{person}@mail.example",
)
