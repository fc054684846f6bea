"""What is shown to whom nothing is known of: by the topic that is being read, else what is popular."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from scipy import sparse

from personalization.blocks import BlockRules, fill_block
from personalization.interests import ReadingModel
from personalization.readings import Catalogue, Floats
from personalization.reasons import reasons_of

# Readings of its topic that the page counts for which is being read.
PAGE_READINGS = 2.0
# Places beyond the block's own, for what a visit has seen already.
SPARE = 12
# Contents that the drawn places draw from, other ones each day; more would only swell the log.
POOL = 40


@dataclass(frozen=True, slots=True)
class Contexts:
    """Topics, each with a reader who has read of it alone: ``""`` has read nothing."""

    topics: tuple[str, ...]
    liked: sparse.csr_matrix
    counts: Floats


def contexts_of(catalogue: Catalogue, model: ReadingModel) -> Contexts:
    """One imagined reader for each topic; what they have read is spread over it by popularity."""
    topics = sorted({topic for topic in catalogue.facets["topic"].tolist() if topic})
    is_theirs = np.array([catalogue.facets["topic"] == topic for topic in topics])
    weights = is_theirs.reshape(len(topics), len(catalogue)) * model.popularity
    weights = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
    liked = sparse.csr_matrix(PAGE_READINGS * np.vstack([np.zeros(len(catalogue)), weights]))
    return Contexts(("", *topics), liked, np.array([0.0, *np.ones(len(topics))]))


def context_rows(
    catalogue: Catalogue, model: ReadingModel, key: str, rules: BlockRules, *, day: dt.date
) -> pa.Table:
    """Rows of one block for ``personalization.context_lists``.

    Args:
        catalogue: The content.
        model: What the readings of all say.
        key: The block.
        rules: The block.
        day: Seeds which contents may be drawn, where there are many.
    """
    contexts = contexts_of(catalogue, model)
    expectation = model.expect(contexts.liked, contexts.counts)
    size = min(rules.size + SPARE, len(catalogue))
    listed = replace(rules, size=size, discovery_slots=0)
    nobody: sparse.csr_matrix = sparse.csr_matrix(expectation.scores.shape)
    filled = fill_block(
        listed, expectation.scores, nobody, np.zeros(len(contexts.topics), dtype=np.uint64)
    )
    readers, places = np.nonzero(filled.is_filled)
    items = filled.items[readers, places]
    pool = _pool(rules, key, day)
    reasons = reasons_of(
        catalogue, expectation, (readers, items),
        is_pinned=np.isin(items, rules.pins), is_discovery=np.zeros(len(items), dtype=np.bool_),
    )  # fmt: skip
    ids, topics = pa.array(catalogue.content_ids.tolist()), pa.array(contexts.topics)
    only_drawn = np.setdiff1d(pool, items[readers == 0])
    none = len(only_drawn)
    return pa.table(
        {
            "block": pa.repeat(key, len(items) + none),
            "topic": pa.concat_arrays([topics.take(pa.array(readers)), pa.repeat("", none)]),
            "rank": pa.concat_arrays(
                [pa.array((places + 1).astype(np.int32)), pa.nulls(none, pa.int32())]
            ),
            "content_id": ids.take(pa.array(np.concatenate([items, only_drawn]))),
            "reason": pa.concat_arrays([_words(reasons), pa.repeat("drawn at random", none)]),
            "is_drawable": np.concatenate(
                [np.isin(items, pool) & (readers == 0), np.ones(none, dtype=np.bool_)]
            ),
        }
    )


def _pool(rules: BlockRules, key: str, day: dt.date) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The contents that may be drawn: all, or as many of them as the pool takes, by chance."""
    found = np.flatnonzero(rules.discoverable) if rules.discovery_slots else np.zeros(0, np.int64)
    generator = np.random.default_rng([rules.salt, day.toordinal(), len(key)])
    return np.sort(generator.permutation(found)[:POOL]).astype(np.int64)


def _words(reasons: pa.Array | pa.ChunkedArray) -> pa.Array:
    return reasons.combine_chunks() if isinstance(reasons, pa.ChunkedArray) else reasons
