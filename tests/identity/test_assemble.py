"""Parts of persons are joined by what most of them say, not by the one link that chance made."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pytest

from identity.agree import find_doubted
from identity.assemble import Likenesses, assemble
from identity.collect import LINKS, PLACES
from identity.compare import COMPARED
from identity.model import UNKNOWN
from identity.prepare import RECORDS
from identity.weigh import JUDGED
from warehouse import DuckDBWarehouse

BAR, UNLIKE = 0, -9_000_000
Pairs = dict[tuple[int, int], float]


def grouped(
    *pairs: tuple[int, int, float], parts: int, nameless: tuple[int, ...] = ()
) -> list[int]:
    """Groups by pairs of parts and their log odds; those above nought are links."""
    rows = np.array(pairs, dtype=np.float64).reshape(-1, 3)
    log_odds = (1e6 * rows[:, 2]).astype(np.int64)
    found = assemble(
        Likenesses(
            rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), log_odds, log_odds >= BAR
        ),
        is_named=~np.isin(np.arange(parts), nameless),
        bar=BAR,
        unlike=UNLIKE,
    )
    return [int(group) for group in found]


TRIANGLES = ((0, 1, 6), (0, 2, 6), (1, 2, 6), (3, 4, 6), (3, 5, 6), (4, 5, 6))


@pytest.mark.parametrize("link", [3, 5])
def test_one_link_of_many_pairs_does_not_join_two_groups(link: float) -> None:
    assert grouped(*TRIANGLES, (2, 3, link), parts=6) == [0, 0, 0, 3, 3, 3]


def test_groups_are_joined_where_most_parts_of_the_smaller_one_are_like_one_of_the_other() -> None:
    links = ((0, 3, 4), (0, 4, 4), (1, 5, 1), (2, 3, 1))

    assert grouped(*TRIANGLES, *links, parts=6) == [0] * 6


def test_a_part_by_itself_follows_its_best_link() -> None:
    chain = ((0, 1, 6), (0, 2, 6), (1, 2, 6), (2, 3, 1), (0, 3, -5))

    assert grouped(*chain, parts=4) == [0] * 4


def test_a_part_without_a_name_says_nothing_against_anybody() -> None:
    pairs = ((0, 1, 6), (2, 3, 6), (1, 2, 4))

    assert grouped(*pairs, parts=4) == [0, 0, 2, 2]
    assert grouped(*pairs, parts=4, nameless=(0, 3)) == [0] * 4


def test_the_order_of_pairs_and_of_their_ends_changes_nothing() -> None:
    chance = np.random.default_rng(5)
    for _ in range(20):
        ends = np.unique(np.sort(chance.integers(0, 12, (40, 2)), axis=1), axis=0)
        pairs = [(a, b, float(chance.integers(-9, 9))) for a, b in ends.tolist() if a != b]
        mixed = [pairs[place] for place in chance.permutation(len(pairs)).tolist()]
        turned = [(b, a, s) for a, b, s in mixed]

        found = grouped(*pairs, parts=12)

        assert found == grouped(*mixed, parts=12) == grouped(*turned, parts=12)
        assert all(found[group] == group for group in found)


def greedily(pairs: dict[tuple[int, int], int], nameless: set[int], *, parts: int) -> list[int]:
    """What is joined by weighing all linked groups anew after each step."""
    groups = [[part] for part in range(parts)]
    odds = pairs | {(other, one): value for (one, other), value in pairs.items()}

    def mean(group: list[int], near: list[int]) -> float:
        best = [
            max((odds[part, other] for other in near if (part, other) in odds), default=None)
            for part in group
        ]
        counted = [
            UNLIKE if value is None else value
            for part, value in zip(group, best, strict=True)
            if value is not None or part not in nameless
        ]
        return sum(counted) / len(counted)

    def alike(one: list[int], other: list[int]) -> float:
        if not any(odds.get((a, b), BAR - 1) >= BAR for a in one for b in other):
            return BAR - 1
        smaller, larger = sorted((one, other), key=len)
        means = mean(smaller, larger), mean(larger, smaller)
        return min(means) if len(one) == len(other) else means[0]

    while True:
        found = [(-alike(a, b), a, b) for a, b in itertools.combinations(groups, 2)]
        least, one, other = min(found, default=(1.0, [], []))
        if -least < BAR:
            return [next(group[0] for group in groups if part in group) for part in range(parts)]
        groups = sorted([sorted(one + other), *(g for g in groups if g not in (one, other))])


@pytest.mark.parametrize("most", [4, 9_000_000])
def test_the_two_that_are_most_alike_are_joined_each_time(most: int) -> None:
    """Few different likenesses make equals, of which the smallest parts come first."""
    chance = np.random.default_rng(most)
    for _ in range(25):
        ends = np.unique(np.sort(chance.integers(0, 11, (22, 2)), axis=1), axis=0).tolist()
        pairs = {(a, b): int(chance.integers(-most // 2, most)) for a, b in ends if a != b}
        nameless = set(chance.choice(11, 3).tolist())
        given = [(a, b, value / 1e6) for (a, b), value in pairs.items()]

        found = grouped(*given, parts=11, nameless=tuple(nameless))

        assert found == greedily(pairs, nameless, parts=11)


def test_the_cost_is_that_of_the_pairs_where_one_part_has_thousands_of_links() -> None:
    """Weighing each link of the larger group anew at every step would take minutes."""
    parts = 4_000
    star = [(parts - 1, part, 1 + part / parts) for part in range(parts - 1)]
    chain = [(part, part + 1, 1 + part / parts) for part in range(parts - 1)]
    started = time.process_time()

    assert grouped(*star, parts=parts) == grouped(*chain, parts=parts) == [0] * parts

    assert time.process_time() - started < 3


def test_what_would_take_too_many_weighings_stays_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    groups, size = 5, 6
    cores = [(a, b, 1.0) for a, b in itertools.combinations(range(groups), 2)]
    steps = [
        (core, 5 * step + core, 9.0 - step) for core in range(groups) for step in range(1, size)
    ]
    path = ((30, 31, 5.0), (31, 32, 5.0))
    assert set(grouped(*cores, *steps, *path, parts=33)) == {0, 1, 2, 3, 4, 30}
    monkeypatch.setattr("identity.assemble._MOST_WORK", 5)

    assert grouped(*cores, *steps, *path, parts=33) == [*range(30), 30, 30, 30]


def doubted(
    likely: Pairs,
    unlike: Pairs,
    *,
    born: Sequence[int | None],
    threshold: float = 0.5,
    of: str = "",
    once: Mapping[str, float] = MappingProxyType({}),
) -> list[tuple[int, int]]:
    """The links that other records speak against.

    Records are born in years, two of which differ, and are of a source each, a letter; ``once`` holds
    the bits that count against two of one source.
    """
    warehouse = DuckDBWarehouse.in_memory()
    pairs = [
        {"left_record": one, "right_record": other, "is_named": True, "probability": probability}
        for (one, other), probability in (likely | unlike).items()
    ]
    compared = [
        {
            **dict.fromkeys(("first_name", "last_name"), 1),
            "left_record": one,
            "right_record": other,
            "birth_date": UNKNOWN if None in (born[one], born[other])
            else int(born[one] == born[other]),
        }
        for one, other in likely | unlike
    ]  # fmt: skip
    records = [
        {
            "record": n,
            "source": of[n : n + 1],
            "first_name": "john",
            "last_name": "hart",
            "birth_date": year,
        }
        for n, year in enumerate(born)
    ]
    links = [
        {"link": n, "left_node": one, "right_node": other, "kind": "probabilistic"}
        for n, (one, other) in enumerate(likely)
    ]
    places = [{"node": n, "place": n} for n in range(len(born))]
    tables = {JUDGED: pairs, COMPARED: compared, RECORDS: records, LINKS: links, PLACES: places}
    for table, rows in tables.items():
        with warehouse.view("arriving", pa.Table.from_pylist(rows)):
            warehouse.execute(f"create temp table {table} as from arriving")
    found = find_doubted(warehouse, threshold=threshold, once=once)
    return [list(likely)[place] for place in np.flatnonzero(found)]


def test_chains_of_links_are_parted_by_pairs_that_are_no_links() -> None:
    """Records 0 to 2 and 3 to 5 are two namesakes; 6 and 7 are joined, whatever the rest."""
    likely = dict.fromkeys([(0, 1), (0, 2), (1, 2), (3, 4), (3, 5), (4, 5)], 0.99)
    unlike = dict.fromkeys([(0, 3), (0, 4), (1, 3), (1, 4)], 0.001)

    found = doubted(likely | {(2, 3): 0.9, (6, 7): 0.9}, unlike, born=[1950] * 8)

    assert found == [(2, 3)]


FATHER, SON, SOMEBODY = 0, 1, 2


@pytest.mark.parametrize(
    ("likely", "born", "parted"),
    [
        pytest.param((0.9, 0.9), (1950, 1980, None), [0, 1], id="neither is likelier"),
        pytest.param((0.99, 0.9), (1950, 1980, None), [1], id="the likelier one has it"),
        pytest.param((0.9, 0.9), (1950, 1980, 1950), [], id="has what tells them apart"),
        pytest.param((0.9, 0.9), (1950, 1950, None), [], id="nothing tells them apart"),
        pytest.param((0.9, 0.9), (1950, None, None), [], id="one of them lacks it too"),
    ],
)
def test_a_record_without_a_birth_date_is_not_of_two_who_differ_in_it(
    likely: tuple[float, float], born: tuple[int | None, ...], parted: list[int]
) -> None:
    links = dict(zip(((FATHER, SOMEBODY), (SON, SOMEBODY)), likely, strict=True))

    found = doubted(links, {(FATHER, SON): 0.01}, born=born)

    assert found == [list(links)[place] for place in parted]


@pytest.mark.parametrize(
    ("likely", "same", "of", "bits", "parted"),
    [
        pytest.param((0.9, 0.9), 0.04, "aab", 6.0, [0, 1], id="either is as likely"),
        pytest.param((0.99, 0.5), 0.04, "aab", 6.0, [1], id="one is likelier"),
        pytest.param((0.9, 0.9), 0.001, "aab", 6.0, [], id="more than the source tells them apart"),
        pytest.param((0.9, 0.9), 0.04, "acb", 6.0, [], id="they are of two sources"),
        pytest.param((0.9, 0.9), 0.04, "aab", 0.0, [], id="the source has persons twice"),
        pytest.param((0.9, 0.9), 0.4, "aab", 6.0, [], id="they may be one all the same"),
    ],
)
def test_a_record_is_not_of_two_namesakes_of_a_source_that_has_nobody_twice(
    likely: tuple[float, float], same: float, of: str, bits: float, parted: list[int]
) -> None:
    links = dict(zip(((FATHER, SOMEBODY), (SON, SOMEBODY)), likely, strict=True))

    found = doubted(
        links,
        {(FATHER, SON): same},
        born=(None, None, None),
        of=of,
        once={"a": bits} if bits else {},
    )

    assert found == [list(links)[place] for place in parted]


def test_who_was_not_compared_is_no_rival() -> None:
    links = {(FATHER, SOMEBODY): 0.9, (SON, SOMEBODY): 0.9}

    assert doubted(links, {}, born=(1950, 1980, None)) == []
