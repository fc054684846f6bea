"""Algolia: one record a person, with the audiences that they are in, for personalised search.

An audience is one entry of the record's ``audiences``: several syncs can share an index, and
none takes away what another put.

Source: Algolia's OpenAPI description of the search API, v1.
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
    Rows,
    Semantics,
    Shipment,
    Vendor,
    encoded,
)
from audiences.sync.settings import VariableName, VendorSettings

_POLL_S = 1.0


class AlgoliaSettings(VendorSettings):
    """An index in Algolia with a record for each person."""

    accepts: ClassVar = {"person_id": ("raw", "sha256")}
    needs_target: ClassVar = "the name of the index"
    tells_audiences_apart: ClassVar = True

    kind: Literal["algolia"] = Field(description="algolia")
    app_id: str = Field(pattern=r"^[A-Za-z0-9]+$", description="Id of the application.")
    api_key_env: VariableName = Field(description="Variable with a key that may write the index.")
    create_missing: bool = Field(
        default=True, description="false: only records that are there are changed."
    )


class Algolia(Vendor[AlgoliaSettings]):
    """Algolia's indices."""

    __slots__ = ()

    facts = Facts(
        title="Algolia",
        api="1",
        semantics=Semantics.ALL_OR_NOTHING,
        idempotency=Idempotency.NATURAL,
        max_rows=1000,  # the size that Algolia's own clients cut batches to
        rates=(Rate(50, 1),),  # no rate is published
        erasure="deleteObject",
        traps="none: it sends no messages",
    )

    @property
    def host(self) -> str:
        """The application's address."""
        return f"https://{self.settings.app_id.lower()}.algolia.net"

    def headers(self, token: str) -> Mapping[str, str]:  # noqa: ARG002 - the key is the token
        """Application and key."""
        return {
            "x-algolia-application-id": self.settings.app_id,
            "x-algolia-api-key": self.secrets["api_key_env"],
        }

    def plan(self, shipment: Shipment) -> Iterable[Call]:
        """One batch of partial updates, removals first."""
        action = "partialUpdateObject" + ("" if self.settings.create_missing else "NoCreate")
        put = partial(_batch, shipment.target, partial(_put, shipment.audience_key, action))
        take = partial(_batch, shipment.target, partial(_take, shipment.audience_key))
        if shipment.taken:
            yield take(shipment.taken)
        if shipment.put:
            yield put(shipment.put)

    def erase(self, shipment: Shipment) -> Iterable[Call]:
        """Delete the records."""
        yield _batch(shipment.target, _delete, shipment.rows)


def _put(audience: str, action: str, row: Row) -> dict[str, Any]:
    entry = {"_operation": "AddUnique", "value": audience}
    body = {**row.fields, "objectID": row.identifiers["person_id"], "audiences": entry}
    return {"action": action, "body": body}


def _take(audience: str, row: Row) -> dict[str, Any]:
    entry = {"_operation": "Remove", "value": audience}
    body = {"objectID": row.identifiers["person_id"], "audiences": entry}
    return {"action": "partialUpdateObjectNoCreate", "body": body}


def _delete(row: Row) -> dict[str, Any]:
    return {"action": "deleteObject", "body": {"objectID": row.identifiers["person_id"]}}


def _batch(index: str, write: Any, rows: Rows) -> Call:
    """All of it is taken or nothing is."""
    path = f"/1/indexes/{quote(index, safe='')}"
    return Call(
        "POST",
        f"{path}/batch",
        rows,
        encoded({"requests": [write(row) for row in rows]}),
        read=lambda answer: Reading(then=(_poll(path, rows, answer.json()["taskID"]),)),
        split=partial(_batch, index, write),
    )


def _poll(path: str, rows: Rows, task: int) -> Call:
    read = partial(_polled, path, rows, task)
    return Call("GET", f"{path}/task/{task}", rows, read=read, wait_s=_POLL_S, is_poll=True)


def _polled(path: str, rows: Rows, task: int, answer: Answer) -> Reading:
    done = answer.json()["status"] == "published"
    return Reading() if done else Reading(then=(_poll(path, rows, task),))
