"""Every table of schema ``raw``: what was received, where it came from, what was refused."""

from __future__ import annotations

from ingestion.inventory_dealings import DEALS, LIFECYCLE_EVENTS, ORDERS, SUBSCRIPTIONS, TICKETS
from ingestion.inventory_events import EVENTS
from ingestion.inventory_loads import AS_OF, CONTRACT_VIOLATIONS, DROPPED_LOADS, LOADS, QUARANTINE
from ingestion.inventory_people import CONSENT_EVENTS, PERSON_RECORDS
from ingestion.inventory_reference import ACCOUNTS, CONTENT_ITEMS, IP_RANGES, MAIL_DOMAINS
from ingestion.mapping import KINDS
from warehouse import Table

__all__ = [
    "ACCOUNTS",
    "AS_OF",
    "CONSENT_EVENTS",
    "CONTENT_ITEMS",
    "CONTRACT_VIOLATIONS",
    "DEALS",
    "DROPPED_LOADS",
    "EVENTS",
    "IP_RANGES",
    "LIFECYCLE_EVENTS",
    "LOADS",
    "MAIL_DOMAINS",
    "ORDERS",
    "PERSON_RECORDS",
    "QUARANTINE",
    "SUBSCRIPTIONS",
    "TABLES",
    "TICKETS",
    "table_of",
]

TABLES: tuple[Table, ...] = (
    EVENTS, PERSON_RECORDS, ACCOUNTS, ORDERS, SUBSCRIPTIONS, LIFECYCLE_EVENTS, DEALS, TICKETS,
    CONTENT_ITEMS, IP_RANGES, CONSENT_EVENTS, LOADS, DROPPED_LOADS, QUARANTINE, CONTRACT_VIOLATIONS,
    MAIL_DOMAINS, AS_OF,
)  # fmt: skip


def table_of(kind: str) -> Table:
    """The table that a source of this kind fills."""
    names = {table.name.name: table for table in TABLES}
    return names[KINDS[kind].table] if kind in KINDS else EVENTS
