"""Whether each person concerned may be sent now, or why not.

Everything here is SQL text over the tables of the warehouse; nothing is written, nothing is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Self

from audiences.catalogue import CONSENT, CONTACT_POINTS, PROFILES, Catalogue
from audiences.inventory import DEFINITIONS, LEDGER, MEMBERSHIPS
from audiences.judge import TREATMENT, consent_by_person, denied_by_another
from audiences.sync.config import Sync
from audiences.sync.forms import form_sql, forms_of
from warehouse import quoted

SUPPRESSED = "candor_sync_suppressed"
READY = "ready"
# Gates behind which nobody may stay at a destination, whatever else waits.
WITHDRAWN = ("gone", "no_consent", "suppressed")
_MEMBERS = f"select person_id, arm from {MEMBERSHIPS.name.sql} where audience_key = $audience_key"
_SENT = f"select * from {LEDGER.name.sql} where sync_key = $sync_key"


class Whose(Enum):
    """Of whom rows are: everybody, all concerned as these are few, or some of those concerned."""

    EVERYBODY = "everybody"
    FEW = "few"
    SOME = "some"


@dataclass(frozen=True, slots=True)
class Rows:
    """Where to read what is known of persons; by default of everybody.

    Attributes:
        profiles: One row per person.
        contact_points: Addresses and numbers.
        consent: The decisions that hold now.
        members: Query for the members of the audience and their arms.
        ledger: Query for what the sync sent.
        whose: Of whom they are.
    """

    profiles: str = PROFILES.sql
    contact_points: str = CONTACT_POINTS.sql
    consent: str = CONSENT.sql
    members: str = _MEMBERS
    ledger: str = _SENT
    whose: Whose = Whose.EVERYBODY

    @property
    def is_whole(self) -> bool:
        """Whether they are of everybody concerned, and not of some."""
        return self.whose is not Whose.SOME

    @classmethod
    def of(cls, person_ids: str) -> Self:
        """What is known of the persons of a query; with few of them, all is read but once."""

        def only(table: str) -> str:
            return f"(select * from {table} where person_id in ({person_ids}))"

        profiles, points, consent = map(only, (PROFILES.sql, CONTACT_POINTS.sql, CONSENT.sql))
        return cls(profiles, points, consent, whose=Whose.SOME)


EVERYBODY = Rows()


def named_in(sql: str, values: Mapping[str, object]) -> dict[str, object]:
    """Those of the values that a statement binds."""
    return {name: value for name, value in values.items() if f"${name}" in sql}


def gate_parameters(sync: Sync) -> dict[str, object]:
    """The values bound in :func:`gate_sql` with ``among``."""
    return {"audience_key": sync.audience, "purposes": list(sync.purposes)}


def gate_sql(
    sync: Sync, catalogue: Catalogue, *, among: str | None = None, rows: Rows | None = None
) -> str:
    """Query for (person_id, gate, is_member): whether each person concerned may be sent now, or why not.

    Concerned are the members of the audience and everyone whom the destination may hold. A gate
    is ready, no_consent, suppressed, gone, held_out, exited or unreachable; the first that fits.
    Of those who are gone only a consent that was denied counts, not one that is unknown.

    Args:
        sync: The sync.
        catalogue: The tables that the warehouse has.
        among: Query for the person_id of those to ask about, instead of everyone concerned.
        rows: Where to read what is known of them; None: wherever everybody's is.
    """
    whom = "select person_id from concerned"
    if rows is None:
        rows = EVERYBODY if among is None else Rows.of(whom)
    return f"""
        with concerned as ({among or concerned_sql()})
        select concerned.person_id,
            case
                when lacking.is_denied then 'no_consent'
                when suppressed.person_id is not null then 'suppressed'
                when profiles.person_id is null then 'gone'
                when lacking.person_id is not null then 'no_consent'
                when members.person_id is null then 'exited'
                when members.arm is distinct from '{TREATMENT}' then 'held_out'
                when reachable.person_id is null then 'unreachable'
                else '{READY}'
            end as gate,
            members.person_id is not null as is_member
        from concerned
        left join (select distinct person_id from {rows.profiles} as profiles) as profiles
            using (person_id)
        left join ({_lacking(whom, catalogue, rows)}) as lacking using (person_id)
        left join (select distinct person_id from {SUPPRESSED}) as suppressed using (person_id)
        left join ({rows.members}) as members using (person_id)
        left join ({_reachable(sync, rows)}) as reachable using (person_id)
    """


def concerned_sql() -> str:
    """Query for the members of the audience and everyone whom the destination may hold."""
    return f"""
        select person_id from ({_MEMBERS})
        union
        select person_id from ({_SENT}) where is_present
    """


def usable_sql(rows: Rows) -> str:
    """Contact points of one person alone, or of several of whom nobody denied a purpose."""
    return f"""
        select * from {rows.contact_points} as points
        where not coalesce(is_shared, false) and identifier_value is not null
            and not {denied_by_another("points", required_sql())}
    """


def required_sql() -> str:
    """Query for each purpose of the audience and of the destination."""
    return f"""
        select unnest(from_json(purposes, '["varchar"]')) as purpose
        from {DEFINITIONS.name.sql} where audience_key = $audience_key
        union
        select unnest($purposes::varchar[]) as purpose
    """


def denied_sql() -> str:
    """Query for (person_id, written): what a person's row must not hold, in each form, as JSON.

    It is an address or number of theirs for which another who holds it denied a purpose. The
    values bound are those of :func:`gate_parameters`.
    """
    return " union all ".join(
        f"""
        select person_id, cast(to_json({form_sql("identifier_value", kind, form)}) as varchar)
            as written
        from {CONTACT_POINTS.sql} as points
        where identifier_type = '{kind}' and {denied_by_another("points", required_sql())}
        """
        for kind in ("email", "phone")
        for form in forms_of(kind)
    )


def _lacking(concerned: str, catalogue: Catalogue, rows: Rows) -> str:
    """Persons who have not granted each purpose of the audience and of the destination.

    Columns: person_id, is_denied (whether they said so of one of them).
    """
    return f"""
        select concerned.person_id, bool_or(consent.status is not null) as is_denied
        from ({concerned}) as concerned
        cross join ({required_sql()}) as required
        left join ({consent_by_person(catalogue, rows=rows.consent)}) as consent
            on consent.person_id = concerned.person_id and consent.purpose = required.purpose
        where consent.status is distinct from 'granted'
        group by concerned.person_id
    """


def _reachable(sync: Sync, rows: Rows) -> str:
    """Query for who has one of the identifiers."""
    if any(identifier.type == "person_id" for identifier in sync.identifiers):
        return f"select distinct person_id from {rows.profiles} as profiles"
    types = ", ".join(sorted({f"'{identifier.type}'" for identifier in sync.identifiers}))
    by_contact = f"""
        select person_id from ({usable_sql(rows)}) where identifier_type in ({types})
    """
    by_trait = "".join(
        f" union all select person_id from {rows.profiles} as profiles "
        f"where {quoted(i.trait)} is not null"
        for i in sync.identifiers
        if i.trait
    )
    return f"select distinct person_id from ({by_contact}{by_trait})"
