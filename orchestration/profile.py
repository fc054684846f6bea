"""One person's profile, with where each part of it comes from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from identifiers import normalise_email
from orchestration.errors import NoProfilesError, SeveralProfilesError, UnknownProfileError
from prediction.inventory import ACCOUNT_SCORES
from warehouse import TableName, Warehouse

PROFILES = TableName("marts", "profiles")
# Shown with what the models say of themselves, not as traits.
PREDICTED = frozenset({"persona_id", "persona_name", "scores"})

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of one person now.

    Attributes:
        person_id: The person's current id.
        fields: Per field of the records: field, value, source, source_record_id, strategy, reason,
            candidate_count, losing_count.
        traits: Every other column of the profile, in the order of the table; null: not known.
        contact_points: identifier_type, identifier_value, is_preferred, is_shared (so many use it that
            it links nobody), persons (how many hold it now), source.
        accounts: account_id, name, industry, employee_count, basis, valid_from, and scores: the
            latest of each model of accounts, in words.
        consent: Per purpose: purpose, status, decided_at; a purpose never decided is unknown.
        personas: persona_id, persona_name, confidence, as_of; the latest.
        scores: Per model, the latest: model_key, score, lower, upper, decile, source, as_of.
    """

    person_id: str
    fields: Rows
    traits: dict[str, Any]
    contact_points: Rows
    accounts: Rows
    consent: Rows
    personas: Rows
    scores: Rows


def require_profiles(warehouse: Warehouse) -> None:
    """Refuse to answer from profiles before there are any.

    Raises:
        NoProfilesError: No run has built them yet.
    """
    if not warehouse.exists(PROFILES):
        raise NoProfilesError


def read_profile(warehouse: Warehouse, asked: str, *, purposes: Collection[str]) -> Profile:
    """Read the profile of a person.

    Args:
        warehouse: Holds the marts.
        asked: Any id that the person ever had, or an e-mail address however it is written.
        purposes: The purposes that people are asked about.

    Raises:
        NoProfilesError: No run has built profiles yet.
        UnknownProfileError: Nobody has this id or address.
        SeveralProfilesError: Several persons use this address.
    """
    require_profiles(warehouse)
    bound = {"person_id": find_person(warehouse, asked)}
    rows = warehouse.read(f"select * from {PROFILES.sql} where person_id = $person_id", bound)
    if not len(rows):
        raise UnknownProfileError(by_address="@" in asked)
    profile = rows.to_pylist()[0]
    sources = warehouse.read(_SOURCES, bound).to_pylist()
    fields = [{"field": row["field"], "value": profile[row["field"]], **row} for row in sources]
    taken = {row["field"] for row in fields} | PREDICTED | {"person_id", "row_fingerprint"}
    return Profile(
        person_id=bound["person_id"],
        fields=fields,
        traits={name: value for name, value in profile.items() if name not in taken},
        contact_points=warehouse.read(_CONTACT_POINTS, bound).to_pylist(),
        accounts=_accounts(warehouse, bound),
        consent=_consent(warehouse, bound, purposes),
        personas=warehouse.read(_PERSONAS, bound).to_pylist(),
        scores=warehouse.read(_SCORES, bound).to_pylist(),
    )


def find_person(warehouse: Warehouse, asked: str) -> str:
    """The person who has or had an id, or uses an address.

    Raises:
        UnknownProfileError: Nobody has this id or address.
        SeveralProfilesError: Several persons use this address.
    """
    if "@" not in asked:
        found = warehouse.scalar(_CURRENT, {"person_id": asked.strip()})
        if found is None:
            raise UnknownProfileError(by_address=False)
        return str(found)
    # An address that none can be is nobody's.
    address = normalise_email(asked) or ""
    persons = warehouse.read(_BY_ADDRESS, {"address": address})["person_id"].to_pylist()
    if not persons:
        raise UnknownProfileError(by_address=True)
    if len(persons) > 1:
        raise SeveralProfilesError(persons)
    return str(persons[0])


def _accounts(warehouse: Warehouse, bound: dict[str, str]) -> Rows:
    rows: Rows = warehouse.read(_ACCOUNTS, bound).to_pylist()
    if not warehouse.exists(ACCOUNT_SCORES.name):
        return rows
    scores = warehouse.read(_ACCOUNT_SCORES, bound).to_pylist()
    found = {row["account_id"]: row["scores"] for row in scores}
    return [{**row, "scores": found.get(row["account_id"])} for row in rows]


def _consent(warehouse: Warehouse, bound: dict[str, str], purposes: Collection[str]) -> Rows:
    decided = {row["purpose"]: row for row in warehouse.read(_CONSENT, bound).to_pylist()}
    asked = [*purposes, *(name for name in decided if name not in purposes)]
    unknown = {"status": "unknown", "decided_at": None}
    return [decided.get(name, {"purpose": name, **unknown}) for name in asked]


_CURRENT = """
    select current_person_id from marts.current_person where person_id = $person_id
"""
_BY_ADDRESS = """
    select distinct person_id from marts.contact_points
    where identifier_type = 'email' and identifier_value = $address order by person_id
"""
# The account of a record is no column of the profile: accounts are listed by themselves.
_SOURCES = """
    select field, source, source_record_id, strategy, reason, candidate_count, losing_count
    from marts.profile_sources where person_id = $person_id and field <> 'account_id'
    order by field
"""
_CONTACT_POINTS = """
    select identifier_type, identifier_value, is_preferred, is_shared, (
        select count(distinct person_id) from marts.contact_points as held
        where held.identifier_type = own.identifier_type
            and held.identifier_value = own.identifier_value
    ) as persons, source
    from marts.contact_points as own where person_id = $person_id
    order by identifier_type, is_preferred desc, identifier_value
"""
_ACCOUNTS = """
    select account_id, accounts.name, accounts.industry, accounts.employee_count, members.basis,
           members.valid_from
    from marts.account_members as members left join marts.accounts as accounts using (account_id)
    where members.person_id = $person_id order by account_id, members.basis
"""
# A score that was computed from one member alone is no colleague's to be shown.
_ACCOUNT_SCORES = f"""
    select account_id, string_agg(model_key || ' ' || round(score, 3), ', ' order by model_key)
        as scores
    from (
        select scores.account_id, model_key, score, scores.person_id
        from {ACCOUNT_SCORES.name.sql} as scores
        inner join marts.account_members as members using (account_id)
        where members.person_id = $person_id
        qualify scores.as_of = max(scores.as_of) over (partition by model_key, account_id)
    )
    where score is not null and coalesce(person_id = $person_id, true) group by account_id
"""
_CONSENT = """
    select purpose, status, decided_at from marts.consent_current
    where person_id = $person_id order by purpose
"""
# Predictions keep the person of their time: those of everybody who became this person.
_BECAME = "select person_id from marts.current_person where current_person_id = $person_id"
_PERSONAS = f"""
    select persona_id, persona_name, confidence, as_of from prediction.persona_members
    where person_id in ({_BECAME})
    order by as_of desc, confidence desc, persona_id limit 1
"""
_SCORES = f"""
    select model_key, score, lower, upper, decile, source, as_of
    from (
        select *, row_number() over (
            partition by model_key order by as_of desc, score desc nulls last, person_id
        ) as recency
        from prediction.propensity_scores where person_id in ({_BECAME})
    )
    where recency = 1 order by model_key
"""
