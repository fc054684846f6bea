"""Klaviyo: imports are jobs, removals go by profile id."""

from __future__ import annotations

import re
from typing import Any

import httpx

from audiences.sync.destinations.klaviyo import Klaviyo
from tests.destinations.description import Description
from tests.destinations.world import Asked, Case, Clock, Service


class KlaviyoService(Service):
    description = Description(
        "klaviyo/profiles.json", "klaviyo/lists.json", "klaviyo/data_privacy.json"
    )
    rates = Klaviyo.facts.rates

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.ids: dict[str, str] = {}
        self.jobs: dict[str, list[dict[str, Any]]] = {}
        self.polled: set[str] = set()

    def answer(self, asked: Asked) -> httpx.Response:  # noqa: PLR0911 - one for each path
        match asked.method, asked.path.split("/")[2:]:
            case "POST", ["profile-bulk-import-jobs"]:
                return self._import(asked.json()["data"])
            case "GET", ["profile-bulk-import-jobs", job]:
                return self._status(job)
            case "GET", ["profile-bulk-import-jobs", job, "import-errors"]:
                return httpx.Response(200, json={"data": self.jobs[job], "links": {"next": None}})
            case "GET", ["profiles"]:
                return self._find(asked.query["filter"])
            case "DELETE", ["lists", target, "relationships", "profiles"]:
                return self._remove(target, asked.json()["data"])
            case "POST", ["data-privacy-deletion-jobs"]:
                profile = asked.json()["data"]["attributes"]["profile"]["data"]
                self.erased.append(profile["attributes"]["email"])
                return httpx.Response(202)
        return httpx.Response(404)

    def _import(self, job: dict[str, Any]) -> httpx.Response:
        (target,) = (found["id"] for found in job["relationships"]["lists"]["data"])
        errors = []
        for place, profile in enumerate(job["attributes"]["profiles"]["data"]):
            email = profile["attributes"]["email"]
            if email in self.broken:
                errors.append(_error(place))
                continue
            self.ids.setdefault(email, f"id-{len(self.ids)}")
            self.put(target, email, profile["attributes"].get("properties", {}))
        job_id = f"job-{len(self.jobs)}"
        self.jobs[job_id] = errors
        return httpx.Response(202, json={"data": {"id": job_id}})

    def _status(self, job: str) -> httpx.Response:
        """Still running at the first question."""
        status = "complete" if job in self.polled else "processing"
        self.polled.add(job)
        found = {"status": status, "failed_count": len(self.jobs[job])}
        return httpx.Response(200, json={"data": {"id": job, "attributes": found}})

    def _find(self, question: str) -> httpx.Response:
        emails = re.findall(r'"([^"]*)"', question)
        found = [
            {"id": self.ids[email], "attributes": {"email": email}}
            for email in emails
            if email in self.ids
        ]
        return httpx.Response(200, json={"data": found})

    def _remove(self, target: str, profiles: list[dict[str, Any]]) -> httpx.Response:
        emails = {found: email for email, found in self.ids.items()}
        for profile in profiles:
            self.take(target, emails[profile["id"]])
        return httpx.Response(204)


def _error(place: int) -> dict[str, Any]:
    pointer = f"/data/attributes/profiles/data/{place}/attributes/email"
    found = {"code": "invalid", "title": "t", "detail": "d", "source": {"pointer": pointer}}
    return {"type": "import-error", "id": str(place), "attributes": found}


CASE = Case(
    kind="klaviyo",
    settings={"api_key_env": "KLAVIYO_KEY"},
    identifiers=("email",),
    target="XyZ9",
    service=KlaviyoService,
    seen=lambda person: f"{person}@mail.example",
)
