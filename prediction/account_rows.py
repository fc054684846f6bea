"""Queries for accounts: who their members were, what was known of these, what any of them did.

A member counts who had granted the purpose at the date and has granted it now, and who does not
object to profiling (the spine has nobody who does). Of everybody else nothing is looked at:
neither what they did before nor what they do after.
"""

from __future__ import annotations

from collections.abc import Sequence

from prediction.company_rows import COMPANIES
from prediction.config import PropensityConfig
from prediction.inventory import ACCOUNT_SCORE_MEMBERS
from prediction.objecting import OBJECTING
from prediction.person_rows import active_sql, features_sql, groups_sql
from prediction.relations import (
    ACCOUNT_IDS,
    ACCOUNTS,
    CURRENT,
    EMPLOYED,
    EVENTS,
    FEATURES,
    MEMBERS,
    PROFILES,
    granted_sql,
)
from prediction.targets import END, ends_in_state_sql, in_state_sql, known_at_sql, states_sql
from warehouse import quoted

_COUNTED = ACCOUNT_SCORE_MEMBERS.name.sql

# What the company's own records say stands before what its members' records say of it.
_OF_COMPANY = ("employee_count_log", "has_industry", "sector_")
_OVER = "company_over_"  # classes of sizes, each with its bound behind
# Of these columns the largest of any member counts.
_LARGEST = ("days_since_first_", "is_", "has_", "distinct_", "sector_", "works_in_", _OVER)

# What only an account has.
OWN_FEATURES = (
    "member_count",
    "active_member_count_30d",
    "annual_revenue_log",
    "days_since_account_record",
)

# Who belonged to which account at a date by what was known then, by the id of that time.
_NODES_OF = f"""
    {MEMBERS.sql} as nodes
    inner join {EMPLOYED.sql} as employed
        on nodes.source = employed.source
        and nodes.source_record_id = employed.source_record_id
"""
_TODAY = "coalesce(current_person.current_person_id, nodes.person_id)"
_KNOWN_AT = """
    nodes.valid_from <= {date} and (nodes.valid_to is null or nodes.valid_to > {date})
    and employed.valid_from <= {date}
    and (employed.known_from is null or employed.known_from <= {date})
    and (employed.known_to is null or employed.known_to > {date})
"""
_BELONGING = f"""
    belonging as (
        select distinct employed.account_id, spine.as_of, spine.role, spine.person_id,
               coalesce(current_person.current_person_id, spine.person_id) as current_id,
               spine.is_eligible, spine.has_done
        from prediction.spine as spine
        left join {CURRENT.sql} as current_person on spine.person_id = current_person.person_id
        left join {PROFILES.sql} as profiles
            on coalesce(current_person.current_person_id, spine.person_id) = profiles.person_id
        inner join ({_NODES_OF})
            on spine.person_id = nodes.person_id and {_KNOWN_AT.format(date="spine.as_of")}
        where spine.model_key = $model_key and not coalesce(profiles.is_bot, false)
    ),
    members as (
        select * from belonging
        where {granted_sql("belonging.current_id", "belonging.as_of")}
            and {granted_sql("belonging.current_id", "$as_of::timestamp")}
    )
"""

# Accounts with somebody in the state at a date, as it was known then. Whoever is in it counts at the
# end of the horizon too, so here as well: also who never visited, and is not in the spine.
_STANDING = f"""
    standing as (
        select distinct employed.account_id, dates.as_of
        from (select distinct as_of from prediction.spine where model_key = $model_key) as dates
        inner join ({_NODES_OF}) on {_KNOWN_AT.format(date="dates.as_of")}
        left join {CURRENT.sql} as current_person on nodes.person_id = current_person.person_id
        left join {PROFILES.sql} as profiles
            on {_TODAY} = profiles.person_id
        anti join {OBJECTING} as objecting on {_TODAY} = objecting.person_id
        where {in_state_sql("nodes.person_id", "dates.as_of")}
            and not coalesce(profiles.is_bot, false)
            and {granted_sql(_TODAY, "dates.as_of")} and {granted_sql(_TODAY, "$as_of::timestamp")}
    )
"""

# Where somebody belongs is often known only once they asked for something: the first account of a
# person counts for what the person did before as well.
_WORKED = f"""
    worked as (
        select account_id, person_id, valid_to,
               case when valid_from > min(valid_from) over (partition by person_id)
                   then valid_from end as valid_from
        from {EMPLOYED.sql}
        where valid_to is null or valid_to > valid_from
    )
"""
_DOINGS = f"""
    {_WORKED},
    doings as (
        select distinct worked.account_id, events.occurred_at
        from {EVENTS.sql} as events
        inner join worked
            on events.person_id = worked.person_id
            and (worked.valid_from is null or worked.valid_from <= events.occurred_at)
            and (worked.valid_to is null or worked.valid_to > events.occurred_at)
        anti join {OBJECTING} as objecting on events.person_id = objecting.person_id
        where list_contains($events, events.event) and not coalesce(events.is_bot, false)
            and events.occurred_at < $as_of
            and coalesce(events.received_at, events.occurred_at) <= $as_of
            and {granted_sql("events.person_id", "events.occurred_at")}
            and {granted_sql("events.person_id", "$as_of::timestamp")}
    ),
    outcomes as (
        select distinct asked.account_id, asked.as_of
        from asked
        inner join doings
            on asked.account_id = doings.account_id
            and doings.occurred_at >= asked.as_of + to_days($gap)
            and doings.occurred_at < asked.as_of + to_days($gap + $horizon)
    )
"""
# Whose state of the date might not be looked at, as the consent came later, brings no news by it.
_NEWS = f"""
    and ({granted_sql("worked.person_id", "asked.as_of")}
        or not {ends_in_state_sql("worked.person_id", "asked.as_of")})
"""
_ENDS = f"""
    {_WORKED},
    outcomes as (
        select distinct asked.account_id, asked.as_of
        from asked
        inner join worked
            on asked.account_id = worked.account_id
            and (worked.valid_from is null or worked.valid_from <= {END})
            and (worked.valid_to is null or worked.valid_to > {END})
        left join {PROFILES.sql} as profiles on worked.person_id = profiles.person_id
        anti join {OBJECTING} as objecting on worked.person_id = objecting.person_id
        where {ends_in_state_sql("worked.person_id", END)}
            and not coalesce(profiles.is_bot, false)
            and {granted_sql("worked.person_id", END)}
            and {granted_sql("worked.person_id", "$as_of::timestamp")}
            {{news}}
    )
"""


# Whose doings a score is made of where that is one person: others who were only written to, or of whom
# there is a record alone, hide nobody.
_ACTED = "one.days_since_last_seen is not null or one.orders_total > 0 or one.tickets_total > 0"
_ONLY = f"""
    case
        when count(distinct members.current_id) = 1 then min(members.current_id)
        when count(distinct members.current_id) filter (where {_ACTED}) = 1
            then min(members.current_id) filter (where {_ACTED})
    end
"""


def features_of(columns: Sequence[str]) -> tuple[str, ...]:
    """What is known of an account: the columns of its members, put together, and its own."""
    return (*columns, *OWN_FEATURES)


def together(name: str) -> str:
    """How a column of the members is put together, by what its name says: an aggregate of it.

    Sums are of decimals: a sum of doubles depends on their order in the last digits.
    """
    column = f"one.{quoted(name)}"
    if name.startswith("days_since_last_"):
        return f"min({column})"
    if name.startswith(_LARGEST) or name.endswith("_log"):
        return f"max({column})"
    total = f"cast(sum(cast({column} as decimal(38, 6))) as double)"
    if name.startswith(("mean_", "top_")) or name.endswith(("_share", "_entropy")):
        return f"round({total} / count({column}), 6)"
    return total


def examples_sql(model: PropensityConfig, names: Sequence[str]) -> str:
    """Query for role, outcome, number of the account, features and groups at every past date."""
    return f"""
        with {_asked_sql(model)}, {_features_sql(names)}, {_outcomes_sql(model)}
        select asked.role, outcomes.account_id is not null as outcome,
               dense_rank() over (order by asked.account_id) as number,
               {features_sql(names)}{groups_sql(model)}
        from asked
        inner join features using (account_id, as_of)
        left join outcomes using (account_id, as_of)
        left join {ACCOUNTS.sql} as described on asked.account_id = described.account_id
        where asked.role <> 'scoring' {active_sql(model)}
        order by asked.as_of, asked.account_id
    """


def taught_by_sql(model: PropensityConfig) -> str:
    """Query for the members of the accounts of the examples."""
    return f"""
        with {_asked_sql(model)},
        taught as (select unnest(member_ids) as person_id from asked where role <> 'scoring')
        select distinct person_id from taught
    """


def asked_sql(model: PropensityConfig, names: Sequence[str]) -> str:
    """Query for id, features, members who count and the only one who acted, of accounts to score."""
    return f"""
        with {_asked_sql(model)}, {_features_sql(names)}
        select asked.account_id as id, asked.member_ids, features.only_id, {features_sql(names)}
        from asked
        inner join features using (account_id, as_of)
        where asked.role = $role and (asked.role <> 'scoring' or asked.as_of = $as_of)
            {active_sql(model)}
        order by asked.account_id
    """


def matured_sql(model: PropensityConfig) -> str:
    """Query for score and outcome of the newest scores that are ripe."""
    return f"""
        with {states_sql(model)} asked as (
            select coalesce(ids.merged_into, scores.account_id) as account_id, scores.as_of,
                   scores.score
            from prediction.account_scores as scores
            left join {ACCOUNT_IDS.sql} as ids on scores.account_id = ids.account_id
            where scores.model_key = $model_key and scores.model_version = $version
                and scores.source = 'model' and scores.as_of <= $ripe
            qualify scores.as_of = max(scores.as_of) over ()
        ), {_outcomes_sql(model)}
        select asked.score, outcomes.account_id is not null as outcome
        from asked left join outcomes using (account_id, as_of)
        order by asked.score, outcome
    """


def withdrawn_sql() -> str:
    """A test of a row of scores: that somebody whom it was computed from may count no more.

    Who has not granted ``$purpose`` (any more), or objects to profiling, whatever was granted.
    """
    granted = granted_sql("counted.current_id", "$as_of::timestamp")
    return f"""
        (account_id, as_of) in (
            select (counted.account_id, counted.as_of)
            from (
                select members.account_id, members.as_of,
                       coalesce(current_person.current_person_id, members.person_id) as current_id
                from {_COUNTED} as members
                left join {CURRENT.sql} as current_person using (person_id)
                where members.model_key = $model_key
            ) as counted
            left join {OBJECTING} as objecting on counted.current_id = objecting.person_id
            where objecting.person_id is not null or not {granted}
        )
    """


def _asked_sql(model: PropensityConfig) -> str:
    """Common tables up to ``asked``: one row per account that is asked about at a date."""
    wanted = model.eligible.in_state if model.target.state else None
    standing, test = "", ""
    if wanted is not None:
        standing = f"{_STANDING},"
        test = f"""and (account_id, as_of) {"" if wanted else "not"} in (
            select (account_id, as_of) from standing
        )"""
    return f"""
        {states_sql(model)} {_BELONGING}, {standing}
        asked as (
            select account_id, as_of, role,
                   list_sort(list(distinct current_id)) as member_ids
            from members
            where true {known_at_sql(model, "members.as_of")} {test}
            group by account_id, as_of, role
            having bool_or(is_eligible) and not bool_or(has_done)
            qualify role = 'scoring' or row_number() over (
                partition by as_of order by md5(account_id || as_of), account_id
            ) <= $people
        )
    """


def _outcomes_sql(model: PropensityConfig) -> str:
    """The common table ``outcomes``: of whom somebody did it, or is in the state at the end."""
    if model.target.state is None:
        return _DOINGS
    return _ENDS.format(news=_NEWS if model.eligible.in_state is False else "")


def _features_sql(names: Sequence[str]) -> str:
    """Common tables up to ``features``: one row per account and date."""
    gathered = [name for name in names if name not in OWN_FEATURES]
    of_members = ", ".join(f"{together(name)} as {quoted(name)}" for name in gathered)
    sectors = [quoted(name) for name in names if name.startswith("sector_")]
    of_industries = "".join(f", max(industries.{name}) as {name}" for name in sectors)
    shown = ", ".join(f"{_shown(name)} as {quoted(name)}" for name in names)
    return f"""
        gathered as (
            select members.account_id, members.as_of, {of_members},
                   count(distinct members.current_id)::double as member_count,
                   count(distinct members.current_id) filter (
                       where one.days_since_last_seen <= 30
                   )::double as active_member_count_30d,
                   {_ONLY} as only_id
            from members
            semi join asked using (account_id, as_of)
            inner join {FEATURES.sql} as one
                on members.person_id = one.person_id and members.as_of = one.as_of
            group by members.account_id, members.as_of
        ), {COMPANIES.format(sectors=of_industries)},
        features as (
            select gathered.account_id, gathered.as_of, gathered.only_id, {shown}
            from gathered left join companies using (account_id, as_of)
        )
    """


def _shown(name: str) -> str:
    if name in {"annual_revenue_log", "days_since_account_record"}:
        return f"companies.{quoted(name)}"
    if name.startswith(_OF_COMPANY):
        return f"coalesce(companies.{quoted(name)}, gathered.{quoted(name)})"
    if name.startswith(_OVER):
        bound = int(name.removeprefix(_OVER))
        over = f"companies.employee_count_log > round(ln(1 + {bound}), 6)"
        return f"cast(coalesce({over}, gathered.{quoted(name)} > 0) as double)"
    return f"gathered.{quoted(name)}"
