"""What a value says of a record without a name is learned of records with names."""

from __future__ import annotations

import pyarrow as pa
import pytest

from identity.holders import learn_shares
from tests.identity.conftest import Company
from warehouse import DuckDBWarehouse


def shares(*kinds: tuple[int, bool, bool, bool]) -> list[float]:
    """What is learned of so many pairs each that clash, are of a doubled value, or hold both values."""
    rows = [
        {"identifier_type": "phone", "is_doubled": is_doubled, "is_within": False,
         "holds_both": holds_both, "is_nameless": False, "clash": clash}
        for count, clash, is_doubled, holds_both in kinds for _ in range(count)
    ]  # fmt: skip
    warehouse = DuckDBWarehouse.in_memory()
    with warehouse.view("arriving_pairs", pa.Table.from_pylist(rows)):
        return [round(item.share, 3) for item in learn_shares(warehouse, "arriving_pairs")]


def test_values_that_a_source_holds_twice_have_a_share_of_their_own() -> None:
    once, doubled = (95, False, False, False), (30, False, True, False)

    assert shares(once, (5, True, False, False), doubled, (30, True, True, False)) == [0.95, 0.5]
    assert shares(once, (19, True, True, False)) == [1.0]


def test_names_that_clash_by_spelling_count_for_no_other_person() -> None:
    both = (80, False, False, True), (20, True, False, True)

    assert shares(*both, (80, False, False, False), (20, True, False, False)) == [1.0]
    assert shares(*both, (20, False, False, False), (80, True, False, False)) == [0.625]


CARD, OTHER_CARD = ("card", "1"), ("card", "2")


@pytest.mark.parametrize("are_families", [False, True])
def test_two_cards_with_one_telephone_are_as_often_two_people_as_named_records_say(
    company: Company, are_families: bool
) -> None:
    for number in range(20):
        phone = f"+1212555{number + 2000}"
        company.record(
            "club", f"a{number}", first_name="Ann", last_name=f"Ray{number}", phone=phone
        )
        company.record(
            "club", f"b{number}", first_name="Robert" if are_families else "Ann",
            last_name=f"Ray{number}", phone=phone,
        )  # fmt: skip
    company.record("card", "1", phone="+12125551000")
    company.record("card", "2", phone="+12125551000")

    company.resolve()

    members = company.members()
    assert (members[CARD] == members[OTHER_CARD]) is not are_families
