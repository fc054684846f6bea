"""Parts of persons are joined by what most of them say, not by the one link that chance made."""

from __future__ import annotations

import numpy as np
import pytest

from identity.assemble import Likenesses, assemble

BAR, UNLIKE = 0, -9_000_000


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
    return found.tolist()


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
