"""Take apart clusters with more records than one person can own: a shared value slipped in.

Their links are cut weakest first, all of about one strength at once, until what is left is small
enough. So what a value shared by thousands holds together falls apart into the records, while
who is joined by something stronger stays. What somebody decided is never cut.

Source: single-linkage clusters by descending threshold, as in Gower & Ross (1969), "Minimum
Spanning Trees and Single Linkage Cluster Analysis".
"""

from __future__ import annotations

import numpy as np

from identity.cluster import KEPT, Bools, Clusters, Edges, Ints, connect
from identity.collect import DECIDED
from identity.constrain import TOO_LARGE

# Links this close in strength are of one kind and go together: there is no order among them that
# means anything, and the rounds are at most as many as such steps.
_STEP = 0.1


def limit_size(edges: Edges, found: Clusters, *, is_record: Bools, limit: int) -> Clusters:
    """Cut the clusters that hold more records than a person can own; leave all others.

    The result does not depend on the order of the edges.

    Args:
        edges: All links.
        found: The clusters, and which links were cut before.
        is_record: Whether each node is a record; others do not count.
        limit: The most records of one person.
    """
    cuts, clusters = found.cuts.copy(), found.clusters
    while (weakest := _weakest(edges, cuts, clusters, _large(clusters, is_record, limit))).any():
        cuts[weakest] = TOO_LARGE
        clusters = connect(edges.chosen(cuts == KEPT), nodes=len(clusters))
    return Clusters(clusters, cuts)


def _large(clusters: Ints, is_record: Bools, limit: int) -> Bools:
    """Whether each cluster, named by its smallest node, has too many records."""
    return np.asarray(np.bincount(clusters[is_record], minlength=len(clusters)) > limit)


def _weakest(edges: Edges, cuts: Ints, clusters: Ints, is_large: Bools) -> Bools:
    """Whether each link is among the weakest that hold a large cluster together."""
    cluster = clusters[edges.left]
    held = is_large[cluster] & (cuts == KEPT) & (edges.strength < DECIDED)
    lowest = np.full(len(clusters), np.inf)
    np.minimum.at(lowest, cluster[held], edges.strength[held])
    return np.asarray(held & (edges.strength <= lowest[cluster] + _STEP))
