"""A checksum, by groups of persons, of every row that a plan of a sync reads.

Everything here is SQL text over the tables of the warehouse; nothing is written, nothing is sent.

A checksum is the sum of the hashes of a group's rows, in 63 bits. Each hash is mixed before it is
added, so that rows which change alike do not make up for each other: however many rows of a group
change, that it goes unnoticed has a chance of about one in 10^18.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audiences.catalogue import CONSENT, CONTACT_POINTS, PROFILES, Catalogue, ValueKind
from audiences.sync.config import Sync
from audiences.sync.fields import field_rows
from audiences.sync.gates import EVERYBODY, SUPPRESSED, required_sql
from warehouse import quoted

POINT_COLUMNS = (
    "identifier_type",
    "identifier_value",
    "is_preferred",
    "is_shared",
    "denied_purposes",
)
DECISION_COLUMNS = ("purpose", "status")
_LOW = (1 << 63) - 1


def bucket_sql(groups: int) -> str:
    """Expression for the group of a person."""
    return f"cast(hash(person_id) % {groups} as bigint)"


def digests_sql(sync: Sync, catalogue: Catalogue, groups: int, *, known: str) -> str:
    """Query for (bucket, difference): how far every row that a plan reads is from what was known.

    The difference is that of the checksums, by 2^63. The same rows in another order have the same
    checksum. The values bound are those of a plan.

    Args:
        sync: The sync.
        catalogue: The tables that the warehouse has.
        groups: Number of groups.
        known: Query for (bucket, digest) of earlier ones; of groups that it lacks, the difference
            is the checksum itself.
    """
    # The engine's hash of several values takes in the last one unmixed (xor), so two rows with the
    # same new last value could cancel in the sum; the outer hash mixes it. A join with what is known
    # took longer than to take it off in the same pass. The engine knows the bounds of a remainder, and
    # so that an array can hold the groups.
    rows = " union all ".join(
        f"select person, cast(hash(hash({number}, {hashed})) >> 1 as bigint) as hashed "
        f"from (select *, hash(person_id) as person from ({read}))"
        for number, (read, hashed) in enumerate(_read(sync, catalogue))
    )
    return f"""
        select cast(number as bigint) as bucket, {sum_sql("summed")} as difference
        from (
            select person % {groups} as number, sum(hashed) as summed
            from ({rows} union all select cast(bucket as ubigint), -digest from ({known}))
            group by number
        )
    """


def sum_sql(of: str) -> str:
    """Expression for a checksum, of a sum of hashes, which is wider than a BIGINT."""
    return f"cast(({of}) & {_LOW} as bigint)"


def _read(sync: Sync, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """Queries for all rows that decide what is due, and what of each row it depends on.

    Who was merged is not among them: it tells why somebody goes, and not whether.
    """
    kinds = catalogue.of(PROFILES)
    traits = [
        f"cast({quoted(name)} as varchar)" if kinds[name] is ValueKind.OTHER else quoted(name)
        for name in profile_columns(sync)
    ]
    yield f"select * from {PROFILES.sql}", _listed(traits)
    yield f"select * from {CONTACT_POINTS.sql}", _listed(POINT_COLUMNS)
    if CONSENT in catalogue.columns:
        required = f"select purpose from ({required_sql()})"
        consent = f"select * from {CONSENT.sql} where purpose in ({required})"
        yield consent, _listed(DECISION_COLUMNS)
    yield EVERYBODY.members, _listed(("arm",))
    # Which batch wrote a row last, and with what outcome, stands for the long texts in it.
    yield EVERYBODY.ledger, _listed(("batch_id", "status", "is_present", "fingerprint is null"))
    yield f"select * from {SUPPRESSED}", _listed(())
    for rows in field_rows(sync.values, catalogue):
        yield f"select person_id, found from ({rows}) as found", _listed(("found",))


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(("person", *columns))


def profile_columns(sync: Sync) -> tuple[str, ...]:
    """The columns of a profile that a sync sends."""
    sent = {value.of for value in sync.values if value.is_column}
    return tuple(sorted(sent | {i.trait for i in sync.identifiers if i.trait}))
