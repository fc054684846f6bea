"""Who is in which audience, since when and why; what changed, and what caused it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from audiences.before import read_before
from audiences.catalogue import Catalogue, read_catalogue
from audiences.changes import Run, write_changes
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
from audiences.judge import (
    HOLDOUT,
    LACKING,
    MATCHED,
    MEMBERS,
    OUTRANKED,
    judged,
    read_as_of,
    stays,
)
from audiences.references import referenced
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class AudienceReport:
    """What one run found of one audience.

    Attributes:
        key: The audience.
        matched: Persons who meet its rules.
        suppressed: Of these, persons who lack a required consent.
        members: Matched less suppressed and outranked.
        outranked: Of these with every consent, persons in an audience that goes before it.
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
    outranked: int
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
    before = read_before(warehouse, audiences, run_id=run_id)
    plan = compile_audiences(audiences, catalogue, as_of=as_of, before=before)
    run = Run(run_id, now)
    with warehouse.transaction(), judged(warehouse, audiences, plan, catalogue):
        write_changes(warehouse, audiences, plan, catalogue, run)
        _write_members(warehouse, catalogue, now)
        _write_suppressed(warehouse, run_id)
        warehouse.replace(DEFINITIONS.name, _definitions(audiences))
        _write_sizes(warehouse, audiences, plan, {**run.values, "as_of": as_of})
        return _report(warehouse, audiences, plan, run_id)


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


def rules_hash(audience: Audience, audiences: Sequence[Audience]) -> str:
    """A name for the rules of an audience, those that it refers to included."""
    by_key = {other.key: other for other in audiences}
    texts = [_as_json(other) for other in referenced(audience, by_key)]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _as_json(audience: Audience) -> str:
    return audience.model_dump_json(by_alias=True, exclude_none=True)


def _write_members(warehouse: Warehouse, catalogue: Catalogue, now: dt.datetime) -> None:
    warehouse.replace(
        MEMBERSHIPS.name,
        f"""
        select audience_key, person_id,
            coalesce(before.entered_at, cast($now as timestamp)) as entered_at,
            members.arm, members.reasons
        from ({MEMBERS}) as members
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
        "rules": [rules_hash(audience, audiences) for audience in audiences],
    }
    warehouse.replace_where(SIZES.name, "run_id = $run_id", _SIZES_SQL, parameters)


_SIZES_SQL = f"""
with audiences as (
    select unnest($keys::varchar[]) as audience_key, unnest($rules::varchar[]) as rules,
        unnest($minima::bigint[]) as minimum_size
),
outranked as (
    select audience_key, count(*) as outranked from {OUTRANKED} group by audience_key
),
matched as (select audience_key, count(*) as matched from {MATCHED} group by audience_key),
members as (
    select audience_key, count(*) as members, count(*) filter (arm = '{HOLDOUT}') as held_out
    from ({MEMBERS}) as members group by audience_key
)
select audience_key, $run_id as run_id, cast($as_of as timestamp) as as_of,
    coalesce(matched, 0) as matched,
    coalesce(matched, 0) - coalesce(outranked, 0) - coalesce(members, 0) as suppressed,
    coalesce(outranked, 0) as outranked,
    coalesce(members, 0) as members, coalesce(held_out, 0) as held_out, minimum_size,
    case
        when list_contains($held::varchar[], audience_key) then 'held'
        when coalesce(members, 0) < minimum_size then 'too_small'
        else 'ready'
    end as status,
    rules, cast($now as timestamp) as computed_at
from audiences
left join matched using (audience_key)
left join outranked using (audience_key)
left join members using (audience_key)
order by audience_key
"""


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
    names = (
        "matched",
        "suppressed",
        "members",
        "held_out",
        "outranked",
        "entered",
        "exited",
        "status",
    )
    return tuple(
        AudienceReport(
            key=audience.key,
            notes=plan.held.get(audience.key, ()),
            **{name: found[audience.key][name] for name in names},
        )
        for audience in audiences
    )
