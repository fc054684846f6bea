"""Measure how many persons a run changes, and how many of these for no reason of their own.

A merge because of a new record is what identity resolution is for. What a company must hear of
before its audiences do is *jitter*: persons who change although nothing new is known of them,
because a setting, the model or what a value is worth has changed.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from identity.config import IdentityConfig
from identity.inventory import DECISIONS, MEMBERS
from identity.nodes import DEVICES, EMAILS, USERS
from identity.observe import EVENTS
from identity.prepare import SOURCE
from warehouse import Warehouse

BEFORE = "identity_members_before"
CHANGED = "identity_changed_persons"
_AFTER = MEMBERS.name.sql
_NODE = "source, source_record_id"
_DEPARTED, _AFFECTED = "identity_departed_members", "identity_churned_persons"


@dataclass(frozen=True, slots=True)
class Churn:
    """How many of the persons known before a run were changed by it.

    A person is known by anything but a device: a browser comes and goes with its sign-ins.

    Attributes:
        persons: Persons known before of whom a record, sign-in or address is still there.
        merged: Of these, persons now one with another of them.
        split: Of these, persons whose records are now several persons'.
        renamed: Of these, persons whose records stayed together under another id.
        changed: Of these, persons to whom any of the three happened.
        unexplained: Of the changed, persons without anything new: see ``measure_churn``.
    """

    persons: int = 0
    merged: int = 0
    split: int = 0
    renamed: int = 0
    changed: int = 0
    unexplained: int = 0

    @property
    def share(self) -> float:
        """Unexplained changes of all persons, 0..1."""
        return self.unexplained / self.persons if self.persons else 0.0

    def is_above(self, config: IdentityConfig) -> bool:
        """Whether so many may not be published without somebody's word."""
        return (
            self.share > config.max_changed_share and self.unexplained >= config.min_changed_persons
        )


def remember_members(warehouse: Warehouse) -> None:
    """Fill the temporary table of the members as they are, to be compared with later."""
    warehouse.execute(
        f"create or replace temp table {BEFORE} as select {_NODE}, person_id from {_AFTER}"
    )


def measure_churn(warehouse: Warehouse, *, since: dt.datetime | None) -> Churn:
    """Compare the members that were remembered with those that there are.

    A change is explained where one of the persons concerned has a new record, a new version of
    one, lost one, signed in with an address for the first time, or was decided upon. Records of a
    source that had none before explain nothing: whoever adds a source changes the rules.

    Fills the temporary table of changed persons: former_id, is_merged, is_split, is_renamed,
    is_explained.

    Args:
        warehouse: Holds the staged tables and the members.
        since: When the members were last resolved, UTC; None where nothing tells what is new.
    """
    warehouse.execute(f"create or replace temp table {_DEPARTED} as {_DEPARTED_SQL}")
    warehouse.execute(f"create or replace temp table {_AFFECTED} as {_AFFECTED_SQL}")
    warehouse.execute(f"create or replace temp table {CHANGED} as {_JUDGED_SQL}", {"since": since})
    persons = warehouse.scalar(_PERSONS_SQL)
    warehouse.execute(f"delete from {CHANGED} where not (is_merged or is_split or is_renamed)")
    counts = warehouse.read(
        f"""
        select count(*) filter (is_merged) as merged, count(*) filter (is_split) as split,
            count(*) filter (is_renamed) as renamed, count(*) as changed,
            count(*) filter (not is_explained) as unexplained
        from {CHANGED}
        """
    ).to_pylist()[0]
    return Churn(persons=int(persons), **counts)


def new_sources(warehouse: Warehouse) -> tuple[str, ...]:
    """Sources that have members now and had none before; none where nobody had any."""
    rows = warehouse.read(
        f"select distinct source from {_AFTER} anti join {BEFORE} using (source) "
        f"where exists (select 1 from {BEFORE}) order by source"
    )
    return tuple(rows["source"].to_pylist())


# Sign-ins with an address, and aliases, that no event told of before; in both, two known members
# may become one person without a new record.
_FRESH_SQL = f"""
    select user_id, email, null::varchar as previous_id from {EVENTS}
    where user_id is not null and email is not null
    group by user_id, email having min(loaded_at) > $since::timestamp
    union all
    select user_id, null, previous_id from {EVENTS}
    where user_id is not null and type in ('alias', 'merge') and previous_id is not null
    group by user_id, previous_id having min(loaded_at) > $since::timestamp
"""

_KNOWN, _NOW = (f"(from {table} where source <> '{DEVICES}')" for table in (BEFORE, _AFTER))

# Who is with another person than before, or with none (person_id null).
_DEPARTED_SQL = f"""
    select {_NODE}, before.person_id as former_id, after.person_id
    from {_KNOWN} as before left join {_NOW} as after using ({_NODE})
    where after.person_id is distinct from before.person_id
"""

# Of all others nobody came and nobody left.
_AFFECTED_SQL = f"""
    select former_id as person_id from {_DEPARTED}
    union select person_id from {_DEPARTED} where person_id is not null
"""

_PERSONS_SQL = f"""
    select (select count(distinct person_id) from {_KNOWN} as before)
        - (select count(distinct former_id) from {_DEPARTED} anti join {CHANGED} using (former_id))
"""

_NEWS_SQL = f"""
    select {_NODE} from after anti join {BEFORE} using ({_NODE})
    union
    select {_NODE} from {SOURCE} where loaded_at > $since::timestamp
    union
    select left_source, left_record_id from {DECISIONS.name.sql}
    where greatest(decided_at, coalesce(revoked_at, decided_at)) > $since::timestamp
    union
    select right_source, right_record_id from {DECISIONS.name.sql}
    where greatest(decided_at, coalesce(revoked_at, decided_at)) > $since::timestamp
    union
    select '{USERS}', user_id from fresh
    union
    select '{USERS}', previous_id from fresh where previous_id is not null
    union
    select '{EMAILS}', email from fresh where email is not null
"""

_JUDGED_SQL = f"""
    with before as (from {_KNOWN} as known semi join {_AFFECTED} using (person_id)),
    pairs as (
        select distinct before.person_id as former_id, now.person_id
        from before join {_NOW} as now using ({_NODE})
    ),
    after as (
        select {_NODE}, person_id from {_NOW} as now
        semi join (select person_id from pairs) using (person_id)
    ),
    fresh as ({_FRESH_SQL}),
    sources as (select distinct source from {_KNOWN} as known),
    news as (select * from ({_NEWS_SQL}) semi join sources using (source)),
    met as (select person_id, count(*) as formers from pairs group by person_id),
    explained as (
        select person_id from after semi join news using ({_NODE})
        union
        select pairs.person_id from pairs semi join (
            select former_id from {_DEPARTED} where person_id is null
        ) as lost using (former_id)
    )
    select former_id,
        max(formers) > 1 as is_merged,
        count(*) > 1 as is_split,
        count(*) = 1 and max(formers) = 1 and bool_and(former_id <> pairs.person_id) as is_renamed,
        bool_or(explained.person_id is not null) as is_explained
    from pairs
    join met using (person_id)
    left join explained using (person_id)
    group by former_id
"""
