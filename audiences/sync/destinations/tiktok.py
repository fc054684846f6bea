"""TikTok custom audiences: hashed identifiers mapped to an audience, all of a request or nothing.

Errors come with status 200: what an answer means stands in the code of its body. Addresses are
lower case without blanks before hashing; tags and dots stay.

Source: the segment mapping API as RudderStack's and Segment's open connectors use it; it is not in
TikTok's own SDK, so that codes and sizes are theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import ClassVar, Literal

from pydantic import Field

from audiences.sync.destinations.exchange import Answer, Meaning, Rate, Verdict, judge_status
from audiences.sync.destinations.vendor import (
    Call,
    Facts,
    Idempotency,
    Row,
    Rows,
    Semantics,
    Shipment,
    Vendor,
    encoded,
)
from audiences.sync.settings import AdvertiserSettings, VariableName

_SCHEMA = {"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"}
_BUSY = frozenset({40100, 50000, 50002})
_REFUSED = frozenset({40001, 40002})


class TikTokSettings(AdvertiserSettings):
    """A custom audience at TikTok."""

    accepts: ClassVar = {"email": ("sha256",), "phone": ("sha256",)}
    account_fields: ClassVar = ("advertiser_id",)
    needs_target: ClassVar = "the number of the custom audience"
    target_pattern: ClassVar = r"[0-9]+"

    minimum_size: int = Field(
        1000, ge=0, description="TikTok targets no audience with fewer matched members."
    )
    kind: Literal["tiktok"] = Field(description="tiktok")
    token_env: VariableName = Field(description="Variable with the access token.")
    advertiser_id: str = Field(pattern=r"^[0-9]+$", description="The advertiser.")


class TikTok(Vendor[TikTokSettings]):
    """TikTok's custom audiences."""

    __slots__ = ()

    facts = Facts(
        title="TikTok",
        api="v1.3",
        semantics=Semantics.ALL_OR_NOTHING,
        idempotency=Idempotency.NATURAL,
        max_rows=1000,
        rates=(Rate(10, 1),),
        erasure=None,
        traps="let the sync need a purpose for advertising",
    )
    host = "https://business-api.tiktok.com"

    def headers(self, token: str) -> Mapping[str, str]:  # noqa: ARG002 - the secret is the token
        """The access token."""
        return {"Access-Token": self.secrets["token_env"]}

    def judge(self, answer: Answer, now: datetime) -> Verdict:
        """By the code in its body; one that is not known stops the sync."""
        verdict, found = judge_status(answer, now), answer.json()
        code = found.get("code") if isinstance(found, dict) else None
        if verdict.meaning is not Meaning.TAKEN or code == 0:
            return verdict
        if code in _BUSY or code is None:
            return Verdict(Meaning.BUSY, f"code_{code}")
        return Verdict(Meaning.REFUSED if code in _REFUSED else Meaning.FINAL, f"code_{code}")

    def plan(self, shipment: Shipment) -> Iterable[Call]:
        """Unmap who is to go, map who is to be there."""
        if shipment.taken:
            yield self._mapping("delete", shipment.target, shipment.taken)
        if shipment.put:
            yield self._mapping("add", shipment.target, shipment.put)

    def erase(self, shipment: Shipment) -> Iterable[Call]:
        """Unmap from the audience: nothing else is known there."""
        yield self._mapping("delete", shipment.target, shipment.rows)

    def _mapping(self, action: str, target: str, rows: Rows) -> Call:
        kinds = [kind for kind in _SCHEMA if any(kind in row.identifiers for row in rows)]
        body = {
            "advertiser_ids": [self.settings.advertiser_id],
            "action": action,
            "id_schema": [_SCHEMA[kind] for kind in kinds],
            "batch_data": [[_cell(row, kind, target) for kind in kinds] for row in rows],
        }
        split = partial(self._mapping, action, target)
        return Call("POST", "/open_api/v1.3/segment/mapping/", rows, encoded(body), split=split)


def _cell(row: Row, kind: str, target: str) -> dict[str, object]:
    """An identifier and its audience; an empty object keeps the place of one that is missing."""
    if kind not in row.identifiers:
        return {}
    return {"id": row.identifiers[kind], "audience_ids": [target]}
