"""Customer.io: people are identified by your id, then put into a manual segment.

Ids that nobody has are ignored by segments without a word: everyone is identified first. Segments
take people off by id alone, so that addresses are not accepted as identifiers.

Source: Customer.io, Track API v1 (segments, customers) and v2 (batch).
"""

from __future__ import annotations

import base64
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
    Rows,
    Semantics,
    Shipment,
    Vendor,
    by_index,
    encoded,
)
from audiences.sync.settings import VariableName, VendorSettings

_HOSTS = {"us": "https://track.customer.io", "eu": "https://track-eu.customer.io"}


class CustomerIoSettings(VendorSettings):
    """A manual segment in Customer.io."""

    accepts: ClassVar = {"person_id": ("raw",)}
    needs_target: ClassVar = "the number of the manual segment"
    target_pattern: ClassVar = r"[0-9]+"
    consent_fields: ClassVar = frozenset({"unsubscribed", "cio_subscription_preferences"})

    kind: Literal["customer_io"] = Field(description="customer_io")
    site_id_env: VariableName = Field(description="Variable with the site id of the Track API.")
    api_key_env: VariableName = Field(description="Variable with its API key.")
    region: Literal["us", "eu"] = Field("us", description="Where the account is hosted.")
    suppress_erased: bool = Field(
        default=True, description="true: who is erased is also refused there in future."
    )


class CustomerIo(Vendor[CustomerIoSettings]):
    """Customer.io's manual segments."""

    __slots__ = ()

    facts = Facts(
        title="Customer.io",
        api="Track v1, v2",
        semantics=Semantics.PER_ROW,
        idempotency=Idempotency.NATURAL,
        max_rows=1000,
        max_bytes=500_000,
        rates=(Rate(100, 1),),  # its description allows 1000 a second, other sources 100
        erasure="suppress (deletes and refuses in future), or delete",
        traps="unsubscribed and cio_subscription_preferences are refused as fields",
    )

    @property
    def host(self) -> str:
        """The region's address."""
        return _HOSTS[self.settings.region]

    def headers(self, token: str) -> Mapping[str, str]:  # noqa: ARG002 - no token
        """Site id and key."""
        pair = f"{self.secrets['site_id_env']}:{self.secrets['api_key_env']}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def plan(self, shipment: Shipment) -> Iterable[Call]:
        """Take off who is to go; identify who is to be there, then put them in."""
        segment = partial(_segment, shipment.target)
        if shipment.taken:
            yield segment("remove_customers", shipment.taken)
        if shipment.put:
            yield _identify(shipment.put)
            yield segment("add_customers", shipment.put)

    def erase(self, shipment: Shipment) -> Iterable[Call]:
        """Suppress or delete one person after the other."""
        verb, end = ("POST", "/suppress") if self.settings.suppress_erased else ("DELETE", "")
        for row in shipment.rows:
            person = quote(row.identifiers["person_id"], safe="")
            yield Call(verb, f"/api/v1/customers/{person}{end}", (row,))


def _identify(rows: Rows) -> Call:
    batch = [
        {
            "type": "person",
            "action": "identify",
            "identifiers": {"id": row.identifiers["person_id"]},
            "attributes": dict(row.fields),
        }
        for row in rows
    ]
    body = encoded({"batch": batch})
    read = partial(_identified, rows)
    return Call("POST", "/api/v2/batch", rows, body, read=read, split=_identify)


def _identified(rows: Rows, answer: Answer) -> Reading:
    """Status 207 lists the places that were refused; the others were taken."""
    found = answer.json()
    errors: list[Any] = found.get("errors") or [] if isinstance(found, dict) else []
    return Reading(by_index(rows, {e["batch_index"]: "invalid_person" for e in errors}))


def _segment(target: str, verb: str, rows: Rows) -> Call:
    query = "?id_type=id" if verb == "add_customers" else ""
    path = f"/api/v1/segments/{quote(target, safe='')}/{verb}{query}"
    body = encoded({"ids": [_id(row) for row in rows]})
    return Call("POST", path, rows, body, split=partial(_segment, target, verb))


def _id(row: Row) -> str:
    return row.identifiers["person_id"]
