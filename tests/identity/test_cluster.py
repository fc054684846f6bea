"""Clusters are components, unless somebody in them cannot be one person."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from identity.cluster import KEPT, Clusters, Conflicts, Edges, connect, separate

NODES = 60


def edges_of(*links: tuple[int, int, float]) -> Edges:
    rows = np.array(links, dtype=np.float64).reshape(-1, 3)
    return Edges(rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), rows[:, 2])


def apart(*pairs: tuple[int, int], power: float = np.inf) -> Conflicts:
    """Nodes, each its own label, that must not come together."""
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    nodes = np.unique(ends)
    rules = np.zeros(len(ends), dtype=np.int64)
    return Conflicts(nodes, nodes, ends[:, 0], ends[:, 1], rules, np.full(len(ends), power))


def separated(edges: Edges, conflicts: Conflicts, nodes: int = NODES) -> Clusters:
    return separate(edges, connect(edges, nodes=nodes), conflicts)


def random_links(seed: int, count: int = 70) -> list[tuple[int, int, float]]:
    chance = np.random.default_rng(seed)
    ends = np.sort(chance.integers(0, NODES, (count, 2)), axis=1)
    return [
        (a, b, s)
        for (a, b), s in zip(ends.tolist(), chance.random(count).tolist(), strict=True)
        if a != b
    ]


@pytest.mark.parametrize("seed", range(8))
def test_components_are_those_of_networkx(seed: int) -> None:
    links = random_links(seed)
    graph = nx.Graph()
    graph.add_nodes_from(range(NODES))
    graph.add_edges_from((a, b) for a, b, _ in links)

    found = connect(edges_of(*links), nodes=NODES)

    expected = {node: min(group) for group in nx.connected_components(graph) for node in group}
    assert dict(enumerate(found.tolist())) == expected


def test_without_links_everybody_is_alone() -> None:
    assert connect(edges_of(), nodes=3).tolist() == [0, 1, 2]


@pytest.mark.parametrize("seed", range(8))
def test_whoever_cannot_be_one_never_is(seed: int) -> None:
    chance = np.random.default_rng(100 + seed)
    pairs = [(a, b) for a, b in chance.integers(0, NODES, (15, 2)).tolist() if a != b]

    found = separated(edges_of(*random_links(seed)), apart(*pairs))

    assert [pair for pair in pairs if found.clusters[pair[0]] == found.clusters[pair[1]]] == []


@pytest.mark.parametrize("seed", range(4))
def test_clusters_are_the_components_of_the_links_that_were_kept(seed: int) -> None:
    links = random_links(seed, count=110)
    found = separated(edges_of(*links), apart((0, 1), (2, 3), (4, 50)))

    kept = [link for link, cut in zip(links, found.cuts.tolist(), strict=True) if cut == KEPT]
    assert found.clusters.tolist() == connect(edges_of(*kept), nodes=NODES).tolist()


def test_the_weakest_link_between_the_two_is_cut() -> None:
    edges = edges_of((0, 1, 0.9), (1, 2, 0.6), (2, 3, 0.8))

    found = separated(edges, apart((0, 3)), nodes=4)

    assert found.cuts.tolist() == [KEPT, 0, KEPT]
    assert found.clusters.tolist() == [0, 0, 2, 2]


def test_a_component_without_conflict_is_left_alone() -> None:
    edges = edges_of((0, 1, 0.1), (2, 3, 0.9))

    found = separated(edges, apart((2, 3)), nodes=4)

    assert found.clusters.tolist() == [0, 0, 2, 3]


def test_a_link_stronger_than_the_clash_is_kept() -> None:
    found = separated(edges_of((0, 1, 3.0)), apart((0, 1), power=1.5), nodes=2)

    assert found.clusters.tolist() == [0, 0]


def test_the_order_of_links_changes_nothing() -> None:
    links = random_links(3)
    conflicts = apart((0, 1), (5, 9), (20, 33))

    found = separated(edges_of(*links), conflicts)
    turned = separated(edges_of(*reversed(links)), conflicts)

    assert found.clusters.tolist() == turned.clusters.tolist()
    assert found.cuts.tolist() == turned.cuts[::-1].tolist()


@pytest.mark.parametrize("first", [1, 2])
def test_of_two_clashes_with_one_node_the_stronger_counts(first: int) -> None:
    """Node 0 clashes weakly with one of two who are together and strongly with the other."""
    conflicts = Conflicts(
        nodes=np.arange(3), labels=np.arange(3),
        left=np.array([0, 0]), right=np.array([first, 3 - first]),
        rules=np.array([1, 0]), powers=np.array([0.5, np.inf]),
    )  # fmt: skip

    found = separated(edges_of((1, 2, 0.9), (0, first, 0.8)), conflicts, nodes=3)

    assert found.clusters.tolist() == [0, 1, 1]
    assert found.cuts.tolist() == [KEPT, 0]
