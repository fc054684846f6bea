"""From which probability on pairs are links, and which models are refused."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity import UnusableModelError
from identity.compare import COMPARED
from identity.link import MatchParameters
from identity.model import COMPARISONS, few_slips, level
from identity.prepare import RECORDS
from identity.train import FieldParameters, Floats, proven_levels
from identity.weigh import Joined, Parting, choose_threshold, inspect_parameters, read_lesson
from warehouse import DuckDBWarehouse


def field(name: str, m: tuple[float, ...], u: tuple[float, ...]) -> FieldParameters:
    labels = tuple(f"level {number}" for number in range(len(m)))
    return FieldParameters(name, labels, m, u, "proven pairs", 500)


NOTHING = Joined(0, 0)


def parts(probabilities: Floats, expected: Floats | None = None, *, pairs: float = 1) -> Parting:
    """Each joins so many pairs of records."""
    return Parting(
        probabilities,
        probabilities if expected is None else expected,
        np.full(len(probabilities), pairs, dtype=float),
    )


# Few values, so that most pairs are tied.
TIED = (0.1, 0.4, 0.5, 0.7, 0.9, 0.97, 0.99, 1.0)
GOOD = field("last_name", (0.9, 0.1), (0.01, 0.99))


def test_the_threshold_is_the_lowest_that_keeps_the_precision() -> None:
    probabilities = np.array([0.99, 0.97, 0.9, 0.6, 0.1])

    found = choose_threshold(parts(probabilities), NOTHING, min_precision=0.95, floor=0.5)

    assert found == pytest.approx(0.9)


def test_no_threshold_is_below_the_floor() -> None:
    given = np.array([1.0, 1.0, 0.4])

    assert choose_threshold(parts(given), NOTHING, min_precision=0.7, floor=0.5) == 0.5


def test_nothing_is_linked_where_no_pair_is_sure_enough() -> None:
    given = np.array([0.6, 0.5])

    assert choose_threshold(parts(given), NOTHING, min_precision=0.97, floor=0.5) > 1


def test_no_pairs_need_no_threshold() -> None:
    nothing = np.array([])

    assert choose_threshold(parts(nothing), NOTHING, min_precision=0.97, floor=0.5) == 1.0


def test_pairs_of_one_probability_are_linked_all_or_none() -> None:
    given = np.array([0.9, 0.8, 0.8])

    assert choose_threshold(parts(given), NOTHING, min_precision=0.85, floor=0.5) == pytest.approx(
        0.9
    )


def test_pairs_that_reviews_bear_out_below_the_floor_excuse_none_above_it() -> None:
    probabilities = np.repeat([0.99, 0.55, 0.45], [100, 10, 1000])
    expected = np.repeat([0.99, 0.6, 1.0], [100, 10, 1000])

    found = choose_threshold(parts(probabilities, expected), NOTHING, min_precision=0.97, floor=0.5)

    assert found == pytest.approx(0.99)


def test_nothing_is_linked_where_only_pairs_below_the_floor_keep_the_precision() -> None:
    probabilities = np.repeat([0.55, 0.45], [10, 1000])
    expected = np.repeat([0.6, 1.0], [10, 1000])

    assert (
        choose_threshold(parts(probabilities, expected), NOTHING, min_precision=0.97, floor=0.5) > 1
    )


def test_pairs_that_identifiers_join_count_as_well() -> None:
    """98 of 98, then 1.8 of 2: 99.8 of 100."""
    probabilities = np.array([0.9, 0.9, 0.6])

    found = choose_threshold(
        parts(probabilities), Joined(98, 98), min_precision=0.998 - 1e-9, floor=0.5
    )

    assert found == pytest.approx(0.9)


def test_likeness_keeps_the_precision_by_itself_where_identifiers_do_not() -> None:
    found = choose_threshold(
        parts(np.array([0.99, 0.98, 0.6])), Joined(98, 80), min_precision=0.97, floor=0.5
    )

    assert found == pytest.approx(0.98)


def test_whoever_joins_many_pairs_weighs_as_many() -> None:
    """Two records of six with .9: one pair and twelve, 11.79 of 13 right where .95 are wanted."""
    given = np.array([0.99, 0.9])
    mixed = Parting(given, given, np.array([1.0, 12.0]))

    assert choose_threshold(parts(given), NOTHING, min_precision=0.94, floor=0.5) == 0.9
    assert choose_threshold(mixed, NOTHING, min_precision=0.94, floor=0.5) == 0.99


@given(
    st.lists(st.tuples(st.sampled_from(TIED), st.sampled_from(TIED)), min_size=1, max_size=60),
    st.sampled_from([0.6, 0.8, 0.97]),
    st.sampled_from([0.3, 0.5]),
)
def test_what_is_linked_keeps_the_precision_whatever_ties_and_reviews(
    pairs: list[tuple[float, float]], least: float, floor: float
) -> None:
    probabilities, expected = (np.array(side) for side in zip(*pairs, strict=True))

    found = choose_threshold(
        parts(probabilities, expected), NOTHING, min_precision=least, floor=floor
    )

    linked = expected[probabilities >= found]
    assert found >= floor
    assert not len(linked) or linked.mean() >= least - 1e-9


def test_a_model_for_which_a_different_first_name_speaks_for_a_match_is_refused() -> None:
    families = field("first_name", (0.1, 0.9), (0.2, 0.8))

    with pytest.raises(UnusableModelError, match="a first name that differs counts for a match"):
        inspect_parameters(MatchParameters((GOOD, families)))


def test_a_field_that_tells_nobody_apart_is_left_out() -> None:
    constant = field("company", (0.95, 0.05), (0.97, 0.03))

    assert inspect_parameters(MatchParameters((GOOD, constant))).fields == (GOOD,)


def misspelt(word: str, draw: random.Random) -> str:
    """A letter added, left out, another, or exchanged with its neighbour."""
    place = draw.randrange(len(word) - 1)
    before, letter, after = word[:place], word[place], word[place + 1 :]
    other = draw.choice("ab.1")
    return draw.choice(
        (before + other + letter + after, before + after, before + other + after,
         before + after[0] + letter + after[1:])
    )  # fmt: skip


@pytest.mark.parametrize(("slips", "shortest"), [(1, 4), (2, 7)])
def test_few_slips_are_found_as_by_the_distance_alone(slips: int, shortest: int) -> None:
    draw = random.Random(slips)
    pairs = []
    for number in range(2000):
        word = "".join(draw.choices("ab.1", k=shortest + number % 9))
        other = word
        for _ in range(draw.randrange(2 * slips + 2)):
            other = misspelt(other, draw)
        pairs.append({"text_l": word, "text_r": other})
    warehouse = DuckDBWarehouse.in_memory()
    distance = f"damerau_levenshtein(text_l, text_r) <= {slips}"

    with warehouse.view("pairs", pa.Table.from_pylist(pairs)):
        found = warehouse.read(
            f"select count(*) filter ({distance}) as near, count(*) filter (not {distance}) as far, "
            f"count(*) filter (({distance}) <> ({few_slips('text', slips)})) as wrong from pairs"
        ).to_pylist()[0]

    assert found["wrong"] == 0
    assert min(found["near"], found["far"]) > 200


def test_pairs_with_two_addresses_are_as_many_as_records_have_one() -> None:
    warehouse = DuckDBWarehouse.in_memory()
    warehouse.execute(
        f"create temp table {RECORDS} as select 'crm' as source, "
        "case number when 0 then 'elm street' end as street, null::varchar as postal_code, "
        "case number when 1 then 'leeds' end as city from range(4) as records (number)"
    )
    warehouse.execute(
        f"create temp table {COMPARED} as select 1 as left_record, 2 as right_record, "
        "1 as last_name, 0.0 as last_name_rarity, hash('crm') as sources"
    )

    assert read_lesson(warehouse, (GOOD,), records=4, most=10).placed == 0.25


@pytest.mark.parametrize(("same", "proven"), [("address", 0), ("birth_date", 1)])
def test_name_and_house_do_not_prove_whose_two_mailboxes_are(same: str, proven: int) -> None:
    shown = {
        "first_name": level("first_name", "nickname"), "last_name": level("last_name", "same"),
        "address": level("address", "same house"), "birth_date": level("birth_date", "same"),
    }  # fmt: skip
    (mailboxes,) = (item for item in COMPARISONS if item.is_proven_only)
    pair = dict.fromkeys(("email", "phone", "address", "birth_date"), -1) | {
        name: shown[name] for name in ("first_name", "last_name", same)
    }
    warehouse = DuckDBWarehouse.in_memory()
    with warehouse.view(COMPARED, pa.Table.from_pylist([pair | {"mailboxes": 0}])):
        assert proven_levels(warehouse, mailboxes).sum() == proven
