"""Fill blocks: pins first, then the best, then places drawn at random. Pure.

A drawn place gets content that few have seen and that its readers do not abandon, each of the
person's pool with the same probability, which is written beside it: later measurement needs it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from personalization.config import Block
from personalization.readings import Catalogue, Flags, Floats, Integers, Readings

# A depth measured on fewer readers says little of the content.
FEWEST_MEASURED = 5
# The quarter of the content that is abandoned first is not offered as a discovery.
QUALITY_QUANTILE = 0.25
# Far below any difference that matters; makes equal scores fall in the order of the ids.
_TIE_BREAK = 1e-13
_GOLDEN = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True)
class BlockRules:
    """One block over a catalogue of n items.

    Attributes:
        allowed: Items that filters and bans let through, pins included.
        pins: Positions of the pinned items, in order.
        discoverable: Allowed items with few readers, above the quality floor.
        size: Places of the block.
        discovery_slots: Of these, drawn at random.
        shows_read: Whether what was read may come again, as the best, not as pin or draw.
        salt: A number of the block's own, mixed into its draws.
    """

    allowed: Flags
    pins: Integers
    discoverable: Flags
    size: int
    discovery_slots: int
    shows_read: bool
    salt: int


@dataclass(frozen=True, slots=True)
class FilledBlock:
    """Items of a batch; each array is (persons, places), in order of the places.

    Attributes:
        items: Positions in the catalogue.
        is_filled: False where nothing was left to show.
        is_discovery: Whether the item was drawn.
        propensity: Probability that this item came to this place; 1 where not drawn.
    """

    items: Integers
    is_filled: Flags
    is_discovery: Flags
    propensity: Floats


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
    rules: BlockRules, scores: Floats, has_read: Flags, draws: NDArray[np.uint64]
) -> FilledBlock:
    """Fill one block for a batch of persons.

    Args:
        rules: What the block shows.
        scores: (persons, items), 0..1.
        has_read: (persons, items); shown again only where the rules say so.
        draws: A random 64-bit number of each person.
    """
    keys = _keys(rules, scores, has_read)
    best = _best(keys, rules.size - rules.discovery_slots)
    places = [best[:, place] for place in range(best.shape[1])]
    is_filled = [_take(keys, items) for items in places]
    is_discovery = [np.zeros(len(scores), dtype=np.bool_) for _ in places]
    unread = rules.discoverable & ~has_read
    pool_sizes = (unread & (keys > -np.inf)).sum(axis=1)
    for slot in range(rules.discovery_slots):
        pool = unread & (keys > -np.inf)
        drawn = _draw(pool, uniform_draws(draws, salt=rules.salt, slot=slot))
        is_discovery.append(np.asarray(pool.any(axis=1), dtype=np.bool_))
        places.append(np.where(is_discovery[-1], drawn, np.argmax(keys, axis=1)))
        is_filled.append(_take(keys, places[-1]))
    # Without knowing what the earlier places drew, each item of the pool is as likely here.
    chance = 1 / np.maximum(pool_sizes, 1)[:, None]
    flags = np.column_stack(is_discovery)
    return FilledBlock(
        items=np.column_stack(places),
        is_filled=np.column_stack(is_filled),
        is_discovery=flags,
        propensity=np.where(flags, chance, 1.0),
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


def _keys(rules: BlockRules, scores: Floats, has_read: Flags) -> Floats:
    """What to sort by; minus infinity is never shown, pins stand above every score."""
    keys = scores - np.arange(scores.shape[1]) * _TIE_BREAK
    keys[:, rules.pins] = 2.0 + len(rules.pins) - np.arange(len(rules.pins))
    is_pinned = np.isin(np.arange(scores.shape[1]), rules.pins)
    keys[has_read & (is_pinned | (not rules.shows_read))] = -np.inf
    keys[:, ~rules.allowed] = -np.inf
    return keys


def _best(keys: Floats, size: int) -> Integers:
    size = min(size, keys.shape[1])
    parted = np.argpartition(-keys, size - 1, axis=1)[:, :size] if size else keys[:, :0].astype(int)
    order = np.argsort(-np.take_along_axis(keys, parted, axis=1), axis=1, kind="stable")
    return np.asarray(np.take_along_axis(parted, order, axis=1), dtype=np.int64)


def _take(keys: Floats, items: Integers) -> Flags:
    """Mark one item of each person as used; say for whom there was one."""
    rows = np.arange(len(items))
    is_there: Flags = keys[rows, items] > -np.inf
    keys[rows, items] = -np.inf
    return is_there


def _draw(pool: Flags, uniform: Floats) -> Integers:
    """One item of each person's pool, each as likely; the first item where the pool is empty."""
    wanted = np.floor(uniform * pool.sum(axis=1)) + 1
    items = np.argmax(np.cumsum(pool, axis=1) >= wanted[:, None], axis=1)
    return np.asarray(items, dtype=np.int64)
