"""After how many others a person is put, where identifiers are taken away with somebody else.

Everything here is SQL text over the temporary tables of a plan; nothing is written, nothing is sent.

Identifiers are taken away with who goes, and with who is sent under others than before. Who is to
have one of them is put after that, and put again where they had it already, for destinations that
know people by these alone. So an identifier that moves from one person to another, as after a merge,
ends where it belongs. Where several exchange theirs in a ring, no order is right for all: the ledger
doubts who may be gone, and the next plan puts them again.

A destination may know a person by any one of their identifiers, so that each counts by itself.
"""

from __future__ import annotations

from audiences.sync.identities import each_sql

DUE = "candor_sync_due"
TAKEN = "candor_sync_taken"
TURNS = "candor_sync_turns"
# Longer rows of persons, each of whom gets what the next one had, are put right by the next plan.
_MOST_TURNS = 8


def taken_sql() -> str:
    """Query for ``candor_sync_taken``: (person_id, identifier) of what the plan takes away."""
    return f"""
        select person_id, unnest({each_sql("sent_identifiers")}) as identifier
        from {DUE} where is_leaving or is_moving
        union all
        select person_id, unnest(json_extract_string(sent_earlier, '$[*].*')) as identifier
        from {DUE} where sent_earlier is not null and (is_leaving or is_ready)
    """


def turns_sql() -> str:
    """Query for ``candor_sync_turns``: (person_id, turn) of who is to have what another gives up."""
    # By identifier and not by pairs of persons: a thousand may have the same one.
    freed = """
        select identifier, min(person_id) as first_person, max(person_id) as last_person
    """
    by_another = "wanted.person_id <> first_person or wanted.person_id <> last_person"
    return f"""
        with recursive wanted as materialized (
            select * from (
                select person_id, unnest({each_sql("identifiers")}) as identifier
                from {DUE} where is_ready
            )
            where identifier in (select identifier from {TAKEN})
        ),
        counted as (
            select distinct wanted.person_id, 1 as turn
            from wanted
            inner join ({freed} from {TAKEN} group by identifier) as freed using (identifier)
            where {by_another}
            union
            select distinct wanted.person_id, freed.turn + 1 as turn
            from wanted
            inner join (
                {freed}, turn from counted inner join {TAKEN} using (person_id)
                group by identifier, turn
            ) as freed using (identifier)
            where freed.turn < {_MOST_TURNS} and ({by_another})
        )
        select person_id, max(turn) as turn from counted group by person_id
    """
