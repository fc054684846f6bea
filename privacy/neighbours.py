"""Values of people who stay that look like a value of somebody who goes.

``ann@x.example`` is a part of ``joann@x.example``; two sources number their records alike. Such
values must neither be mistaken for traces nor hide one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pyarrow as pa

from privacy.bytescan import PatternIndex
from privacy.needles import SHORTEST_ID, Needles, mailbox_forms, needles_of
from privacy.stored_rows import arrow_bytes
from warehouse import SubjectKind, Table, Warehouse, quoted

_NUMBERED = (SubjectKind.SOURCE_RECORD, SubjectKind.USER_ID)


def needles_among_neighbours(
    warehouse: Warehouse,
    keys: pa.Table,
    tables: Sequence[Table],
    *,
    waiting: Collection[str] = (),
) -> Needles:
    """What to look for, once the rows of ``keys`` are gone.

    A record or user id that a remaining row holds too is another's: it cannot be looked for as
    text, and that no row of the erased person is left was already counted by key. So is a form of
    the person's mailbox that somebody else has as their address.

    Args:
        warehouse: The engine.
        keys: The keys of those who go.
        tables: Every declared table.
        waiting: Values that other requests name, who need not be in the warehouse.
    """
    needles = needles_of(keys)
    remaining = warehouse.read(_remaining(warehouse, tables))
    held = set(remaining["value"].to_pylist())
    known = b"\n".join([arrow_bytes(remaining["value"]), *(value.encode() for value in waiting)])
    others = frozenset(_containing(needles.values, known))
    numbers, mailboxes = _numbers(keys), _mailboxes(keys)
    addresses = {value.lower() for value in (*held, *waiting)} if mailboxes else frozenset()
    kept = frozenset(
        value
        for value in needles.values
        if not (value in numbers and value in held)
        and not (value in mailboxes and value in addresses)
    )
    return Needles(kept, frozenset(other for other in others if other not in kept))


def _numbers(keys: pa.Table) -> set[str]:
    pairs = zip(keys["kind"].to_pylist(), keys["value"].to_pylist(), strict=True)
    texts = {
        str(value).partition("|")[2] or str(value) for kind, value in pairs if kind in _NUMBERED
    }
    return {text for text in texts if len(text) >= SHORTEST_ID}


def _mailboxes(keys: pa.Table) -> set[str]:
    """Forms of the persons' mailboxes that are no address of theirs."""
    pairs = zip(keys["kind"].to_pylist(), keys["value"].to_pylist(), strict=True)
    addresses = {str(value).lower() for kind, value in pairs if kind == SubjectKind.EMAIL}
    return {form for value in addresses for form in mailbox_forms(value)} - addresses


def _containing(values: frozenset[str], lines: bytes) -> set[str]:
    """The lines that contain one of the values."""
    lowered = lines.lower()
    found = set()
    for start, pattern in PatternIndex(value.lower().encode() for value in values).positions(
        lowered
    ):
        first = lowered.rfind(b"\n", 0, start) + 1
        last = lowered.find(b"\n", start + len(pattern))
        found.add(lines[first : last if last >= 0 else len(lines)].decode())
    return found


def _remaining(warehouse: Warehouse, tables: Sequence[Table]) -> str:
    columns = [
        f"select cast({quoted(key.columns[-1])} as varchar) as value from {table.name.sql}"
        for table in tables
        for key in table.subjects
        if key.kind is not SubjectKind.PERSON_ID and warehouse.exists(table.name)
    ]
    known = " union ".join([*columns, "select identifier_value as value from identity.identifiers"])
    return f"select distinct value from ({known}) where value is not null order by value"
