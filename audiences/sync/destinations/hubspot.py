"""HubSpot: contacts are upserted by e-mail address, then put on a static list by their ids.

Source: HubSpot's documentation of contacts (batch upsert, batch read, gdpr-delete) and lists v3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import Field

from audiences.sync.destinations.exchange import (
    Answer,
    Meaning,
    Rate,
    Verdict,
    judge_status,
    retry_after,
)
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
    encoded,
)
from audiences.sync.settings import VariableName, VendorSettings

_CONTACTS = "/crm/v3/objects/contacts"
_OTHERS = "hs_additional_emails"  # further addresses of a contact, which find it as well
_TRACE = "objectWriteTraceId"  # ours: the answer repeats it
_LOCKED = frozenset({423, 477})
_LOCKED_S = 2.0


class HubSpotSettings(VendorSettings):
    """A static list of contacts in HubSpot."""

    accepts: ClassVar = {"email": ("raw",)}
    needs_target: ClassVar = "the number of the list (one that is static: MANUAL or SNAPSHOT)"
    target_pattern: ClassVar = r"[0-9]+"
    consent_fields: ClassVar = frozenset({"hs_email_optout", "hs_legal_basis"})

    kind: Literal["hubspot"] = Field(description="hubspot")
    token_env: VariableName = Field(description="Variable with the token of a private app.")


class HubSpot(Vendor[HubSpotSettings]):
    """HubSpot's static lists."""

    __slots__ = ()

    facts = Facts(
        title="HubSpot",
        api="v3",
        semantics=Semantics.PER_ROW,
        idempotency=Idempotency.NATURAL,
        max_rows=100,  # contacts of one upsert
        rates=(Rate(100, 10),),
        erasure="gdpr-delete by address",
        traps="hs_email_optout and hs_legal_basis are refused as fields; a list changes no subscription",
    )
    host = "https://api.hubapi.com"

    def headers(self, token: str) -> Mapping[str, str]:  # noqa: ARG002 - the secret is the token
        """The private app's token."""
        return {"Authorization": f"Bearer {self.secrets['token_env']}"}

    def judge(self, answer: Answer, now: datetime) -> Verdict:
        """By its status; 423 and 477 are locks for a while, of records and of an account that moves."""
        if answer.status in _LOCKED:
            wait_s = retry_after(answer.headers.get("retry-after", ""), now)
            return Verdict(Meaning.BUSY, f"http_{answer.status}", wait_s or _LOCKED_S)
        return judge_status(answer, now)

    def plan(self, shipment: Shipment) -> Iterable[Call]:
        """Find who is to go and take them off; upsert who is to be there and put them on."""
        if shipment.taken:
            yield _find(shipment.target, shipment.taken)
        if shipment.put:
            yield _upsert(shipment.target, shipment.put)

    def erase(self, shipment: Shipment) -> Iterable[Call]:
        """Delete for good; who is not there is forgotten already."""
        for row in shipment.rows:
            body = encoded({"idProperty": "email", "objectId": row.identifiers["email"]})
            yield Call("POST", f"{_CONTACTS}/gdpr-delete", (row,), body, refused=absent)


def _upsert(target: str, rows: Rows) -> Call:
    inputs = [
        {
            "idProperty": "email",
            "id": row.identifiers["email"],
            "properties": {"email": row.identifiers["email"], **_properties(row)},
            _TRACE: str(place),
        }
        for place, row in enumerate(rows)
    ]
    return Call(
        "POST",
        f"{_CONTACTS}/batch/upsert",
        rows,
        encoded({"inputs": inputs}),
        read=partial(_upserted, target, rows),
        split=partial(_upsert, target),
    )


def _upserted(target: str, rows: Rows, answer: Answer) -> Reading:
    """Whoever got no record is refused; the others go on the list."""
    known = _known(rows, answer)
    found = {row.row_id for _, row in known}
    rejected = {row.row_id: "no_record" for row in rows if row.row_id not in found}
    return Reading(rejected, (_membership("add", target, known),) if known else ())


def _find(target: str, rows: Rows) -> Call:
    inputs = [{"id": row.identifiers["email"]} for row in rows]
    body = {"properties": ["email", _OTHERS], "idProperty": "email", "inputs": inputs}
    read, split = partial(_found, target, rows), partial(_find, target)
    return Call("POST", f"{_CONTACTS}/batch/read", rows, encoded(body), read=read, split=split)


def _found(target: str, rows: Rows, answer: Answer) -> Reading:
    """Who is not found is on no list."""
    known = _known(rows, answer)
    return Reading(then=(_membership("remove", target, known),) if known else ())


def _membership(verb: str, target: str, known: Sequence[tuple[str, Row]]) -> Call:
    path = f"/crm/v3/lists/{quote(target, safe='')}/memberships/{verb}"
    rows = tuple(row for _, row in known)
    body = encoded([record for record, _ in known])
    return Call("PUT", path, rows, body, read=partial(_listed, verb, known))


def _listed(verb: str, known: Sequence[tuple[str, Row]], answer: Answer) -> Reading:
    """Records that are missing cannot be added, and need not be removed."""
    missing = set(answer.json().get("recordIdsMissing") or ())
    refused = {row.row_id: "record_missing" for record, row in known if record in missing}
    return Reading(refused if verb == "add" else {})


def _known(rows: Rows, answer: Answer) -> list[tuple[str, Row]]:
    """Records of an answer, each with the row that it traces, else with the rows of its addresses."""
    by_place = {str(place): row for place, row in enumerate(rows)}
    by_email = {row.identifiers["email"].lower(): row for row in rows}

    def meant(result: Mapping[str, Any]) -> list[Row]:
        if result.get(_TRACE) in by_place:
            return [by_place[result[_TRACE]]]
        return [by_email[e] for e in _addresses(result["properties"]) if e in by_email]

    results = answer.json()["results"]
    return [(str(result["id"]), row) for result in results for row in meant(result)]


def _addresses(properties: Mapping[str, Any]) -> list[str]:
    """All addresses that find a contact: two that were merged have one and further ones."""
    told = f"{properties.get('email') or ''};{properties.get(_OTHERS) or ''}".lower()
    return [email.strip() for email in told.split(";")]


def _properties(row: Row) -> dict[str, str]:
    """Properties are texts."""
    return {name: as_text(value) for name, value in row.fields.items()}
