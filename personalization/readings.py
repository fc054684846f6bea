"""Read what may be shown, to whom, and who has read what, as numbers.

Only persons who granted the purpose ``personalization`` are looked at: the others neither get
recommendations nor teach what is popular or read together.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from measurement import Holdout
from personalization.config import PURPOSE
from personalization.held_out import held_out_sql
from warehouse import Warehouse

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Scores = NDArray[np.float32 | np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
FACETS = ("topic", "content_type", "funnel_stage")
# Interests last longer than what is popular: so many of its half-lives. On two backtests of one company
# NDCG@10 was .2168 with 2, .2178 without any decay.
INTEREST_HALF_LIVES = 6

_READERS = """
    select profiles.person_id,
           row_number() over (order by profiles.person_id) - 1 as reader,
           cast('0x' || left(sha256($salt || '|' || profiles.person_id), 16) as ubigint) as draw
    from marts.profiles as profiles
    inner join marts.consent_current as consents
        on profiles.person_id = consents.person_id
        and consents.purpose = $purpose and consents.status = 'granted'
    where not profiles.is_bot
"""

_ITEMS = """
    select content_id, topic, content_type, funnel_stage,
           date_diff('second', published_at, $as_of) / 86400.0 as age_days,
           row_number() over (order by content_id) - 1 as item
    from marts.content_items
    where published_at is null or published_at < $as_of
"""

_READINGS = f"""
    with readers as ({_READERS}),
    items as ({_ITEMS})
    select readers.reader, items.item, engagement.max_scroll_depth as depth,
           date_diff('second', engagement.first_viewed_at, $as_of) / 86400.0 as first_days,
           date_diff('second', least(engagement.last_viewed_at, $as_of), $as_of) / 86400.0
               as last_days
    from marts.content_engagement as engagement
    inner join readers on engagement.person_id = readers.person_id
    inner join items on engagement.content_id = items.content_id
    where engagement.first_viewed_at < $as_of
    order by readers.reader, items.item
"""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Content that is published, each once, ordered by id.

    Attributes:
        content_ids: n ids.
        facets: Of topic, content_type and funnel_stage the value of each item; "" is unknown.
        age_days: Days since publication; infinite where unknown.
    """

    content_ids: NDArray[np.str_]
    facets: Mapping[str, NDArray[np.str_]]
    age_days: Floats

    def __len__(self) -> int:
        return len(self.content_ids)

    def published(self, *, days_ago: float) -> tuple[Catalogue, Integers]:
        """What was published some days ago, and its positions in the catalogue of today."""
        kept = np.flatnonzero(self.age_days > days_ago)
        facets = {name: values[kept] for name, values in self.facets.items()}
        return Catalogue(self.content_ids[kept], facets, self.age_days[kept] - days_ago), kept


@dataclass(frozen=True, slots=True)
class Readers:
    """Persons who may get recommendations, ordered by id.

    Attributes:
        person_ids: n ids.
        draws: A random 64-bit number of each, the same for the same person, seed and day.
        is_held_out: Whether each is held out of everything.
    """

    person_ids: pa.ChunkedArray
    draws: NDArray[np.uint64]
    is_held_out: Flags

    def __len__(self) -> int:
        return len(self.draws)


@dataclass(frozen=True, slots=True)
class Views:
    """Who has read what and when; one entry per reader and item, ordered by both.

    Attributes:
        shape: How many readers and items there are.
        readers: Position of the reader.
        items: Position of the item.
        first_days: Days since it was read first.
        last_days: Days since it was read last, at most ``first_days``.
        depth: The deepest scroll, 0..1; nan where unmeasured.
    """

    shape: tuple[int, int]
    readers: Integers
    items: Integers
    first_days: Floats
    last_days: Floats
    depth: Floats

    @property
    def span_days(self) -> float:
        """Days since the first reading of all."""
        return float(self.first_days.max(initial=0.0))

    def known(self, *, days_ago: float) -> tuple[Flags, Floats]:
        """Which entries there were some days ago, and how old the last reading of each was then.

        What was read before and after counts by its first reading.
        """
        is_known = (self.first_days > days_ago) | (days_ago == 0)
        last = np.where(self.last_days > days_ago, self.last_days, self.first_days)[is_known]
        return is_known, last - days_ago

    def readings(
        self, *, half_life_days: float, popular_days: float | None = None, days_ago: float = 0.0
    ) -> Readings:
        """What was known some days ago, see :meth:`known`.

        Args:
            half_life_days: Interests last :data:`INTEREST_HALF_LIVES` of them.
            popular_days: Half-life of popularity; None: the same.
            days_ago: Later readings do not count.
        """
        popular = half_life_days if popular_days is None else popular_days
        is_known, age = self.known(days_ago=days_ago)
        where = (self.readers[is_known], self.items[is_known])
        return Readings(
            counts=self._matrix(np.ones(len(age)), where),
            per_person=np.bincount(where[0], minlength=self.shape[0]).astype(np.float64),
            recent=self._matrix(0.5 ** (age / popular), where),
            liked=self._matrix(0.5 ** (age / half_life_days / INTEREST_HALF_LIVES), where),
            depth=_mean_by(where[1], self.depth[is_known], self.shape[1]),
            span_days=self.span_days - days_ago,
            half_life_days=popular,
        )

    def new_readings(self, *, days_ago: float) -> sparse.csr_matrix:
        """1 where somebody read for the first time since, (readers, items)."""
        is_new = self.first_days <= days_ago
        return self._matrix(np.ones(is_new.sum()), (self.readers[is_new], self.items[is_new]))

    def readings_since(self, *, days_ago: float) -> sparse.csr_matrix:
        """1 where somebody has read since, for the first time or again, (readers, items)."""
        is_since = self.last_days <= days_ago
        return self._matrix(np.ones(is_since.sum()), (self.readers[is_since], self.items[is_since]))

    def _matrix(self, values: Floats, where: tuple[Integers, Integers]) -> sparse.csr_matrix:
        return sparse.csr_matrix((values, where), shape=self.shape)


@dataclass(frozen=True, slots=True)
class Readings:
    """Who has read what; each matrix is (readers, items), sparse, entries where read.

    Attributes:
        counts: 1 where read.
        per_person: Items that each person has read.
        recent: Decayed by half per half-life, for popularity.
        liked: Decayed more slowly, for interests.
        depth: Mean of the deepest scroll of each item's readers, 0..1; nan where unmeasured.
        span_days: Days since the first reading of all.
        half_life_days: Of ``recent``.
    """

    counts: sparse.csr_matrix
    per_person: Floats
    recent: sparse.csr_matrix
    liked: sparse.csr_matrix
    depth: Floats
    span_days: float
    half_life_days: float


def read_catalogue(warehouse: Warehouse, *, as_of: dt.datetime) -> Catalogue:
    """Read what is published by ``as_of``."""
    rows = warehouse.read(f"{_ITEMS} order by item", {"as_of": as_of})
    age = _array(rows, "age_days").astype(np.float64)
    return Catalogue(
        content_ids=_texts(rows, "content_id"),
        facets={name: _texts(rows, name) for name in FACETS},
        age_days=np.where(np.isnan(age), np.inf, age),
    )


def read_readers(warehouse: Warehouse, *, salt: str, holdout: Holdout | None = None) -> Readers:
    """Read who granted personalization and is not a program.

    Args:
        warehouse: With the marts of this run.
        salt: Seeds the draws.
        holdout: Who is held out of everything; None: nobody is.
    """
    rows = warehouse.read(
        f"select readers.*, held_out.person_id is not null as is_held_out from ({_READERS}) as readers "
        f"left join ({held_out_sql(holdout)}) as held_out using (person_id) order by reader",
        {"salt": salt, "purpose": PURPOSE},
    )
    draws, is_held_out = _array(rows, "draw"), _array(rows, "is_held_out")
    return Readers(rows["person_id"], draws.astype(np.uint64), is_held_out.astype(np.bool_))


def read_views(warehouse: Warehouse, shape: tuple[int, int], *, as_of: dt.datetime) -> Views:
    """Read who has read what by ``as_of``.

    Args:
        warehouse: With the marts of this run.
        shape: How many readers and items there are.
        as_of: Later readings do not count, UTC.
    """
    rows = warehouse.read(_READINGS, {"as_of": as_of, "purpose": PURPOSE, "salt": ""})
    readers, items = (_array(rows, name).astype(np.int64) for name in ("reader", "item"))
    first, last, depth = (
        _array(rows, name).astype(np.float64) for name in ("first_days", "last_days", "depth")
    )
    return Views(shape, readers, items, first, last, depth)


def _mean_by(groups: Integers, values: Floats, size: int) -> Floats:
    known = ~np.isnan(values)
    totals = np.bincount(groups[known], weights=values[known], minlength=size)
    counts = np.bincount(groups[known], minlength=size)
    return np.asarray(np.where(counts > 0, totals / np.maximum(counts, 1), np.nan))


def _texts(rows: pa.Table, name: str) -> NDArray[np.str_]:
    return np.asarray([value or "" for value in rows[name].to_pylist()], dtype=np.str_)


def _array(rows: pa.Table, name: str) -> NDArray[np.generic]:
    found: NDArray[np.generic] = rows[name].to_numpy(zero_copy_only=False)
    return found
