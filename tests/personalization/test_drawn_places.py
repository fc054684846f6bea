"""Drawn places hold each content as often as is logged, also where there is little to draw from."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import sparse

from personalization.blocks import BlockRules, fill_block
from personalization.decide import BlockFacts, Facts, Listed, Situation, choose

UNITS = 4_000
SIZE = 4
# Content is numbered from the best on.
LITTLE = pytest.mark.parametrize(
    ("slots", "contents", "pool"),
    [
        pytest.param(1.5, 10, [9], id="one for one or two places"),
        pytest.param(2.5, 10, [8, 9], id="two for two or three"),
        pytest.param(2.5, 10, [9], id="one for two or three"),
        pytest.param(2.5, 10, [1, 9], id="two, one of them the next best"),
        pytest.param(1.5, 10, [2], id="the next best alone"),
        pytest.param(1.5, 10, [], id="nothing"),
        pytest.param(1.5, 10, [3, 9], id="just enough"),
    ],
)

# Place, content, logged probability.
Shown = tuple[int, int, float]


def _assert_as_often_as_logged(shown: Sequence[Shown]) -> None:
    logged: dict[tuple[int, int], list[float]] = defaultdict(list)
    for place, content, chance in shown:
        logged[place, content].append(chance)
    assert {place for place, _ in logged} == set(range(SIZE))
    for chances in logged.values():
        chance = chances[0]
        assert chances == pytest.approx([chance] * len(chances))
        # Four standard errors.
        error = 4 * (chance * (1 - chance) / UNITS) ** 0.5
        assert len(chances) / UNITS == pytest.approx(chance, abs=error + 1e-9)


@LITTLE
def test_lists_of_persons_say_how_likely_they_were(
    slots: float, contents: int, pool: list[int]
) -> None:
    rules = BlockRules(
        allowed=np.ones(contents, dtype=np.bool_), pins=np.zeros(0, dtype=np.int64),
        discoverable=np.isin(np.arange(contents), pool), size=SIZE, discovery_slots=slots,
        shows_read=False, salt=123_456_789,
    )  # fmt: skip
    scores = np.tile(np.arange(contents, 0, -1, dtype=np.float32), (UNITS, 1))
    draws = np.random.default_rng(0).integers(0, 2**64, UNITS, dtype=np.uint64)

    filled = fill_block(rules, scores, sparse.csr_matrix((UNITS, contents)), draws)

    persons, places = np.nonzero(filled.is_filled)
    columns = places, filled.items[persons, places], filled.propensity[persons, places]
    _assert_as_often_as_logged(list(zip(*(column.tolist() for column in columns), strict=True)))


@LITTLE
def test_persons_draw_from_what_each_has_left(slots: float, contents: int, pool: list[int]) -> None:
    """One batch holds people with little left and people with plenty; each row is its own."""
    few, many = np.isin(np.arange(contents), pool), np.arange(contents) >= 4
    read = sparse.csr_matrix(
        np.where(np.arange(2 * UNITS)[:, None] % 2 == 0, (many & ~few)[None, :], False).astype(
            float
        )
    )
    rules = BlockRules(
        allowed=np.ones(contents, dtype=np.bool_), pins=np.zeros(0, dtype=np.int64),
        discoverable=few | many, size=SIZE, discovery_slots=slots, shows_read=False, salt=5,
    )  # fmt: skip
    scores = np.tile(np.arange(contents, 0, -1, dtype=np.float32), (2 * UNITS, 1))
    draws = np.random.default_rng(1).integers(0, 2**64, 2 * UNITS, dtype=np.uint64)

    filled = fill_block(rules, scores, read, draws)

    for half in (0, 1):
        persons, places = np.nonzero(filled.is_filled[half::2])
        cells = (persons * 2 + half, places)
        columns = places, filled.items[cells], filled.propensity[cells]
        _assert_as_often_as_logged(list(zip(*(column.tolist() for column in columns), strict=True)))


def test_without_one_person_all_others_draw_as_they_did() -> None:
    rules = BlockRules(
        allowed=np.ones(10, dtype=np.bool_), pins=np.zeros(0, dtype=np.int64),
        discoverable=np.arange(10) > 3, size=3, discovery_slots=0.45, shows_read=False, salt=9,
    )  # fmt: skip
    scores = np.tile(np.arange(10, 0, -1, dtype=np.float32), (50, 1))
    draws = np.random.default_rng(2).integers(0, 2**64, 50, dtype=np.uint64)
    others = np.arange(50) != 20

    all_of_them, rest = (
        fill_block(rules, scores[who], sparse.csr_matrix(scores[who].shape), draws[who])
        for who in (np.ones(50, dtype=np.bool_), others)
    )

    for name in ("items", "is_discovery", "propensity"):
        assert np.array_equal(getattr(all_of_them, name)[others], getattr(rest, name))


@LITTLE
def test_pages_for_nobody_in_particular_say_how_likely_they_were(
    slots: float, contents: int, pool: list[int]
) -> None:
    _assert_as_often_as_logged(_pages(slots, contents, pool))


def test_pages_without_a_next_best_say_how_likely_they_were() -> None:
    """What is popular ends before the drawn places begin, which are fewer than the page has."""
    shown = _pages(1.5, 2, [5, 6, 7])

    drawn: dict[int, set[float]] = defaultdict(set)
    for place, content, chance in shown:
        if content >= 5:
            drawn[place].add(round(chance, 9))
    assert drawn == {2: {round(1 / 3, 9)}, 3: {round(0.5 / 3, 9)}}
    last = sum(place == 3 for place, _, _ in shown) / UNITS
    assert last == pytest.approx(0.5, abs=0.04)


def _pages(slots: float, contents: int, pool: list[int]) -> list[Shown]:
    block = BlockFacts(
        size=SIZE, discovery_slots=slots, repeats=False, policy="", level="popular", listed=(),
        popular=tuple(Listed(str(number), "") for number in range(contents)),
        pool=tuple(str(number) for number in pool),
    )  # fmt: skip
    at = dt.datetime.fromisoformat("2026-06-01")
    facts = Facts("1", at, "unknown", None, None, block)
    return [
        (action.position - 1, int(action.action_id), action.propensity)
        for number in range(UNITS)
        for action in choose(Situation(f"r{number}", "s", at, None, None, (), None), facts).shown
    ]
