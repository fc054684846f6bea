"""Hold two runs of one audience against each other, and audiences against one another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audiences.catalogue import suggestion
from audiences.errors import InvalidAudienceError
from audiences.inventory import DEFINITIONS, MEMBERSHIP_CHANGES, MEMBERSHIPS, SIZES, TABLES
from warehouse import Warehouse

# Enough to find a run of the last weeks in an error message.
_SHOWN_RUNS = 5
# Fewest members that a difference may have where no audience says one; ad platforms ask for as many.
LEAST_DIFFERENCE = 100
# Share of an audience that is in another where it counts as being inside it.
INSIDE = 0.99


@dataclass(frozen=True, slots=True)
class AudienceDiff:
    """What lies between two runs of one audience; counts of persons.

    Attributes:
        key: The audience.
        first: The earlier run.
        second: The later run.
        members_first: Members after the earlier run, erased persons included.
        members_second: Members after the later run, as it counted them.
        has_same_rules: Whether both judged by the same rules; None where it was not recorded.
        changes: Rows of change (entered, exited), cause, detail, persons: of everyone who is in
            one of the two and not in the other, the last cause. Who left and came back is in none.
    """

    key: str
    first: str
    second: str
    members_first: int
    members_second: int
    has_same_rules: bool | None
    changes: Sequence[dict[str, Any]]


def diff_runs(warehouse: Warehouse, key: str, first: str, second: str) -> AudienceDiff:
    """Compare the members of two runs by what caused the difference.

    Args:
        warehouse: The engine.
        key: The audience.
        first: One run's id.
        second: The other's; the earlier of the two counts as the first.

    Raises:
        InvalidAudienceError: A run did not compute this audience.
    """
    warehouse.create_missing(TABLES)
    found = {run: _size(warehouse, key, run) for run in (first, second)}
    earlier, later = sorted(found, key=lambda run: (found[run]["computed_at"], run != first))
    changes = warehouse.read(
        _CHANGES_SQL,
        {
            "key": key,
            "since": found[earlier]["computed_at"],
            "until": found[later]["computed_at"],
        },
    )
    rules = [found[run]["rules"] for run in (earlier, later)]
    return AudienceDiff(
        key=key,
        first=earlier,
        second=later,
        members_first=found[earlier]["members"],
        members_second=found[later]["members"],
        has_same_rules=None if None in rules else rules[0] == rules[1],
        changes=changes.to_pylist(),
    )


def members_at(warehouse: Warehouse, key: str, run_id: str) -> Any:
    """The members that a run left, but for those erased since.

    What happened since is taken back: whoever left was a member, whoever entered was none.

    Args:
        warehouse: The engine.
        key: The audience.
        run_id: A run whose later changes are all still kept (see retention.yml).

    Returns:
        An Arrow table (person_id), in order.

    Raises:
        InvalidAudienceError: The run did not compute this audience.
    """
    warehouse.create_missing(TABLES)
    since: dt.datetime = _size(warehouse, key, run_id)["computed_at"]
    return warehouse.read(
        f"""
        with since as ({_FIRST_SINCE})
        select person_id from {MEMBERSHIPS.name.sql}
        where audience_key = $key and person_id not in (select person_id from since)
        union
        select person_id from since where change = 'exited'
        order by person_id
        """,
        {"key": key, "since": since},
    )


def overlaps(warehouse: Warehouse) -> Any:
    """How many members each two audiences share, as they were last computed.

    Where the other is all but inside the first, whoever gets both lists (or counts) can subtract
    them; ``isolates_below`` says that this leaves fewer members than either audience may have.

    Returns:
        An Arrow table: audience, other, members, other_members, both, share (of the members of
        the first who are in the other, 0..1), jaccard (both, of everyone in either), only_here
        (members of the first who are not in the other), isolates_below (the number that only_here
        should reach, where it does not and the other is inside the first; else null).
    """
    warehouse.create_missing(TABLES)
    return warehouse.read(
        f"""
        with sizes as (
            select audience_key, count(*) as members
            from {MEMBERSHIPS.name.sql} group by audience_key
        ),
        pairs as (
            select ours.audience_key as audience, others.audience_key as other, count(*) as both
            from {MEMBERSHIPS.name.sql} as ours
            inner join {MEMBERSHIPS.name.sql} as others using (person_id)
            where ours.audience_key <> others.audience_key
            group by ours.audience_key, others.audience_key
        ),
        least as (
            select pairs.audience, pairs.other, coalesce(
                nullif(max(definitions.minimum_size), 0), {LEAST_DIFFERENCE}
            ) as least
            from pairs
            left join {DEFINITIONS.name.sql} as definitions
                on definitions.audience_key in (pairs.audience, pairs.other)
            group by pairs.audience, pairs.other
        )
        select pairs.audience, pairs.other, mine.members, theirs.members as other_members,
            pairs.both, pairs.both / mine.members as share,
            pairs.both / (mine.members + theirs.members - pairs.both) as jaccard,
            mine.members - pairs.both as only_here,
            case
                when pairs.both >= {INSIDE} * theirs.members
                    and mine.members - pairs.both between 1 and least.least - 1
                then least.least
            end as isolates_below
        from pairs
        inner join least using (audience, other)
        inner join sizes as mine on mine.audience_key = pairs.audience
        inner join sizes as theirs on theirs.audience_key = pairs.other
        order by pairs.audience, pairs.both desc, pairs.other
        """
    )


def tell_isolation(row: Mapping[str, Any]) -> str:
    """What is wrong with a pair of ``overlaps`` that isolates few, and what to do; counts only."""
    return (
        f"{row['other']} is all but inside {row['audience']}, and {row['only_here']} of "
        f"{row['audience']} are not in it: who gets both can tell these few apart (fewer than "
        f"{row['isolates_below']}); send only one of the two there, or make their rules differ more"
    )


_FIRST_SINCE = f"""
    select person_id, arg_min(change, changed_at) as change
    from {MEMBERSHIP_CHANGES.name.sql}
    where audience_key = $key and changed_at > $since and person_id is not null
    group by person_id
"""

_CHANGES_SQL = f"""
    with within as (
        select person_id, arg_min(change, changed_at) as first_change,
            arg_max(change, changed_at) as change, arg_max(cause, changed_at) as cause,
            arg_max(detail, changed_at) as detail
        from {MEMBERSHIP_CHANGES.name.sql}
        where audience_key = $key and changed_at > $since and changed_at <= $until
            and person_id is not null
        group by person_id
        union all
        select null, change, change, cause, detail
        from {MEMBERSHIP_CHANGES.name.sql}
        where audience_key = $key and changed_at > $since and changed_at <= $until
            and person_id is null
    )
    select change, cause, detail, count(*) as persons
    from within
    where first_change = change
    group by change, cause, detail
    order by change, persons desc, cause, detail
"""


def _size(warehouse: Warehouse, key: str, run_id: str) -> dict[str, Any]:
    """The row of sizes that a run wrote of an audience."""
    rows = warehouse.read(
        f"select run_id, members, rules, computed_at from {SIZES.name.sql} "
        "where audience_key = $key order by computed_at desc",
        {"key": key},
    ).to_pylist()  # one row per run
    for row in rows:
        if row["run_id"] == run_id:
            return dict(row)
    known = [str(row["run_id"]) for row in rows]
    shown = suggestion(run_id, known[:_SHOWN_RUNS]) if known else "no run has computed it"
    raise InvalidAudienceError([f"{run_id!r} is no run that computed {key!r}: {shown}"])
