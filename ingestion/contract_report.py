"""Count what broke the tracking plan."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from ingestion.inventory import CONTRACT_VIOLATIONS, LOADS, TABLES
from warehouse import Warehouse

# A row of an earlier release does not say how many it stands for.
_COUNT = "sum(coalesce(occurrences, 1))::bigint"


def count_violations(warehouse: Warehouse) -> pa.Table:
    """Count what broke the plan, by event, field, rule, source and action; most frequent first."""
    warehouse.create_missing(TABLES)
    return warehouse.read(
        f"""
        select type, event, field, rule, source, action, {_COUNT} as violations,
            count(distinct (load_id, line, position)) as events
        from {CONTRACT_VIOLATIONS.name.sql} group by all
        order by violations desc, type, event, field, rule, source, action
        """
    )


@dataclass(frozen=True, slots=True)
class ContractReport:
    """How well events keep their plan.

    Attributes:
        latest: Violations in the files that were loaded last.
        total: Violations in all that was ever loaded.
        counts: The latest in words, by source, rule and action.
    """

    latest: int
    total: int
    counts: tuple[str, ...]


def judge_contracts(warehouse: Warehouse) -> ContractReport:
    """Count the violations of the latest load, and of all."""
    warehouse.create_missing(TABLES)
    table = CONTRACT_VIOLATIONS.name.sql
    latest = warehouse.read(
        f"select source, rule, action, {_COUNT} as n from {table} "
        f"where loaded_at = (select max(loaded_at) from {LOADS.name.sql}) "
        "group by all order by n desc, source, rule, action"
    ).to_pylist()
    return ContractReport(
        latest=sum(row["n"] for row in latest),
        total=warehouse.scalar(f"select coalesce({_COUNT}, 0) from {table}"),
        counts=tuple(
            f"{row['source']}: {row['rule']}, {row['action']}: {row['n']}" for row in latest
        ),
    )
