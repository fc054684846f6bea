"""Desired state minus acknowledged state: who is to be added, changed or removed.

Everything here is SQL text over the tables of the warehouse; nothing is written, nothing is sent.
"""

from __future__ import annotations

from audiences.catalogue import (
    AS_OF,
    CONTACT_POINTS,
    PROFILES,
    Catalogue,
    merged_sql,
)
from audiences.errors import InvalidAudienceError
from audiences.inventory import DEFINITIONS, LEDGER, MEMBERSHIPS
from audiences.judge import TREATMENT, consent_by_person, denied_by_another
from audiences.sync.config import Identifier, Sync
from audiences.sync.fields import Field, field_problems, fields_sql, json_object_sql
from audiences.sync.forms import form_sql, forms_of
from audiences.sync.ledger import in_order
from warehouse import Warehouse, quoted

SUPPRESSED = "candor_sync_suppressed"
READY = "ready"
# Gates behind which nobody may stay at a destination, whatever else waits.
WITHDRAWN = ("gone", "no_consent", "suppressed")


def check_sync(sync: Sync, catalogue: Catalogue) -> None:
    """Refuse a sync that sends traits which are not there.

    Raises:
        InvalidAudienceError: A trait is no column of ``marts.profiles``, or scores, which go by
            ``score:``; all problems at once.
    """
    held = tuple(Field(i.column, f"trait:{i.trait}") for i in sync.identifiers if i.trait)
    problems = [
        f"sync {sync.key!r}: {problem}"
        for problem in field_problems((*sync.values, *held), catalogue)
    ]
    if problems:
        raise InvalidAudienceError(problems)


def gate_parameters(sync: Sync) -> dict[str, object]:
    """The values bound in :func:`gate_sql` with ``among``."""
    return {"audience_key": sync.audience, "purposes": list(sync.purposes)}


def plan_parameters(sync: Sync) -> dict[str, object]:
    """The values bound in :func:`plan_sql`."""
    return {**gate_parameters(sync), "sync_key": sync.key}


def gate_sql(sync: Sync, catalogue: Catalogue, *, among: str | None = None) -> str:
    """Query for (person_id, gate): whether each person concerned may be sent now, or why not.

    Concerned are the members of the audience and everyone whom the destination may hold. A gate
    is ready, no_consent, suppressed, gone, held_out, exited or unreachable; the first that fits.
    Of those who are gone only a consent that was denied counts, not one that is unknown.

    Args:
        sync: The sync.
        catalogue: The tables that the warehouse has.
        among: Query for the person_id of those to ask about, instead of everyone concerned.
    """
    # With few to ask about, nothing is aggregated for all.
    whom = "select person_id from concerned"
    only = None if among is None else whom
    return f"""
        with concerned as ({among or _concerned()})
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
            end as gate
        from concerned
        left join (select distinct person_id from {PROFILES.sql}{_where(only)}) as profiles
            using (person_id)
        left join ({_lacking(whom, catalogue, only)}) as lacking using (person_id)
        left join (select distinct person_id from {SUPPRESSED}) as suppressed using (person_id)
        left join ({_members()}) as members using (person_id)
        left join ({_reachable(sync, only)}) as reachable using (person_id)
    """


def _where(only: str | None, joint: str = " where") -> str:
    return "" if only is None else f"{joint} person_id in ({only})"


def plan_sql(sync: Sync, catalogue: Catalogue) -> str:
    """Query for the rows that are due: removals, then changes, then additions.

    Columns: person_id, row_id, operation (add, change, remove), cause, fingerprint,
    identifiers, previous_identifiers, traits, number (from 0). A person whose last row was
    rejected or never answered is due again, as the ledger holds no acknowledgement of it.

    In this order an identifier that moves from one person to another, as after a merge, is taken
    away before it is put. Who keeps identifiers that are taken away with somebody else is put
    again, for destinations that know people by these alone.
    """
    return f"""
        with gates as ({gate_sql(sync, catalogue)}),
        points as ({_points()}),
        desired as ({_desired(sync, catalogue)}),
        audience as ({_audience(sync)}),
        merged as ({merged_sql(catalogue)}),
        {_due(sync)},
        taken as (select sent_identifiers as identifiers from due where is_leaving),
        operations as (select due.*, {_operation(sync)} as operation from due)
        select person_id, {_row_id()} as row_id, operation,
            case when is_ready then 'member' when is_merged then 'merged' else gate end as cause,
            case when is_ready then fingerprint end as fingerprint,
            case when is_ready then identifiers else sent_identifiers end as identifiers,
            case when is_ready and is_present and sent_identifiers <> identifiers
                then sent_identifiers end as previous_identifiers,
            case when is_ready then traits end as traits,
            row_number() over (order by {in_order()}, person_id) - 1 as number
        from operations
        where operation = 'remove'
            or (operation is not null and (select is_large_enough from audience))
    """


def withdrawals_sql(sync: Sync, catalogue: Catalogue) -> str:
    """Query for the removals that nothing may hold up, in the columns of :func:`plan_sql`.

    Due is whom the destination may hold and who withdrew a consent, was erased or is here no more,
    or whose address was sent and is denied by another who holds it.
    Who was merged is here as another: what holds for that person decides, and the id alone is no
    reason. The values bound are those of :func:`plan_parameters`.
    """
    present = f"select * from {LEDGER.name.sql} where sync_key = $sync_key and is_present"
    gates = gate_sql(sync, catalogue, among="select current_person_id as person_id from present")
    return f"""
        with present as (
            select ledger.*,
                coalesce(merged.current_person_id, ledger.person_id) as current_person_id
            from ({present}) as ledger
            left join ({merged_sql(catalogue)}) as merged using (person_id)
        ),
        gates as (select distinct person_id as current_person_id, gate from ({gates})),
        denied as (
            select distinct present.person_id
            from present
            inner join ({denied_sql()}) as points
                on points.person_id = current_person_id and contains(identifiers, written)
        )
        select person_id, {_row_id()} as row_id, 'remove' as operation,
            case when denied.person_id is null then gate else 'no_consent' end as cause,
            null::varchar as fingerprint, identifiers, null::varchar as previous_identifiers,
            null::varchar as traits, row_number() over (order by person_id) - 1 as number
        from present
        inner join gates using (current_person_id)
        left join denied using (person_id)
        where gate in {WITHDRAWN} or denied.person_id is not null
    """


def _due(sync: Sync) -> str:
    """Everyone concerned: what they should be, and what the destination last acknowledged."""
    kept = " and gate <> 'exited'" if sync.mode == "add_only" else ""
    return f"""
        due as (
            select gates.person_id, gates.gate, desired.fingerprint, desired.identifiers,
                desired.traits, ledger.identifiers as sent_identifiers,
                ledger.fingerprint as sent_fingerprint,
                merged.person_id is not null as is_merged, ledger.acknowledged_at,
                coalesce(ledger.is_present, false) as is_present,
                gate = '{READY}' as is_ready,
                gate <> '{READY}' and coalesce(ledger.is_present, false){kept} as is_leaving
            from gates
            left join desired using (person_id)
            left join merged using (person_id)
            left join (select * from {LEDGER.name.sql} where sync_key = $sync_key) as ledger
                using (person_id)
        )
    """


def _operation(sync: Sync) -> str:
    """What is to be done for one of ``due``; null where nothing is."""
    again = "when true then 'change'" if sync.mode == "full" else ""
    if sync.refresh_days is not None:
        now = f"(select max(as_of) from {AS_OF.sql})"
        again = f"when acknowledged_at <= {now} - interval {sync.refresh_days} day then 'change'"
    return f"""
        case
            when is_leaving then 'remove'
            when not is_ready then null
            when not is_present or sent_fingerprint is null then 'add'
            when sent_fingerprint <> fingerprint then 'change'
            when identifiers in (select identifiers from taken) then 'change'
            {again}
        end
    """


def count_gates(warehouse: Warehouse, sync: Sync, catalogue: Catalogue) -> dict[str, int]:
    """How many members stand before each gate now, by its name; reads the suppressed ones."""
    members = f"select person_id from {MEMBERSHIPS.name.sql} where audience_key = $audience_key"
    gates = gate_sql(sync, catalogue, among=members)
    rows = warehouse.read(
        f"select gate, count(*) as count from ({gates}) group by gate", gate_parameters(sync)
    )
    return dict(zip(rows["gate"].to_pylist(), rows["count"].to_pylist(), strict=True))


def count_below_minimum(warehouse: Warehouse, sync: Sync, catalogue: Catalogue) -> int:
    """How many members could be sent, were there enough of them; 0 where there are enough."""
    small = f"""
        with gates as ({gate_sql(sync, catalogue)}), audience as ({_audience(sync)})
        select count(*) from gates
        where gate = '{READY}' and not (select is_large_enough from audience)
    """
    return int(warehouse.scalar(small, {**gate_parameters(sync), "sync_key": sync.key}))


def identifiers_to_check_sql(catalogue: Catalogue) -> str:
    """Query for (person_id, identifier_type, identifier_value) of everyone concerned."""
    if CONTACT_POINTS not in catalogue.columns:
        return (
            "select null::varchar as person_id, null::varchar as identifier_type, "
            "null::varchar as identifier_value limit 0"
        )
    return f"""
        select person_id, identifier_type, identifier_value
        from {CONTACT_POINTS.sql}
        where person_id in (select person_id from ({_concerned()}))
    """


def _concerned() -> str:
    return f"""
        select person_id from ({_members()})
        union
        select person_id from {LEDGER.name.sql} where sync_key = $sync_key and is_present
    """


def _members() -> str:
    return f"select person_id, arm from {MEMBERSHIPS.name.sql} where audience_key = $audience_key"


def _audience(sync: Sync) -> str:
    """Whether there are the members that the audience's definition and the destination ask for."""
    return f"""
        select (select count(*) from ({_members()})) >= coalesce(max(minimum_size), 0)
            and (select count(*) from gates where gate = '{READY}') >= {sync.minimum_size}
            as is_large_enough
        from {DEFINITIONS.name.sql}
        where audience_key = $audience_key
    """


def _lacking(concerned: str, catalogue: Catalogue, only: str | None) -> str:
    """Persons who have not granted each purpose of the audience and of the destination.

    Columns: person_id, is_denied (whether they said so of one of them).
    """
    return f"""
        select concerned.person_id, bool_or(consent.status is not null) as is_denied
        from ({concerned}) as concerned
        cross join ({_required()}) as required
        left join ({consent_by_person(catalogue, among=only)}) as consent
            on consent.person_id = concerned.person_id and consent.purpose = required.purpose
        where consent.status is distinct from 'granted'
        group by concerned.person_id
    """


def _required() -> str:
    """Query for each purpose of the audience and of the destination."""
    return f"""
        select unnest(from_json(purposes, '["varchar"]')) as purpose
        from {DEFINITIONS.name.sql} where audience_key = $audience_key
        union
        select unnest($purposes::varchar[]) as purpose
    """


def _usable(only: str | None = None) -> str:
    """Contact points of one person alone, or of several of whom nobody denied a purpose."""
    return f"""
        select * from {CONTACT_POINTS.sql} as points
        where not coalesce(is_shared, false) and identifier_value is not null{_where(only, " and")}
            and not {denied_by_another("points", _required())}
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
        where identifier_type = '{kind}' and {denied_by_another("points", _required())}
        """
        for kind in ("email", "phone")
        for form in forms_of(kind)
    )


def _points() -> str:
    """One value of each type for a person: one they may be sent by, the preferred one first."""
    return f"""
        select person_id,
            first(identifier_value order by is_preferred desc nulls last, identifier_value)
                filter (where identifier_type = 'email') as email,
            first(identifier_value order by is_preferred desc nulls last, identifier_value)
                filter (where identifier_type = 'phone') as phone
        from ({_usable()})
        group by person_id
    """


def _reachable(sync: Sync, only: str | None) -> str:
    """Query for who has one of the identifiers."""
    if any(identifier.type == "person_id" for identifier in sync.identifiers):
        return f"select distinct person_id from {PROFILES.sql}{_where(only)}"
    types = ", ".join(sorted({f"'{identifier.type}'" for identifier in sync.identifiers}))
    by_contact = f"""
        select person_id from ({_usable(only)}) where identifier_type in ({types})
    """
    by_trait = "".join(
        f" union all select person_id from {PROFILES.sql} where {quoted(i.trait)} is not null"
        for i in sync.identifiers
        if i.trait
    )
    return f"select distinct person_id from ({by_contact}{by_trait})"


def _desired(sync: Sync, catalogue: Catalogue) -> str:
    identifiers = json_object_sql([(i.column, _identifier(i)) for i in sync.identifiers])
    values, joins = fields_sql(sync.values, catalogue)
    return f"""
        select person_id, identifiers, traits,
            sha256(identifiers || '|' || traits) as fingerprint
        from (
            select profiles.person_id, {identifiers} as identifiers, {values} as traits
            from {PROFILES.sql} as profiles
            inner join ({_members()}) as members using (person_id)
            left join points using (person_id)
            {joins}
        )
    """


def _identifier(identifier: Identifier) -> str:
    form = identifier.form or "raw"
    if identifier.trait:
        return form_sql(f"cast(profiles.{quoted(identifier.trait)} as varchar)", "id", form)
    source = "profiles" if identifier.type == "person_id" else "points"
    return form_sql(f"{source}.{identifier.type}", identifier.type, form)


def _row_id() -> str:
    """A name for the person that only this sync uses, so that two destinations cannot join."""
    return "'r_' || left(sha256($sync_key || '|' || person_id), 26)"
