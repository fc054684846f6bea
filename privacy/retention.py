"""Delete or anonymise what is older than it may be, and record how much it was."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa

from privacy.audit import AuditEntry, append_audit
from privacy.config import RetentionConfig, RetentionRule
from privacy.errors import RetentionRuleError
from privacy.inventory import RETENTION_RUNS
from privacy.locations import SUBJECT_KEYS, is_theirs_sql
from settings import suggestion
from warehouse import Pii, Table, Warehouse, quoted

# Rows of these are loaded once, known again by their key, and never written anew from something
# else. Records of persons and consent are not among them: without a name they say the wrong thing.
ANONYMISED = (
    "raw.events", "raw.orders", "raw.subscriptions", "raw.lifecycle_events", "raw.deals",
    "raw.tickets",
)  # fmt: skip
# Who was erased, objected or is held; what is proven; what people decided: without one of their
# rows, somebody who said no is in again, or a proof no longer holds.
_PROMISES = ("privacy.", "raw.consent_events")


@dataclass(frozen=True, slots=True)
class RetentionOutcome:
    """What one rule did.

    Attributes:
        table_name: The table.
        cutoff: Rows before this went, UTC.
        rows_deleted: How many went.
        rows_without_age: Rows that stay because their age is null.
        rows_held: Old rows that stay because their person is under a legal hold.
        rows_anonymised: Old rows that stay without what says who it was.
        rows_failed: Old files that stay because they may not be looked at or removed.
        names: Backups, or requests whose archives, that went or would go.
    """

    table_name: str
    cutoff: datetime
    rows_deleted: int
    rows_without_age: int
    rows_held: int = 0
    rows_anonymised: int = 0
    rows_failed: int = 0
    names: tuple[str, ...] = ()


def enforce_retention(
    warehouse: Warehouse,
    config: RetentionConfig,
    tables: Sequence[Table],
    *,
    now: datetime,
    run_id: str | None,
    held: pa.Table,
) -> tuple[RetentionOutcome, ...]:
    """Delete or anonymise rows older than their table's rule allows, then compact the storage.

    Args:
        warehouse: The engine.
        config: The rules.
        tables: Every declared table.
        now: The moment from which age is counted, UTC without a zone.
        run_id: The run to record; None to count what would go, and to change nothing.
        held: Keys ``(kind, value)`` of persons under a legal hold; their rows stay.

    Raises:
        RetentionRuleError: A rule names something that is not there; nothing was deleted.
    """
    by_name = {str(table.name): table for table in tables}
    problems = [why for _, why in unfit_rules(config, tables)] or [
        problem
        for name, rule in config.tables.items()
        for problem in _untimely(
            warehouse, by_name[name], str(rule.aged_by or by_name[name].aged_by)
        )
    ]
    if problems:
        raise RetentionRuleError(tuple(problems))
    with warehouse.view(SUBJECT_KEYS, held):
        outcomes = tuple(
            _enforce(warehouse, by_name[name], rule, now=now, run_id=run_id)
            for name, rule in sorted(config.tables.items())
        )
    if run_id is not None and any(
        outcome.rows_deleted or outcome.rows_anonymised for outcome in outcomes
    ):
        warehouse.compact()
    return outcomes


def unfit_rules(
    config: RetentionConfig, tables: Sequence[Table], *, views: Collection[str] = ()
) -> Iterator[tuple[str, str]]:
    """Each rule that cannot be kept to: its table, and why.

    Args:
        config: The rules.
        tables: Every declared table.
        views: Those of them that hold no rows of their own.
    """
    by_name = {str(table.name): table for table in tables}
    for name, rule in config.tables.items():
        if name.startswith(_PROMISES):
            yield name, f"{name} keeps promises to people and has no age: take its rule out"
        if name in views:
            yield name, f"{name} is a view: name the table that it reads"
        elif name in by_name:
            yield from ((name, problem) for problem in _misfits(by_name[name], rule))
        else:
            hint = suggestion(name, by_name) or "`candor status --all` lists them; "
            yield name, f"{name} is no declared table: {hint.rstrip('; ')}"


def _misfits(table: Table, rule: RetentionRule) -> Sequence[str]:
    """What a rule says of its table that the table does not have."""
    name, column = table.name, rule.aged_by or table.aged_by
    if column is None:
        return [f"{name} does not say how old its rows are: set aged_by"]
    unknown = [
        f"{name} has no column {column}: {suggestion(column, table.column_names)}it has "
        f"{', '.join(table.column_names)}"
        for column in (column, *rule.keep)
        if column not in table.column_names
    ]
    if unknown:
        return unknown
    if rule.action == "anonymise" and (unfit := _unfit(table, rule, column)):
        return unfit
    held = next(item.type for item in table.columns if item.name == column)
    if held and not held.upper().startswith(("TIMESTAMP", "DATE")):
        return [f"{name}.{column} is no timestamp or date: set aged_by to one"]
    return []


def _untimely(warehouse: Warehouse, table: Table, column: str) -> Sequence[str]:
    """Why a column of a relation that is there cannot tell a row's age."""
    place = {"schema": table.name.schema, "name": table.name.name}
    stored = warehouse.scalar(
        "select table_type from information_schema.tables where table_schema = $schema "
        "and table_name = $name and table_catalog = current_database()",
        place,
    )
    if stored != "BASE TABLE":
        return [f"{table.name} is a view: name the table that it reads"] if stored else []
    kind = warehouse.scalar(
        "select data_type from information_schema.columns where table_schema = $schema "
        "and table_name = $name and column_name = $column and table_catalog = current_database()",
        {**place, "column": column},
    )
    if str(kind).startswith(("TIMESTAMP", "DATE")):
        return []
    return [f"{table.name}.{column} is no timestamp or date: set aged_by to one"]


def _enforce(
    warehouse: Warehouse, table: Table, rule: RetentionRule, *, now: datetime, run_id: str | None
) -> RetentionOutcome:
    """Carry out one rule; without a run to record, only count."""
    column = str(rule.aged_by or table.aged_by)
    cutoff = now - timedelta(days=rule.days)
    is_dry = run_id is None
    with warehouse.transaction():
        if rule.action == "anonymise":
            outcome = anonymise(
                warehouse, table, rule, column=column, cutoff=cutoff, dry_run=is_dry
            )
        else:
            outcome = _delete(warehouse, table, column, cutoff, dry_run=is_dry)
        if run_id is not None:
            record_retention(
                warehouse, outcome, aged_by=column, days=rule.days, now=now, run_id=run_id
            )
    return outcome


def anonymise(
    warehouse: Warehouse,
    table: Table,
    rule: RetentionRule,
    *,
    column: str,
    cutoff: datetime,
    dry_run: bool = False,
) -> RetentionOutcome:
    """Take what says who it was out of old rows; a row that holds nothing of it is left as it is.

    The key stays: by it the load knows a row that comes again, and brings no second one with names.
    """
    name = str(table.name)
    if not warehouse.exists(table.name):
        return RetentionOutcome(name, cutoff, 0, 0)
    emptied = _emptied(table, rule, column)
    aged, held = f"{table.name.sql}.{quoted(column)}", is_theirs_sql(table)
    told = " or ".join(f"{quoted(item)} is not null" for item in emptied)
    tests = {
        "rows_anonymised": f"{aged} < $cutoff and ({told}) and not ({held})",
        "rows_without_age": f"{aged} is null",
        "rows_held": f"{aged} < $cutoff and ({held})",
    }
    counted = ", ".join(f"count(*) filter ({test}) as {name}" for name, test in tests.items())
    bound = {"cutoff": cutoff}
    (counts,) = warehouse.read(f"select {counted} from {table.name.sql}", bound).to_pylist()
    changes = ", ".join(f"{quoted(item)} = null" for item in emptied)
    if not dry_run:
        warehouse.execute(
            f"update {table.name.sql} set {changes} where {tests['rows_anonymised']}", bound
        )
    return RetentionOutcome(name, cutoff, 0, **counts)


def _unfit(table: Table, rule: RetentionRule, column: str) -> Sequence[str]:
    """Why rows cannot be anonymised: they would come again with names, or lose nothing."""
    if str(table.name) not in ANONYMISED:
        known = ", ".join(ANONYMISED)
        why = f"{table.name} cannot be anonymised, only what is loaded once and kept: {known}"
        return [f"{why}; tables of marts follow those. Set action to delete"]
    named = [
        f"{table.name}.{item.name} tells a row that is loaded again from a new one, so it cannot "
        "be emptied: name it under keep, or set action to delete"
        for item in table.columns
        if item.name in table.key and item.pii is not Pii.NONE and item.name not in rule.keep
    ]
    if not named and not _emptied(table, rule, column):
        return [f"{table.name} would keep all that it says: name less under keep"]
    return named


def _emptied(table: Table, rule: RetentionRule, column: str) -> list[str]:
    """The columns that become null."""
    kept = (*rule.keep, *table.key, column)
    return [
        item.name for item in table.columns if item.pii is not Pii.NONE and item.name not in kept
    ]


def _delete(
    warehouse: Warehouse, table: Table, column: str, cutoff: datetime, *, dry_run: bool
) -> RetentionOutcome:
    name = str(table.name)
    if not warehouse.exists(table.name):
        return RetentionOutcome(name, cutoff, 0, 0)
    aged, held = f"{table.name.sql}.{quoted(column)}", is_theirs_sql(table)
    tests = {
        "rows_deleted": f"{aged} < $cutoff and not ({held})",
        "rows_without_age": f"{aged} is null",
        "rows_held": f"{aged} < $cutoff and ({held})",
    }
    counted = ", ".join(f"count(*) filter ({test}) as {name}" for name, test in tests.items())
    bound = {"cutoff": cutoff}
    (counts,) = warehouse.read(f"select {counted} from {table.name.sql}", bound).to_pylist()
    if not dry_run:
        warehouse.execute(f"delete from {table.name.sql} where {tests['rows_deleted']}", bound)
    return RetentionOutcome(name, cutoff, **counts)


def record_retention(
    warehouse: Warehouse,
    outcome: RetentionOutcome,
    *,
    aged_by: str,
    days: int,
    now: datetime,
    run_id: str,
) -> None:
    """Write down what one rule did, to a table, to landing files or to runs."""
    counts = {
        "rows_deleted": outcome.rows_deleted,
        "rows_held": outcome.rows_held,
        "rows_anonymised": outcome.rows_anonymised,
        "rows_failed": outcome.rows_failed,
    }
    row = {
        "run_id": run_id,
        "table_name": outcome.table_name,
        "aged_by": aged_by,
        "days": days,
        "cutoff": outcome.cutoff,
        "rows_without_age": outcome.rows_without_age,
        "enforced_at": now,
        **counts,
    }
    ordered = {name: row[name] for name in RETENTION_RUNS.column_names}
    warehouse.append(RETENTION_RUNS.name, pa.Table.from_pylist([ordered]))
    entry = AuditEntry("retention", outcome.table_name, {"days": days, **counts})
    append_audit(warehouse, [entry], now=now)
