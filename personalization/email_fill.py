"""Fill the slots of a mailing for persons who are known by their readings. Pure.

A rule's content stands above the block's, and within each the scores decide; the last slots are
drawn at random with a known probability; what stays empty gets a default.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from personalization.blocks import BlockRules, allowed_content, fill_block, pinned_content
from personalization.config import Block
from personalization.email_config import EmailBlock, EmailRule
from personalization.interests import Expectation
from personalization.readings import Catalogue, Flags, Floats, Integers, Scores
from personalization.reasons import reasons_of

DEFAULTED = "nothing unread was left: a default of the block"
LEVELS = ("rule", "block", "default")
# Lifts what a rule asks for above all else, and keeps the order of either in single precision.
_ABOVE = 1e20


@dataclass(frozen=True, slots=True)
class Candidates:
    """What a block offers to persons whom one rule fits, or none.

    Attributes:
        rules: What may be shown, pinned and drawn, over the catalogue.
        wanted: Items that the rule asks for; none without a rule.
        defaults: At least as many as slots, each once.
        banned: Ids that are never shown but as a default.
    """

    rules: BlockRules
    wanted: Flags
    defaults: tuple[str, ...]
    banned: frozenset[str]


@dataclass(frozen=True, slots=True)
class FilledSlots:
    """Slots of a batch of persons, slot by slot of each; all arrays have equal length.

    Attributes:
        persons: Position of the person in the batch.
        slots: From 0.
        items: Position in the catalogue; 0 where a default is shown.
        is_filled: Whether there is content; false: a default.
        is_discovery: Whether it was drawn.
        propensity: Probability that this content came to this slot: of a draw, or, where the share
            asks for a part of a slot, of the next best that stands there for the others; else 1.
    """

    persons: Integers
    slots: Integers
    items: Integers
    is_filled: Flags
    is_discovery: Flags
    propensity: Floats


def banned_ids(block: EmailBlock, everywhere: frozenset[str]) -> frozenset[str]:
    """Ids that a block does not show: its own bans, and those of all blocks."""
    return everywhere.union(block.bans)


def offer(
    block: EmailBlock,
    rule: EmailRule | None,
    catalogue: Catalogue,
    *,
    discoverable: Flags,
    banned: frozenset[str],
    salt: str,
) -> Candidates:
    """Turn a block and one of its rules into positions of the catalogue.

    Args:
        block: Its filters, pins and bans.
        rule: The rule that fits; None: none does.
        catalogue: What is published.
        discoverable: Items worth a draw.
        banned: Ids that no block shows; defaults of the block never fill another slot.
        salt: Of the draws: the send.
    """
    banned = banned_ids(block, banned)
    unfit = banned.union(block.defaults)
    allowed = allowed_content(_filters(block), catalogue, unfit)
    first = pinned_content(_filters(block, pins=rule.pins if rule else []), catalogue, unfit)
    pins = np.array(list(dict.fromkeys(
        [*first.tolist(), *pinned_content(_filters(block), catalogue, unfit).tolist()]
    )), dtype=np.int64)  # fmt: skip
    shown, wanted = allowed.copy(), np.zeros(len(catalogue), dtype=np.bool_)
    shown[pins] = True
    if rule:
        wanted = allowed & allowed_content(_filters(block, rule=rule), catalogue, unfit)
        wanted[first] = True
    rules = BlockRules(
        allowed=shown, pins=pins, discoverable=discoverable & allowed, size=block.size,
        discovery_slots=block.discovery_slots, shows_read=False,
        salt=int.from_bytes(hashlib.sha256(salt.encode()).digest()[:8], "big"),
    )  # fmt: skip
    return Candidates(rules, wanted, tuple(dict.fromkeys(block.defaults)), banned)


def fill_slots(
    candidates: Candidates, scores: Scores, blocked: sparse.csr_matrix, draws: NDArray[np.uint64]
) -> FilledSlots:
    """Fill every slot of a batch of persons.

    Args:
        candidates: What is offered to them.
        scores: (persons, items), 0..1.
        blocked: (persons, items), entries where read or sent lately: never shown.
        draws: A random 64-bit number of each person.
    """
    shape = (len(scores), candidates.rules.size)
    items, propensity = np.zeros(shape, dtype=np.int64), np.ones(shape)
    is_filled, is_discovery = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    if scores.shape[1]:
        above = np.where(candidates.wanted, _ABOVE, 1).astype(np.float32)
        filled = fill_block(candidates.rules, scores * above, blocked, draws)
        # What is left moves up, so that defaults come last.
        order = np.argsort(~filled.is_filled, axis=1, kind="stable")
        width = order.shape[1]
        items[:, :width] = np.take_along_axis(filled.items, order, axis=1)
        propensity[:, :width] = np.take_along_axis(filled.propensity, order, axis=1)
        is_filled[:, :width] = np.take_along_axis(filled.is_filled, order, axis=1)
        is_discovery[:, :width] = np.take_along_axis(filled.is_discovery, order, axis=1)
    persons, slots = np.divmod(np.arange(items.size), candidates.rules.size)
    drawn = is_discovery.ravel() & is_filled.ravel()
    return FilledSlots(
        persons, slots, items.ravel(), is_filled.ravel(), drawn,
        np.where(is_filled.ravel(), propensity.ravel(), 1.0),
    )  # fmt: skip


def slot_columns(
    filled: FilledSlots, candidates: Candidates, catalogue: Catalogue, expectation: Expectation
) -> dict[str, pa.Array]:
    """What the table says of each slot: content, level, reason, draw."""
    shown = filled.is_filled
    cells = (filled.persons[shown], filled.items[shown])
    contents = np.asarray(candidates.defaults, dtype=np.object_)[filled.slots]
    contents[shown] = catalogue.content_ids[cells[1]]
    level = np.full(len(shown), LEVELS.index("default"))
    level[shown] = np.where(candidates.wanted[cells[1]], 0, 1)
    reasons = np.full(len(shown), DEFAULTED, dtype=np.object_)
    if shown.any():
        reasons[shown] = reasons_of(
            catalogue, expectation, cells,
            is_pinned=np.isin(cells[1], candidates.rules.pins),
            is_discovery=filled.is_discovery[shown],
        ).to_numpy(zero_copy_only=False)  # fmt: skip
    return {
        "slot": pa.array((filled.slots + 1).astype(np.int32)),
        "content_id": pa.array(contents, pa.string()),
        "reason": pa.array(reasons, pa.string()),
        "is_discovery": pa.array(filled.is_discovery),
        "propensity": pa.array(filled.propensity),
        "fallback_level": pa.array(LEVELS).take(pa.array(level)),
    }


def _filters(
    block: EmailBlock, *, rule: EmailRule | None = None, pins: list[str] | None = None
) -> Block:
    """The filters of a block, or of one of its rules, as those of a page's block."""
    found = rule or block
    return Block.model_construct(
        content_types=found.content_types, topics=found.topics, stages=found.stages,
        bans=[], pins=block.pins if pins is None else pins,
    )  # fmt: skip
