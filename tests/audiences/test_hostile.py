"""Names and values that would be SQL if they could."""

from __future__ import annotations

from tests.audiences.oracle import judge_hostile


def test_hostile_names_and_values_give_one_select_that_finds_the_same_people() -> None:
    assert judge_hostile(7, people=25, audiences=40) > 0
