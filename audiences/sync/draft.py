"""Write the plan of a sync into its temporary table, asking only about whom something may be due."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from audiences.catalogue import Catalogue
from audiences.inventory import DEFINITIONS
from audiences.sync import ledger, plan
from audiences.sync.config import Sync
from audiences.sync.gates import EVERYBODY, READY, Rows, gate_parameters, gate_sql, named_in
from audiences.sync.settled import ASKED, MANY, open_settled
from audiences.sync.turns import DUE, TAKEN, TURNS, taken_sql, turns_sql
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan that was written.

    Attributes:
        gates: How many members stand before each gate, by its name.
        below_minimum: Rows of new persons that were taken out of it, as there are fewer members than
            the audience's definition or the destination asks for.
        settle: Keeps in mind that nothing is due any more, given the batches that all of the plan
            was sent in, while nothing else was written; None where the plan is not of everything.
    """

    gates: Mapping[str, int]
    below_minimum: int = 0
    settle: Callable[[Sequence[str]], None] | None = None


def write_plan(
    warehouse: Warehouse, sync: Sync, catalogue: Catalogue, *, many: int = MANY
) -> Draft:
    """Write what is due into ``candor_sync_plan``; reads the suppressed persons.

    It is the plan of everybody, whomever it had to ask about.

    Args:
        warehouse: The engine.
        sync: The sync.
        catalogue: The tables that the warehouse has.
        many: Where fewer than one person of so many are concerned, their rows are read by name.
    """
    settled = open_settled(warehouse, sync, catalogue, many=many)
    rows = settled.narrow()
    _write_plan(warehouse, sync, catalogue, rows)
    wider = settled.widen(rows)
    if wider is not None:
        _write_plan(warehouse, sync, catalogue, wider)
    rows = wider or rows
    gates = settled.count(rows)
    settled.remember(rows)
    held = 0
    if not _is_large_enough(warehouse, sync, gates[READY]):
        held = _hold_back_new(warehouse, sync)
    return Draft(gates, held, None if held else settled.remember_sent)


def write_removals(warehouse: Warehouse, sync: Sync, catalogue: Catalogue) -> Draft:
    """Write who is to go into ``candor_sync_plan``, and nobody else; reads the suppressed persons.

    Args:
        warehouse: The engine.
        sync: What :func:`plan.without_values` left of it.
        catalogue: The tables that the warehouse has.
    """
    _write_due(warehouse, sync, catalogue, EVERYBODY)
    _write(warehouse, sync, ledger.PLAN, plan.removals_sql(sync, catalogue))
    return Draft(count_gates(warehouse, sync, catalogue))


def count_gates(warehouse: Warehouse, sync: Sync, catalogue: Catalogue) -> dict[str, int]:
    """How many members stand before each gate now, by its name; reads the suppressed ones."""
    members = f"select person_id from ({EVERYBODY.members})"
    gates = gate_sql(sync, catalogue, among=members)
    rows = warehouse.read(
        f"select gate, count(*) as count from ({gates}) group by gate", gate_parameters(sync)
    )
    return dict(zip(rows["gate"].to_pylist(), rows["count"].to_pylist(), strict=True))


def _write_due(warehouse: Warehouse, sync: Sync, catalogue: Catalogue, rows: Rows) -> None:
    """Write down what the plan of those whose rows are read is made of."""
    asked = None if rows.is_whole else f"select person_id from {ASKED}"
    # The plan of before is no longer needed: with it there would be less memory for the others.
    warehouse.execute(f"drop table if exists {ledger.PLAN}")
    _write(warehouse, sync, plan.GATES, gate_sql(sync, catalogue, among=asked, rows=rows))
    # Written down one by one, as all joins and sorts at once do not fit into the memory of a sync.
    _write(warehouse, sync, DUE, plan.due_sql(sync, catalogue, rows))
    _write(warehouse, sync, TAKEN, taken_sql())
    _write(warehouse, sync, TURNS, turns_sql())


def _write_plan(warehouse: Warehouse, sync: Sync, catalogue: Catalogue, rows: Rows) -> None:
    """Write what is due for those whose rows are read."""
    _write_due(warehouse, sync, catalogue, rows)
    _write(warehouse, sync, ledger.PLAN, plan.plan_sql(sync))
    warehouse.execute(f"drop table {DUE}")


def _write(warehouse: Warehouse, sync: Sync, table: str, sql: str) -> None:
    values = named_in(sql, plan.plan_parameters(sync))
    warehouse.execute(f"create or replace temp table {table} as {sql}", values)


def _hold_back_new(warehouse: Warehouse, sync: Sync) -> int:
    """Take out of the plan whom the destination does not have; returns how many they are.

    Whom it may have is changed as ever, or an address that was withdrawn would stay there. Of these
    one whose last row was rejected or in doubt is an addition too.
    """
    before = warehouse.scalar(f"select count(*) from {ledger.PLAN}")
    warehouse.execute(
        f"""
        create or replace temp table {ledger.PLAN} as
        select * replace (row_number() over (order by number) - 1 as number)
        from {ledger.PLAN}
        where operation <> 'add'
            or person_id in (select person_id from ({EVERYBODY.ledger}) where is_present)
        """,
        {"sync_key": sync.key},
    )
    return int(before - warehouse.scalar(f"select count(*) from {ledger.PLAN}"))


def _is_large_enough(warehouse: Warehouse, sync: Sync, ready: int) -> bool:
    """Whether there are the members that the audience's definition and the destination ask for."""
    enough = warehouse.scalar(
        f"""
        select (select count(*) from ({EVERYBODY.members})) >= coalesce(max(minimum_size), 0)
        from {DEFINITIONS.name.sql}
        where audience_key = $audience_key
        """,
        {"audience_key": sync.audience},
    )
    return bool(enough) and ready >= sync.minimum_size
