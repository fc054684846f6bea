"""Queries for persons one by one: who is asked about, what was known of them, what they did."""

from __future__ import annotations

from collections.abc import Sequence

from prediction.config import PropensityConfig
from prediction.relations import CURRENT, EVENTS, FEATURES, PROFILES, granted_sql
from prediction.targets import END, ends_in_state_sql, in_state_sql, known_at_sql, states_sql
from warehouse import quoted

_ASKED = f"""
    asked as (
        select spine.person_id, spine.as_of, spine.role,
               coalesce(current_person.current_person_id, spine.person_id) as current_id
        from prediction.spine as spine
        left join {CURRENT.sql} as current_person on spine.person_id = current_person.person_id
        left join {PROFILES.sql} as profiles
            on coalesce(current_person.current_person_id, spine.person_id) = profiles.person_id
        where spine.model_key = $model_key and not coalesce(profiles.is_bot, false)
    )
"""

_DOINGS = f"""
    outcomes as (
        select distinct asked.person_id, asked.as_of
        from asked
        inner join {EVENTS.sql} as events
            on events.person_id = asked.current_id
            and events.occurred_at >= asked.as_of + to_days($gap)
            and events.occurred_at < asked.as_of + to_days($gap + $horizon)
        where list_contains($events, events.event)
            and events.occurred_at < $as_of
            and coalesce(events.received_at, events.occurred_at) <= $as_of
    )
"""
_ENDS = f"""
    outcomes as (
        select distinct asked.person_id, asked.as_of from asked
        where {ends_in_state_sql("asked.current_id", END)}
    )
"""


def features_of(columns: Sequence[str]) -> tuple[str, ...]:
    """What is known of a person, by the columns of ``marts.features_as_of`` that say something."""
    return tuple(columns)


def examples_sql(model: PropensityConfig, names: Sequence[str]) -> str:
    """Query for role, outcome, number of the person, features and groups at every past date."""
    return f"""
        with {states_sql(model)} {_ASKED}, {_outcomes_sql(model)}
        select asked.role, outcomes.person_id is not null as outcome,
               dense_rank() over (order by asked.current_id) as number,
               {features_sql(names)}{groups_sql(model)}
        from asked
        inner join {FEATURES.sql} as features using (person_id, as_of)
        left join outcomes using (person_id, as_of)
        left join {PROFILES.sql} as described on asked.current_id = described.person_id
        where {_may_teach_sql(model)}
        order by asked.as_of, asked.person_id
    """


def taught_by_sql(model: PropensityConfig) -> str:
    """Query for the persons of the examples."""
    return f"""
        with {states_sql(model)} {_ASKED}
        select distinct asked.current_id as person_id
        from asked inner join {FEATURES.sql} as features using (person_id, as_of)
        where {_may_teach_sql(model)}
    """


def _may_teach_sql(model: PropensityConfig) -> str:
    then, now = (granted_sql("asked.current_id", at) for at in ("asked.as_of", "$as_of::timestamp"))
    return f"""
        asked.role <> 'scoring' and {then} and {now} {active_sql(model)}
        {_eligible_sql(model)}
    """


def asked_sql(model: PropensityConfig, names: Sequence[str]) -> str:
    """Query for id and features of whom to score, by the rows of ``$role``."""
    granted = granted_sql("asked.current_id", "$as_of::timestamp")
    return f"""
        with {states_sql(model)} {_ASKED}
        select asked.person_id as id, {features_sql(names)}
        from asked
        inner join {FEATURES.sql} as features using (person_id, as_of)
        where asked.role = $role and (asked.role <> 'scoring' or asked.as_of = $as_of)
            {f"and {granted}" if model.scored == "consented" else ""} {active_sql(model)}
            {_eligible_sql(model)}
        order by asked.person_id
    """


def matured_sql(model: PropensityConfig) -> str:
    """Query for score and outcome of the newest scores that are ripe, of who has granted now."""
    return f"""
        with {states_sql(model)} asked as (
            select scores.person_id, scores.as_of, scores.score,
                   coalesce(current_person.current_person_id, scores.person_id) as current_id
            from prediction.propensity_scores as scores
            left join {CURRENT.sql} as current_person using (person_id)
            where scores.model_key = $model_key and scores.model_version = $version
                and scores.source = 'model' and scores.as_of <= $ripe
            qualify scores.as_of = max(scores.as_of) over ()
        ), {_outcomes_sql(model)}
        select asked.score, outcomes.person_id is not null as outcome
        from asked left join outcomes using (person_id, as_of)
        where {granted_sql("asked.current_id", "$as_of::timestamp")}
        order by asked.score, outcome
    """


def withdrawn_sql() -> str:
    """A test of a row of scores: that its person has not granted ``$purpose`` (any more)."""
    granted = granted_sql(
        "coalesce(current_person.current_person_id, scores.person_id)", "$as_of::timestamp"
    )
    return f"""
        person_id in (
            select distinct scores.person_id from prediction.propensity_scores as scores
            left join {CURRENT.sql} as current_person using (person_id)
            where scores.model_key = $model_key and not {granted}
        )
    """


def features_sql(names: Sequence[str]) -> str:
    """The columns of ``features``."""
    return ", ".join(f"features.{quoted(name)}" for name in names)


def groups_sql(model: PropensityConfig) -> str:
    """The columns of ``described`` that groups are compared by; each with a comma before it."""
    return "".join(
        f", coalesce(cast(described.{quoted(name)} as varchar), '') as group_{number}"
        for number, name in enumerate(model.groups)
    )


def active_sql(model: PropensityConfig) -> str:
    """The test that something was done lately, where the model asks for it."""
    if model.eligible.active_within_days is None:
        return ""
    return f"and features.days_since_last_seen <= {int(model.eligible.active_within_days)}"


def _outcomes_sql(model: PropensityConfig) -> str:
    """The common table ``outcomes``: who did it, or is in the state when the horizon is over."""
    return _ENDS if model.target.state else _DOINGS


def _eligible_sql(model: PropensityConfig) -> str:
    """The test of the state at the date itself, where a state is predicted."""
    known, wanted = known_at_sql(model, "asked.as_of"), model.eligible.in_state
    if not known or wanted is None:
        return known
    return f"{known} and {'' if wanted else 'not'} {in_state_sql('asked.person_id', 'asked.as_of')}"
