"""Marketo Engage: leads are upserted by e-mail address, then put on a static list by their ids.

Errors come with status 200: what an answer means stands in the codes of its body.

Source: Marketo's Swagger description of the REST API; Adobe, "Error codes" and "Integration best
practices" for codes and rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Literal
from urllib.parse import quote, urlencode

from pydantic import Field

from audiences.sync.destinations.exchange import Answer, Meaning, Rate, Verdict, judge_status
from audiences.sync.destinations.vendor import (
    Call,
    Facts,
    Idempotency,
    Reading,
    Rows,
    Semantics,
    Shipment,
    Vendor,
    bearer,
    by_index,
    chunked,
    client_credentials,
    encoded,
)
from audiences.sync.settings import VariableName, VendorSettings

_EXPIRED = frozenset({"601", "602"})
_BUSY = {"604": 5.0, "606": 20.0, "607": 86_400.0, "608": 5.0, "611": 5.0, "615": 5.0}  # seconds
_FINAL = frozenset({"600", "603", "605", "610"})
_FOUND_AT_ONCE = 100  # addresses in one query, so that its length stays below 8 KB


class MarketoSettings(VendorSettings):
    """A static list in Marketo."""

    accepts: ClassVar = {"email": ("raw",)}
    needs_target: ClassVar = "the number of the static list"
    target_pattern: ClassVar = r"[0-9]+"
    consent_fields: ClassVar = frozenset({"unsubscribed", "emailInvalid", "marketingSuspended"})

    kind: Literal["marketo"] = Field(description="marketo")
    munchkin_id: str = Field(
        pattern=r"^[0-9]{3}-[A-Za-z]{3}-[0-9]{3}$", description="The account, as in 123-ABC-456."
    )
    client_id_env: VariableName = Field(description="Variable with the client id.")
    client_secret_env: VariableName = Field(description="Variable with the client secret.")


class Marketo(Vendor[MarketoSettings]):
    """Marketo's static lists."""

    __slots__ = ()

    facts = Facts(
        title="Marketo",
        api="v1",
        semantics=Semantics.PER_ROW,
        idempotency=Idempotency.NATURAL,
        max_rows=300,
        max_bytes=1_000_000,
        rates=(Rate(100, 20),),  # shared by the whole instance
        erasure="leads/delete, after finding the leads",
        traps="unsubscribed, emailInvalid and marketingSuspended are refused as fields",
    )

    @property
    def host(self) -> str:
        """The account's address."""
        return f"https://{self.settings.munchkin_id.lower()}.mktorest.com"

    def headers(self, token: str) -> Mapping[str, str]:
        """The token."""
        return bearer(token)

    def login(self, now: datetime) -> Call | None:  # noqa: ARG002 - no signature
        """Client credentials."""
        return client_credentials("/identity/oauth/token", self.secrets)

    def judge(self, answer: Answer, now: datetime) -> Verdict:
        """By the codes in its body."""
        verdict, found = judge_status(answer, now), answer.json()
        errors = found.get("errors") if isinstance(found, dict) else None
        if verdict.meaning is not Meaning.TAKEN or not errors:
            return verdict
        code = str(errors[0].get("code", ""))
        if code in _BUSY:
            return Verdict(Meaning.BUSY, f"code_{code}", _BUSY[code])
        meaning = Meaning.EXPIRED if code in _EXPIRED else Meaning.REFUSED
        return Verdict(Meaning.FINAL if code in _FINAL else meaning, f"code_{code}")

    def plan(self, shipment: Shipment) -> Iterable[Call]:
        """Find who is to go and take them off; upsert who is to be there and put them on."""
        for rows in chunked(shipment.taken, _FOUND_AT_ONCE):
            yield _find(rows, partial(_membership, "DELETE", shipment.target))
        if shipment.put:
            yield _upsert(shipment.target, shipment.put)

    def erase(self, shipment: Shipment) -> Iterable[Call]:
        """Find the leads and delete them."""
        for rows in chunked(shipment.rows, _FOUND_AT_ONCE):
            yield _find(rows, _delete)


def _upsert(target: str, rows: Rows) -> Call:
    body = {
        "action": "createOrUpdate",
        "lookupField": "email",
        "input": [{"email": row.identifiers["email"], **row.fields} for row in rows],
    }
    read = partial(_upserted, target, rows)
    split = partial(_upsert, target)
    return Call("POST", "/rest/v1/leads.json", rows, encoded(body), read=read, split=split)


def _upserted(target: str, rows: Rows, answer: Answer) -> Reading:
    """A result a row, in the order of the request; who has an id goes on the list."""
    results = answer.json()["result"]
    known = [(r["id"], row) for row, r in zip(rows, results, strict=True) if "id" in r]
    then = (_membership("POST", target, known),) if known else ()
    return Reading(_skipped(rows, results), then)


def _membership(verb: str, target: str, known: Sequence[tuple[int, Any]]) -> Call:
    ids = [lead for lead, _ in known]
    rows = tuple(row for _, row in known)
    query = "" if verb == "POST" else "?" + urlencode({"id": ids}, doseq=True)
    path = f"/rest/v1/lists/{quote(target, safe='')}/leads.json{query}"
    body = encoded({"input": [{"id": lead} for lead in ids]})
    return Call(verb, path, rows, body, read=lambda answer: Reading(_listed(rows, answer)))


def _listed(rows: Rows, answer: Answer) -> dict[str, str]:
    return _skipped(rows, answer.json()["result"])


def _skipped(rows: Rows, results: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Rows that were left out with a reason; without one there was nothing to do."""
    return by_index(
        rows,
        {
            place: f"code_{result['reasons'][0]['code']}"
            for place, result in enumerate(results)
            if result.get("reasons")
        },
    )


def _find(rows: Rows, use: Any) -> Call:
    values = [("filterValues", row.identifiers["email"]) for row in rows]
    query = urlencode([("filterType", "email"), *values, ("fields", "email")])
    read, split = partial(_found, rows, use), partial(_find, use=use)
    return Call("GET", f"/rest/v1/leads.json?{query}", rows, read=read, split=split)


def _found(rows: Rows, use: Any, answer: Answer) -> Reading:
    """Several leads may have one address: all of them are meant. Who has none is not there."""
    by_email = {row.identifiers["email"].lower(): row for row in rows}
    leads = [(lead["id"], by_email.get(lead["email"].lower())) for lead in answer.json()["result"]]
    known = [(lead, row) for lead, row in leads if row is not None]
    return Reading(then=(use(known),) if known else ())


def _delete(known: Sequence[tuple[int, Any]]) -> Call:
    rows = tuple(row for _, row in known)
    body = encoded({"input": [{"id": lead} for lead, _ in known]})
    read = partial(_deleted, rows)
    return Call("POST", "/rest/v1/leads/delete.json", rows, body, read=read)


def _deleted(rows: Rows, answer: Answer) -> Reading:
    return Reading(_listed(rows, answer))
