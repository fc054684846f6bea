"""The kinds of records, the fields that a file can be mapped to, and how each is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ingestion.presets import PRESETS


class FieldType(StrEnum):
    """How the text of a field becomes a value."""

    TEXT = "text"
    EMAIL = "email"
    NUMBER = "number"
    WHOLE = "whole"
    TIME = "time"
    CONSENT = "consent"
    FLAG = "flag"


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
        has_person: Whether a row may say whose it is.
        hashed: Columns from which the key is made where the source names none.
        versioned_by: Columns that make a version; empty: the whole row.
    """

    table: str
    key: str
    fields: Mapping[str, FieldType]
    required: tuple[str, ...]
    needs_id: bool = True
    keeps_attributes: bool = True
    has_person: bool = False
    hashed: tuple[str, ...] = ()
    versioned_by: tuple[str, ...] = ()


def _texts(names: str) -> dict[str, FieldType]:
    return dict.fromkeys(names.split(), FieldType.TEXT)


def _numbers(names: str) -> dict[str, FieldType]:
    return dict.fromkeys(names.split(), FieldType.NUMBER)


def _times(names: str) -> dict[str, FieldType]:
    return dict.fromkeys(names.split(), FieldType.TIME)


_PERSON = ("person_source", "person_record_id")
_ROWS: Mapping[str, RecordKind] = {
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
        has_person=True,
    ),
    "subscriptions": RecordKind(
        "subscriptions",
        "subscription_id",
        {
            **_texts("subscription_id account_id plan status billing_period currency"),
            **_numbers("quantity amount mrr"),
            **_times("started_at trial_ends_at renews_at cancelled_at ended_at"),
        },
        ("subscription_id",),
        has_person=True,
    ),
    "lifecycle_events": RecordKind(
        "lifecycle_events",
        "lifecycle_event_id",
        {**_texts("lifecycle_event_id stage previous_stage"), "changed_at": FieldType.TIME},
        ("stage", "changed_at"),
        needs_id=False,
        keeps_attributes=False,
        has_person=True,
        hashed=(*_PERSON, "person_email", "stage", "changed_at"),
        versioned_by=(*_PERSON, "person_email", "stage", "previous_stage", "changed_at"),
    ),
    "deals": RecordKind(
        "deals",
        "deal_id",
        {
            **_texts("deal_id account_id name deal_type pipeline stage currency"),
            **_numbers("amount probability"),
            **dict.fromkeys(("is_closed", "is_won"), FieldType.FLAG),
            "closed_at": FieldType.TIME,
        },
        ("deal_id",),
        has_person=True,
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
        has_person=True,
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
        has_person=True,
        hashed=(
            *("subject_email", "anonymous_id", *_PERSON),
            *("purpose", "status", "occurred_at"),
        ),
    ),
}

# Every kind of source whose rows are records, by what its rows are; an export of a known tool too.
KINDS: Mapping[str, RecordKind] = {
    **_ROWS,
    **{name: _ROWS[preset.kind] for name, preset in PRESETS.items() if preset.kind in _ROWS},
}

# What a file of events can be mapped to, beside what the source says of all its rows.
EVENT_FIELDS: Mapping[str, FieldType] = {
    **_texts(
        "event type anonymous_id user_id previous_id group_id channel session_id page_url page_path "
        "page_title page_referrer campaign_source campaign_medium campaign_name campaign_term "
        "campaign_content ip user_agent locale timezone device_type content_id search_query download "
        "block"
    ),
    "email": FieldType.EMAIL,
    **_times("occurred_at original_timestamp sent_at received_at"),
    **_numbers("scroll_depth time_on_page_s"),
    "item_position": FieldType.WHOLE,
}
