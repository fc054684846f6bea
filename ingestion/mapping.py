"""The kinds of records, the fields that a file can be mapped to, and how each is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class FieldType(StrEnum):
    """How the text of a field becomes a value."""

    TEXT = "text"
    EMAIL = "email"
    NUMBER = "number"
    WHOLE = "whole"
    TIME = "time"
    CONSENT = "consent"


@dataclass(frozen=True, slots=True)
class RecordKind:
    """One kind of record.

    Attributes:
        table: Name of its table in schema ``raw``.
        key: The column that identifies a record within its source.
        fields: What a file can be mapped to, and how each is read.
        required: Fields without which a row is refused.
        needs_id: Whether the source must name the key's column.
        keeps_attributes: Whether columns that are not mapped are kept as JSON.
    """

    table: str
    key: str
    fields: Mapping[str, FieldType]
    required: tuple[str, ...]
    needs_id: bool = True
    keeps_attributes: bool = True


def _texts(names: str) -> dict[str, FieldType]:
    return dict.fromkeys(names.split(), FieldType.TEXT)


KINDS: Mapping[str, RecordKind] = {
    "person_records": RecordKind(
        "person_records",
        "source_record_id",
        _texts(
            "source_record_id first_name middle_name last_name full_name email phone street city state "
            "postal_code country birth_date company_name company_domain job_title lifecycle_stage "
            "account_id"
        ),
        ("source_record_id",),
    ),
    "accounts": RecordKind(
        "accounts",
        "account_id",
        {
            **_texts("account_id name domain website industry country account_type"),
            "employee_count": FieldType.WHOLE,
            "annual_revenue": FieldType.NUMBER,
        },
        ("account_id",),
    ),
    "orders": RecordKind(
        "orders",
        "order_id",
        {
            **_texts("order_id sku currency status"),
            "amount": FieldType.NUMBER,
            "ordered_at": FieldType.TIME,
        },
        ("order_id", "ordered_at"),
    ),
    "tickets": RecordKind(
        "tickets",
        "ticket_id",
        {
            **_texts("ticket_id subject topic priority"),
            "opened_at": FieldType.TIME,
            "solved_at": FieldType.TIME,
            "satisfaction": FieldType.NUMBER,
        },
        ("ticket_id",),
    ),
    "content_items": RecordKind(
        "content_items",
        "content_id",
        {
            **_texts("content_id url title topic content_type funnel_stage target_persona summary"),
            "published_at": FieldType.TIME,
            "word_count": FieldType.WHOLE,
        },
        ("content_id",),
    ),
    "ip_ranges": RecordKind(
        "ip_ranges",
        "cidr",
        {**_texts("cidr domain"), "confidence": FieldType.NUMBER},
        ("cidr", "domain"),
        keeps_attributes=False,
    ),
    "consent_events": RecordKind(
        "consent_events",
        "consent_event_id",
        {
            **_texts("anonymous_id purpose channel"),
            "subject_email": FieldType.EMAIL,
            "status": FieldType.CONSENT,
            "occurred_at": FieldType.TIME,
        },
        ("purpose", "status", "occurred_at"),
        needs_id=False,
        keeps_attributes=False,
    ),
}
