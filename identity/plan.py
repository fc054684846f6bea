"""Say what resolving anew would change; for a copy of a warehouse, as it is written to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from identity.churn import BEFORE, CHANGED, Churn, measure_churn, remember_members
from identity.config import IdentityConfig
from identity.inventory import CHANGES, MEMBERS, RUNS, TABLES
from identity.resolve import resolve
from identity.task import Progress
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class PlannedChanges:
    """What a run would change.

    Attributes:
        churn: How many of the persons known before would change.
        is_above_bound: Whether a run would be held for it.
        merges: Persons who would become part of others, anonymous ones too.
        splits: Persons who would be split off.
        causes: One row per kind and cause: change, cause, persons.
        sources: One row per source: persons (known ones of it who would change), records (that
            would have another person).
        changes: One row per merge or split: change, person_id (who stays), other_person_id, cause.
    """

    churn: Churn
    is_above_bound: bool
    merges: int
    splits: int
    causes: Sequence[Mapping[str, Any]]
    sources: Sequence[Mapping[str, Any]]
    changes: Sequence[Mapping[str, Any]]


def plan_changes(  # noqa: PLR0913 - as resolve
    warehouse: Warehouse,
    config: IdentityConfig,
    *,
    run_id: str,
    now: dt.datetime,
    seed: int,
    artifacts: Path,
    default_region: str,
    progress: Progress | None = None,
) -> PlannedChanges:
    """Resolve in this warehouse, a copy, and compare with the persons that there were.

    Args:
        warehouse: A copy: its persons are those of the new configuration afterwards.
        config: The configuration to try.
        run_id: Names the changes in the copy; no run may have had it.
        now: As ``resolve``.
        seed: As ``resolve``.
        artifacts: As ``resolve``; a copy too.
        default_region: As ``resolve``.
        progress: As ``resolve``.

    Raises:
        UnusableModelError: The data teach a model that would link different people.
    """
    warehouse.create_missing(TABLES)
    remember_members(warehouse)
    since = warehouse.scalar(f"select max(finished_at) from {RUNS.name.sql}")
    resolve(
        warehouse, config, run_id=run_id, now=now, seed=seed, artifacts=artifacts,
        default_region=default_region, progress=progress,
    )  # fmt: skip
    churn = measure_churn(warehouse, since=since)
    changes = _changes(warehouse, run_id)
    kinds = [row["change"] for row in changes]
    return PlannedChanges(
        churn=churn,
        is_above_bound=churn.is_above(config),
        merges=kinds.count("merge"),
        splits=kinds.count("split"),
        causes=_causes(warehouse, run_id),
        sources=_sources(warehouse),
        changes=changes,
    )


def _changes(warehouse: Warehouse, run_id: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = warehouse.read(
        "select change_type as change, person_id, other_person_id, cause "
        f"from {CHANGES.name.sql} where run_id = $run_id order by all",
        {"run_id": run_id},
    ).to_pylist()
    return rows


def _causes(warehouse: Warehouse, run_id: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = warehouse.read(
        "select change_type as change, cause, count(distinct other_person_id) as persons "
        f"from {CHANGES.name.sql} where run_id = $run_id group by all "
        "order by persons desc, change, cause",
        {"run_id": run_id},
    ).to_pylist()
    return rows


def _sources(warehouse: Warehouse) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = warehouse.read(
        f"""
        select source,
            count(distinct before.person_id) filter (changed.former_id is not null) as persons,
            count(*) filter (now.person_id is not null and now.person_id <> before.person_id)
                as records
        from {BEFORE} as before
        left join {MEMBERS.name.sql} as now using (source, source_record_id)
        left join {CHANGED} as changed on changed.former_id = before.person_id
        group by source
        having persons > 0 or records > 0
        order by source
        """
    ).to_pylist()
    return rows
