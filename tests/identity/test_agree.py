"""Parts of persons are judged by all of their records."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import pytest

from identity.agree import weigh_joined
from identity.model import COMPARISONS
from warehouse import DuckDBWarehouse

# What identifiers join: 1 with 2, 3 with 4; 5 and 6 are alone.
JOINED = "(select 1::bigint as one, 2::bigint as other union all select 3, 4)"
Pairs = Mapping[tuple[int, int], float]


def agreements(
    pairs: Pairs, *, lowest: float = 0.5, nameless: tuple[int, ...] = ()
) -> dict[tuple[int, int], float]:
    """The agreement of the two parts that each pair is of."""
    warehouse = DuckDBWarehouse.in_memory()
    names = f"case when record not in {(0, 0, *nameless)} then 'any' end"
    warehouse.execute(
        f"create temp table identity_records as select record, {names} as first_name, "
        "'any' as last_name from (select unnest(range(1, 7)) as record)"
    )
    is_named = f"left_record not in {(0, 0, *nameless)} and right_record not in {(0, 0, *nameless)}"
    values = ", ".join(f"({left}, {right}, {share})" for (left, right), share in pairs.items())
    warehouse.execute(
        "create temp table identity_judged as "
        f"select left_record::bigint as left_record, right_record::bigint as right_record, "
        f"probability::double as probability, {is_named} as is_named "
        f"from (values {values}) as given(left_record, right_record, probability)"
    )
    likely = (
        f"(select left_record, right_record from identity_judged where probability >= {lowest})"
    )
    weigh_joined(warehouse, JOINED, likely=likely, into="found")
    rows = warehouse.read("select * from found").to_pylist()
    return {(row["left_record"], row["right_record"]): row["agreement"] for row in rows}


def after(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def test_two_single_records_agree_as_they_are_alike() -> None:
    found = agreements({(5, 6): 0.8})

    assert found == {(5, 6): pytest.approx(0.8)}


def test_records_that_identifiers_join_are_not_judged() -> None:
    assert agreements({(1, 2): 0.99}) == {}


def test_one_likely_pair_of_four_does_not_join_two_parts() -> None:
    found = agreements({(1, 3): 0.97, (1, 4): 0.1, (2, 3): 0.1, (2, 4): 0.1})

    expected = after((logit(0.97) + 3 * logit(0.1)) / 4)
    assert expected < 0.5
    assert list(found.values()) == pytest.approx([expected] * 4, abs=1e-6)


def test_parts_agree_where_all_their_pairs_do() -> None:
    found = agreements({(1, 3): 0.97, (1, 4): 0.9, (2, 3): 0.9, (2, 4): 0.95})

    assert all(agreement > 0.9 for agreement in found.values())


def test_records_without_a_name_speak_against_nobody() -> None:
    alone = agreements({(1, 5): 0.999})
    beside = agreements({(1, 5): 0.999, (2, 5): 0.01}, nameless=(2,))

    assert alone[1, 5] == pytest.approx(after(logit(0.999) / 2), abs=1e-6)
    assert beside[1, 5] == pytest.approx(0.999, abs=1e-6)


def test_a_pair_that_was_never_compared_counts_as_undecided() -> None:
    found = agreements({(1, 3): 0.97, (2, 4): 0.9})

    assert found[1, 3] == pytest.approx(after((logit(0.97) + logit(0.9)) / 4), abs=1e-6)


def test_no_pair_outweighs_all_others() -> None:
    """One of a million counts as one of ten thousand."""
    found = agreements({(1, 3): 1 - 1e-6, (1, 4): 1e-6, (2, 3): 0.97, (2, 4): 0.97})

    assert found[1, 3] == pytest.approx(after(2 * logit(0.97) / 4), abs=1e-6)


def test_parts_without_a_likely_pair_are_left_out() -> None:
    assert agreements({(1, 3): 0.4, (2, 4): 0.3}) == {}


def test_the_order_of_pairs_changes_no_digit() -> None:
    pairs = {(1, 3): 0.97, (1, 4): 0.13, (2, 3): 0.77, (2, 4): 0.61}

    assert agreements(pairs) == agreements(dict(reversed(pairs.items())))


@pytest.mark.parametrize("name", ["email", "phone"])
def test_the_least_that_agrees_in_a_contact_point_is_a_shared_one(name: str) -> None:
    """``weigh`` lets a pair that agrees in no more than that link nobody."""
    (comparison,) = [item for item in COMPARISONS if item.name == name]

    assert comparison.levels[-1].label == "same but shared"


def test_the_cost_of_a_part_does_not_grow_with_the_square_of_its_records() -> None:
    """A window over its records took 4 seconds; grouped, a twentieth of one."""
    warehouse, records = DuckDBWarehouse.in_memory(), 100_000
    warehouse.execute(
        "create temp table identity_records as select range as record, 'any' as first_name, "
        f"case when range < 7 then 'any' end as last_name from range({records})"
    )
    warehouse.execute(
        "create temp table identity_judged as select 1::bigint as left_record, "
        "2::bigint as right_record, 0.9::double as probability, true as is_named"
    )
    links = f"(select 0::bigint as one, range as other from range(1, {records}))"
    started = time.process_time()

    weigh_joined(warehouse, links, likely="(from identity_judged)", into="found")

    assert time.process_time() - started < 1.5
    found = warehouse.read("select distinct part, size, named from identity_parts").to_pylist()
    assert found == [{"part": 0, "size": records, "named": 7}]
