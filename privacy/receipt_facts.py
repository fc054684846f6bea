"""What a receipt says, field by field, from version 3 on; also its JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import pydantic
from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from privacy.errors import ReceiptError
from privacy.receipt import Receipt

_Count = Field(ge=0)
_FIRST = 3  # the first version whose receipts have this form


class _Facts(pydantic.BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Place(_Facts):
    """Rows of the person in one place."""

    location: str = Field(description="Table, file or folder.")
    rows_found: int = Field(ge=1, description="Rows, lines or files before the erasure.")
    rows_left: Literal[0] = Field(description="After it; otherwise there is no receipt.")
    requests_counted: int = Field(
        ge=1, description="Requests that the count spans; 1 where each was counted alone."
    )


class Destination(_Facts):
    """What one destination answered for one sync."""

    destination: str = Field(description="Its key in destinations.yml.")
    sync: str = Field(description="The sync that had sent the person there.")
    persons: int = Field(ge=1, description="Ids of the person that it was told to forget.")
    status: Literal["confirmed"] = Field(description="Otherwise there is no receipt.")
    told: Literal["erasure", "removal"] | None = Field(
        None,
        description="erasure: to forget the person; removal: it has no call for that, and was told to take "
        "the person out of all that they were sent to; null: an earlier version did not write it down. "
        "Receipts of version 3 do not have it.",
    )
    batch: str | None = Field(
        description="Key under which it was told; null: it had confirmed a removal before."
    )
    answer: str | None = Field(
        description="What it answered, as HTTP 202; null where it is no service, such as a file."
    )


class Model(_Facts):
    """A version of a model that had learnt from the person, or may have."""

    model: str = Field(description="Its key in predictions.yml.")
    version: str = Field(description="See `candor predict versions`.")
    algorithm: str = Field(description="How it learnt.")
    status: str = Field(description="Before the erasure: champion, refused or retired.")
    has_learnt: Literal[True] | None = Field(
        description="true: from the person; null: it is not known from whom, it was trained before that "
        "was written down, and may have learnt from the person."
    )
    outcome: Literal["kept", "no_file"] = Field(
        description="kept: its file was searched and names nobody, it stays until it is trained anew; "
        "no_file: it has none, or had one that held a trace and was removed."
    )


class LeftAlone(_Facts):
    """Identifiers that stay."""

    kind: str
    reason: str
    identifiers: int = _Count


class Suppressed(_Facts):
    """Identifiers that are kept out, under one version of the key."""

    key_version: str
    key_fingerprint: str
    identifiers: int = Field(
        ge=0,
        description="All that are named under identifiers, but for ids of the kind person_id: those are "
        "Candor's own and never arrive from outside.",
    )


class SubjectKey(_Facts):
    """The key of the pseudonym."""

    key_version: str
    key_fingerprint: str


class Search(_Facts):
    """The search for traces."""

    hits: Literal[0] = Field(description="Traces; otherwise there is no receipt.")
    probes_found: int = Field(ge=1, description="Hiding places in which it proved that it finds.")
    files: int = Field(ge=0, description="Files searched, beside the warehouse.")
    values: int = Field(ge=0, description="Values sought.")
    verifier: int = Field(ge=2, description="Version of the search.")


class Audit(_Facts):
    """The entry of the audit log that was last then."""

    position: int = _Count
    entry_hash: str


class Backup(_Facts):
    """A backup that may still hold the person."""

    name: str
    expires_at: datetime


_TOLD_FROM_4: JsonDict = {
    "if": {"properties": {"version": {"const": 4}}},
    "then": {"properties": {"destinations": {"items": {"required": ["told"]}}}},
}


class ReceiptFacts(_Facts):
    """The content of a receipt; names no person. Times are UTC, without a zone."""

    model_config = ConfigDict(json_schema_extra=_TOLD_FROM_4)

    version: Literal[3, 4]
    subject_request_id: str
    request_type: Literal["erasure"]
    regulation: Literal["gdpr", "ccpa"]
    submitted_at: datetime = Field(description="When the person asked.")
    received_at: datetime = Field(description="When the request was first read.")
    due_at: datetime = Field(description="The legal deadline.")
    proven_at: datetime = Field(description="When the search was clean.")
    subject: str = Field(description="HMAC of all that was held of the person.")
    subject_key: SubjectKey
    identifiers: dict[str, int] = Field(description="Identifiers of the person, by kind.")
    left_alone: tuple[LeftAlone, ...]
    locations_searched: int = _Count
    locations: tuple[Place, ...]
    destinations: tuple[Destination, ...]
    models: tuple[Model, ...]
    suppressed: tuple[Suppressed, ...]
    scan: Search
    audit: Audit
    backups: tuple[Backup, ...]

    @pydantic.field_validator("destinations")
    @classmethod
    def _tell_what_was_told(
        cls, destinations: tuple[Destination, ...], info: pydantic.ValidationInfo
    ) -> tuple[Destination, ...]:
        is_due = info.data.get("version") == 4
        if is_due and any("told" not in item.model_fields_set for item in destinations):
            raise ValueError("a destination lacks told")
        return destinations

    @property
    def summary(self) -> str:
        """What it says, in one sentence for a person."""
        rows = sum(place.rows_found for place in self.locations)
        removed = sum(item.told == "removal" for item in self.destinations)
        only = f" ({removed} could only remove the person from what was sent)" if removed else ""
        known = sum(bool(model.has_learnt) for model in self.models)
        unknown = len(self.models) - known
        may_have = f" and {unknown} may have" if unknown else ""
        return (
            f"It says: {_counted(rows, 'row')} in {_counted(len(self.locations), 'place')} found and none "
            f"left, {_counted(len(self.destinations), 'destination')} confirmed{only}, "
            f"{_counted(known, 'model')} had learnt from the person{may_have}, 0 traces in "
            f"{_counted(self.scan.files, 'file')} (search {self.scan.verifier}, "
            f"{_counted(self.scan.probes_found, 'hiding place')})."
        )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def check_facts(receipt: Receipt) -> ReceiptFacts | None:
    """Read the content of a receipt; None where it is of a version that had no such form.

    Raises:
        ReceiptError: It lacks what a receipt of its version says, or its version is not known.
    """
    version = receipt.facts.get("version")
    if "addendum" in receipt.facts:
        raise ReceiptError("it is an addendum to a receipt, and no receipt")
    if isinstance(version, int) and version < _FIRST:
        return None
    try:
        return ReceiptFacts.model_validate(receipt.facts)
    except pydantic.ValidationError as error:
        raise ReceiptError(
            f"it is signed, but these parts are missing or not as they must be: {_places(error)}"
        ) from error


def require_facts(facts: Mapping[str, Any]) -> None:
    """Check what is about to be signed: a receipt that cannot be verified is none.

    Raises:
        ReceiptError: A part is missing, or not as it must be.
    """
    try:
        ReceiptFacts.model_validate(facts)
    except pydantic.ValidationError as error:
        raise ReceiptError(
            f"nothing was signed, since these parts are missing or not as they must be: {_places(error)}"
        ) from None


def _places(error: pydantic.ValidationError) -> str:
    """Which parts; no value of them."""
    return ", ".join(
        sorted({".".join(str(part) for part in item["loc"]) for item in error.errors()})
    )


def receipt_schema() -> dict[str, Any]:
    """The JSON Schema of the content of a receipt (draft 2020-12)."""
    schema = ReceiptFacts.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
