"""Read who has read what kind of content, and when: counts of different items, and of days."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import available_timezones

import numpy as np
import pyarrow as pa

from prediction.config import PersonasConfig
from prediction.dataset import Flags, Floats
from prediction.errors import MissingRelationError
from prediction.objecting import OBJECTING, objecting_persons
from prediction.relations import CURRENT, EVENTS, PROFILES, granted_sql
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

# When people visit, on their own clocks: a visit without a time zone, or with one that IANA does not
# name, says nothing of it (to the engine BST is Bangladesh, and a zone that it does not know stops a
# query). Names are the same in any case of letters. Days are counted, not visits, because an hour of
# reading is one sign of the hour.
RHYTHMS = {
    "daypart": "'at ' || 3 * (hour(local_at) // 3) || '-' || 3 * (hour(local_at) // 3) + 3 || ' h'",
    "weekpart": "case when isodow(local_at) >= 6 then 'on weekends' else 'on workdays' end",
}
_VISITS = f"""
    numbered as (
        select person_id, dense_rank() over (order by person_id) - 1 as reader
        from readers group by person_id
    ),
    visits as (
        select numbered.reader,
               events.occurred_at at time zone 'UTC' at time zone zones.name as local_at
        from numbered
        inner join {EVENTS.sql} as events using (person_id)
        inner join (select distinct name from pg_timezone_names()) as zones
            on lower(events.timezone) = lower(zones.name)
            and list_contains($zones::varchar[], zones.name)
        where events.visitor_id is not null and not coalesce(events.is_bot, false)
            and events.occurred_at < $as_of
            and coalesce(events.received_at, events.occurred_at) <= $as_of
    )
"""


@dataclass(frozen=True, slots=True)
class Readers:
    """What each person has read.

    Attributes:
        person_ids: n ids, in order.
        counts: (n, v), different items of each value, or days, facet by facet.
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
    for relation in (ENGAGEMENT, ITEMS, CURRENT, EVENTS):
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
        zones = sorted(available_timezones())
        counted = _count(warehouse, config, {**parameters, "zones": zones})
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
    facets = " union all ".join(_counted(facet) for facet in config.facets)
    return warehouse.read(
        f"""
        with {_READERS}, {_VISITS},
        read_items as (
            select numbered.reader, items.*
            from readers
            inner join numbered using (person_id)
            left join {ITEMS.sql} as items using (content_id)
        )
        {facets} order by all
        """,
        parameters,
    )


def _counted(facet: str) -> str:
    """How many items each reader read of each value, or on how many days of each part of one."""
    if value := RHYTHMS.get(facet):
        return f"""select reader, '{facet}' as facet, {value} as value,
                   count(distinct date_trunc('day', local_at)) as items from visits group by all"""
    return f"""select reader, '{facet}' as facet, coalesce({quoted(facet)}, '{UNKNOWN}') as value,
               count(*) as items from read_items group by all"""


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
