"""Iterable: subscribers of a list.

A removal never sets ``channelUnsubscribe``: that would take a consent back, not a membership.

Source: Iterable's OpenAPI description (api-client repository).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, ClassVar, Literal

from pydantic import Field

from audiences.sync.destinations.exchange import Answer, Rate
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
    by_value,
    encoded,
    in_doubt,
)
from audiences.sync.settings import VariableName, VendorSettings

_NAMES = {"email": "email", "person_id": "userId"}
_HOSTS = {"us": "https://api.iterable.com", "eu": "https://api.eu.iterable.com"}
# Of somebody who is not there, nothing is to be taken.
_ABSENT = frozenset({"notFoundEmails", "notFoundUserIds", "forgottenEmails", "forgottenUserIds"})


class IterableSettings(VendorSettings):
    """A list in Iterable."""

    accepts: ClassVar = {"email": ("raw",), "person_id": ("raw",)}
    needs_target: ClassVar = "the number of the list"
    target_pattern: ClassVar = r"[0-9]+"
    consent_fields: ClassVar = frozenset(
        {
            "emailListIds",
            "subscribedMessageTypeIds",
            "unsubscribedChannelIds",
            "unsubscribedMessageTypeIds",
        }
    )

    kind: Literal["iterable"] = Field(description="iterable")
    api_key_env: VariableName = Field(description="Variable with the server-side API key.")
    region: Literal["us", "eu"] = Field("us", description="Where the project is hosted.")
    update_existing_only: bool = Field(
        default=False, description="true: nobody is created there who is not known yet."
    )


class IterableLists(Vendor[IterableSettings]):
    """Iterable's lists."""

    __slots__ = ()

    facts = Facts(
        title="Iterable",
        api="v1",
        semantics=Semantics.PER_ROW,
        idempotency=Idempotency.NATURAL,
        max_rows=1000,  # not in the description; what other connectors send
        max_bytes=4_000_000,
        rates=(Rate(5, 1),),  # not in the description either
        erasure_rates=(Rate(3, 1),),
        erasure="users/forget, which also refuses the person in future",
        traps="channelUnsubscribe is always false; emailListIds and the ids of subscriptions are refused as fields",
    )

    @property
    def host(self) -> str:
        """The region's address."""
        return _HOSTS[self.settings.region]

    def headers(self, token: str) -> Mapping[str, str]:  # noqa: ARG002 - the key is the token
        """The API key."""
        return {"Api-Key": self.secrets["api_key_env"]}

    def plan(self, shipment: Shipment) -> Iterable[Call]:
        """Unsubscribe from the list who is to go, subscribe who is to be there."""
        if shipment.taken:
            yield _unsubscribe(shipment.target, shipment.taken)
        if shipment.put:
            yield _subscribe(shipment.target, self.settings.update_existing_only, shipment.put)

    def erase(self, shipment: Shipment) -> Iterable[Call]:
        """Forget one person after the other."""
        for row in shipment.rows:
            yield Call("POST", "/api/users/forget", (row,), encoded(_named(row)))


def _subscribe(target: str, update_only: bool, rows: Rows) -> Call:  # noqa: FBT001 - bound once
    body = {
        "listId": int(target),
        "subscribers": [{**_named(row), "dataFields": dict(row.fields)} for row in rows],
        "updateExistingUsersOnly": update_only,
    }
    return Call(
        "POST",
        "/api/lists/subscribe",
        rows,
        encoded(body),
        read=partial(_read, rows, frozenset()),
        split=partial(_subscribe, target, update_only),
    )


def _unsubscribe(target: str, rows: Rows) -> Call:
    body = {
        "listId": int(target),
        "subscribers": [_named(row) for row in rows],
        "channelUnsubscribe": False,
    }
    return Call(
        "POST",
        "/api/lists/unsubscribe",
        rows,
        encoded(body),
        read=partial(_read, rows, _ABSENT),
        split=partial(_unsubscribe, target),
    )


def _named(row: Row) -> dict[str, Any]:
    """An address or an id, but not both: the one that the sync names first, if the person has it."""
    kind, value = next(iter(row.identifiers.items()))
    return {_NAMES[kind]: value}


def _read(rows: Rows, harmless: frozenset[str], answer: Answer) -> Reading:
    """Rows by the lists of identifiers that failed; all in doubt where the count says more."""
    found = answer.json()
    lists = {**(found.get("failedUpdates") or {}), **_older(found)}
    failed = {
        value.lower(): _snake(name)
        for name, values in lists.items()
        if name not in harmless
        for value in values
    }
    excused = sum(len(lists.get(name) or ()) for name in harmless)
    rejected = by_value(rows, failed)
    if found["failCount"] - excused > len(rejected):
        return in_doubt(rows, "fail_count")
    return Reading(rejected)


def _older(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in ("invalidEmails", "invalidUserIds") if found.get(name)}


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
