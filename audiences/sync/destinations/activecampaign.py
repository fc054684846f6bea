"""ActiveCampaign: contacts are synced by e-mail address and given a tag.

A tag, and not a list: list status 1 subscribes again whoever had unsubscribed.

Source: ActiveCampaign API v3: contact/sync, contactTags, rate limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import Field

from audiences.sync.destinations.exchange import Answer, Rate
from audiences.sync.destinations.vendor import (
    Call,
    Facts,
    Idempotency,
    Reading,
    Row,
    Semantics,
    Shipment,
    Vendor,
    absent,
    as_text,
    encoded,
)
from audiences.sync.settings import VariableName, VendorSettings


class ActiveCampaignSettings(VendorSettings):
    """A tag of contacts in ActiveCampaign."""

    accepts: ClassVar = {"email": ("raw",)}
    needs_target: ClassVar = "the number of the tag"
    target_pattern: ClassVar = r"[0-9]+"

    kind: Literal["activecampaign"] = Field(description="activecampaign")
    account: str = Field(
        pattern=r"^[a-z0-9-]+$", description="The account, as in ACCOUNT.api-us1.com."
    )
    host: str = Field("api-us1.com", pattern=r"^[a-z0-9.-]+$", description="The account's server.")
    token_env: VariableName = Field(description="Variable with the API key.")


class ActiveCampaign(Vendor[ActiveCampaignSettings]):
    """ActiveCampaign's tags."""

    __slots__ = ()

    facts = Facts(
        title="ActiveCampaign",
        api="3",
        semantics=Semantics.PER_ROW,
        idempotency=Idempotency.NATURAL,
        max_rows=100,  # two calls a row: a minute's worth
        rates=(Rate(5, 1),),  # of the account, shared by all of its keys
        erasure="DELETE contacts/{id}, after finding the contact",
        traps="lists are never touched: status 1 would subscribe again; members get a tag",
    )

    @property
    def host(self) -> str:
        """The account's address."""
        return f"https://{self.settings.account}.{self.settings.host}"

    def headers(self, token: str) -> Mapping[str, str]:  # noqa: ARG002 - the key is the token
        """The API key."""
        return {"Api-Token": self.secrets["token_env"]}

    def plan(self, shipment: Shipment) -> Iterable[Call]:
        """Untag who is to go, sync and tag who is to be there, one after the other."""
        for row in shipment.taken:
            yield _find(row, partial(_tags, shipment.target, row))
        for row in shipment.put:
            yield _sync(shipment.target, row)

    def erase(self, shipment: Shipment) -> Iterable[Call]:
        """Find the contact and delete it."""
        for row in shipment.rows:
            yield _find(row, partial(_delete, row))


def _sync(target: str, row: Row) -> Call:
    """Fields whose names are numbers are custom fields; others are the contact's own."""
    custom = [{"field": n, "value": as_text(v)} for n, v in row.fields.items() if n.isdigit()]
    own = {name: as_text(value) for name, value in row.fields.items() if not name.isdigit()}
    contact: dict[str, Any] = {"email": row.identifiers["email"], **own}
    if custom:
        contact["fieldValues"] = custom
    body = encoded({"contact": contact})
    return Call("POST", "/api/3/contact/sync", (row,), body, read=partial(_synced, target, row))


def _synced(target: str, row: Row, answer: Answer) -> Reading:
    tag = {"contact": str(answer.json()["contact"]["id"]), "tag": target}
    return Reading(then=(Call("POST", "/api/3/contactTags", (row,), encoded({"contactTag": tag})),))


def _find(row: Row, use: Any) -> Call:
    # -1: also who unsubscribed or bounced; they have the tag as well.
    path = f"/api/3/contacts?status=-1&email={quote(row.identifiers['email'], safe='')}"
    return Call("GET", path, (row,), read=partial(_found, use))


def _found(use: Any, answer: Answer) -> Reading:
    """Who is not found has no tag."""
    return Reading(then=tuple(use(contact["id"]) for contact in answer.json()["contacts"]))


def _tags(target: str, row: Row, contact: str) -> Call:
    path = f"/api/3/contacts/{contact}/contactTags"
    return Call("GET", path, (row,), read=partial(_untag, target, row))


def _untag(target: str, row: Row, answer: Answer) -> Reading:
    found = [t["id"] for t in answer.json()["contactTags"] if str(t["tag"]) == target]
    calls = (Call("DELETE", f"/api/3/contactTags/{tag}", (row,), refused=absent) for tag in found)
    return Reading(then=tuple(calls))


def _delete(row: Row, contact: str) -> Call:
    return Call("DELETE", f"/api/3/contacts/{contact}", (row,), refused=absent)
