"""Fill blocks: pins first, then the best, by score and topic, then places drawn at random. Pure.

A drawn place gets content that few have seen and that its readers do not abandon, each of the
person's pool with the same probability, which is written beside it: later measurement needs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from personalization.calibrate import CalibratedOrder, TopicShares, best_first, calibrated_order
from personalization.config import Block
from personalization.readings import Catalogue, Flags, Floats, Integers, Readings, Scores

# A depth measured on fewer readers says little of the content.
FEWEST_MEASURED = 5
# The quarter of the content that is abandoned first is not offered as a discovery.
QUALITY_QUANTILE = 0.25
_GOLDEN = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class BlockRules:
    """One block over a catalogue of n items.

    Attributes:
        allowed: Items that filters and bans let through, pins included.
        pins: Positions of the pinned items, in order.
        discoverable: Allowed items with few readers, above the quality floor.
        size: Places of the block.
        discovery_slots: Of these, drawn at random, in the mean of all persons.
        shows_read: Whether what was read may come again, as the best, not as pin or draw.
        calibration: How far a list keeps to the topics that its reader reads, 0..1; 0: by score.
        salt: A number of the block's own, mixed into its draws.
    """

    allowed: Flags
    pins: Integers
    discoverable: Flags
    size: int
    discovery_slots: float
    shows_read: bool
    salt: int
    calibration: float = 0.0


@dataclass(frozen=True, slots=True)
class FilledBlock:
    """Items of a batch; each array is (persons, places), in order of the places.

    Attributes:
        items: Positions in the catalogue.
        is_filled: False where nothing was left to show.
        is_discovery: Whether the item was drawn.
        propensity: Probability that this item came to this place; 1 where not drawn.
        is_lifted: Whether it is there for its topic: by score it would not be among so many.
    """

    items: Integers
    is_filled: Flags
    is_discovery: Flags
    propensity: Floats
    is_lifted: Flags


def allowed_content(block: Block, catalogue: Catalogue, banned: frozenset[str]) -> Flags:
    """What the filters and bans of a block let through."""
    filters = {
        "content_type": block.content_types,
        "topic": block.topics,
        "funnel_stage": block.stages,
    }
    allowed = ~np.isin(catalogue.content_ids, sorted(banned | frozenset(block.bans)))
    for facet, wanted in filters.items():
        if wanted:
            allowed &= np.isin(catalogue.facets[facet], wanted)
    return allowed


def pinned_content(block: Block, catalogue: Catalogue, banned: frozenset[str]) -> Integers:
    """Positions of the pins that are published and not banned everywhere, in their order."""
    positions = {content_id: i for i, content_id in enumerate(catalogue.content_ids.tolist())}
    found = [positions[pin] for pin in block.pins if pin in positions and pin not in banned]
    return np.asarray(found, dtype=np.int64)


def discoverable_content(
    catalogue: Catalogue, readings: Readings, popularity: Floats, *, new_days: float
) -> Flags:
    """Content with few readers (the less popular half, and all that is new) worth a try."""
    if not len(catalogue):
        return np.zeros(0, dtype=np.bool_)
    few: Flags = (popularity <= np.median(popularity)) | (catalogue.age_days <= new_days)
    readers = np.asarray(readings.counts.sum(axis=0)).ravel()
    depth = np.where(readers >= FEWEST_MEASURED, readings.depth, np.nan)
    if np.isnan(depth).all():
        return few
    floor = np.nanquantile(depth, QUALITY_QUANTILE)
    return np.asarray(few & (np.isnan(depth) | (depth >= floor)), dtype=np.bool_)


def fill_block(
    rules: BlockRules,
    scores: Scores,
    has_read: sparse.csr_matrix,
    draws: NDArray[np.uint64],
    *,
    topics: TopicShares | None = None,
) -> FilledBlock:
    """Fill one block for a batch of persons.

    Args:
        rules: What the block shows.
        scores: (persons, items), positive.
        has_read: (persons, items), entries where read; shown again only where the rules say so.
        draws: A random 64-bit number of each person.
        topics: What each person reads of the items' topics; None: the list goes by score alone.
    """
    ranked, is_there, is_lifted = _ranked(rules, scores, has_read, topics)
    first = rules.size - ceil(rules.discovery_slots)
    known = np.where(is_there, ranked, -1)
    drawn = _drawn(rules, known, has_read, draws, first=first)
    places, is_filled = _or_next(
        drawn.items, drawn.is_drawn, ranked[:, first:], is_there[:, first:]
    )
    following = known[:, first] if known.shape[1] > first else np.full(len(known), -1)
    chances = _chances(drawn, places, following, rules.discovery_slots % 1)
    best = ranked[:, :first]
    return FilledBlock(
        items=np.column_stack([best, places]),
        is_filled=np.column_stack([is_there[:, :first], is_filled]),
        is_discovery=np.column_stack([np.zeros(best.shape, dtype=np.bool_), drawn.is_drawn]),
        propensity=np.column_stack([np.ones(best.shape), chances]),
        is_lifted=np.column_stack([is_lifted[:, :first], np.zeros(places.shape, dtype=np.bool_)]),
    )


def uniform_draws(draws: NDArray[np.uint64], *, salt: int, slot: int) -> Floats:
    """Uniform numbers in [0, 1), one for each person, independent over blocks and slots.

    Source: SplitMix64's finaliser, Steele, Lea & Flood (2014), "Fast splittable pseudorandom
    number generators", OOPSLA.
    """
    mixed = draws + np.uint64((salt + _GOLDEN * (slot + 1)) % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return np.asarray((mixed >> np.uint64(11)) * 2.0**-53, dtype=np.float64)


def _ranked(
    rules: BlockRules, scores: Scores, has_read: sparse.csr_matrix, topics: TopicShares | None
) -> tuple[Integers, Flags, Flags]:
    """Pins that are unread, then the best, as many as the block has places.

    Returns:
        The items, which of them are there, and which are there for their topic alone.
    """
    is_open = rules.allowed.copy()
    is_open[rules.pins] = False
    columns = np.flatnonzero(is_open)
    keys = _open_scores(rules, scores, has_read, columns)
    pins = np.tile(rules.pins, (len(scores), 1))
    unread = np.ones(pins.shape, dtype=np.bool_)
    unread[_cells(has_read[:, rules.pins])] = False
    order = _order(rules, keys, columns, unread, topics)
    items = np.column_stack([pins, columns[order.items]])
    found = np.take_along_axis(keys, order.items, axis=1)
    is_there = np.column_stack([unread, found > -np.inf])
    lifted = np.column_stack([np.zeros_like(unread), order.is_lifted])
    first = np.argsort(~is_there, axis=1, kind="stable")[:, : rules.size]
    ranked, is_there, lifted = (
        np.take_along_axis(values, first, axis=1) for values in (items, is_there, lifted)
    )
    return ranked, is_there, lifted


def _open_scores(
    rules: BlockRules, scores: Scores, has_read: sparse.csr_matrix, columns: Integers
) -> Scores:
    """Scores of some columns, minus infinity where nothing is to be shown; copied only if needed."""
    has_all = len(columns) == scores.shape[1]
    keys = scores if has_all else scores[:, columns]
    if rules.shows_read:
        return keys
    keys = keys.copy() if has_all else keys
    keys[_cells(has_read if has_all else has_read[:, columns])] = -np.inf
    return keys


def _order(
    rules: BlockRules, keys: Scores, columns: Integers, unread: Flags, topics: TopicShares | None
) -> CalibratedOrder:
    """The best of the columns, by score and topic or by score alone."""
    if topics is None or not rules.calibration:
        best = best_first(keys, rules.size)
        return CalibratedOrder(best, np.zeros(best.shape, dtype=np.bool_), best)
    own = TopicShares(topics.of_item[columns], topics.shares)
    of_pin = topics.of_item[rules.pins][:, None] == np.arange(topics.shares.shape[1])
    given = unread.astype(np.float64) @ of_pin.astype(np.float64)
    return calibrated_order(keys, own, given, size=rules.size, strength=rules.calibration)


def _cells(entries: sparse.csr_matrix) -> tuple[Integers, Integers]:
    """Rows and columns of the entries."""
    rows = np.repeat(np.arange(entries.shape[0]), np.diff(entries.indptr))
    return rows, entries.indices.astype(np.int64)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The drawn places of a batch; arrays of (persons, places) or of persons.

    Attributes:
        items: Positions in the catalogue.
        is_drawn: Whether the place is; the next best takes the others.
        pool_sizes: Items that the first place could have drawn.
        is_next_in_pool: Whether the next best was one of them.
        is_short: Whether one place more would find nothing to draw: then nobody has it.
    """

    items: Integers
    is_drawn: Flags
    pool_sizes: Integers
    is_next_in_pool: Flags
    is_short: Flags


def _drawn(
    rules: BlockRules, known: Integers, has_read: sparse.csr_matrix, draws: NDArray[np.uint64],
    *, first: int,
) -> _Drawn:  # fmt: skip
    """Draw the last places; where the share asks for it, some persons draw one more than others.

    Args:
        rules: The block.
        known: (persons, places), the best in order; -1 where nothing is.
        has_read: Of the persons.
        draws: Of the persons.
        first: The first drawn place; who draws one less has the next best there.
    """
    pool = np.flatnonzero(rules.discoverable)
    place = np.full(len(rules.discoverable) + 1, -1)  # the last is that of -1
    place[pool] = np.arange(len(pool))
    out = np.unique(np.concatenate([_flat(*_cells(has_read[:, pool]), pool),
                                    _flat(*_inside(place[known[:, :first]]), pool)]))  # fmt: skip
    following = place[known[:, first]] if known.shape[1] > first else np.full(len(known), -1)
    at_next = _flat(np.arange(len(known)), following, pool)
    is_next_in_pool = (following >= 0) & ~np.isin(at_next, out)
    shape = (len(known), rules.size - first)
    items, is_drawn = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.bool_)
    pool_sizes = _left(out, pool, len(known))
    is_short = (pool_sizes < shape[1]) & ~is_next_in_pool
    part = rules.discovery_slots % 1
    has_more = ~is_short & (uniform_draws(draws, salt=rules.salt, slot=rules.size) < part)
    may = has_more if part else np.ones(len(known), dtype=np.bool_)
    for slot in range(shape[1]):
        left = _left(out, pool, len(known))
        wanted = np.floor(uniform_draws(draws, salt=rules.salt, slot=slot) * left).astype(np.int64)
        at = _nth_outside(out, wanted, len(pool))
        is_drawn[:, slot] = (left > 0) & (may | (slot > 0))
        rows = np.flatnonzero(is_drawn[:, slot])
        items[rows, slot] = pool[at[rows]]
        shown = at_next[is_next_in_pool & ~may] if slot == 0 else at_next[:0]
        out = np.unique(np.concatenate([out, _flat(rows, at[rows], pool), shown]))
    return _Drawn(items, is_drawn, pool_sizes, is_next_in_pool, is_short)


def _inside(places: Integers) -> tuple[Integers, Integers]:
    rows, columns = np.nonzero(places >= 0)
    return rows, places[rows, columns]


def _flat(rows: Integers, places: Integers, pool: Integers) -> Integers:
    return np.asarray(rows * len(pool) + places, dtype=np.int64)


def _left(out: Integers, pool: Integers, persons: int) -> Integers:
    taken = np.bincount(out // max(len(pool), 1), minlength=persons)
    return np.asarray(len(pool) - taken, dtype=np.int64)


def _chances(drawn: _Drawn, places: Integers, following: Integers, part: float) -> Floats:
    """How likely each item came to its place, over all draws.

    Without knowing what the earlier places drew, each item of the pool is as likely in each. Where
    only a part of the persons have one more place, the first may hold the next best as well, which
    the others cannot hold then.
    """
    each = 1 / np.maximum(drawn.pool_sizes, 1)[:, None]
    if not part:
        return np.where(drawn.is_drawn, each, 1.0)
    is_next = places == following[:, None]
    parts = np.where(drawn.is_short, 0.0, part)
    less = 1 / np.maximum(drawn.pool_sizes - drawn.is_next_in_pool, 1)[:, None]
    chances = np.where(
        drawn.is_drawn, parts[:, None] * each + (1 - parts[:, None]) * less * ~is_next, 1.0
    )
    could_draw = (drawn.pool_sizes > 0) & (drawn.is_drawn[:, 0] | drawn.is_next_in_pool)
    chances[:, 0] = parts * could_draw * each[:, 0] + (1 - parts) * is_next[:, 0]
    chances[drawn.is_short, 0] = 1.0
    return np.asarray(chances, dtype=np.float64)


def _nth_outside(out: Integers, wanted: Integers, size: int) -> Integers:
    """Of each row the position that has so many before it that are not ``out``.

    Args:
        out: Sorted; row times size plus the position, each once.
        wanted: Of each row, from 0.
        size: Positions of a row.
    """
    rows, positions = np.divmod(out, max(size, 1))
    starts = np.searchsorted(rows, np.arange(len(wanted)))
    gaps = positions - (np.arange(len(out)) - starts[rows])
    return np.asarray(
        wanted + np.bincount(rows[gaps <= wanted[rows]], minlength=len(wanted)), dtype=np.int64
    )


def _or_next(
    drawn: Integers, is_drawn: Flags, others: Integers, is_there: Flags
) -> tuple[Integers, Flags]:
    """The drawn items; where nothing was left to draw, the next best, and whether there is one."""
    if is_drawn.all():
        return drawn, is_drawn
    usable = is_there & ~((others[:, :, None] == drawn[:, None, :]) & is_drawn[:, None, :]).any(2)
    order = np.argsort(~usable, axis=1, kind="stable")
    others, usable = (np.take_along_axis(values, order, axis=1) for values in (others, usable))
    width = others.shape[1]
    nth = np.cumsum(~is_drawn, axis=1) - 1
    is_next = ~is_drawn & (nth < width)
    at = np.clip(nth, 0, max(width - 1, 0))
    if not width:
        return drawn, is_drawn
    items = np.where(is_drawn, drawn, np.take_along_axis(others, at, axis=1))
    return items, is_drawn | (is_next & np.take_along_axis(usable, at, axis=1))
