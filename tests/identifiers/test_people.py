"""Names, birth dates, postal codes and words that stand for nothing."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from identifiers import (
    canonical_given_name,
    canonical_given_names,
    fold_names,
    learn_date_orders,
    normalise_postal_codes,
    null_placeholders,
    parse_birth_dates,
    split_first_names,
    split_full_names,
)


def _split(*names: str) -> list[tuple[str | None, str | None]]:
    parts = split_full_names(pa.array(names, pa.string()))
    return list(zip(parts["first_name"].to_pylist(), parts["last_name"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  ZOË  Müller ", "zoe muller"),
        ("Søren Ærø", "soren aero"),
        ("O'Brien-Smith", "o brien smith"),
        ("Łukasz Weiß", "lukasz weiss"),
        ("n/a", None),
        ("  ", None),
    ],
)
def test_names_are_folded_for_comparing(text: str, folded: str | None) -> None:
    assert fold_names(pa.array([text])).to_pylist() == [folded]


@pytest.mark.parametrize(
    ("nickname", "name"),
    [("Bob", "robert"), ("Liz", "elizabeth"), ("Peggy", "margaret"), ("José", "jose"), ("Robert", "robert")],
)  # fmt: skip
def test_a_nickname_becomes_its_formal_name(nickname: str, name: str) -> None:
    assert canonical_given_name(nickname) == name


def test_canonical_names_do_not_change_again() -> None:
    once = canonical_given_names(pa.array(["Bill", "Katie", "Xochitl", "Ted", None]))

    assert canonical_given_names(once).equals(once)


def test_spellings_of_one_name_in_latin_letters_are_one() -> None:
    names = pa.array(["Mohammed", "Muhammad", "Mohamed", "Yusuf", "Youssef", "Dmitry", "Dmytro"])

    assert len(pc.unique(canonical_given_names(names))) == 3


@pytest.mark.parametrize(
    ("text", "first", "middle"),
    [
        ("Maria A.", "Maria", "A"),
        ("M. A", "M", "A"),
        ("J.R.R.", "J", "R.R."),
        ("J. Edgar", "J", "Edgar"),
        ("Maria Fernanda", "Maria Fernanda", None),
        ("D'Angelo", "D'Angelo", None),
        ("D Angelo", "D Angelo", None),
        ("O Malley", "O Malley", None),
        ("D J", "D", "J"),
        ("O. Henry", "O", "Henry"),
        ("Mr. J", None, None),
        ("Test A.", None, None),
        ("X Y", "X", "Y"),
        ("小 明", "小 明", None),
        ("A.", "A.", None),
        (None, None, None),
    ],
)
def test_letters_that_stand_for_names_are_parted_from_first_names(
    text: str | None, first: str | None, middle: str | None
) -> None:
    parts = split_first_names(pa.array([text], pa.string())).to_pylist()

    assert parts == [{"first_name": first, "middle_name": middle}]


def test_one_field_is_split_by_its_comma_or_its_order() -> None:
    assert _split("Lane, Mary Ann", "Mary Lane", "Dr. Mary Lane Jr.", "Maria van der Berg", "Cher") == [
        ("Mary", "Lane"), ("Mary", "Lane"), ("Mary", "Lane"), ("Maria", "van der Berg"), ("Cher", None),
    ]  # fmt: skip


def test_a_name_written_the_other_way_round_is_turned_by_the_rest_of_the_column() -> None:
    column = [f"{first} {last}" for first in ("Mary", "John", "Anna") for last in ("Lane", "Okafor", "Berg")]  # fmt: skip

    assert _split(*column, "LANE MARY")[-1] == ("MARY", "LANE")


@pytest.mark.parametrize(
    ("text", "born"),
    [
        ("1990-11-30", date(1990, 11, 30)),
        ("19901130", date(1990, 11, 30)),
        ("1990-11-30T00:00:00Z", date(1990, 11, 30)),
        ("11/30/1990", date(1990, 11, 30)),
        ("30/11/1990", date(1990, 11, 30)),
        ("4.5.1990", date(1990, 5, 4)),
        ("11.30.1990", date(1990, 11, 30)),
        ("11301990", date(1990, 11, 30)),
        ("30 Nov 1990", date(1990, 11, 30)),
        ("November 30, 1990", date(1990, 11, 30)),
        ("05/05/1990", date(1990, 5, 5)),
        ("04/05/1990", None),
        ("11/30/90", None),
        ("30/02/1990", None),
        ("1832-01-27", date(1832, 1, 27)),
        ("1900-01-01", None),
        ("1753-01-01", None),
        ("1904-01-01", None),
        ("1.1.1901", None),
        ("11/11/1111", None),
        ("9999-12-31", None),
        ("0999-12-31", None),
        ("unknown", None),
        (None, None),
    ],
)
def test_a_birth_date_is_read_only_where_it_means_one_day(
    text: str | None, born: date | None
) -> None:
    assert parse_birth_dates(pa.array([text], pa.string())).to_pylist() == [born]


@pytest.mark.parametrize(
    ("column", "born"),
    [
        pytest.param([f"04/{day}/1990" for day in range(13, 23)], date(1990, 4, 5), id="month-first"),
        pytest.param([f"{day}-04-1990" for day in range(13, 23)], date(1990, 5, 4), id="day-first"),
        pytest.param([f"04{day}1990" for day in range(13, 23)], date(1990, 4, 5), id="without marks"),
        pytest.param([f"04/{day}/1990" for day in range(13, 22)], None, id="too few tell"),
        pytest.param([f"04/{day}/1990" for day in range(13, 29)] + ["28/4/1990", "29/4/1990"], None, id="both ways"),
        pytest.param([f"{day}.04.1990" for day in range(13, 29)], None, id="dots tell of dots alone"),
    ],
)  # fmt: skip
def test_a_source_tells_by_its_other_dates_whether_it_writes_the_month_first(
    column: list[str], born: date | None
) -> None:
    texts = pa.array([*column, "04/05/1990"])
    sources = pa.array(["crm"] * len(column) + ["crm"])

    orders = learn_date_orders(sources, texts)

    assert parse_birth_dates(texts, month_first=orders.of(sources)).to_pylist()[-1] == born
    assert orders.of(pa.array(["shop"])).to_pylist() == [None]


def test_nobody_is_born_after_the_last_day_given() -> None:
    given = pa.array(["2026-01-01", "2026-01-02"])

    assert parse_birth_dates(given, latest=np.datetime64("2026-01-01")).to_pylist() == [
        date(2026, 1, 1), None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code"),
    [("98101-1234", "98101"), ("981011234", "98101"), ("sw1a 1aa", "SW1A1AA"), ("00000", None), ("99999", None), ("n/a", None), ("1", None)],
)  # fmt: skip
def test_postal_codes_are_comparable(text: str, code: str | None) -> None:
    assert normalise_postal_codes(pa.array([text])).to_pylist() == [code]


@pytest.mark.parametrize(
    "word", ["NULL", "n/a", " Anonymous ", "undefined", "(not set)", "-", "0000000000"]
)
def test_words_that_stand_for_nothing_become_null(word: str) -> None:
    assert null_placeholders(pa.array([word])).to_pylist() == [None]


def test_real_values_only_lose_blanks_around_them() -> None:
    assert null_placeholders(pa.array([" Ann  Lee ", "Nullmann"])).to_pylist() == [
        "Ann Lee",
        "Nullmann",
    ]


def test_a_lone_word_is_a_surname_where_the_column_has_it_as_one() -> None:
    column = ("Mary Hurst", "Ann Hurst", "Paul Hurst", "Mary Ellis")

    found = _split(*column, "Hurst", "Mary", "Kofi")

    assert found[-3:] == [(None, "Hurst"), ("Mary", None), ("Kofi", None)]
