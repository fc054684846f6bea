"""Who is in which audience, since when and why; what changed, and what caused it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from audiences.catalogue import PERSONS, Catalogue, read_catalogue
from audiences.compile import Plan, compile_audiences
from audiences.config import Audience
from audiences.inventory import (
    DEFINITIONS,
    MEMBERSHIP_CHANGES,
    MEMBERSHIPS,
    SIZES,
    SUPPRESSED_MEMBERS,
    TABLES,
)
from audiences.judge import FACTS, HOLDOUT, LACKING, MATCHED, judged, read_as_of, stays
from warehouse import Warehouse

_MEMBERS = f"""
    select matched.* from {MATCHED} as matched
    anti join {LACKING} as lacking using (audience_key, person_id)
"""


@dataclass(frozen=True, slots=True)
class AudienceReport:
    """What one run found of one audience.

    Attributes:
        key: The audience.
        matched: Persons who meet its rules.
        suppressed: Of these, persons who lack a required consent.
        members: Matched less suppressed.
        held_out: Of the members, those never sent.
        entered: Members who were none before.
        exited: Members before who are none now.
        status: ready, too_small or held.
        notes: Why it is held; names from the configuration only.
    """

    key: str
    matched: int
    suppressed: int
    members: int
    held_out: int
    entered: int
    exited: int
    status: str
    notes: tuple[str, ...]


def compute_memberships(
    warehouse: Warehouse, audiences: Sequence[Audience], *, run_id: str, now: dt.datetime
) -> tuple[AudienceReport, ...]:
    """Write memberships, changes, sizes and suppressed members in one transaction.

    Running it again with nothing new writes the same members and no change. An audience whose
    model or persona is not published keeps the members it had, less those without consent.

    Args:
        warehouse: The engine, with the marts built.
        audiences: All that are configured: members of any other leave it.
        run_id: The run to name as the cause of each row.
        now: When an entry or exit is recorded, UTC without a zone.

    Raises:
        InvalidAudienceError: A trait, column, test or reference is wrong; all problems at once.
    """
    warehouse.create_missing(TABLES)
    catalogue = read_catalogue(warehouse)
    as_of = read_as_of(warehouse, now=now)
    plan = compile_audiences(audiences, catalogue, as_of=as_of)
    with warehouse.transaction(), judged(warehouse, audiences, plan, catalogue):
        run: dict[str, object] = {"run_id": run_id, "now": now}
        _write_entries(warehouse, catalogue, run)
        _write_exits(warehouse, audiences, catalogue, run)
        _write_members(warehouse, catalogue, now)
        _write_suppressed(warehouse, run_id)
        warehouse.replace(DEFINITIONS.name, _definitions(audiences))
        _write_sizes(warehouse, audiences, plan, {**run, "as_of": as_of})
        return _report(warehouse, audiences, plan, run_id)


def _write_entries(warehouse: Warehouse, catalogue: Catalogue, run: Mapping[str, object]) -> None:
    warehouse.append(
        MEMBERSHIP_CHANGES.name,
        f"""
        select audience_key, person_id, 'entered' as change,
            case
                when stays.person_id is not null then 'merged with a member'
                when suppressed.person_id is not null then 'consent given'
                else 'meets the rules'
            end as cause,
            members.arm, $run_id as run_id, cast($now as timestamp) as changed_at
        from ({_MEMBERS}) as members
        anti join {MEMBERSHIPS.name.sql} as before using (audience_key, person_id)
        left join ({stays(catalogue)}) as stays using (audience_key, person_id)
        left join (select distinct audience_key, person_id from {SUPPRESSED_MEMBERS.name.sql})
            as suppressed using (audience_key, person_id)
        order by all
        """,
        run,
    )


def _write_exits(
    warehouse: Warehouse,
    audiences: Sequence[Audience],
    catalogue: Catalogue,
    run: Mapping[str, object],
) -> None:
    warehouse.append(
        MEMBERSHIP_CHANGES.name,
        f"""
        select before.audience_key, before.person_id, 'exited' as change,
            case
                when not list_contains($keys, before.audience_key) then 'audience removed'
                when merged.person_id is not null then 'merged into another person'
                when facts.person_id is null then 'no longer a person who may be a member'
                when lacking.person_id is not null then 'consent missing'
                else 'no longer meets the rules'
            end as cause,
            before.arm, $run_id as run_id, cast($now as timestamp) as changed_at
        from {MEMBERSHIPS.name.sql} as before
        anti join ({_MEMBERS}) as members using (audience_key, person_id)
        left join {FACTS} as facts on facts.person_id = before.person_id
        left join ({_merged(catalogue)}) as merged on merged.person_id = before.person_id
        left join (select distinct audience_key, person_id from {LACKING}) as lacking
            on lacking.audience_key = before.audience_key and lacking.person_id = before.person_id
        order by all
        """,
        {**run, "keys": [audience.key for audience in audiences]},
    )


def _definitions(audiences: Sequence[Audience]) -> pa.Table:
    return pa.table(
        {
            "audience_key": pa.array([a.key for a in audiences], pa.string()),
            "name": pa.array([a.name for a in audiences], pa.string()),
            "purposes": pa.array([json.dumps(a.purposes) for a in audiences], pa.string()),
            "minimum_size": pa.array([a.minimum_size for a in audiences], pa.int64()),
            "definition": pa.array([_as_json(a) for a in audiences], pa.string()),
        }
    )


def _as_json(audience: Audience) -> str:
    return audience.model_dump_json(by_alias=True, exclude_none=True)


def _merged(catalogue: Catalogue) -> str:
    if PERSONS not in catalogue.columns:
        return "select null::varchar as person_id where false"
    return f"select distinct person_id from {PERSONS.sql} where status = 'merged'"


def _write_members(warehouse: Warehouse, catalogue: Catalogue, now: dt.datetime) -> None:
    warehouse.replace(
        MEMBERSHIPS.name,
        f"""
        select audience_key, person_id,
            coalesce(before.entered_at, cast($now as timestamp)) as entered_at,
            members.arm, members.reasons
        from ({_MEMBERS}) as members
        left join ({stays(catalogue)}) as before using (audience_key, person_id)
        order by audience_key, person_id
        """,
        {"now": now},
    )


def _write_suppressed(warehouse: Warehouse, run_id: str) -> None:
    """Keep the run that first saw a consent missing."""
    warehouse.replace(
        SUPPRESSED_MEMBERS.name,
        f"""
        select audience_key, person_id, reason, coalesce(before.run_id, $run_id) as run_id
        from {LACKING} as lacking
        left join {SUPPRESSED_MEMBERS.name.sql} as before using (audience_key, person_id, reason)
        order by all
        """,
        {"run_id": run_id},
    )


def _write_sizes(
    warehouse: Warehouse, audiences: Sequence[Audience], plan: Plan, run: Mapping[str, object]
) -> None:
    parameters = {
        **run,
        "keys": [audience.key for audience in audiences],
        "minima": [audience.minimum_size for audience in audiences],
        "held": list(plan.held),
    }
    warehouse.replace_where(
        SIZES.name,
        "run_id = $run_id",
        f"""
        with audiences as (
            select unnest($keys::varchar[]) as audience_key, unnest($minima::bigint[]) as minimum_size
        ),
        matched as (select audience_key, count(*) as matched from {MATCHED} group by audience_key),
        members as (
            select audience_key, count(*) as members, count(*) filter (arm = '{HOLDOUT}') as held_out
            from ({_MEMBERS}) as members group by audience_key
        )
        select audience_key, $run_id as run_id, cast($as_of as timestamp) as as_of,
            coalesce(matched, 0) as matched,
            coalesce(matched, 0) - coalesce(members, 0) as suppressed,
            coalesce(members, 0) as members, coalesce(held_out, 0) as held_out, minimum_size,
            case
                when list_contains($held::varchar[], audience_key) then 'held'
                when coalesce(members, 0) < minimum_size then 'too_small'
                else 'ready'
            end as status,
            cast($now as timestamp) as computed_at
        from audiences
        left join matched using (audience_key)
        left join members using (audience_key)
        order by audience_key
        """,
        parameters,
    )


def _report(
    warehouse: Warehouse, audiences: Sequence[Audience], plan: Plan, run_id: str
) -> tuple[AudienceReport, ...]:
    rows = warehouse.read(
        f"""
        select sizes.*,
            (select count(*) from {MEMBERSHIP_CHANGES.name.sql} as changes
             where changes.run_id = sizes.run_id and changes.audience_key = sizes.audience_key
                and change = 'entered') as entered,
            (select count(*) from {MEMBERSHIP_CHANGES.name.sql} as changes
             where changes.run_id = sizes.run_id and changes.audience_key = sizes.audience_key
                and change = 'exited') as exited
        from {SIZES.name.sql} as sizes
        where run_id = $run_id
        """,
        {"run_id": run_id},
    )
    found = {row["audience_key"]: row for row in rows.to_pylist()}  # one row per audience
    names = ("matched", "suppressed", "members", "held_out", "entered", "exited", "status")
    return tuple(
        AudienceReport(
            key=audience.key,
            notes=plan.held.get(audience.key, ()),
            **{name: found[audience.key][name] for name in names},
        )
        for audience in audiences
    )
