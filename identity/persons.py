"""Keep the list of all person ids ever given, and write down what was merged or split and why."""

from __future__ import annotations

from dataclasses import dataclass

from identity.assign import ASSIGNED
from identity.attach import CLUSTERS
from identity.collect import LINKS
from identity.constrain import RULES
from identity.inventory import CHANGES, MEMBERS, MEMBERS_HISTORY, PERSONS
from identity.nodes import DEVICES, NODES
from identity.remember import FORMER, Moment
from warehouse import Warehouse

_LISTED, _AFFECTED = "identity_listed_persons", "identity_affected_persons"
_INACTIVE = "identity_inactive_persons"


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """How many persons were merged into others, and how many were split off."""

    merges: int
    splits: int


@dataclass(frozen=True, slots=True)
class Concerned:
    """Whose persons a run may have changed; all relations are as they are after it.

    Attributes:
        ids: SQL of the ids whose members may have changed.
        history: Relation of the rows of the history that name one of these ids.
        members: Relation of the members who have one of these ids or ever had one.
    """

    ids: str
    history: str
    members: str


def write_persons(warehouse: Warehouse, moment: Moment, concerned: Concerned) -> ChangeCounts:
    """Put the persons in place and add the changes; needs the history and members of this run.

    An id that nobody has any more is *merged* into the person that most of its records went to,
    else *retired*.

    Args:
        warehouse: Holds the tables of the steps before.
        moment: When the run writes.
        concerned: Whose persons may have changed.
    """
    warehouse.execute(
        f"create or replace temp table {_AFFECTED} as select distinct person_id "
        f"from ({concerned.ids}) where person_id is not null"
    )
    warehouse.execute(
        f"create or replace temp table {_INACTIVE} as {_filled(_INACTIVE_SQL, concerned)}"
    )
    warehouse.execute(
        f"create or replace temp table {_LISTED} as {_filled(_LISTED_SQL, concerned)}"
    )
    warehouse.execute(f"create or replace temp table identity_changed as {_CHANGED_SQL}")
    warehouse.append(
        CHANGES.name,
        "select left(sha256(concat_ws('|', change_type, person_id, other_person_id, $run_id)), 26) "
        "as change_id, *, $run_id as run_id, $now::timestamp as changed_at "
        "from identity_changed order by change_type, person_id, other_person_id",
        {"run_id": moment.run_id, "now": moment.now},
    )
    warehouse.replace_where(
        PERSONS.name,
        f"person_id in (select person_id from {_LISTED} where {_IS_NEWS})",
        f"select person_id, status, merged_into, coalesce(created_at, $now) as created_at "
        f"from {_LISTED} where {_IS_NEWS}",
        {"now": moment.now},
    )
    counts = warehouse.read(
        "select count(*) filter (change_type = 'merge') as merges, "
        "count(*) filter (change_type = 'split') as splits from identity_changed"
    ).to_pylist()[0]
    return ChangeCounts(**counts)


_HISTORY, _MEMBERS = "{history}", "{members}"
_IS_NEWS = "(status is distinct from former_status or merged_into is distinct from formerly_into)"


def _filled(sql: str, concerned: Concerned) -> str:
    return sql.replace(_HISTORY, concerned.history).replace(_MEMBERS, concerned.members)


_ALL_SQL = f"""
    select person_id from {MEMBERS.name.sql}
    union select person_id from {MEMBERS_HISTORY.name.sql}
    union select person_id from {PERSONS.name.sql}
"""

EVERYBODY = Concerned(_ALL_SQL, MEMBERS_HISTORY.name.sql, MEMBERS.name.sql)

_INACTIVE_SQL = f"""
    select person_id from {_AFFECTED}
    anti join (select person_id from {_MEMBERS} semi join {_AFFECTED} using (person_id))
        using (person_id)
"""

# Where the records of each id are now; those of devices count only where there are no others.
_WENT_SQL = f"""
    select history.person_id, current.person_id as target, count(*) as size,
        count(*) filter (history.source <> '{DEVICES}') as known_size
    from {_HISTORY} as history semi join {_INACTIVE} using (person_id)
    join {_MEMBERS} as current using (node)
    where current.person_id <> history.person_id
    group by all
"""

_LISTED_SQL = f"""
    with targets as (
        select person_id, target from ({_WENT_SQL})
        qualify row_number() over (
            partition by person_id order by known_size desc, size desc, target
        ) = 1
    )
    select affected.person_id,
        case
            when inactive.person_id is null then 'active'
            when persons.status = 'merged' or target is not null then 'merged'
            else 'retired'
        end as status,
        case
            when inactive.person_id is null then null
            when persons.status = 'merged' then persons.merged_into
            else target
        end as merged_into,
        persons.created_at,
        persons.status as former_status,
        persons.merged_into as formerly_into
    from {_AFFECTED} as affected
    left join {_INACTIVE} as inactive using (person_id)
    left join {PERSONS.name.sql} as persons using (person_id)
    left join targets using (person_id)
"""

# The strongest link between two former persons says why they are one; the cut between two parts
# of a former person says why they are two.
_CHANGED_SQL = f"""
    with known as (
        select node, nodes.source, former.person_id as former_id, assigned.person_id
        from {CLUSTERS} join {NODES} as nodes using (node) join {ASSIGNED} as assigned using (cluster)
        left join {FORMER} as former using (node)
    ),
    joints as (
        select least(one.former_id, other.former_id) as one_id,
            greatest(one.former_id, other.former_id) as other_id,
            arg_max(kind || ': ' || rule, (strength, link)) as cause,
            max((strength, link)) as strongest
        from {LINKS} join known as one on one.node = left_node
        join known as other on other.node = right_node
        where cut_rule < 0 and one.former_id <> other.former_id and one.person_id = other.person_id
        group by all
    ),
    reasons as (
        select one_id, other_id, cause, strongest from joints
        union all select other_id, one_id, cause, strongest from joints
    ),
    merges as (
        select 'merge' as change_type, merged_into as person_id, person_id as other_person_id
        from {_LISTED} where status = 'merged' and former_status is distinct from 'merged'
    ),
    splits as (
        select distinct former_id as person_id, known.person_id as other_person_id
        from known join {_LISTED} as listed on listed.person_id = former_id
        where former_id <> known.person_id
            and known.person_id is distinct from listed.merged_into
    ),
    cuts as (
        select one.former_id, one.person_id as one_id, other.person_id as other_id,
            min(cut_rule) as rule
        from {LINKS} join known as one on one.node = left_node
        join known as other on other.node = right_node
        where cut_rule >= 0 and one.former_id = other.former_id
        group by all
    )
    select change_type, merges.person_id, other_person_id,
        coalesce(
            -- Best why it is one with who stays, else with another of those who become one.
            arg_max(cause, (other_id = merges.person_id, strongest)),
            case when bool_or(former.person_id is not null) then 'linked over other records'
                else 'deterministic: identified on the device' end
        ) as cause
    from merges
    left join reasons on one_id = other_person_id
    left join (select distinct person_id from {FORMER} where source <> '{DEVICES}') as former
        on former.person_id = other_person_id
    group by all
    union all
    select 'split', person_id, other_person_id,
        coalesce(
            case min(rule) {" ".join(f"when {number} then '{rule}'" for number, rule in enumerate(RULES))} end,
            'what linked them is gone'
        )
    from splits
    left join cuts on former_id = person_id and other_person_id in (one_id, other_id)
    group by all
"""
