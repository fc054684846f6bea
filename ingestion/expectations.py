"""What is expected of each raw table: completeness, sets of values, volume."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ingestion import formats, load, records
from ingestion.inventory import (
    ACCOUNTS,
    AS_OF,
    CONSENT_EVENTS,
    CONTENT_ITEMS,
    EVENTS,
    IP_RANGES,
    LOADS,
    ORDERS,
    PERSON_RECORDS,
    QUARANTINE,
    TICKETS,
)
from ingestion.mapping import KINDS
from warehouse import ExpectationReport, Fact, Suite, Table, TableName, Warehouse, judge

# A source that has changed its form refuses nearly everything; single bad lines are daily life.
# Fernhill-like event streams refuse 0.3 %, so ten per cent is far from both.
MAX_REFUSED_SHARE = 0.10

EVENT_TYPES = ("identify", "page", "screen", "track", "group", "alias", "merge")


def judge_table(warehouse: Warehouse, table: TableName) -> ExpectationReport:
    """Judge one raw table by its suite; holds counts, never a value."""
    return judge(warehouse, SUITES[table])


def _complete(*columns: str) -> Iterable[Fact]:
    for column in columns:
        yield Fact(f"{column}_is_never_null", f"count(*) - count({column})", at_most=0)


def _among(column: str, values: Iterable[str]) -> Fact:
    listed = ", ".join(f"'{value}'" for value in values)
    return Fact(
        f"{column}_is_a_known_word", f"count(*) filter ({column} not in ({listed}))", at_most=0
    )


def _unique(table: Table) -> Fact:
    return Fact(
        f"{'_and_'.join(table.key)}_identify_a_row",
        f"count(*) - count(distinct ({', '.join(table.key)},))",
        at_most=0,
    )


def _volume(*kinds: str) -> Iterable[Fact]:
    """Few rows are refused, and no row stands there that no load counted."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    loads = f"from {LOADS.name.sql} where kind in ({listed})"
    yield Fact(
        "few_rows_are_refused",
        f"select coalesce(sum(rows_quarantined) / nullif(sum(rows_in), 0), 0) {loads}",
        at_most=MAX_REFUSED_SHARE,
    )
    yield Fact(
        "no_row_is_there_that_no_load_counted",
        f"count(*) - (select coalesce(sum(rows_loaded), 0) {loads})",
        at_most=0,
    )


def _share(column: str) -> Fact:
    return Fact(
        f"{column}_lies_between_0_and_1",
        f"count(*) filter ({column} < 0 or {column} > 1)",
        at_most=0,
    )


def _suite(table: Table, *facts: Fact) -> tuple[TableName, Suite]:
    kinds = [kind for kind, record in KINDS.items() if record.table == table.name.name]
    volume = _volume(*(kinds or formats.FORMATS))
    origin = _complete("load_id", "source", "file", *table.key)
    distinct = {fact.claim: fact for fact in (*origin, _unique(table), *facts, *volume)}
    return table.name, Suite(table.name, tuple(distinct.values()))


_REFUSALS = sorted({*formats.REASONS, *records.REASONS, load.UNREADABLE_FILE})

SUITES: Mapping[TableName, Suite] = dict(
    [
        _suite(
            EVENTS,
            *_complete("type", '"timestamp"'),
            _among("type", EVENT_TYPES),
            Fact(
                "every_delivered_event_names_somebody",
                "count(*) filter (coalesce(anonymous_id, user_id, email) is null "
                "and received_at is not null)",
                at_most=0,
            ),
            _share("scroll_depth"),
        ),
        _suite(PERSON_RECORDS),
        _suite(ACCOUNTS),
        _suite(ORDERS, *_complete("ordered_at")),
        _suite(TICKETS),
        _suite(CONTENT_ITEMS),
        _suite(IP_RANGES, *_complete("first_address", "last_address"), _share("confidence")),
        _suite(
            CONSENT_EVENTS,
            *_complete("purpose", "occurred_at"),
            _among("status", ("granted", "denied")),
            Fact(
                "every_decision_names_somebody",
                "count(*) filter (coalesce(subject_email, anonymous_id, person_record_id) is null)",
                at_most=0,
            ),
        ),
        (
            LOADS.name,
            Suite(
                LOADS.name,
                (
                    *_complete(*LOADS.column_names),
                    _unique(LOADS),
                    Fact(
                        "rows_in_are_loaded_deduplicated_or_quarantined",
                        "count(*) filter "
                        "(rows_in <> rows_loaded + rows_deduplicated + rows_quarantined)",
                        at_most=0,
                    ),
                ),
            ),
        ),
        (
            QUARANTINE.name,
            Suite(
                QUARANTINE.name,
                (*_complete("load_id", "code", "reason"), _among("code", _REFUSALS)),
            ),
        ),
        (
            AS_OF.name,
            Suite(AS_OF.name, (Fact("at_most_one_moment_is_known", "count(*)", at_most=1),)),
        ),
    ]
)
