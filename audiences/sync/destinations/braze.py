"""Braze: membership is an attribute of the user, true or false.

Subscription states (``email_subscribe``, ``push_subscribe``) are refused as fields.

Source: Braze, documentation of ``/users/track``, ``/users/delete`` and of API limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Literal

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
    chunked,
    encoded,
)
from audiences.sync.settings import VariableName, VendorSettings

_ERASED_AT_ONCE = 50
_TOO_MANY = 429


class BrazeSettings(VendorSettings):
    """A custom attribute of users in Braze."""

    accepts: ClassVar = {"person_id": ("raw",), "email": ("raw",)}
    needs_target: ClassVar = "the name of the custom attribute (true for members)"
    consent_fields: ClassVar = frozenset(
        {"email_subscribe", "push_subscribe", "subscription_groups", "opted_in_at"}
    )

    kind: Literal["braze"] = Field(description="braze")
    api_key_env: VariableName = Field(description="Variable with the REST API key.")
    host: str = Field(
        pattern=r"^rest\.[a-z0-9.-]+$", description="REST endpoint, as in rest.fra-01.braze.eu."
    )
    update_existing_only: bool = Field(
        default=False,
        description="true: nobody is created there; Braze ignores unknown users without a word.",
    )


class Braze(Vendor[BrazeSettings]):
    """Braze's users."""

    __slots__ = ()

    facts = Facts(
        title="Braze",
        api="REST",
        semantics=Semantics.PER_ROW,
        idempotency=Idempotency.NATURAL,
        max_rows=75,
        rates=(Rate(3000, 3),),
        erasure="users/delete, 50 at a time",
        traps="email_subscribe, push_subscribe and subscription_groups are refused as fields",
    )

    @property
    def host(self) -> str:
        """The instance's address."""
        return f"https://{self.settings.host}"

    def headers(self, token: str) -> Mapping[str, str]:  # noqa: ARG002 - the key is the token
        """The REST API key."""
        return {"Authorization": f"Bearer {self.secrets['api_key_env']}"}

    def judge(self, answer: Answer, now: datetime) -> Verdict:
        """By its status; when the limit is reached, a header says at which second it ends."""
        verdict = judge_status(answer, now)
        reset = answer.headers.get("x-ratelimit-reset", "")
        if answer.status == _TOO_MANY and verdict.wait_s is None and reset.isdecimal():
            return Verdict(Meaning.BUSY, verdict.code, max(0.0, float(reset) - now.timestamp()))
        return verdict

    def plan(self, shipment: Shipment) -> Iterable[Call]:
        """False for who is to go, true and the fields for who is to be there."""
        if shipment.taken:
            yield self._track(shipment.target, False, shipment.taken)  # noqa: FBT003 - the value
        if shipment.put:
            yield self._track(shipment.target, True, shipment.put)  # noqa: FBT003 - the value

    def erase(self, shipment: Shipment) -> Iterable[Call]:
        """By your id where it was sent, else by address."""
        by_id = tuple(row for row in shipment.rows if "person_id" in row.identifiers)
        for rows in chunked(by_id, _ERASED_AT_ONCE):
            ids = [row.identifiers["person_id"] for row in rows]
            yield Call("POST", "/users/delete", rows, encoded({"external_ids": ids}))
        for rows in chunked([row for row in shipment.rows if row not in by_id], _ERASED_AT_ONCE):
            people = [_by_address(row) for row in rows]
            yield Call("POST", "/users/delete", rows, encoded({"email_addresses": people}))

    def _track(self, target: str, member: bool, rows: Rows) -> Call:  # noqa: FBT001 - the value
        only = member is False or self.settings.update_existing_only
        named = _named if member else _found_by
        attributes = [
            {**row.fields, **named(row), target: member, "_update_existing_only": only}
            for row in rows
        ]
        return Call(
            "POST",
            "/users/track",
            rows,
            encoded({"attributes": attributes}),
            read=partial(_read, rows),
            split=partial(self._track, target, member),
        )


def _named(row: Row) -> dict[str, str]:
    names = {"person_id": "external_id", "email": "email"}
    return {names[kind]: value for kind, value in row.identifiers.items()}


def _found_by(row: Row) -> dict[str, str]:
    """Who goes: by id alone where there is one, for an address beside it is written to the user."""
    named = _named(row)
    return {"external_id": named["external_id"]} if "external_id" in named else named


def _by_address(row: Row) -> dict[str, Any]:
    return {"email": row.identifiers["email"], "prioritization": ["most_recently_updated"]}


def _read(rows: Rows, answer: Answer) -> Reading:
    """Minor errors name the place of an attribute object."""
    errors = answer.json().get("errors") or []
    placed = [error for error in errors if isinstance(error, dict) and "index" in error]
    if len(placed) < len(errors):
        return Reading(doubtful={row.row_id: "unplaced_error" for row in rows})
    return Reading(by_index(rows, {error["index"]: "minor_error" for error in placed}))
