"""Google: an upload is a job whose status counts failures without naming them."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from audiences.sync.destinations.google import Google
from tests.destinations.world import Asked, Case, Clock, Service


class GoogleService(Service):
    rates = Google.facts.rates
    logins = "/token"

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.jobs: dict[str, str] = {}
        self.polled: set[str] = set()

    def answer(self, asked: Asked) -> httpx.Response:
        if asked.method == "GET":
            job = asked.query["requestId"]
            status = self.jobs[job] if job in self.polled else "PROCESSING"
            self.polled.add(job)
            return httpx.Response(
                200, json={"requestStatusPerDestination": [{"requestStatus": status}]}
            )
        body = asked.json()
        target = body["destinations"][0]["productDestinationId"]
        failed = [self._member(asked.path, target, one) for one in body["audienceMembers"]]
        job = f"job-{len(self.jobs)}"
        words = "FAILED" if all(failed) else "PARTIAL_SUCCESS" if any(failed) else "SUCCESS"
        self.jobs[job] = words
        return httpx.Response(200, json={"requestId": job})

    def _member(
        self, path: str, target: str, member: dict[str, dict[str, list[dict[str, str]]]]
    ) -> bool:
        who = member["userData"]["userIdentifiers"][0]["emailAddress"]
        if path.endswith(":remove"):
            self.take(target, who)
        elif who in self.broken:
            return True
        else:
            self.put(target, who, {})
        return False


@lru_cache(maxsize=1)
def service_account() -> str:
    """The JSON key of a service account that nobody has."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return json.dumps({"client_email": "bot@project.iam.example", "private_key": key.decode()})


CASE = Case(
    kind="google",
    settings={
        "credentials_env": "GOOGLE_KEY",
        "account_id": "1234567890",
        "purposes": ["marketing"],
    },
    identifiers=("email",),
    target="999",
    service=GoogleService,
    seen=lambda person: hashlib.sha256(f"{person}@mail.example".encode()).hexdigest(),
    secrets={"credentials_env": service_account},
    carries_fields=False,
    erases=False,
)
