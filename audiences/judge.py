"""Ask the engine who meets which rules, who lacks a consent, and who is held out.

The answers stand in temporary tables for as long as the block lasts; membership, preview and
explanation read them there.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from audiences.catalogue import AS_OF, CONSENT, PROFILES, Catalogue, merged_sql
from audiences.compile import Plan, PlannedAudience
from audiences.config import Audience
from audiences.inventory import DEFINITIONS, MEMBERSHIP_CHANGES, MEMBERSHIPS
from audiences.lists import lists_view
from measurement.assignment import arm_sql
from warehouse import Warehouse, literal

TREATMENT = "treatment"
HOLDOUT = "holdout"

FACTS = "candor_audience_facts"
MATCHED = "candor_audience_matched"
LACKING = "candor_audience_lacking"
REQUIRED = "candor_audience_required"
STANDING = "candor_audience_standing"
ENTERED_AS = "candor_audience_entered_as"
OUTRANKED = "candor_audience_outranked"
_PRIORITIES = "candor_audience_priorities"
_ELIGIBLE = f"""
    select matched.* from {MATCHED} as matched
    anti join {LACKING} as lacking using (audience_key, person_id)
"""
MEMBERS = f"""
    select eligible.* from ({_ELIGIBLE}) as eligible
    anti join {OUTRANKED} as outranked using (audience_key, person_id)
"""
"""Query for audience_key, person_id, arm and reasons of everyone who is to be a member."""
_EMPTY = """
    select null::varchar as audience_key, null::varchar as person_id, null::varchar as arm,
        null::varchar as reasons
    where false
"""


def read_as_of(warehouse: Warehouse, *, now: dt.datetime) -> dt.datetime:
    """The moment up to which the warehouse knows; ``now`` where it does not say."""
    known = warehouse.scalar(f"select as_of from {AS_OF.sql}") if warehouse.exists(AS_OF) else None
    if known is None:
        return now
    return known if isinstance(known, dt.datetime) else dt.datetime.combine(known, dt.time())


@contextmanager
def judged(
    warehouse: Warehouse, audiences: Sequence[Audience], plan: Plan, catalogue: Catalogue
) -> Iterator[None]:
    """Fill the temporary tables, and drop them afterwards.

    * ``candor_audience_facts``: one row per person, a column per clause.
    * ``candor_audience_matched``: audience, person, arm and reasons of all who meet the rules.
    * ``candor_audience_lacking``: audience, person and each consent that is missing.
    * ``candor_audience_outranked``: audience and person who is in one that goes before it.
    """
    with lists_view(warehouse, plan.lists):
        warehouse.execute(f"create or replace temp table {FACTS} as {plan.facts}", plan.parameters)
    try:
        warehouse.execute(
            f"create or replace temp table {STANDING} as select * from ({stays(catalogue)}) "
            "where list_contains($keys, audience_key)",
            {"keys": _keeping(warehouse, audiences)},
        )
        warehouse.execute(f"create or replace temp table {ENTERED_AS} as {_entered_as(catalogue)}")
        matched = _matched(audiences, plan, catalogue)
        warehouse.execute(f"create or replace temp table {MATCHED} as {matched}")
        with warehouse.view(REQUIRED, _required(audiences)):
            warehouse.execute(f"create or replace temp table {LACKING} as {_lacking(catalogue)}")
        with warehouse.view(_PRIORITIES, _priorities(audiences)):
            warehouse.execute(f"create or replace temp table {OUTRANKED} as {_OUTRANKED_SQL}")
        yield
    finally:
        for name in (FACTS, STANDING, ENTERED_AS, MATCHED, LACKING, OUTRANKED):
            warehouse.execute(f"drop table if exists {name}")


def _required(audiences: Sequence[Audience]) -> Any:
    """The purposes that each audience needs, as an Arrow table (audience_key, purpose)."""
    pairs = [(a.key, purpose) for a in audiences for purpose in dict.fromkeys(a.purposes)]
    return pa.table(
        {
            "audience_key": pa.array([key for key, _ in pairs], pa.string()),
            "purpose": pa.array([purpose for _, purpose in pairs], pa.string()),
        }
    )


def _priorities(audiences: Sequence[Audience]) -> Any:
    """The places of audiences in priority lists, as an Arrow table (audience_key, list, rank)."""
    places = [(a.key, a.priority.list_, a.priority.rank) for a in audiences if a.priority]
    return pa.table(
        {
            "audience_key": pa.array([key for key, _, _ in places], pa.string()),
            "priority_list": pa.array([name for _, name, _ in places], pa.string()),
            "rank": pa.array([rank for _, _, rank in places], pa.int64()),
        }
    )


# Whoever lacks a consent of the first audience may still be in the second.
_OUTRANKED_SQL = f"""
    select eligible.audience_key, eligible.person_id
    from ({_ELIGIBLE}) as eligible
    inner join {_PRIORITIES} as priorities using (audience_key)
    qualify row_number() over (
        partition by priorities.priority_list, eligible.person_id order by priorities.rank
    ) > 1
"""


def consent_by_person(catalogue: Catalogue, *, rows: str = CONSENT.sql) -> str:
    """Query for (person_id, purpose, status): granted only where nothing says otherwise.

    Args:
        catalogue: The tables that the warehouse has.
        rows: Where to read the decisions of those to ask about, everybody's by default.
    """
    if CONSENT not in catalogue.columns:
        return "select null::varchar as person_id, null::varchar as purpose, null as status limit 0"
    return f"""
        select person_id, purpose,
            case when bool_and(coalesce(status = 'granted', false)) then 'granted'
                else 'denied' end as status
        from {rows} as consent
        group by person_id, purpose
    """


def denied_by_another(points: str, required: str) -> str:
    """Condition: another person who holds the contact point denied one of the purposes.

    Args:
        points: Name of the contact points in the query.
        required: Query for the purposes, as ``purpose``.
    """
    return f"""
        exists (
            select 1 from ({required}) as required
            where contains(', ' || {points}.denied_purposes || ', ', ', ' || required.purpose || ', ')
        )
    """


def stays(catalogue: Catalogue) -> str:
    """Query for the memberships as they stand, under the ids that their persons have now.

    Where two members became one person, the older stay goes on.
    """
    return f"""
        select audience_key, person_id, min(entered_at) as entered_at,
            arg_min(arm, (entered_at, member_id)) as arm,
            arg_min(reasons, (entered_at, member_id)) as reasons
        from (
            select members.* replace (
                coalesce(merged.current_person_id, members.person_id) as person_id
            ), members.person_id as member_id
            from {MEMBERSHIPS.name.sql} as members
            left join ({merged_sql(catalogue)}) as merged
                on merged.person_id = members.person_id
        )
        group by audience_key, person_id
    """


def _entered_as(catalogue: Catalogue) -> str:
    """Query for (audience_key, person_id, drawn_as) of merged persons: the id that entered first.

    Whoever left and comes again is drawn by it: what they were sent or spared then was drawn so.
    """
    return f"""
        select changes.audience_key, owners.person_id,
            arg_min(changes.person_id, (changes.changed_at, changes.person_id)) as drawn_as
        from {MEMBERSHIP_CHANGES.name.sql} as changes
        inner join (
            with merged as ({merged_sql(catalogue)})
            select person_id as earlier_id, current_person_id as person_id from merged
            union select current_person_id, current_person_id from merged
        ) as owners on owners.earlier_id = changes.person_id
        where changes.change = 'entered'
        group by changes.audience_key, owners.person_id
    """


def _keeping(warehouse: Warehouse, audiences: Sequence[Audience]) -> list[str]:
    """The audiences whose salt is that of when their members were last computed."""
    rows = warehouse.read(f"select audience_key, definition from {DEFINITIONS.name.sql}")
    before = {  # one row per audience
        row["audience_key"]: json.loads(row["definition"]).get("hold_out", {}).get("salt")
        for row in rows.to_pylist()
    }
    return [
        audience.key
        for audience in audiences
        if audience.hold_out is not None and audience.hold_out.salt == before.get(audience.key)
    ]


def _matched(audiences: Sequence[Audience], plan: Plan, catalogue: Catalogue) -> str:
    by_key = {audience.key: audience for audience in audiences}
    ready = [_members(by_key[planned.key], planned) for planned in plan.audiences]
    held = [_kept(key, catalogue) for key in plan.held]
    return " union all ".join((_EMPTY, *ready, *held))


def _members(audience: Audience, planned: PlannedAudience) -> str:
    """Those who meet the rules; whoever was a member before keeps the arm drawn at entry.

    An account is what the person's records say today: drawing anew would send the held-out.
    """
    return f"""
        select {literal(audience.key)} as audience_key, person_id, {_arm(audience)} as arm, reasons
        from (
            select facts.person_id, {planned.reasons} as reasons,
                coalesce(entered.drawn_as, facts.person_id) as person_unit,
                coalesce(facts.account_id, person_unit) as account_unit,
                standing.arm as standing_arm
            from {FACTS} as facts
            left join {ENTERED_AS} as entered
                on entered.person_id = facts.person_id
                and entered.audience_key = {literal(audience.key)}
            left join {STANDING} as standing
                on standing.person_id = facts.person_id
                and standing.audience_key = {literal(audience.key)}
            where {planned.matches}
        )
    """


def _kept(key: str, catalogue: Catalogue) -> str:
    """Members of an audience that cannot be judged: as they were, if they are still there.

    Without any profile nobody can tell who is.
    """
    there = f"and person_id in (select person_id from {FACTS})"
    return f"""
        select audience_key, person_id, arm, reasons
        from ({stays(catalogue)})
        where audience_key = {literal(key)} {"" if PROFILES in catalogue.empty else there}
    """


def _arm(audience: Audience) -> str:
    hold_out = audience.hold_out
    if hold_out is None:
        return literal(TREATMENT)
    unit = "person_unit" if hold_out.unit == "person" else "account_unit"
    shares = {HOLDOUT: hold_out.share, TREATMENT: 1 - hold_out.share}
    return f"coalesce(standing_arm, {arm_sql(unit, salt=hold_out.salt, shares=shares)})"


def _lacking(catalogue: Catalogue) -> str:
    return f"""
        select matched.audience_key, matched.person_id,
            'consent:' || required.purpose || ':' || coalesce(consent.status, 'unknown') as reason
        from {MATCHED} as matched
        inner join {REQUIRED} as required using (audience_key)
        left join ({consent_by_person(catalogue)}) as consent
            on consent.person_id = matched.person_id and consent.purpose = required.purpose
        where consent.status is distinct from 'granted'
    """
