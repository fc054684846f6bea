"""Desired state minus acknowledged state: who is to be added, changed or removed.

Everything here is SQL text over the tables of the warehouse; nothing is written, nothing is sent.
"""

from __future__ import annotations

from dataclasses import replace

from audiences.catalogue import AS_OF, CONTACT_POINTS, PROFILES, Catalogue, merged_sql
from audiences.errors import InvalidAudienceError
from audiences.inventory import LEDGER
from audiences.sync.config import Identifier, Sync
from audiences.sync.fields import Field, field_problems, fields_sql, json_object_sql
from audiences.sync.forms import form_sql
from audiences.sync.gates import (
    EVERYBODY,
    READY,
    WITHDRAWN,
    Rows,
    concerned_sql,
    denied_sql,
    gate_parameters,
    gate_sql,
    usable_sql,
)
from audiences.sync.identities import first_earlier_sql
from audiences.sync.ledger import in_order
from audiences.sync.turns import DUE, TURNS
from warehouse import quoted

GATES = "candor_sync_gates"
_FINGERPRINT = "sha256(desired.identifiers || '|' || desired.traits)"
_PERSON = Identifier(type="person_id", form="raw", trait=None)


def check_sync(sync: Sync, catalogue: Catalogue) -> None:
    """Refuse a sync that sends traits which are not there.

    Raises:
        InvalidAudienceError: A trait is no column of ``marts.profiles``, or scores, which go by
            ``score:``; all problems at once.
    """
    problems = sync_problems(sync, catalogue)
    if problems:
        raise InvalidAudienceError(problems)


def sync_problems(sync: Sync, catalogue: Catalogue) -> list[str]:
    """Why rows of a sync cannot be written, each in a sentence; empty where they can."""
    held = tuple(Field(i.column, f"trait:{i.trait}") for i in sync.identifiers if i.trait)
    return [
        f"sync {sync.key!r}: {problem}"
        for problem in field_problems((*sync.values, *held), catalogue)
    ]


def without_values(sync: Sync, catalogue: Catalogue) -> Sync:
    """What is left of a sync whose rows cannot be written: enough to tell who is to go.

    Where an identifier is not there, nobody counts as unreachable: whom it alone reached cannot
    be told.
    """
    columns = catalogue.of(PROFILES)
    is_whole = all(i.trait is None or i.trait in columns for i in sync.identifiers)
    identifiers = sync.identifiers if is_whole else (_PERSON,)
    return replace(sync, identifiers=identifiers, traits=(), fields=())


def removals_sql(sync: Sync, catalogue: Catalogue) -> str:
    """Query for everyone who is to go, and nobody else, in the columns of :func:`plan_sql`.

    For a sync whose rows cannot be written: whose address another denied goes with all others,
    because their row cannot be changed. It reads what :func:`plan_sql` reads.
    """
    return f"""
        with planned as ({plan_sql(sync)}),
        leaving as (select * from planned where operation = 'remove'),
        withdrawn as ({withdrawals_sql(sync, catalogue)})
        select * replace (row_number() over (order by person_id) - 1 as number) from (
            select * from leaving
            union all by name
            select * from withdrawn where person_id not in (select person_id from leaving)
        )
    """


def plan_parameters(sync: Sync) -> dict[str, object]:
    """The values bound in :func:`plan_sql`."""
    return {**gate_parameters(sync), "sync_key": sync.key}


def due_sql(sync: Sync, catalogue: Catalogue, rows: Rows = EVERYBODY) -> str:
    """Query for ``candor_sync_due``: what each person should be, and what was last acknowledged.

    It asks about those whose gates stand in ``candor_sync_gates``.

    Args:
        sync: The sync.
        catalogue: The tables that the warehouse has.
        rows: Where to read what is known of those persons.
    """
    kept = " and gate <> 'exited'" if sync.mode == "add_only" else ""
    waiting = f"select person_id from {GATES} where gate <> '{READY}'"
    return f"""
        with points as ({_points(rows)}),
        desired as ({_desired(sync, catalogue, rows)}),
        merged as ({merged_sql(catalogue, among=waiting)})
        select gates.person_id, gates.gate, desired.identifiers, desired.traits,
            ledger.identifiers as sent_identifiers,
            case when is_present then ledger.earlier_identifiers end as sent_earlier,
            ledger.fingerprint as sent_fingerprint,
            merged.person_id is not null as is_merged, ledger.acknowledged_at,
            coalesce(ledger.is_present, false) as is_present,
            gate = '{READY}' as is_ready,
            case when is_ready then {_FINGERPRINT} end as fingerprint,
            is_present and not is_ready{kept} as is_leaving,
            is_present and is_ready and sent_identifiers <> desired.identifiers as is_moving
        from {GATES} as gates
        left join desired using (person_id)
        left join merged using (person_id)
        left join ({rows.ledger}) as ledger using (person_id)
    """


def plan_sql(sync: Sync) -> str:
    """Query for the rows that are due: removals, then changes, then additions.

    It reads ``candor_sync_due`` and ``candor_sync_turns``. Columns: person_id, row_id, operation
    (add, change, remove), cause, fingerprint, identifiers, previous_identifiers, traits, number
    (from 0). A person whose last row was rejected or never answered is due again, as the ledger
    holds no acknowledgement of it: added, or changed where a whole batch was refused that was to
    change them. Beside the identifiers of a row go previous ones: those that the
    person was sent under last, or others that may still be there.
    """
    return f"""
        with operations as (
            select due.*, coalesce(turn, 0) as turn, {_operation(sync)} as operation,
                case when is_moving then sent_identifiers else {first_earlier_sql("sent_earlier")}
                    end as previous_identifiers
            from {DUE} as due
            left join {TURNS} as turns using (person_id)
        )
        select person_id, {_row_id()} as row_id, operation,
            case when is_ready then 'member' when is_merged then 'merged' else gate end as cause,
            fingerprint,
            case when is_ready then identifiers else sent_identifiers end as identifiers,
            previous_identifiers,
            case when is_ready then traits end as traits,
            row_number() over (order by turn, {in_order()}, person_id) - 1 as number
        from operations
        where operation is not null
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
                on points.person_id = current_person_id
                and contains(identifiers || coalesce(earlier_identifiers, ''), written)
        )
        select person_id, {_row_id()} as row_id, 'remove' as operation,
            case when denied.person_id is null then gate else 'no_consent' end as cause,
            null::varchar as fingerprint, identifiers,
            {first_earlier_sql("earlier_identifiers")} as previous_identifiers,
            null::varchar as traits, row_number() over (order by person_id) - 1 as number
        from present
        inner join gates using (current_person_id)
        left join denied using (person_id)
        where gate in {WITHDRAWN} or denied.person_id is not null
    """


def _operation(sync: Sync) -> str:
    """What is to be done for one of ``due``; null where nothing is."""
    again = f"when {is_forgotten(sync)} then 'change'"
    return f"""
        case
            when is_leaving then 'remove'
            when not is_ready then null
            when not is_present or sent_fingerprint is null then 'add'
            when sent_fingerprint <> fingerprint then 'change'
            when turns.turn is not null then 'change'
            {again}
        end
    """


def is_forgotten(sync: Sync) -> str:
    """Condition: the destination no longer knows what it acknowledged, by the mode or by time."""
    if sync.refresh_days is None or sync.mode == "full":
        return "true" if sync.mode == "full" else "false"
    now = f"(select max(as_of) from {AS_OF.sql})"
    return f"acknowledged_at <= {now} - interval {sync.refresh_days} day"


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
        where person_id in (select person_id from ({concerned_sql()}))
    """


def _points(rows: Rows) -> str:
    """One value of each type for a person: one they may be sent by, the preferred one first."""
    return f"""
        select person_id,
            first(identifier_value order by is_preferred desc nulls last, identifier_value)
                filter (where identifier_type = 'email') as email,
            first(identifier_value order by is_preferred desc nulls last, identifier_value)
                filter (where identifier_type = 'phone') as phone
        from ({usable_sql(rows)})
        group by person_id
    """


def _desired(sync: Sync, catalogue: Catalogue, rows: Rows) -> str:
    identifiers = json_object_sql([(i.column, _identifier(i)) for i in sync.identifiers])
    values, joins = fields_sql(sync.values, catalogue)
    return f"""
        select profiles.person_id, {identifiers} as identifiers, {values} as traits
        from {rows.profiles} as profiles
        inner join ({rows.members}) as members using (person_id)
        left join points using (person_id)
        {joins}
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
