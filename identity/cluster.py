"""Turn links into clusters, and keep apart who cannot be one person.

Without conflicts a cluster is a connected component. Where a component holds two nodes that
clash, its links are taken strongest first, and one that would bring a clash together is cut: on
every chain between the two the weakest link goes.

Source: connected components as in ``scipy.sparse.csgraph``; the cutting is Kruskal's algorithm
(1956), "On the shortest spanning subtree of a graph", with constraints, over union-find with path
halving (Tarjan & van Leeuwen, 1984).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

KEPT = -1


@dataclass(frozen=True, slots=True)
class Edges:
    """Links between nodes, all arrays of one length; the stronger of two is kept."""

    left: Ints
    right: Ints
    strength: Floats

    def chosen(self, which: Bools) -> Edges:
        """Some of them."""
        return Edges(self.left[which], self.right[which], self.strength[which])


@dataclass(frozen=True, slots=True)
class Conflicts:
    """What must not come together.

    Attributes:
        nodes: Nodes that carry a label, one entry per node and label.
        labels: The label: a user, a face (name and birth date), or the node itself.
        left: First label of each clash.
        right: Second label of each clash.
        rules: Per clash, a number that names its reason; the smallest names a cut.
        powers: Per clash, the strength from which on a link stands against it.
    """

    nodes: Ints
    labels: Ints
    left: Ints
    right: Ints
    rules: Ints
    powers: Floats


@dataclass(frozen=True, slots=True)
class Clusters:
    """Per node the smallest node of its cluster; per edge the rule that cut it, or ``KEPT``."""

    clusters: Ints
    cuts: Ints


def connect(edges: Edges, *, nodes: int) -> Ints:
    """Return per node the smallest node of its connected component."""
    ones = np.ones(len(edges.left), dtype=np.int8)
    graph = coo_matrix((ones, (edges.left, edges.right)), shape=(nodes, nodes))
    _, component = connected_components(graph, directed=False)
    _, first, place = np.unique(component, return_index=True, return_inverse=True)
    return np.asarray(first[place], dtype=np.int64)


def separate(edges: Edges, components: Ints, conflicts: Conflicts) -> Clusters:
    """Cut the components that hold a clash; all others stay as they are.

    The result depends on the edges' strengths and ends only, not on their order. The cost is
    linear in the links of components with a clash, in Python; nothing else is looped over.
    """
    cuts = np.full(len(edges.left), KEPT, dtype=np.int64)
    clusters = components.copy()
    touched = np.unique(components[conflicts.nodes])
    affected = np.flatnonzero(np.isin(components[edges.left], touched))
    ends = edges.left[affected], edges.right[affected]
    order = affected[np.lexsort((np.maximum(*ends), np.minimum(*ends), -edges.strength[affected]))]
    groups = _Groups(conflicts)
    links = zip(
        order.tolist(),
        edges.left[order].tolist(),
        edges.right[order].tolist(),
        edges.strength[order].tolist(),
        strict=True,
    )
    for edge, left, right, strength in links:
        cuts[edge] = groups.join(left, right, strength=strength)
    members = np.flatnonzero(np.isin(components, touched))
    clusters[members] = _smallest(members, groups)
    return Clusters(clusters, cuts)


def _smallest(members: Ints, groups: _Groups) -> Ints:
    roots = np.array([groups.find(node) for node in members.tolist()], dtype=np.int64)
    _, first, place = np.unique(roots, return_index=True, return_inverse=True)
    return np.asarray(members[first[place]], dtype=np.int64)


# Labels that a group must not meet: the rule against each, and its power.
_Foes = dict[int, tuple[int, float]]


class _Groups:
    """Union-find whose groups know their labels and the labels that they must not meet."""

    def __init__(self, conflicts: Conflicts) -> None:
        self._parent: dict[int, int] = {}
        self._labels: dict[int, set[int]] = {}
        self._foes: dict[int, _Foes] = {}
        foes: dict[int, _Foes] = {}
        clashes = zip(
            conflicts.left.tolist(), conflicts.right.tolist(),
            conflicts.rules.tolist(), conflicts.powers.tolist(), strict=True,
        )  # fmt: skip
        for left, right, rule, power in clashes:
            for one, other in ((left, right), (right, left)):
                _keep_strongest(foes.setdefault(one, {}), {other: (rule, power)})
        for node, label in zip(conflicts.nodes.tolist(), conflicts.labels.tolist(), strict=True):
            self._labels.setdefault(node, set()).add(label)
            _keep_strongest(self._foes.setdefault(node, {}), foes.get(label, {}))

    def find(self, node: int) -> int:
        parent = self._parent
        while (above := parent.get(node, node)) != node:
            parent[node] = parent.get(above, above)
            node = parent[node]
        return node

    def join(self, left: int, right: int, *, strength: float) -> int:
        """Join the groups of two nodes; return ``KEPT``, or the rule that forbids it."""
        one, other = self.find(left), self.find(right)
        if one == other:
            return KEPT
        rule = self._clash(one, other, strength)
        if rule == KEPT:
            self._merge(one, other)
        return rule

    def _clash(self, one: int, other: int, strength: float) -> int:
        foes = self._foes.get(other, {})
        met = [foes[label] for label in self._labels.get(one, ()) if label in foes]
        return min((rule for rule, power in met if strength < power), default=KEPT)

    def _merge(self, one: int, other: int) -> None:
        small, large = sorted((one, other), key=lambda root: len(self._labels.get(root, ())))
        self._parent[small] = large
        self._labels.setdefault(large, set()).update(self._labels.pop(small, ()))
        _keep_strongest(self._foes.setdefault(large, {}), self._foes.pop(small, {}))


def _keep_strongest(foes: _Foes, further: _Foes) -> None:
    """Add foes; of two reasons against one of them the stronger stays, else the first rule."""
    for label, (rule, power) in further.items():
        known = foes.get(label)
        if known is None or (power, -rule) > (known[1], -known[0]):
            foes[label] = (rule, power)
