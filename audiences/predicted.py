"""Queries for what is predicted of each person: scores, those of their accounts, and the persona.

All are as last published by a moment: a column of ``known``, which the query around them holds.
"""

from __future__ import annotations

from audiences.catalogue import ACCOUNT_MEMBERS, ACCOUNT_SCORES, PERSONA_MEMBERS, SCORES


def score_facts(columns: list[str], *, moment: str = "as_of") -> str:
    """Of each person what the models say of it."""
    return f"""
        select scores.person_id, {", ".join(columns)}
        from (
            select propensity_scores.*
            from {SCORES.sql} as propensity_scores, known
            where propensity_scores.as_of <= known.{moment}
            qualify propensity_scores.as_of
                = max(propensity_scores.as_of) over (partition by propensity_scores.model_key)
        ) as scores
        group by scores.person_id
    """


def account_score_facts(columns: list[str], *, moment: str = "as_of") -> str:
    """Of each person the likeliest of the accounts that the person belongs to.

    A score that was computed from one member alone tells of that member, and is no colleague's.
    """
    return f"""
        select scores.person_id, {", ".join(columns)}
        from (
            select members.person_id, account_scores.model_key, account_scores.score,
                   account_scores.decile
            from (
                select model_key, account_id, score, decile, person_id
                from {ACCOUNT_SCORES.sql} as published, known
                where published.as_of <= known.{moment}
                qualify published.as_of = max(published.as_of) over (partition by model_key)
            ) as account_scores
            inner join {ACCOUNT_MEMBERS.sql} as members using (account_id)
            where coalesce(account_scores.person_id = members.person_id, true)
            qualify row_number() over (
                partition by members.person_id, account_scores.model_key
                order by account_scores.score desc nulls last, account_id
            ) = 1
        ) as scores
        group by scores.person_id
    """


def persona_facts(_: list[str], *, moment: str = "as_of") -> str:
    """Of each person the persona."""
    return f"select personas.* from ({personas_sql(f'(select {moment} from known)')}) as personas"


def personas_sql(as_of: str) -> str:
    """Query for person_id, persona_id, persona_name, confidence as last published.

    Args:
        as_of: Expression for the moment after which nothing is known.
    """
    return f"""
        select person_id, persona_id, persona_name, confidence
        from {PERSONA_MEMBERS.sql} as persona_members
        where persona_members.as_of <= {as_of}
        qualify persona_members.as_of = max(persona_members.as_of) over ()
            and row_number() over (
                partition by person_id order by as_of desc, confidence desc, persona_id
            ) = 1
    """
