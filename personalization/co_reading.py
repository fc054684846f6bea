"""How far the reading of one item foretells the reading of another, from who has read what. Pure.

* *item-kNN*: the cosine of two items by their readers, shrunken, of the nearest ones alone;
* *EASE*: the linear model that foretells each item from all others at once, so that an item which
  is read with everything tells nothing. With G = X'X + ridge I and P its inverse, the weight of
  item i for item j is ``-P_ij / P_jj``, and 0 for the item itself.

Both are weighted by the evidence of the item that is foretold, ``n / (n + k)`` for n readers.

Sources: item-kNN with shrinkage: Bell & Koren (2007), "Improved neighborhood-based collaborative
filtering", KDD Cup. EASE: Steck (2019), "Embarrassingly shallow autoencoders for sparse data", WWW.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from personalization.readings import Floats, Integers, Readings, Singles
from personalization.standing import least, most

# The least that collaborative recommendations ask for: Amazon Personalize, "Quotas" (1,000
# interactions, 25 users with at least two).
FEWEST_READINGS = 1_000
FEWEST_READERS = 25
# Readers at which an item's co-reading counts half.
ITEM_EVIDENCE = 20.0
SIMILARITY_SHRINKAGE = 5.0
# Most similar items of each that are looked at; the others are similar by chance.
NEIGHBOURS = 100
# Readers, of nothing in particular, that EASE adds to those of each item: the least that its author
# found good. In a backtest of one company 20 to 1,000 gave the same NDCG@10 within .001.
RIDGE = 200.0
# Items of which EASE is taken: one inverse of as many rows, .8 s of the processor for 2,000 and
# growing with the cube.
MOST_EASE_ITEMS = 3_000


def item_knn(readings: Readings, *, stays: bool = False) -> sparse.csr_matrix | None:
    """(items, items), what reading the row says of the column; None where readings are too few.

    Args:
        readings: Who has read what.
        stays: Whether it is in use already: then less is enough.
    """
    if not _is_enough(readings, stays=stays):
        return None
    together = (readings.counts.T @ readings.counts).tocoo()
    readers = _readers(readings)
    norms = np.sqrt(readers[together.row] * readers[together.col]) + SIMILARITY_SHRINKAGE
    evidence = _evidence(readers)[together.col]
    values = np.where(together.row == together.col, 0.0, together.data / norms * evidence)
    kept = _nearest(together.row, values)
    where = (together.row[kept], together.col[kept])
    return sparse.csr_matrix((values[kept].astype(np.float32), where), shape=together.shape)


def ease(readings: Readings, *, stays: bool = False) -> Singles | None:
    """Likewise; a negative weight says that the column is read less. None: see :func:`skips_ease`."""
    if skips_ease(readings, stays=stays) is not None:
        return None
    gram = np.asarray((readings.counts.T @ readings.counts).toarray(), dtype=np.float64)
    gram[np.diag_indices_from(gram)] += RIDGE
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse) * _evidence(_readers(readings))
    np.fill_diagonal(weights, 0.0)
    return np.asarray(weights, dtype=np.float32)


def skips_ease(readings: Readings, *, stays: bool = False) -> str | None:
    """Why EASE is not tried; None where it is. In use already, it stays for less."""
    items = readings.counts.shape[1]
    if not _is_enough(readings, stays=stays):
        return f"needs {FEWEST_READINGS:,} readings and {FEWEST_READERS} readers of two items"
    if items > most(MOST_EASE_ITEMS, stays=stays):
        return f"{items:,} items; it is tried up to {MOST_EASE_ITEMS:,}"
    return None


def _is_enough(readings: Readings, *, stays: bool) -> bool:
    faithful = int((readings.per_person >= 2).sum())
    return readings.counts.nnz >= least(FEWEST_READINGS, stays=stays) and faithful >= least(
        FEWEST_READERS, stays=stays
    )


def _readers(readings: Readings) -> Floats:
    return np.asarray(readings.counts.sum(axis=0), dtype=np.float64).ravel()


def _evidence(readers: Floats) -> Floats:
    return readers / (readers + ITEM_EVIDENCE)


def _nearest(items: Integers, values: Floats) -> Integers:
    """Positions of the most similar ones of each item, without those that are not similar."""
    order = np.lexsort((-values, items))
    order = order[values[order] > 0]
    firsts = np.searchsorted(items[order], np.arange(items.max(initial=-1) + 1))
    return np.asarray(order[np.arange(len(order)) - firsts[items[order]] < NEIGHBOURS])
