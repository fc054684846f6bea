"""A checksum of every row that a plan of a sync reads, and sums of these by groups of persons.

Everything here is SQL text over the tables of the warehouse; nothing is written, nothing is sent.

A checksum is the sum of the hashes of a group's rows, in 63 bits. Each hash is mixed before it is
added, so that rows which change alike do not make up for each other: however many rows of a group
change, that it goes unnoticed has a chance of about one in 10^18.

A group is a person, or two whose ids have the same hash in 32 bits; of a million persons some 116 pairs,
one person in 4,300, share one. A part is four to eight groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audiences.catalogue import CONSENT, CONTACT_POINTS, PROFILES, Catalogue, ValueKind
from audiences.inventory import LEDGER, MEMBERSHIPS
from audiences.sync.config import Sync
from audiences.sync.fields import field_rows
from audiences.sync.gates import SUPPRESSED, required_sql
from warehouse import TableName, quoted

POINT_COLUMNS = (
    "identifier_type",
    "identifier_value",
    "is_preferred",
    "is_shared",
    "denied_purposes",
)
DECISION_COLUMNS = ("purpose", "status")
BUCKET = "cast(hash(person_id) >> 32 as uinteger)"
"""Expression for the group of a person."""
_LOW = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Source:
    """Rows that decide what is due.

    Attributes:
        rows: Query for them, with ``person_id``.
        hashed: What of each row it depends on, beside the person.
        table: Where they lie, if each can be read again by its place there.
    """

    rows: str
    hashed: Sequence[str]
    table: TableName | None = None

    def read_sql(self, number: int) -> str:
        """Query for (bucket, place, hashed) of every row: whose it is, where, and its hash.

        Args:
            number: Of the source, so that the same row in another one has another hash.
        """
        # The engine's hash of several values takes in the last one unmixed (xor), so two rows with
        # the same new last value could cancel in the sum; the outer hash mixes it.
        listed = ", ".join((str(number), "person", *self.hashed))
        place = "rowid" if self.table else "cast(null as bigint)"
        return f"""
            select cast(person >> 32 as uinteger) as bucket, place,
                cast(hash(hash({listed})) >> 1 as bigint) as hashed
            from (select *, {place} as place, hash(person_id) as person from {self.rows})
        """


def sources(sync: Sync, catalogue: Catalogue, places: frozenset[TableName]) -> tuple[Source, ...]:
    """All rows that decide what is due.

    Who was merged is not among them: it tells why somebody goes, and not whether.

    Args:
        sync: The sync.
        catalogue: The tables that the warehouse has.
        places: Those whose rows have a place; of a view none has.
    """

    def of(table: TableName, hashed: Sequence[str], condition: str = "true") -> Source:
        rows = f"{table.sql} where {condition}"
        return Source(rows, hashed, table if table in places else None)

    kinds = catalogue.of(PROFILES)
    traits = [
        f"cast({quoted(name)} as varchar)" if kinds[name] is ValueKind.OTHER else quoted(name)
        for name in profile_columns(sync)
    ]
    required = f"purpose in (select purpose from ({required_sql()}))"
    consent = of(CONSENT, DECISION_COLUMNS, required)
    fields = [
        Source(f"(select person_id, found from ({rows}) as found)", ("found",))
        for rows in field_rows(sync.values, catalogue)
    ]
    return (
        of(PROFILES, traits),
        of(CONTACT_POINTS, POINT_COLUMNS),
        *((consent,) if CONSENT in catalogue.columns else ()),
        of(MEMBERSHIPS.name, ("arm",), "audience_key = $audience_key"),
        # Which batch wrote a row last, and with what outcome, stands for the texts in it, and for
        # whether it has a fingerprint: to look costs as much as to read all of them.
        of(LEDGER.name, ("batch_id", "status", "is_present"), "sync_key = $sync_key"),
        Source(SUPPRESSED, ()),
        *fields,
    )


def sum_sql(of: str) -> str:
    """Expression for a checksum, of a sum of hashes, which is wider than a BIGINT."""
    return f"cast(({of}) & {_LOW} as bigint)"


def profile_columns(sync: Sync) -> tuple[str, ...]:
    """The columns of a profile that a sync sends."""
    sent = {value.of for value in sync.values if value.is_column}
    return tuple(sorted(sent | {i.trait for i in sync.identifiers if i.trait}))
