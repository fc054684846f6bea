"""Mailchimp: members of an audience there get a static segment, which its users see as a tag.

A member's ``status`` is never sent: it would subscribe again whoever had unsubscribed. Only
``status_if_new`` is, and only where the settings name one; without it nobody is created.

Source: Mailchimp's OpenAPI description, 3.0; its documentation of ``delete-permanent``.
"""

from __future__ import annotations

import hashlib
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
    absent,
    as_text,
    by_value,
    encoded,
)
from audiences.sync.settings import VariableName, VendorSettings


class MailchimpSettings(VendorSettings):
    """A static segment of an audience in Mailchimp."""

    accepts: ClassVar = {"email": ("raw",)}
    account_fields: ClassVar = ("list_id",)
    needs_target: ClassVar = "the number of the static segment (the tag)"
    target_pattern: ClassVar = r"[0-9]+"

    kind: Literal["mailchimp"] = Field(description="mailchimp")
    api_key_env: VariableName = Field(description="Variable with the API key.")
    data_centre: str = Field(pattern=r"^[a-z]{2}[0-9]{1,3}$", description="As in us21.")
    list_id: str = Field(min_length=1, description="The audience (list) in Mailchimp.")
    status_if_new: Literal["subscribed", "unsubscribed", "pending", "transactional"] | None = Field(
        None,
        description="Status of a member who is not there yet; left out: nobody is created.",
    )


class Mailchimp(Vendor[MailchimpSettings]):
    """Mailchimp's static segments."""

    __slots__ = ()

    facts = Facts(
        title="Mailchimp",
        api="3.0",
        semantics=Semantics.PER_ROW,
        idempotency=Idempotency.NATURAL,
        max_rows=500,
        rates=(Rate(10, 1),),  # no rate is published; ten connections at a time are
        erasure="delete-permanent, after which the address cannot come back",
        traps="status is never sent; status_if_new only where it is configured",
    )

    @property
    def host(self) -> str:
        """The data centre's address."""
        return f"https://{self.settings.data_centre}.api.mailchimp.com"

    def headers(self, token: str) -> Mapping[str, str]:  # noqa: ARG002 - the key is the token
        """The API key."""
        return {"Authorization": f"Bearer {self.secrets['api_key_env']}"}

    def judge(self, answer: Answer, now: datetime) -> Verdict:
        """By its status; a 403 that is no JSON is how overload looks."""
        if answer.status == 403 and answer.json() is None and answer.body:
            return Verdict(Meaning.BUSY, "http_403_overload")
        return judge_status(answer, now)

    def plan(self, shipment: Shipment) -> Iterable[Call]:
        """Take the segment from who is to go; bring members up to date, then give it to them."""
        segment = f"{self._list()}/segments/{quote(shipment.target, safe='')}"
        if shipment.taken:
            yield _segment(segment, "members_to_remove", shipment.taken)
        yield from map(self._member, shipment.put)
        if shipment.put:
            yield _segment(segment, "members_to_add", shipment.put)

    def erase(self, shipment: Shipment) -> Iterable[Call]:
        """Delete for good; who is not there is forgotten already."""
        for row in shipment.rows:
            path = f"{self._list()}/members/{_hash(row)}/actions/delete-permanent"
            yield Call("POST", path, (row,), refused=absent)

    def _list(self) -> str:
        return f"/3.0/lists/{quote(self.settings.list_id, safe='')}"

    def _member(self, row: Row) -> Call:
        """Merge fields first: the answer also says whether there is such a member."""
        body: dict[str, Any] = {"merge_fields": _merge_fields(row)}
        if self.settings.status_if_new is not None:
            body["email_address"] = row.identifiers["email"]
            body["status_if_new"] = self.settings.status_if_new
        return Call(
            "PATCH" if self.settings.status_if_new is None else "PUT",
            f"{self._list()}/members/{_hash(row)}",
            (row,),
            encoded(body),
            refused=lambda answer: _not_listed(row, answer),
        )


def _merge_fields(row: Row) -> dict[str, Any]:
    """Texts and numbers: with a null, true or false there the whole member is refused."""
    numbers = {n: v for n, v in row.fields.items() if type(v) in {int, float}}
    return {name: numbers.get(name, as_text(value)) for name, value in row.fields.items()}


def _segment(path: str, verb: str, rows: Rows) -> Call:
    body = {verb: [row.identifiers["email"] for row in rows]}
    split = partial(_segment, path, verb)
    return Call("POST", path, rows, encoded(body), read=partial(_read, rows), split=split)


def _read(rows: Rows, answer: Answer) -> Reading:
    errors = answer.json().get("errors") or []
    failed = {email.lower(): "segment_error" for e in errors for email in e["email_addresses"]}
    return Reading(by_value(rows, failed))


def _not_listed(row: Row, answer: Answer) -> Reading | None:
    return Reading({row.row_id: "not_on_list"}) if absent(answer) else None


def _hash(row: Row) -> str:
    email = row.identifiers["email"].lower().encode()
    return hashlib.md5(email, usedforsecurity=False).hexdigest()  # Mailchimp's id of a member
