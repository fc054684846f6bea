"""See an audience before it is published, and why a person is or is not in one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audiences.catalogue import CONTACT_POINTS, CURRENT_PERSON, Catalogue, read_catalogue
from audiences.compile import compile_audiences
from audiences.config import Audience
from audiences.inventory import LEDGER, MEMBERSHIPS, TABLES
from audiences.judge import FACTS, HOLDOUT, LACKING, MATCHED, MEMBERS, judged, read_as_of
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class AudiencePreview:
    """What an audience would be if it were published now; counts only.

    Attributes:
        key: The audience.
        matched: Persons who meet the rules.
        members: Of these, persons who granted every required purpose.
        held_out: Of the members, those never sent.
        suppressed: Persons without a consent, by ``consent:<purpose>:<status>``.
        reach: Members less held-out who have an identifier of their own, by its type.
        overlap: Members who are also in another audience as it stands, by its key.
        notes: Why it cannot be judged yet; names from the configuration only.
    """

    key: str
    matched: int
    members: int
    held_out: int
    suppressed: Mapping[str, int]
    reach: Mapping[str, int]
    overlap: Mapping[str, int]
    notes: tuple[str, ...]


def preview(
    warehouse: Warehouse, audience: Audience, *, others: Sequence[Audience] = (), now: dt.datetime
) -> AudiencePreview:
    """Judge one audience without writing anything that lasts.

    Args:
        warehouse: The engine, with the marts built.
        audience: The audience to judge.
        others: The other audiences that are configured, as it may refer to them.
        now: The moment to judge at where the warehouse does not say one.

    Raises:
        InvalidAudienceError: A trait, column, test or reference is wrong; all problems at once.
    """
    warehouse.create_missing(TABLES)
    catalogue = read_catalogue(warehouse)
    configured = (audience, *(other for other in others if other.key != audience.key))
    plan = compile_audiences(configured, catalogue, as_of=read_as_of(warehouse, now=now))
    with judged(warehouse, configured, plan, catalogue):
        return _preview(warehouse, audience.key, catalogue, notes=plan.held.get(audience.key, ()))


def why(
    warehouse: Warehouse, audiences: Sequence[Audience], person_id: str, *, now: dt.datetime
) -> Any:
    """Explain one person: a row per audience, and per sync that ever sent them.

    Args:
        warehouse: The engine, with the marts built.
        audiences: All that are configured.
        person_id: Any id the person ever had.
        now: The moment to judge at where the warehouse does not say one.

    Returns:
        An Arrow table: audience_key, is_match, is_member, entered_at, arm, reasons (JSON list of
        each clause, whether it is met, what was found), lacking (missing consents), sync_key,
        sync_status, sync_reason.

    Raises:
        InvalidAudienceError: A trait, column, test or reference is wrong; all problems at once.
    """
    warehouse.create_missing(TABLES)
    catalogue = read_catalogue(warehouse)
    current = _current(warehouse, person_id)
    as_of = read_as_of(warehouse, now=now)
    plan = compile_audiences(audiences, catalogue, as_of=as_of, person=current)
    explained = " union all ".join(
        f"select $key_{number} as audience_key, {planned.matches} as is_match, "
        f"{planned.reasons} as reasons from {FACTS}"
        for number, planned in enumerate(plan.audiences)
    )
    empty = (
        "select null::varchar as audience_key, null::boolean as is_match, null as reasons limit 0"
    )
    keys = {f"key_{number}": planned.key for number, planned in enumerate(plan.audiences)}
    with judged(warehouse, audiences, plan, catalogue):
        return warehouse.read(
            _WHY.format(explained=explained or empty), {**keys, "person_id": current}
        )


_WHY = f"""
    with explained as ({{explained}}),
    lacking as (
        select audience_key, string_agg(reason, ', ' order by reason) as lacking
        from {LACKING} where person_id = $person_id group by audience_key
    ),
    members as (select * from {MEMBERSHIPS.name.sql} where person_id = $person_id),
    sent as (
        select ledger.*, runs.audience_key
        from {LEDGER.name.sql} as ledger
        left join (select sync_key, max_by(audience_key, started_at) as audience_key
            from "sync"."runs" group by sync_key) as runs using (sync_key)
        where person_id = $person_id
    )
    select audience_key, explained.is_match, members.person_id is not null as is_member,
        members.entered_at, members.arm, explained.reasons, lacking.lacking,
        sent.sync_key, sent.status as sync_status, sent.reason as sync_reason
    from explained
    full join members using (audience_key)
    full join sent using (audience_key)
    left join lacking using (audience_key)
    order by audience_key, sync_key
"""


def _preview(
    warehouse: Warehouse, key: str, catalogue: Catalogue, *, notes: tuple[str, ...]
) -> AudiencePreview:
    ours = {"key": key}
    members = f"select * from ({MEMBERS}) where audience_key = $key"
    counted = warehouse.read(
        f"select count(*) as members, count(*) filter (arm = '{HOLDOUT}') as held_out "
        f"from ({members})",
        ours,
    ).to_pylist()[0]
    return AudiencePreview(
        key=key,
        matched=warehouse.scalar(f"select count(*) from {MATCHED} where audience_key = $key", ours),
        members=counted["members"],
        held_out=counted["held_out"],
        suppressed=_counts(
            warehouse, f"select reason as name from {LACKING} where audience_key = $key", ours
        ),
        reach=_reach(warehouse, members, ours) if CONTACT_POINTS in catalogue.columns else {},
        overlap=_counts(
            warehouse,
            f"""
            select others.audience_key as name from ({members}) as members
            inner join {MEMBERSHIPS.name.sql} as others using (person_id)
            where others.audience_key <> $key
            """,
            ours,
        ),
        notes=notes,
    )


def _reach(warehouse: Warehouse, members: str, ours: Mapping[str, object]) -> dict[str, int]:
    return _counts(
        warehouse,
        f"""
        select distinct identifier_type as name, person_id from ({members}) as members
        inner join {CONTACT_POINTS.sql} as points using (person_id)
        where members.arm <> '{HOLDOUT}' and not coalesce(points.is_shared, false)
        """,
        ours,
    )


def _counts(warehouse: Warehouse, named: str, ours: Mapping[str, object]) -> dict[str, int]:
    rows = warehouse.read(
        f"select name, count(*) as count from ({named}) group by name order by name", ours
    )
    return dict(zip(rows["name"].to_pylist(), rows["count"].to_pylist(), strict=True))


def _current(warehouse: Warehouse, person_id: str) -> str:
    if not warehouse.exists(CURRENT_PERSON):
        return person_id
    current = warehouse.scalar(
        f"select current_person_id from {CURRENT_PERSON.sql} where person_id = $person_id",
        {"person_id": person_id},
    )
    return str(current or person_id)
