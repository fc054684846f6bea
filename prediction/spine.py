"""Write for whom and when features are wanted, by what was known at each date.

It runs after identity and before the marts, so it reads staged events and the history of the
identity graph, and nothing that dbt builds later. Two clocks decide what was known: an event had
happened before the date, and had been received by then (``docs/adr/0006``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from prediction.config import PredictionsConfig, PropensityConfig
from prediction.dates import DatedRole, History, Role, plan_dates
from prediction.errors import MissingRelationError
from prediction.inventory import SPINE, TABLES
from prediction.objecting import NODES, objecting_nodes, withdraw_profiles
from prediction.relations import MEMBERS
from prediction.units import ACCOUNT, unit_of
from warehouse import TableName, Warehouse

STAGED = TableName("intermediate", "int_events__classified")
# Memberships times dates that are looked at in one statement. 600,000 of 300,000 persons at twelve
# dates took between 512 MiB and 1 GiB, and did not go to disk instead; date by date under 256 MiB.
MOST_AT_ONCE = 2_000_000
# Rows of the spine that belong to no model: everybody, at the date of scoring.
EVERYBODY = ""

_DOINGS = "candor_spine_doings"
# The node that an event hangs on, as dbt's int_events__noded finds it: user, else device, else
# address. Per node, event and kind of visit the first moment at which it was known is enough.
_FILL = f"""
    create or replace temp table {_DOINGS} as
    with nodes as (
        select distinct source, source_record_id from {MEMBERS.sql}
        where source in ('users', 'devices', 'emails')
    ),
    known as (
        select user_id, anonymous_id, email, visitor_id is not null as is_visit,
               case when list_contains($watched, event) then event end as event,
               greatest(occurred_at + interval 1 microsecond, known_at) as known_from
        from {STAGED.sql}
        where not is_automated and occurred_at is not null
    ),
    noded as (
        select case when users.source is not null then 'users'
                    when devices.source is not null then 'devices' else 'emails' end as source,
               coalesce(users.source_record_id, devices.source_record_id, emails.source_record_id)
                   as source_record_id,
               known.is_visit, known.event, known.known_from
        from known
        left join nodes as users
            on users.source = 'users' and known.user_id = users.source_record_id
        left join nodes as devices
            on devices.source = 'devices' and known.anonymous_id = devices.source_record_id
        left join nodes as emails
            on emails.source = 'emails' and known.email = emails.source_record_id
    )
    select source, source_record_id, event, is_visit, min(known_from) as known_from
    from noded where source_record_id is not null
    group by all
"""

_KNOWN = f"""
    with dates as (
        select unnest($dates::timestamp[]) as as_of, unnest($roles::varchar[]) as role
    ),
    known as (
        select members.person_id, dates.as_of, dates.role,
               bool_or(doings.is_visit or not $visited) as is_eligible,
               coalesce(bool_or(list_contains($never_did::varchar[], doings.event)), false)
                   as has_done
        from dates
        inner join {MEMBERS.sql} as members
            on members.valid_from <= dates.as_of
            and (members.valid_to is null or members.valid_to > dates.as_of)
        inner join {_DOINGS} as doings
            on members.source = doings.source
            and members.source_record_id = doings.source_record_id
            and doings.known_from <= dates.as_of
        anti join {NODES} as objecting
            on members.source = objecting.source
            and members.source_record_id = objecting.source_record_id
        group by all
    )
"""
_PEOPLE = f"""
    {_KNOWN}
    select person_id, as_of, role, $model_key as model_key, is_eligible, has_done
    from known
    where is_eligible and not has_done
    qualify role = 'scoring' or row_number() over (
        partition by as_of order by md5(person_id || as_of), person_id
    ) <= $people
    order by as_of, person_id
"""
# Of accounts it is known only after the marts who belongs to which, and who may be counted: whoever
# has a record, which alone dates where somebody belongs, may be a member.
_POSSIBLE_MEMBERS = f"""
    {_KNOWN}
    select person_id, as_of, role, $model_key as model_key, is_eligible, has_done
    from known
    semi join (
        select members.person_id, dates.as_of
        from dates inner join {MEMBERS.sql} as members
            on members.valid_from <= dates.as_of
            and (members.valid_to is null or members.valid_to > dates.as_of)
        where members.source not in ('users', 'devices', 'emails')
    ) as recorded using (person_id, as_of)
    order by as_of, person_id
"""


@dataclass(frozen=True, slots=True)
class SpineReport:
    """What the spine holds.

    Attributes:
        rows: All rows.
        dates: Of each model its dates, oldest first.
    """

    rows: int
    dates: Mapping[str, tuple[DatedRole, ...]]


def write_spine(
    warehouse: Warehouse,
    config: PredictionsConfig,
    *,
    as_of: dt.datetime,
    held: Collection[str] = (),
) -> SpineReport:
    """Put the spine of this moment in place of the last one; the same input writes the same rows.

    Who objects to profiling is not in it, and loses what was computed before. For a model of
    accounts the persons are in it who may be members, whatever they did.

    Args:
        warehouse: With staged events and the identity graph; marts are not read.
        config: The models, with their dates and who is eligible.
        as_of: The moment up to which the warehouse knows, UTC.
        held: Ids of persons under a legal hold; what was computed of them before stays, but for
            scores of accounts that somebody else who objects was counted for too.

    Raises:
        MissingRelationError: Staging or identity has not run yet.
    """
    for relation in (STAGED, MEMBERS):
        if not warehouse.exists(relation):
            raise MissingRelationError(str(relation))
    warehouse.create_missing(TABLES)
    dates = {
        key: plan_dates(model, read_history(warehouse, model, as_of=as_of), as_of=as_of)
        for key, model in config.models.items()
    }
    withdraw_profiles(warehouse, held=held)
    with _doings(warehouse, config), objecting_nodes(warehouse), warehouse.transaction():
        warehouse.replace(SPINE.name, "select * from prediction.spine where false")
        rows = sum(
            warehouse.append(SPINE.name, *_wanted(key, model, portion))
            for key, model in config.models.items()
            for portion in _portions(warehouse, dates[key])
        )
        if not config.models:
            rows = warehouse.append(SPINE.name, _PEOPLE, _everybody(as_of))
    return SpineReport(rows, dates)


def read_history(warehouse: Warehouse, model: PropensityConfig, *, as_of: dt.datetime) -> History:
    """How far the events reach back, and since when people do what the model predicts.

    Since when a state is known is not asked here: its history is of the marts, which come later.
    """
    rows = warehouse.read(
        f"""
        select min(occurred_at) as first_event,
               min(occurred_at) filter (
                   where list_contains($events::varchar[], event) or $is_state
               ) as first_target
        from {STAGED.sql} where not is_automated and occurred_at < $as_of
        """,
        {
            "events": list(model.target.events),
            "is_state": model.target.state is not None,
            "as_of": as_of,
        },
    ).to_pylist()
    return History(rows[0]["first_event"], rows[0]["first_target"])


def _portions(warehouse: Warehouse, dates: Sequence[DatedRole]) -> Iterator[Sequence[DatedRole]]:
    """As many dates at once as the engine can group whom it knows by, in some 500 MB."""
    known = int(warehouse.scalar(f"select count(*) from {MEMBERS.sql}"))
    at_once = max(1, MOST_AT_ONCE // max(1, known))
    for first in range(0, len(dates), at_once):
        yield dates[first : first + at_once]


@contextmanager
def _doings(warehouse: Warehouse, config: PredictionsConfig) -> Iterator[None]:
    watched = {event for model in config.models.values() for event in model.eligible.never_did}
    warehouse.execute(_FILL, {"watched": sorted(watched) or [""]})
    try:
        yield
    finally:
        warehouse.execute(f"drop table if exists {_DOINGS}")


def _wanted(
    key: str, model: PropensityConfig, dates: Sequence[DatedRole]
) -> tuple[str, dict[str, object]]:
    """The query for the rows of one model, and its values."""
    asked: dict[str, object] = {
        "dates": [dated.as_of for dated in dates],
        "roles": [str(dated.role) for dated in dates],
        "visited": model.eligible.visited,
        "never_did": list(model.eligible.never_did) or [""],
        "model_key": key,
    }
    if unit_of(model) is ACCOUNT:
        return _POSSIBLE_MEMBERS, asked
    return _PEOPLE, {**asked, "people": model.people_per_date}


def _everybody(as_of: dt.datetime) -> dict[str, object]:
    return {
        "dates": [as_of], "roles": [str(Role.SCORING)], "visited": False,
        "never_did": [""], "model_key": EVERYBODY, "people": 0,
    }  # fmt: skip
