"""Read who has read what kind of content, as counts of different items."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from prediction.config import PersonasConfig
from prediction.dataset import CURRENT, PROFILES, Flags, Floats, granted_sql
from prediction.errors import MissingRelationError
from prediction.objecting import OBJECTING, objecting_persons
from warehouse import TableName, Warehouse, quoted

ENGAGEMENT = TableName("marts", "content_engagement")
ITEMS = TableName("marts", "content_items")
UNKNOWN = "unknown"

_READERS = f"""
    readers as (
        select asked.person_id, asked.current_id, asked.content_id,
               {granted_sql("asked.person_id", "$as_of::timestamp")} as is_granted
        from (
            select engagement.person_id, engagement.person_id as current_id, engagement.content_id
            from {ENGAGEMENT.sql} as engagement
            left join {PROFILES.sql} as profiles using (person_id)
            anti join {OBJECTING} as objecting using (person_id)
            where engagement.first_viewed_at < $as_of and not coalesce(profiles.is_bot, false)
        ) as asked
    )
"""


@dataclass(frozen=True, slots=True)
class Readers:
    """What each person has read.

    Attributes:
        person_ids: n ids, in order.
        counts: (n, v), different items of each value, facet by facet.
        items: (n,), different items.
        may_teach: (n,), whether the purpose is granted.
        facets: Of each value its facet, in the order of the columns.
        values: The values.
        fingerprint: SHA-256 of all of this.
    """

    person_ids: pa.ChunkedArray
    counts: Floats
    items: Floats
    may_teach: Flags
    facets: tuple[str, ...]
    values: tuple[str, ...]
    fingerprint: str

    def __len__(self) -> int:
        return len(self.items)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many values each facet has, in the order of the columns."""
        return tuple(self.facets.count(facet) for facet in dict.fromkeys(self.facets))

    def arranged(self, facets: Sequence[str], values: Sequence[str]) -> Floats:
        """The counts in another order of columns; values that are not there count nothing."""
        places = {pair: n for n, pair in enumerate(zip(self.facets, self.values, strict=True))}
        found = np.zeros((len(self), len(values)))
        for column, pair in enumerate(zip(facets, values, strict=True)):
            if pair in places:
                found[:, column] = self.counts[:, places[pair]]
        return found


def read_readers(warehouse: Warehouse, config: PersonasConfig, *, as_of: dt.datetime) -> Readers:
    """Read what everybody has read by ``as_of``, in order of ids; but not of who objects to it.

    Raises:
        MissingRelationError: The marts are not built.
    """
    for relation in (ENGAGEMENT, ITEMS, CURRENT):
        if not warehouse.exists(relation):
            raise MissingRelationError(str(relation))
    parameters = {"as_of": as_of, "purpose": config.purpose}
    with objecting_persons(warehouse):
        people = warehouse.read(
            f"""
            with {_READERS}
            select person_id, count(*) as items, any_value(is_granted) as is_granted
            from readers group by person_id order by person_id
            """,
            parameters,
        )
        counted = _count(warehouse, config, parameters)
    pairs = sorted(
        set(zip(counted["facet"].to_pylist(), counted["value"].to_pylist(), strict=True)),
        key=lambda pair: (config.facets.index(pair[0]), pair[1]),
    )
    counts = _matrix(counted, pairs, len(people))
    return Readers(
        person_ids=people["person_id"],
        counts=counts,
        items=_floats(people, "items"),
        may_teach=_floats(people, "is_granted").astype(np.bool_),
        facets=tuple(facet for facet, _ in pairs),
        values=tuple(value for _, value in pairs),
        fingerprint=_digest(people, counts, pairs),
    )


def _count(warehouse: Warehouse, config: PersonasConfig, parameters: dict[str, object]) -> pa.Table:
    """One row per reader, facet and value, with the reader's place in the order of ids."""
    facets = " union all ".join(
        f"select reader, '{facet}' as facet, coalesce({quoted(facet)}, '{UNKNOWN}') as value from read_items"
        for facet in config.facets
    )
    return warehouse.read(
        f"""
        with {_READERS},
        read_items as (
            select dense_rank() over (order by readers.person_id) - 1 as reader, items.*
            from readers left join {ITEMS.sql} as items using (content_id)
        ),
        facets as ({facets})
        select reader, facet, value, count(*) as items from facets group by all order by all
        """,
        parameters,
    )


def _matrix(counted: pa.Table, pairs: Sequence[tuple[str, str]], readers: int) -> Floats:
    places = {f"{facet} {value}": number for number, (facet, value) in enumerate(pairs)}
    found = np.zeros((readers, len(pairs)))
    if len(counted):
        names = zip(counted["facet"].to_pylist(), counted["value"].to_pylist(), strict=True)
        columns = np.array([places[f"{facet} {value}"] for facet, value in names])
        found[_floats(counted, "reader").astype(np.int64), columns] = _floats(counted, "items")
    return found


def _digest(people: pa.Table, counts: Floats, pairs: Sequence[tuple[str, str]]) -> str:
    ids = "\x1f".join(people["person_id"].to_pylist())
    found = hashlib.sha256(f"{ids}\x1e{pairs}".encode())
    found.update(counts.tobytes())
    found.update(_floats(people, "is_granted").tobytes())
    return found.hexdigest()


def _floats(rows: pa.Table, name: str) -> Floats:
    column = rows[name].to_numpy(zero_copy_only=False)
    return np.asarray(column, dtype=np.float64)
