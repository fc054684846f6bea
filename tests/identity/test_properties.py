"""What holds for any records: their order, their copies and their ids change nobody's persons."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from identity.cluster import KEPT, Clusters, Conflicts, Edges, connect, separate
from tests.identity.conftest import EVENTS, RECORDS, Company, day

# A resolve has fixed costs, so that each draw is of many small sets that live in one company.
RESOLVES = settings(
    max_examples=2, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)  # fmt: skip
GRAPHS = settings(max_examples=150, deadline=None, derandomize=True)
NODES = 12

_VOCABULARY = {
    "source": ("crm", "shop"),
    "first_name": (None, "Ann", "Bob", "Robert", "Carla"),
    "last_name": (None, "Lee", "Leigh", "Ray"),
    "email": (None, "ann@{}.example", "lee@{}.example", "info@{}.example"),
    "phone": (None, "+1202{}0101", "+1202{}0102", "N/A"),
    "birth_date": (None, "1980-02-03", "1955-11-23"),
    "user_id": (None, None, "u1-{}", "u2-{}"),
}
SETS = 50

Rows = list[dict[str, Any]]


def numbered(sets: list[Rows]) -> Rows:
    """The records of all sets, each with an id and a day of its own; no two sets share a value."""
    return [
        {
            **{name: value and value.format(220 + number) for name, value in row.items()},
            "source_record_id": f"{number:02}-{place:02}",
            "record_created_at": day(1 + place),
        }
        for number, rows in enumerate(sets)
        for place, row in enumerate(rows)
    ]


def drawn(seed: int) -> Rows:
    """Small sets of records from the vocabulary."""
    chance = random.Random(seed)
    return numbered([
        [
            {name: chance.choice(values) for name, values in _VOCABULARY.items()}
            for _ in range(chance.randint(3, 8))
        ]
        for _ in range(SETS)
    ])  # fmt: skip


records = st.integers(0, 1_000_000).map(drawn)


def members(rows: Rows) -> dict[str, str]:
    """Resolve these records and a sign-in per user; return the person of each record."""
    company = Company(Path(tempfile.mkdtemp()))
    company.configure(probabilistic=False)
    users = sorted({row["user_id"] for row in rows if row["user_id"]})
    events = [{"user_id": user, "type": "page", "occurred_at": day(2)} for user in users]
    for table, given_rows in ((RECORDS, rows), (EVENTS, events)):
        schema = company.warehouse.read(f"select * from {table.sql} limit 0").schema
        company.warehouse.append(table, pa.Table.from_pylist(given_rows, schema))
    company.resolve()
    found = company.members()
    return {row["source_record_id"]: found[row["source"], row["source_record_id"]] for row in rows}


def grouping(found: dict[str, str], names: dict[str, str]) -> set[frozenset[str]]:
    """The records of each person, by the names that they had before they were relabelled."""
    groups: dict[str, set[str]] = {}
    for own, name in names.items():
        groups.setdefault(found[own], set()).add(name)
    return {frozenset(group) for group in groups.values()}


@RESOLVES
@given(records, st.randoms(use_true_random=False))
def test_the_order_of_records_changes_no_id(rows: Rows, chance: Any) -> None:
    assert members(chance.sample(rows, len(rows))) == members(rows)


@RESOLVES
@given(records, st.randoms(use_true_random=False))
def test_other_ids_of_records_change_no_grouping(rows: Rows, chance: Any) -> None:
    own = {row["source_record_id"]: row["source_record_id"] for row in rows}
    labels = dict(zip(own, chance.sample(sorted(own), len(own)), strict=True))
    relabelled = [{**row, "source_record_id": labels[row["source_record_id"]]} for row in rows]

    found = members(relabelled)

    assert grouping(found, {label: one for one, label in labels.items()}) == grouping(
        members(rows), own
    )


@RESOLVES
@given(records)
def test_copies_under_new_ids_are_of_the_same_person(rows: Rows) -> None:
    """Of one record per set, where it has an identifier that is its own or a sign-in."""
    firsts = [row for row in rows if row["source_record_id"].endswith("-00")]
    copies = [{**row, "source_record_id": f"copy {row['source_record_id']}"} for row in firsts]

    found = members([*rows, *copies])

    linkable = [row["source_record_id"] for row in firsts if _is_linkable(row, rows)]
    assert len(linkable) >= SETS / 3
    assert [one for one in linkable if found[one] != found[f"copy {one}"]] == []


def _is_linkable(row: dict[str, Any], rows: Rows) -> bool:
    """Whether it has a user id, or a value of a person that no other record has."""
    return row["user_id"] is not None or any(
        row[name] not in {None, "N/A"}
        and not row[name].startswith("info@")
        and sum(other[name] == row[name] for other in rows) == 1
        for name in ("email", "phone")
    )


edges = st.lists(
    st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1), st.sampled_from((0.6, 0.9, 3.5, 5.5))),
    max_size=24,
).map(lambda found: sorted({(min(a, b), max(a, b)): (min(a, b), max(a, b), s) for a, b, s in found if a != b}.values()))  # fmt: skip
pairs = st.lists(
    st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)), min_size=1, max_size=5
).map(lambda found: sorted({(min(pair), max(pair)) for pair in found if pair[0] != pair[1]}))

Links = list[tuple[int, int, float]]
Pairs = list[tuple[int, int]]


def _edges(links: Links) -> Edges:
    rows = np.array(links, dtype=np.float64).reshape(-1, 3)
    return Edges(rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), rows[:, 2])


def _separated(links: Links, apart: Pairs) -> Clusters:
    ends = np.array(apart, dtype=np.int64).reshape(-1, 2)
    nodes = np.unique(ends)
    zeros = np.zeros(len(ends), dtype=np.int64)
    conflicts = Conflicts(nodes, nodes, ends[:, 0], ends[:, 1], zeros, np.full(len(ends), np.inf))
    found = _edges(links)
    return separate(found, connect(found, nodes=NODES), conflicts)


def _graph(links: Links) -> nx.Graph:
    graph = nx.Graph()
    graph.add_nodes_from(range(NODES))
    graph.add_edges_from((a, b) for a, b, _ in links)
    return graph


def _components(links: Links) -> set[frozenset[int]]:
    return {frozenset(group) for group in nx.connected_components(_graph(links))}


def _clusters(found: Clusters) -> set[frozenset[int]]:
    return {
        frozenset(np.flatnonzero(found.clusters == cluster).tolist())
        for cluster in np.unique(found.clusters)
    }


@GRAPHS
@given(edges)
def test_clusters_are_the_components_of_networkx(links: Links) -> None:
    found = Clusters(connect(_edges(links), nodes=NODES), np.array([], dtype=np.int64))

    assert _clusters(found) == _components(links)
    assert all(found.clusters[min(group)] == min(group) for group in _clusters(found))


@GRAPHS
@given(edges, pairs)
def test_no_cluster_holds_two_who_cannot_be_one(links: Links, apart: Pairs) -> None:
    found = _separated(links, apart)

    assert [(a, b) for a, b in apart if found.clusters[a] == found.clusters[b]] == []


@GRAPHS
@given(edges, pairs)
def test_clusters_hang_together_by_kept_links_alone(links: Links, apart: Pairs) -> None:
    found = _separated(links, apart)

    kept = [link for link, cut in zip(links, found.cuts.tolist(), strict=True) if cut == KEPT]
    assert _components(kept) == _clusters(found)


@GRAPHS
@given(edges, pairs)
def test_a_link_is_cut_only_where_it_would_join_two_who_cannot_be_one(
    links: Links, apart: Pairs
) -> None:
    """Maximal: putting back any cut link alone brings a forbidden pair together."""
    found = _separated(links, apart)

    cut = [link for link, rule in zip(links, found.cuts.tolist(), strict=True) if rule != KEPT]
    for left, right, _ in cut:
        joined = {found.clusters[left], found.clusters[right]}
        assert [pair for pair in apart if {found.clusters[one] for one in pair} == joined]


@GRAPHS
@given(edges, pairs, st.randoms(use_true_random=False))
def test_the_order_of_links_and_of_clashes_changes_no_cluster(
    links: Links, apart: Pairs, chance: Any
) -> None:
    turned = chance.sample(links, len(links))
    swapped = [(b, a) for a, b in chance.sample(apart, len(apart))]

    expected, found = _separated(links, apart), _separated(turned, swapped)

    assert found.clusters.tolist() == expected.clusters.tolist()
    assert dict(zip(turned, found.cuts.tolist(), strict=True)) == dict(
        zip(links, expected.cuts.tolist(), strict=True)
    )


@GRAPHS
@given(edges, pairs)
def test_components_without_a_clash_are_left_alone(links: Links, apart: Pairs) -> None:
    found = _clusters(_separated(links, apart))

    for group in _components(links):
        if not any(set(pair) <= group for pair in apart):
            assert group in found


@pytest.mark.parametrize("copies", [2, 7])
def test_the_same_row_twice_in_the_landing_is_one_record(company: Company, copies: int) -> None:
    """Staging keeps one row per record; what identity sees of copies is their events."""
    company.record("crm", "1", first_name="Ann", last_name="Lee", email="ann@lee.example")
    for _ in range(copies):
        company.event(3, user_id="u1", anonymous_id="laptop", email="ann@lee.example")

    company.resolve()

    assert company.are_one(("crm", "1"), ("users", "u1"), ("devices", "laptop"))
    assert len(company.members()) == 4
