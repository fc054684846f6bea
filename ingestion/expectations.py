"""What is expected of each raw table: completeness, freshness, volume, sets of values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ingestion import contracts, formats, load, records
from ingestion.expectations_config import ExpectationsConfig, TableExpectations
from ingestion.inventory import (
    AS_OF,
    CONSENT_EVENTS,
    CONTRACT_VIOLATIONS,
    EVENTS,
    IP_RANGES,
    LIFECYCLE_EVENTS,
    LOADS,
    ORDERS,
    QUARANTINE,
    TABLES,
)
from ingestion.mapping import KINDS
from ingestion.tracking_plan import Action
from warehouse import (
    ExpectationReport,
    Fact,
    Suite,
    Table,
    TableName,
    Warehouse,
    judge_all,
    literal,
    quoted,
)

EVENT_TYPES = ("identify", "page", "screen", "track", "group", "alias", "merge")

# The same weekday of so many weeks is compared with; fewer than the least say nothing yet.
WEEKS, LEAST_WEEKS = 8, 4
# Days on which a source brings next to nothing cannot lack much either.
LEAST_ROWS = 20
# A robust standard deviation is 1.4826 times the median distance from the median (Rousseeuw and
# Croux, 1993). A count varies by its root whatever the weeks before say, and a tenth is daily life.
_DEVIATION = "greatest(1.4826 * mad, sqrt(median), 0.1 * median)"


@dataclass(frozen=True, slots=True)
class TableReport:
    """What was found out about one table.

    Attributes:
        met: What the suite says.
        unjudged: What could not be judged yet, with the reason.
    """

    met: ExpectationReport
    unjudged: tuple[str, ...] = ()


def judge_tables(
    warehouse: Warehouse,
    tables: Sequence[TableName],
    config: ExpectationsConfig | None = None,
    *,
    now: datetime | None = None,
    past: Collection[str] = (),
) -> tuple[TableReport, ...]:
    """Judge raw tables by their suites; holds counts and names of sources, never a value.

    Args:
        warehouse: The engine.
        tables: Some of :data:`SUITES`.
        config: How strictly.
        now: What age is counted to; None leaves age and volume out.
        past: Loads whose files are not what they were: what they refused is history.

    Returns:
        One report per table, in this order.
    """
    asked = [
        _asked(warehouse, table, config or ExpectationsConfig(), now, past) for table in tables
    ]
    reports = judge_all(warehouse, [one.suite for one in asked])
    return tuple(
        TableReport(report, one.unjudged) for report, one in zip(reports, asked, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """The suite of a table with the facts of its sources, and what these leave open."""

    suite: Suite
    unjudged: tuple[str, ...]


def _asked(
    warehouse: Warehouse,
    table: TableName,
    config: ExpectationsConfig,
    now: datetime | None,
    past: Collection[str],
) -> _Asked:
    bounds = config.of_table(table.name)
    suite, declared = SUITES[table], _DECLARED[table]
    facts = [_bounded(fact, bounds, past) for fact in suite.facts]
    unjudged: list[str] = []
    if now is not None and _moment_sql(declared) is not None:
        for source in _sources(warehouse, declared, now):
            facts += _fresh(source, bounds)
            facts += _usual_volume(source, bounds, unjudged)
        facts += _absent(bounds)
    return _Asked(replace(suite, facts=tuple(facts)), tuple(unjudged))


def _bounded(fact: Fact, bounds: TableExpectations, past: Collection[str]) -> Fact:
    if fact.claim != _FEW_REFUSED:
        return fact
    listed = ", ".join(map(literal, sorted(past)))
    sql = f"{fact.sql} and load_id not in ({listed})" if past else fact.sql
    return replace(fact, sql=sql, at_most=bounds.max_refused_share)


# Freshness and volume, by source


def _moment_sql(table: Table) -> str | None:
    """When a row came; None where a table is not filled by sources."""
    if table is EVENTS:
        return 'coalesce(received_at, "timestamp")'
    return "loaded_at" if "record_hash" in table.column_names else None


def _sources(warehouse: Warehouse, table: Table, now: datetime) -> list[dict[str, Any]]:
    """One row per source: the age of its newest row, rows of its last whole day and of the weeks before.

    Events are counted by the day on which they were received, up to the day up to which the
    warehouse knows; records by the day on which they were loaded.
    """
    moment = _moment_sql(table)
    until = "$now::timestamp"
    if table is EVENTS:
        until = f"least(coalesce((select max(as_of) from raw.as_of), {until}), {until})"
    rows: list[dict[str, Any]] = warehouse.read(
        _sources_sql(table, moment, until),
        {"now": now},
    ).to_pylist()
    return rows


def _sources_sql(table: Table, moment: str | None, until: str) -> str:
    return f"""
    with judged as (select date_trunc('day', {until}) - interval 1 day as day),
    found as (
        select source, max({moment}) as newest, min({moment}) as oldest
        from {table.name.sql} where {moment} is not null group by source
    ),
    weeks as (
        select unnest(range(0, {WEEKS} + 1)) as week
    ),
    wanted as (
        select found.source, weeks.week, judged.day - weeks.week * interval 7 day as day
        from found cross join judged cross join weeks
        where judged.day - weeks.week * interval 7 day >= date_trunc('day', found.oldest)
            or weeks.week = 0
    ),
    counted as (
        select source, date_trunc('day', {moment}) as day, count(*) as n
        from {table.name.sql}
        where {moment} >= (select min(day) from wanted)
        group by all
    ),
    days as (
        select wanted.source, wanted.week, coalesce(counted.n, 0) as n
        from wanted left join counted using (source, day)
    ),
    usual as (
        select source, count(*) filter (week > 0) as weeks, max(n) filter (week = 0) as rows,
            median(n) filter (week > 0) as median, mad(n) filter (week > 0) as mad
        from days group by source
    )
    select found.source, epoch($now::timestamp - found.newest) / 86400 as age_days,
        usual.weeks, usual.rows, usual.median, {_DEVIATION} as deviation
    from found inner join usual using (source) order by found.source
    """


def _fresh(source: Mapping[str, Any], bounds: TableExpectations) -> Iterator[Fact]:
    name = source["source"]
    own = bounds.sources.get(name)
    limit = own.fresh_within_days if own and own.fresh_within_days else bounds.fresh_within_days
    if limit is not None:
        yield Fact(f"{name}_is_fresh_in_days", _number(source["age_days"]), at_most=limit)


def _absent(bounds: TableExpectations) -> Iterator[Fact]:
    """A source that must be fresh and never came."""
    wanted = [name for name, own in bounds.sources.items() if own.fresh_within_days is not None]
    for name in wanted:
        rows = f"count(*) filter (source = {literal(name)})"
        yield Fact(f"{name}_has_rows", rows, at_least=1)


def _usual_volume(
    source: Mapping[str, Any], bounds: TableExpectations, unjudged: list[str]
) -> Iterator[Fact]:
    name = source["source"]
    if not bounds.judge_volume:
        return
    if source["weeks"] < LEAST_WEEKS:
        unjudged.append(
            f"{name}: rows of a day, {source['weeks']} of {LEAST_WEEKS} weeks are known"
        )
        return
    if source["median"] < LEAST_ROWS:
        unjudged.append(f"{name}: rows of a day, fewer than {LEAST_ROWS} are usual on this weekday")
        return
    own = bounds.sources.get(name)
    width = own.volume_band if own and own.volume_band else bounds.volume_band
    yield Fact(
        f"{name}_brings_as_many_rows_as_on_this_weekday",
        _number(source["rows"]),
        at_least=max(source["median"] - width * source["deviation"], 1),
        at_most=source["median"] + width * source["deviation"],
    )


def _number(value: float) -> str:
    """A number that was counted already, as the SQL of a fact."""
    return f"{float(value)!r}::double"


# Suites


def _complete(*columns: str) -> Iterable[Fact]:
    for column in columns:
        sql = f"count(*) - count({quoted(column)})"
        yield Fact(f"{column}_is_never_null", sql, at_most=0)


def _among(column: str, values: Iterable[str]) -> Fact:
    listed = ", ".join(f"'{value}'" for value in values)
    return Fact(
        f"{column}_is_a_known_word", f"count(*) filter ({column} not in ({listed}))", at_most=0
    )


def _unique(table: Table) -> Fact:
    return Fact(
        f"{'_and_'.join(table.key)}_identify_a_row",
        f"count(*) - count(distinct ({', '.join(map(quoted, table.key))},))",
        at_most=0,
    )


def _volume(*kinds: str) -> Iterable[Fact]:
    """Few rows are refused, and no row stands there that no load counted."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    loads = f"from {LOADS.name.sql} where kind in ({listed})"
    # Of all that ever came, a source that breaks after years would be a small share for weeks.
    lately = f"loaded_at >= (select max(loaded_at) - interval 7 day {loads})"
    yield Fact(
        _FEW_REFUSED,
        f"select coalesce(sum(rows_quarantined) / nullif(sum(rows_in), 0), 0) {loads} and {lately}",
        at_most=TableExpectations().max_refused_share,
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


def _suite(table: Table) -> Suite:
    """What holds for every table, and what is known of this one."""
    filled = {"load_id", "source", "file"}.intersection(table.column_names)
    kinds = [kind for kind, record in KINDS.items() if record.table == table.name.name]
    kinds = [*formats.FORMATS, *formats.MAPPED_KINDS] if table is EVENTS else kinds
    facts = [*_complete(*sorted(filled), *table.key), *_known(table)]
    if table.key:
        facts.append(_unique(table))
    if kinds:
        facts.extend(_volume(*kinds))
    return Suite(table.name, tuple({fact.claim: fact for fact in facts}.values()))


def _known(table: Table) -> Iterable[Fact]:
    known = _KNOWN.get(table.name, ())
    if known:
        return known
    return () if table.key else (Fact("the_table_can_be_counted", "count(*)", at_least=0),)


_FEW_REFUSED = "few_rows_are_refused"
_REFUSALS = sorted({*formats.REASONS, *records.REASONS, load.UNREADABLE_FILE, contracts.CODE})

_KNOWN: Mapping[TableName, tuple[Fact, ...]] = {
    EVENTS.name: (
        *_complete("type", "timestamp"),
        _among("type", EVENT_TYPES),
        Fact(
            "every_delivered_event_names_somebody",
            # Snowplow's collector delivers anonymous events as such.
            "count(*) filter (coalesce(anonymous_id, user_id, email) is null "
            "and received_at is not null and load_id not in "
            f"(select load_id from {LOADS.name.sql} where kind = 'snowplow'))",
            at_most=0,
        ),
        _share("scroll_depth"),
    ),
    ORDERS.name: tuple(_complete("ordered_at")),
    LIFECYCLE_EVENTS.name: (
        *_complete("stage", "changed_at"),
        Fact(
            "every_change_of_stage_names_somebody",
            "count(*) filter (coalesce(person_record_id, person_email) is null)",
            at_most=0,
        ),
    ),
    IP_RANGES.name: (*_complete("first_address", "last_address"), _share("confidence")),
    CONSENT_EVENTS.name: (
        *_complete("purpose", "occurred_at"),
        _among("status", ("granted", "denied")),
        Fact(
            "every_decision_names_somebody",
            "count(*) filter (coalesce(subject_email, anonymous_id, person_record_id) is null)",
            at_most=0,
        ),
    ),
    LOADS.name: (
        *_complete(
            *("load_id", "source", "kind", "file", "file_hash", "loaded_at"),
            *("rows_in", "rows_loaded", "rows_deduplicated", "rows_quarantined"),
        ),
        Fact(
            "rows_in_are_loaded_deduplicated_or_quarantined",
            "count(*) filter (rows_in <> rows_loaded + rows_deduplicated + rows_quarantined)",
            at_most=0,
        ),
    ),
    QUARANTINE.name: (*_complete("code", "reason"), _among("code", _REFUSALS)),
    CONTRACT_VIOLATIONS.name: (
        *_complete("type", "field", "rule", "action"),
        _among("action", tuple(Action)),
    ),
    AS_OF.name: (Fact("at_most_one_moment_is_known", "count(*)", at_most=1),),
}

_DECLARED = {table.name: table for table in TABLES}
SUITES: Mapping[TableName, Suite] = {table.name: _suite(table) for table in TABLES}
