"""Klaviyo: profiles are imported into a list, and taken off it by their ids.

Nothing here subscribes anybody: the jobs that do (``profile-subscription-bulk-create-jobs``) also
lift what suppresses a person there, such as a complaint about spam.

Source: Klaviyo's OpenAPI description, revision 2026-07-15.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal
from urllib.parse import quote, urlsplit

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
    chunked,
    encoded,
    in_doubt,
)
from audiences.sync.settings import VariableName, VendorSettings

_JSON_API = "application/vnd.api+json"
_NAMES = {"email": "email", "phone": "phone_number", "person_id": "external_id"}
# Attributes of a profile itself; everything else is one of its properties.
_OWN = frozenset({"first_name", "last_name", "organization", "locale", "title", "image"})
_POINTER = re.compile(r"/data/attributes/profiles/data/(\d+)")
_FOUND_AT_ONCE = 100  # page[size] of GET /api/profiles is at most 100
_POLL_S = 2.0


class KlaviyoSettings(VendorSettings):
    """A list in Klaviyo."""

    accepts: ClassVar = {"email": ("raw",), "phone": ("raw",), "person_id": ("raw",)}
    needs_target: ClassVar = "the id of the list"

    kind: Literal["klaviyo"] = Field(description="klaviyo")
    api_key_env: VariableName = Field(description="Variable with the private API key, pk_….")


class Klaviyo(Vendor[KlaviyoSettings]):
    """Klaviyo's lists."""

    __slots__ = ()

    facts = Facts(
        title="Klaviyo",
        api="2026-07-15",
        semantics=Semantics.ASYNC_JOB,
        idempotency=Idempotency.NATURAL,
        max_rows=1000,  # profiles of one removal; an import takes 10,000
        max_bytes=5_000_000,
        rates=(Rate(10, 1), Rate(150, 60)),
        erasure_rates=(Rate(3, 1), Rate(60, 60)),
        erasure="data-privacy-deletion-jobs, one request a person",
        traps="subscribe jobs are never used: they change consent and lift suppressions",
    )
    host = "https://a.klaviyo.com"

    def headers(self, token: str) -> Mapping[str, str]:  # noqa: ARG002 - the key is the token
        """The private key and the revision that the requests are made for."""
        key = self.secrets["api_key_env"]
        return {
            "Authorization": f"Klaviyo-API-Key {key}",
            "revision": self.facts.api,
            "Accept": _JSON_API,
        }

    def plan(self, shipment: Shipment) -> Iterable[Call]:
        """Find who is to go and take them off; import who is to be there."""
        for rows in chunked(shipment.taken, _FOUND_AT_ONCE):
            for kind, some in _by_kind(rows).items():
                yield _find(kind, some, partial(_remove, shipment.target))
        if shipment.put:
            yield _import(shipment.target, shipment.put)

    def erase(self, shipment: Shipment) -> Iterable[Call]:
        """One deletion job a person, by address or number; by id after finding it."""
        for row in shipment.rows:
            kind = next((k for k in ("email", "phone") if k in row.identifiers), None)
            if kind is not None:
                yield _forget(row, {"attributes": {_NAMES[kind]: row.identifiers[kind]}})
            else:
                yield _find("person_id", (row,), _forget_found)


def _import(target: str, rows: Rows) -> Call:
    profiles = {"data": [_profile(row) for row in rows]}
    job = {
        "type": "profile-bulk-import-job",
        "attributes": {"profiles": profiles},
        "relationships": {"lists": {"data": [{"type": "list", "id": target}]}},
    }
    return Call(
        "POST",
        "/api/profile-bulk-import-jobs",
        rows,
        encoded({"data": job}),
        _JSON_API,
        read=partial(_started, rows),
        split=partial(_import, target),
    )


def _profile(row: Row) -> dict[str, Any]:
    sent = {_NAMES[kind]: value for kind, value in row.identifiers.items()}
    own = {name: value for name, value in row.fields.items() if name in _OWN}
    others = {name: value for name, value in row.fields.items() if name not in _OWN}
    attributes = {**sent, **own, **({"properties": others} if others else {})}
    return {"type": "profile", "attributes": attributes}


def _started(rows: Rows, answer: Answer) -> Reading:
    return Reading(then=(_poll(rows, answer.json()["data"]["id"]),))


def _poll(rows: Rows, job_id: str) -> Call:
    path = f"/api/profile-bulk-import-jobs/{quote(job_id, safe='')}"
    return Call(
        "GET", path, rows, read=partial(_polled, rows, job_id), wait_s=_POLL_S, is_poll=True
    )


def _polled(rows: Rows, job_id: str, answer: Answer) -> Reading:
    found = answer.json()["data"]["attributes"]
    if found["status"] in {"queued", "processing"}:
        return Reading(then=(_poll(rows, job_id),))
    if found["status"] == "cancelled":
        return in_doubt(rows, "job_cancelled")
    path = (
        f"/api/profile-bulk-import-jobs/{quote(job_id, safe='')}/import-errors?page%5Bsize%5D=100"
    )
    errors = Call("GET", path, rows, read=partial(_errors, rows))
    return Reading(then=(errors,)) if found.get("failed_count") else Reading()


def _errors(rows: Rows, answer: Answer) -> Reading:
    """Rows by the place that an error points to; one that points nowhere puts all in doubt."""
    page = answer.json()
    places = [_POINTER.match(e["attributes"]["source"].get("pointer") or "") for e in page["data"]]
    if not all(places):
        return in_doubt(rows, "unplaced_error")
    rejected = by_index(rows, {int(place[1]): "import_error" for place in places if place})
    following = (page.get("links") or {}).get("next")
    then = (Call("GET", _path(following), rows, read=partial(_errors, rows)),) if following else ()
    return Reading(rejected, then)


def _path(link: str) -> str:
    """Path and query of a link: the key goes to the host that is configured, and to no other."""
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"


def _by_kind(rows: Rows) -> Mapping[str, Rows]:
    """Rows by the identifier that finds them."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        kind = next((k for k in _NAMES if k in row.identifiers), None)
        if kind is not None:
            found.setdefault(kind, []).append(row)
    return {kind: tuple(some) for kind, some in found.items()}


def _find(kind: str, rows: Rows, use: Any) -> Call:
    """Ask for the profiles that rows stand for; ``use`` makes calls of rows and ids."""
    values = ",".join(f'"{_escaped(row.identifiers[kind])}"' for row in rows)
    query = quote(f"any({_NAMES[kind]},[{values}])", safe="")
    path = f"/api/profiles?filter={query}&page%5Bsize%5D=100&fields%5Bprofile%5D={_NAMES[kind]}"
    split = partial(_find, kind, use=use)
    return Call("GET", path, rows, read=partial(_found, kind, rows, use), split=split)


def _found(kind: str, rows: Rows, use: Any, answer: Answer) -> Reading:
    """Who is not found is not there: nothing to do. Addresses may be held in another case."""
    told = str.lower if kind == "email" else str
    ids = {told(p["attributes"][_NAMES[kind]]): p["id"] for p in answer.json()["data"]}
    named = [(row, told(row.identifiers[kind])) for row in rows]
    known = [(row, ids[name]) for row, name in named if name in ids]
    return Reading(then=use(known) if known else ())


def _remove(target: str, known: Sequence[tuple[Row, str]]) -> tuple[Call, ...]:
    body = encoded({"data": [{"type": "profile", "id": found} for _, found in known]})
    path = f"/api/lists/{quote(target, safe='')}/relationships/profiles"
    return (Call("DELETE", path, tuple(row for row, _ in known), body, _JSON_API),)


def _forget_found(known: Sequence[tuple[Row, str]]) -> tuple[Call, ...]:
    return tuple(_forget(row, {"id": found, "attributes": {}}) for row, found in known)


def _forget(row: Row, who: Mapping[str, Any]) -> Call:
    profile = {"data": {"type": "profile", **who}}
    job = {"type": "data-privacy-deletion-job", "attributes": {"profile": profile}}
    path = "/api/data-privacy-deletion-jobs"
    return Call("POST", path, (row,), encoded({"data": job}), _JSON_API)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
