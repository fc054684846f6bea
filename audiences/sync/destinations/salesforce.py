"""Salesforce: membership is a checkbox of a contact or lead, found by an external id or address.

Records are changed by the id that a query finds; who is not found is made by an upsert, where the
settings name an external id field for it. Fields that hold a consent are refused.

Source: Salesforce, REST API (query, sObject Collections: 200 records, allOrNone false) and OAuth 2.0
client credentials.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    bearer,
    by_index,
    chunked,
    client_credentials,
    encoded,
)
from audiences.sync.settings import VariableName, VendorSettings

_NAME = r"^[A-Za-z][A-Za-z0-9_]*$"
_FOUND_AT_ONCE = 100  # values in one query, so that its address stays below 16 KB
_MOST = 200  # records of one collection; more may hold the values of one query
_FORBIDDEN = 403
_TOMORROW_S = 3600.0


class SalesforceSettings(VendorSettings):
    """A checkbox field of contacts or leads in Salesforce."""

    accepts: ClassVar = {"email": ("raw",), "person_id": ("raw",)}
    account_fields: ClassVar = ("record",)
    needs_target: ClassVar = "the API name of the checkbox field (true for members)"
    target_pattern: ClassVar = _NAME
    consent_fields: ClassVar = frozenset({"HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall"})

    kind: Literal["salesforce"] = Field(description="salesforce")
    domain: str = Field(
        pattern=r"^[a-z0-9.-]+\.salesforce\.com$", description="As in acme.my.salesforce.com."
    )
    client_id_env: VariableName = Field(description="Variable with the consumer key.")
    client_secret_env: VariableName = Field(description="Variable with the consumer secret.")
    record: Literal["Contact", "Lead"] = Field("Contact", description="The kind of record.")
    match_field: str = Field(
        "Email",
        pattern=_NAME,
        description="The field that holds the identifier: Email, or an external id field.",
    )
    create_missing: bool = Field(
        default=False,
        description="true: who is not found is created; match_field must be an external id.",
    )
    api_version: str = Field("v66.0", pattern=r"^v[0-9]+\.0$", description="Of the REST API.")


class Salesforce(Vendor[SalesforceSettings]):
    """Salesforce's contacts or leads."""

    __slots__ = ()

    facts = Facts(
        title="Salesforce",
        api="v66.0",
        semantics=Semantics.PER_ROW,
        idempotency=Idempotency.NATURAL,
        max_rows=_MOST,
        rates=(Rate(25, 20),),  # the limit is one of calls a day
        erasure="deletes the records that are found",
        traps="HasOptedOutOfEmail, HasOptedOutOfFax and DoNotCall are refused as fields",
    )

    @property
    def host(self) -> str:
        """The organisation's address."""
        return f"https://{self.settings.domain}"

    def headers(self, token: str) -> Mapping[str, str]:
        """The token."""
        return bearer(token)

    def login(self, now: datetime) -> Call | None:  # noqa: ARG002 - no signature
        """Client credentials."""
        return client_credentials("/services/oauth2/token", self.secrets)

    def judge(self, answer: Answer, now: datetime) -> Verdict:
        """By its status; a used-up number of calls is a 403 with a code."""
        if answer.status == _FORBIDDEN and b"REQUEST_LIMIT_EXCEEDED" in answer.body:
            return Verdict(Meaning.BUSY, "request_limit_exceeded", _TOMORROW_S)
        return judge_status(answer, now)

    def plan(self, shipment: Shipment) -> Iterable[Call]:
        """Find everyone, then set the checkbox; create who is missing, where that is wanted."""
        take, put = partial(self._taken, shipment.target), partial(self._put, shipment.target)
        for rows in chunked(shipment.taken, _FOUND_AT_ONCE):
            yield self._find(rows, take)
        for rows in chunked(shipment.put, _FOUND_AT_ONCE):
            yield self._find(rows, put)

    def erase(self, shipment: Shipment) -> Iterable[Call]:
        """Find the records and delete them."""
        for rows in chunked(shipment.rows, _FOUND_AT_ONCE):
            yield self._find(rows, self._delete)

    def _find(self, rows: Rows, use: Any) -> Call:
        field, values = self.settings.match_field, ",".join(_literal(_value(r)) for r in rows)
        query = f"SELECT Id, {field} FROM {self.settings.record} WHERE {field} IN ({values})"
        path = f"{self._path()}/query?q={quote(query, safe='')}"
        read, split = partial(self._found, rows, use), partial(self._find, use=use)
        return Call("GET", path, rows, read=read, split=split)

    def _found(self, rows: Rows, use: Any, answer: Answer) -> Reading:
        """Several records may hold one address: all of them are meant."""
        by_value = {_value(row).lower(): row for row in rows}
        records = [
            (record["Id"], by_value.get(str(record[self.settings.match_field]).lower()))
            for record in answer.json()["records"]
        ]
        reading: Reading = use(rows, [(found, row) for found, row in records if row is not None])
        return reading

    def _taken(self, target: str, rows: Rows, known: Sequence[tuple[str, Row]]) -> Reading:  # noqa: ARG002 - who is not found has no checkbox
        records = [{"id": found, target: False} for found, _ in known]
        return Reading(then=self._update(records, known))

    def _put(self, target: str, rows: Rows, known: Sequence[tuple[str, Row]]) -> Reading:
        records = [{"id": found, **row.fields, target: True} for found, row in known]
        calls = self._update(records, known)
        ids = {row.row_id for _, row in known}
        missing = tuple(row for row in rows if row.row_id not in ids)
        if missing and self.settings.create_missing:
            return Reading(then=(*calls, self._create(target, missing)))
        return Reading({row.row_id: "no_record" for row in missing}, calls)

    def _update(
        self, records: Sequence[Mapping[str, Any]], known: Sequence[tuple[str, Row]]
    ) -> tuple[Call, ...]:
        path = f"{self._path()}/composite/sobjects"
        rows = [row for _, row in known]
        return tuple(
            self._collection(
                path, records[first : first + _MOST], tuple(rows[first : first + _MOST])
            )
            for first in range(0, len(records), _MOST)
        )

    def _create(self, target: str, rows: Rows) -> Call:
        field = self.settings.match_field
        records = [{field: _value(row), **row.fields, target: True} for row in rows]
        path = f"{self._path()}/composite/sobjects/{self.settings.record}/{field}"
        return self._collection(path, records, rows)

    def _collection(self, path: str, records: Sequence[Mapping[str, Any]], rows: Rows) -> Call:
        kind = {"attributes": {"type": self.settings.record}}
        body = {"allOrNone": False, "records": [{**kind, **record} for record in records]}
        read, split = partial(_results, rows), partial(self._some, path, records, rows)
        is_each_once = len({row.row_id for row in rows}) == len(rows)
        split_if = split if is_each_once else None
        return Call("PATCH", path, rows, encoded(body), read=read, split=split_if)

    def _some(
        self, path: str, records: Sequence[Mapping[str, Any]], rows: Rows, wanted: Rows
    ) -> Call:
        """The records of some rows: a value of the wrong type has the whole request refused."""
        ids = {row.row_id for row in wanted}
        kept = [record for record, row in zip(records, rows, strict=True) if row.row_id in ids]
        return self._collection(path, kept, wanted)

    def _delete(self, rows: Rows, known: Sequence[tuple[str, Row]]) -> Reading:  # noqa: ARG002 - who is not found is forgotten
        parts = (known[first : first + _MOST] for first in range(0, len(known), _MOST))
        return Reading(then=tuple(map(self._deletion, parts)))

    def _deletion(self, known: Sequence[tuple[str, Row]]) -> Call:
        ids = ",".join(found for found, _ in known)
        path = f"{self._path()}/composite/sobjects?ids={ids}&allOrNone=false"
        rows = tuple(row for _, row in known)
        return Call("DELETE", path, rows, read=partial(_results, rows))

    def _path(self) -> str:
        return f"/services/data/{self.settings.api_version}"


def _results(rows: Rows, answer: Answer) -> Reading:
    """A result for each record, in the order of the request."""
    return Reading(
        by_index(
            rows,
            {
                place: str(result["errors"][0]["statusCode"]).lower()
                for place, result in enumerate(answer.json())
                if not result["success"]
            },
        )
    )


def _value(row: Row) -> str:
    return row.identifiers.get("person_id") or row.identifiers["email"]


def _literal(value: str) -> str:
    """A text in SOQL, with what would end it escaped."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
