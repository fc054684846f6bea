"""Who entered and who left, and what caused it.

What changed is told apart by asking again: by the rules of the run before, and by the scores and
personas of the run before, both on today's data. Where the old rules would have left a person where
they were, the rule is the cause; where the old scores would have, the model is. What is left is the
work of identity, where the person was merged or split since, and else of new data.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audiences.catalogue import IDENTITY_CHANGES, PERSONS, Catalogue
from audiences.compile import Plan, PlannedAudience
from audiences.config import Audience
from audiences.inventory import (
    DEFINITIONS,
    MEMBERSHIP_CHANGES,
    MEMBERSHIPS,
    SIZES,
    SUPPRESSED_MEMBERS,
)
from audiences.judge import FACTS, LACKING, MEMBERS, OUTRANKED, stays
from warehouse import Warehouse, literal

_VERDICTS = "candor_audience_verdicts"
_CHANGED = f"""
    select coalesce(before.audience_key, members.audience_key) as audience_key,
        coalesce(before.person_id, members.person_id) as person_id
    from {MEMBERSHIPS.name.sql} as before
    full join ({MEMBERS}) as members using (audience_key, person_id)
    where before.person_id is null or members.person_id is null
"""


@dataclass(frozen=True, slots=True)
class Run:
    """The run that writes.

    Attributes:
        run_id: Its id.
        now: When, UTC.
    """

    run_id: str
    now: dt.datetime

    @property
    def values(self) -> dict[str, object]:
        """As bound in queries."""
        return {"run_id": self.run_id, "now": self.now}


def write_changes(
    warehouse: Warehouse,
    audiences: Sequence[Audience],
    plan: Plan,
    catalogue: Catalogue,
    run: Run,
) -> None:
    """Append every entry and exit since the run before, inside ``judged``."""
    # Before anything else is appended: an erasure took rows away without a word.
    _write_erased(warehouse, run)
    warehouse.execute(f"create or replace temp table {_VERDICTS} as {_verdicts(plan, catalogue)}")
    try:
        _write_entries(warehouse, catalogue, run)
        keys = [audience.key for audience in audiences]
        _write_exits(warehouse, catalogue, {**run.values, "keys": keys})
    finally:
        warehouse.execute(f"drop table if exists {_VERDICTS}")


def _verdicts(plan: Plan, catalogue: Catalogue) -> str:
    """Of everyone who entered or left: who would not have, by the old rules, scores or persons.

    Columns: audience_key, person_id, by_old_rules and by_old_scores (whether they fit by these;
    null where these are the same), is_rule_known, is_resolved_anew.
    """
    asked = [planned for planned in plan.audiences if planned.by_old_rules or planned.by_old_scores]
    answers = " union all ".join((_NO_VERDICT, *(_asked(planned) for planned in asked)))
    return f"""
        with changed as ({_CHANGED}), answers as ({answers})
        select changed.audience_key, changed.person_id, answers.by_old_rules,
            answers.by_old_scores, coalesce(answers.has_new_rules, false) as has_new_rules,
            resolved.person_id is not null as is_resolved_anew
        from changed
        left join answers using (audience_key, person_id)
        left join ({_resolved_anew(catalogue)}) as resolved using (audience_key, person_id)
    """


_NO_VERDICT = """
    select null::varchar as audience_key, null::varchar as person_id,
        null::boolean as by_old_rules, null::boolean as by_old_scores, null::boolean as has_new_rules
    where false
"""


def _asked(planned: PlannedAudience) -> str:
    key = literal(planned.key)
    return f"""
        select {key} as audience_key, person_id, {planned.by_old_rules or "null"} as by_old_rules,
            {planned.by_old_scores or "null"} as by_old_scores,
            {"true" if planned.by_old_rules else "false"} as has_new_rules
        from {FACTS}
        semi join (select person_id from changed where audience_key = {key}) as concerned
            using (person_id)
    """


def _resolved_anew(catalogue: Catalogue) -> str:
    """Persons who were merged or split since each audience was last computed."""
    if IDENTITY_CHANGES not in catalogue.columns:
        return "select null::varchar as audience_key, null::varchar as person_id where false"
    return f"""
        select distinct last.audience_key, touched.person_id
        from (
            select audience_key, max(computed_at) as computed_at
            from {SIZES.name.sql} group by audience_key
        ) as last
        inner join (
            select person_id, changed_at from {IDENTITY_CHANGES.sql}
            union all
            select other_person_id, changed_at from {IDENTITY_CHANGES.sql}
        ) as touched on touched.changed_at > last.computed_at
    """


def _write_entries(warehouse: Warehouse, catalogue: Catalogue, run: Run) -> None:
    warehouse.append(
        MEMBERSHIP_CHANGES.name,
        f"""
        select audience_key, person_id, 'entered' as change,
            split_part(why, ': ', 1) as cause, split_part(why, ': ', 2) as detail,
            arm, $run_id as run_id, cast($now as timestamp) as changed_at
        from (
            select members.audience_key, members.person_id, members.arm,
                case
                    when stays.person_id is not null then 'identity: merged with a member'
                    when suppressed.person_id is not null then 'consent: consent given'
                    when known.audience_key is null then 'rule: the audience is new'
                    when has_new_rules and not coalesce(by_old_rules, false)
                        then 'rule: the rules changed'
                    when not by_old_scores then 'model: scores or personas changed'
                    when is_resolved_anew then 'identity: merged or split'
                    else 'data: meets the rules'
                end as why
            from ({MEMBERS}) as members
            anti join {MEMBERSHIPS.name.sql} as before using (audience_key, person_id)
            inner join {_VERDICTS} as verdicts using (audience_key, person_id)
            left join ({stays(catalogue)}) as stays using (audience_key, person_id)
            left join {DEFINITIONS.name.sql} as known using (audience_key)
            left join (select distinct audience_key, person_id from {SUPPRESSED_MEMBERS.name.sql})
                as suppressed using (audience_key, person_id)
        )
        order by all
        """,
        run.values,
    )


def _write_exits(warehouse: Warehouse, catalogue: Catalogue, values: Mapping[str, object]) -> None:
    warehouse.append(
        MEMBERSHIP_CHANGES.name,
        f"""
        select audience_key, person_id, 'exited' as change,
            split_part(why, ': ', 1) as cause, split_part(why, ': ', 2) as detail,
            arm, $run_id as run_id, cast($now as timestamp) as changed_at
        from (
            select before.audience_key, before.person_id, before.arm,
                case
                    when not list_contains($keys, before.audience_key)
                        then 'rule: the audience was removed'
                    when persons.status = 'merged' then 'identity: merged into another person'
                    when persons.status <> 'active' then 'identity: nothing belongs to the id any more'
                    when facts.person_id is null then 'data: no longer a person who may be a member'
                    when lacking.person_id is not null then 'consent: consent missing'
                    when outranked.person_id is not null
                        then 'data: in an audience that goes before this one'
                    when has_new_rules and coalesce(by_old_rules, true) then 'rule: the rules changed'
                    when by_old_scores then 'model: scores or personas changed'
                    when is_resolved_anew then 'identity: merged or split'
                    else 'data: no longer meets the rules'
                end as why
            from {MEMBERSHIPS.name.sql} as before
            anti join ({MEMBERS}) as members using (audience_key, person_id)
            inner join {_VERDICTS} as verdicts using (audience_key, person_id)
            left join {FACTS} as facts on facts.person_id = before.person_id
            left join ({_persons(catalogue)}) as persons on persons.person_id = before.person_id
            left join (select distinct audience_key, person_id from {LACKING}) as lacking
                using (audience_key, person_id)
            left join {OUTRANKED} as outranked using (audience_key, person_id)
        )
        order by all
        """,
        values,
    )


def _persons(catalogue: Catalogue) -> str:
    if PERSONS not in catalogue.columns:
        return "select null::varchar as person_id, null::varchar as status where false"
    return f"select person_id, status from {PERSONS.sql}"


def _write_erased(warehouse: Warehouse, run: Run) -> None:
    """Count the members who were erased since the run before, without a word about who they were.

    Of an audience that was removed earlier nothing is counted: its last size stays behind.
    """
    warehouse.append(
        MEMBERSHIP_CHANGES.name,
        f"""
        with before as (
            select audience_key, max_by(members, computed_at) as members
            from {SIZES.name.sql}
            semi join {DEFINITIONS.name.sql} using (audience_key)
            group by audience_key
        ),
        standing as (
            select audience_key, count(*) as members
            from {MEMBERSHIPS.name.sql} group by audience_key
        )
        select audience_key, null::varchar as person_id, 'exited' as change,
            'erasure' as cause, 'the person was erased' as detail, null::varchar as arm,
            $run_id as run_id, cast($now as timestamp) as changed_at
        from before
        left join standing using (audience_key)
        cross join range(before.members - coalesce(standing.members, 0))
        """,
        run.values,
    )
