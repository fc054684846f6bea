"""LinkedIn matched audiences: users of a DMP segment, by hashed address.

Source: LinkedIn, Marketing API, "DMP segment users".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import Field

from audiences.sync.destinations.exchange import Answer, Meaning, Rate, Verdict, judge_status
from audiences.sync.destinations.vendor import (
    Call,
    Facts,
    Idempotency,
    Reading,
    Row,
    Rows,
    Semantics,
    Shipment,
    Vendor,
    by_index,
    encoded,
    in_doubt,
)
from audiences.sync.settings import AdvertiserSettings, VariableName

_TYPES = {"email": "SHA256_EMAIL", "maid": "GOOGLE_AID"}
_ENDED = 426


class LinkedInSettings(AdvertiserSettings):
    """A DMP segment at LinkedIn."""

    accepts: ClassVar = {"email": ("sha256",), "maid": ("raw",)}
    needs_target: ClassVar = "the number of the DMP segment"
    target_pattern: ClassVar = r"[0-9]+"

    minimum_size: int = Field(
        300, ge=0, description="LinkedIn shows nothing to a segment with fewer members."
    )
    kind: Literal["linkedin"] = Field(description="linkedin")
    token_env: VariableName = Field(description="Variable with the access token.")
    api_version: str = Field(
        "202610", pattern=r"^20[0-9]{4}$", description="Month of the version; each ends in a year."
    )


class LinkedIn(Vendor[LinkedInSettings]):
    """LinkedIn's DMP segments."""

    __slots__ = ()

    facts = Facts(
        title="LinkedIn",
        api="202610",
        semantics=Semantics.PER_ROW,
        idempotency=Idempotency.NATURAL,
        max_rows=5000,
        rates=(Rate(500, 60),),  # older copies of the page say 500 a minute, the newest 600
        erasure=None,
        group="segment",
        traps="let the sync need a purpose for advertising",
    )
    host = "https://api.linkedin.com"

    def headers(self, token: str) -> Mapping[str, str]:  # noqa: ARG002 - the secret is the token
        """Token, version, and that several users come at once."""
        return {
            "Authorization": f"Bearer {self.secrets['token_env']}",
            "Linkedin-Version": self.settings.api_version,
            "X-RestLi-Protocol-Version": "2.0.0",
            "X-RestLi-Method": "BATCH_CREATE",
        }

    def judge(self, answer: Answer, now: datetime) -> Verdict:
        """By its status; 426 says that the version has ended, for every request alike."""
        verdict = judge_status(answer, now)
        return Verdict(Meaning.FINAL, verdict.code) if answer.status == _ENDED else verdict

    def plan(self, shipment: Shipment) -> Iterable[Call]:
        """Remove who is to go, add who is to be there."""
        if shipment.taken:
            yield _users("REMOVE", shipment.target, shipment.taken)
        if shipment.put:
            yield _users("ADD", shipment.target, shipment.put)

    def erase(self, shipment: Shipment) -> Iterable[Call]:
        """Remove from the segment: nothing else is known there."""
        yield _users("REMOVE", shipment.target, shipment.rows)


def _users(action: str, target: str, rows: Rows) -> Call:
    body = {"elements": [{"action": action, "userIds": _ids(row)} for row in rows]}
    path = f"/rest/dmpSegments/{quote(target, safe='')}/users"
    read, split = partial(_read, rows), partial(_users, action, target)
    return Call("POST", path, rows, encoded(body), read=read, split=split)


def _ids(row: Row) -> list[dict[str, str]]:
    return [{"idType": _TYPES[kind], "idValue": v} for kind, v in row.identifiers.items()]


def _read(rows: Rows, answer: Answer) -> Reading:
    """A status for each element, in the order of the request."""
    found: Any = answer.json()
    elements = found.get("elements") if isinstance(found, dict) else None
    if elements is None or len(elements) != len(rows):
        return in_doubt(rows, "unreadable_answer")
    failed = {n: f"status_{e['status']}" for n, e in enumerate(elements) if e["status"] >= 300}
    return Reading(by_index(rows, failed))
