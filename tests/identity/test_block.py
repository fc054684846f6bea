"""Which pairs are compared, within a budget."""

from __future__ import annotations

import pytest

from identity.block import KEYS, BlockSize, block_records, choose_limits
from tests.identity.conftest import Company

# A hundred blocks of every size, for every key.
SIZES = [[BlockSize(size, 100 * size * (size - 1) // 2) for size in range(2, 80)] for _ in KEYS]
MOST = 60


def limits(max_pairs: int) -> dict[str, int]:
    chosen = choose_limits(SIZES, max_block_size=MOST, max_pairs=max_pairs)
    return {key.name: limit for key, limit in zip(KEYS, chosen, strict=True)}


def pairs_within(max_pairs: int) -> int:
    chosen = choose_limits(SIZES, max_block_size=MOST, max_pairs=max_pairs)
    return sum(
        one.pairs
        for sizes, limit in zip(SIZES, chosen, strict=True)
        for one in sizes
        if one.size <= limit
    )


def test_all_blocks_up_to_the_largest_are_compared_where_the_budget_allows_it() -> None:
    chosen = limits(10**12)

    assert (chosen["full name"], chosen["first name"]) == (MOST, 12)


@pytest.mark.parametrize("max_pairs", [20_000_000, 10_000_000])
def test_a_smaller_budget_is_kept(max_pairs: int) -> None:
    assert pairs_within(max_pairs) <= max_pairs < pairs_within(10**12)


def test_large_blocks_go_first_and_those_of_identifiers_stay() -> None:
    chosen = limits(10_000_000)

    assert chosen["full name"] < MOST
    assert chosen["first name"] < 12
    assert (chosen["email"], chosen["phone"]) == (MOST, MOST)


def test_the_run_tells_what_each_key_brought(company: Company) -> None:
    for number in range(3):
        company.record("crm", str(number), first_name="Ann", last_name="Lee", phone="2065550100")

    report = company.resolve()

    assert report.pairs_by_key["phone"] == 3
    assert report.pairs_by_key["email"] == 0
    assert report.pairs_left_out_by_key["phone"] == 0


def test_two_misspelt_names_of_one_postal_code_are_compared(company: Company) -> None:
    company.record("crm", "1", first_name="Joseph", last_name="Carroll", postal_code="28334")
    company.record("shop", "2", first_name="Josepg", last_name="Catroll", postal_code="28334")

    assert company.resolve().pairs_by_key["initials, postal code"] == 1


def test_limits_of_before_are_kept(company: Company) -> None:
    for number in range(3):
        company.record("crm", str(number), first_name="Ann", last_name="Lee", phone="2065550100")
    company.resolve()
    before = tuple(2 for _ in KEYS)

    keys = block_records(company.warehouse, limits=before, max_block_size=60, max_pairs=10**9)

    assert {one.limit for one in keys} == {2}
    phone = next(one for one in keys if one.key == "phone")
    assert (phone.pairs, phone.left_out) == (0, 3)
