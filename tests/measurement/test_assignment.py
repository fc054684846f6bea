from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from measurement.assignment import BUCKETS, arm_sql, assign, bucket, bucket_sql, ranges
from measurement.errors import InvalidSharesError
from warehouse import DuckDBWarehouse

ENGINE = DuckDBWarehouse.in_memory()
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=30)


@given(unit=TEXT, salt=TEXT)
def test_the_engine_and_python_draw_the_same_bucket(unit: str, salt: str) -> None:
    drawn = ENGINE.scalar(
        f"select {bucket_sql('unit_id', salt=salt)} from (select $unit as unit_id)", {"unit": unit}
    )

    assert drawn == bucket(unit, salt=salt)


@given(unit=TEXT, cut=st.integers(0, BUCKETS), arm=TEXT)
def test_the_engine_and_python_give_the_same_arm(unit: str, cut: int, arm: str) -> None:
    shares = {f"a{arm}": cut / BUCKETS, f"b{arm}": 1 - cut / BUCKETS}

    given_arm = ENGINE.scalar(
        f"select {arm_sql('units.unit_id', salt='s', shares=shares)} "
        "from (select $unit as unit_id) as units",
        {"unit": unit},
    )

    assert given_arm == assign(unit, salt="s", shares=shares)


def test_the_bucket_is_the_first_eight_bytes_big_endian() -> None:
    first = hashlib.sha256(b"salt|unit").hexdigest()[:16]

    assert bucket("unit", salt="salt") == int(first, 16) % 10_000


def test_the_observed_share_is_the_declared_share() -> None:
    arm = arm_sql("unit_id", salt="exp", shares={"holdout": 0.1, "treatment": 0.9})

    held = ENGINE.scalar(
        f"select avg(cast({arm} = 'holdout' as integer)) "
        "from (select cast(range as varchar) as unit_id from range(40000))"
    )

    assert held == pytest.approx(0.1, abs=0.006)  # four standard errors of a share of .1


def test_a_share_that_grows_keeps_everyone_it_had() -> None:
    small, large = {"out": 0.05, "in": 0.95}, {"out": 0.10, "in": 0.90}
    units = [str(n) for n in range(2000)]

    before = {u for u in units if assign(u, salt="s", shares=small) == "out"}
    after = {u for u in units if assign(u, salt="s", shares=large) == "out"}

    assert before < after


def test_two_salts_assign_independently() -> None:
    shares = {"out": 0.5, "in": 0.5}
    units = [str(n) for n in range(2000)]

    both = sum(
        assign(u, salt="a", shares=shares) == assign(u, salt="b", shares=shares) for u in units
    )

    assert 900 < both < 1100


def test_a_unit_that_is_null_has_no_arm() -> None:
    arm = arm_sql("unit_id", salt="s", shares={"only": 1.0})

    assert ENGINE.scalar(f"select {arm} from (select null::varchar as unit_id)") is None


def test_ranges_cover_every_bucket_once() -> None:
    thirds = ranges({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})

    assert [(r.first, r.end) for r in thirds] == [(0, 3333), (3333, 6667), (6667, 10_000)]


@pytest.mark.parametrize(
    "shares",
    [
        pytest.param({}, id="none"),
        pytest.param({"a": 0.5, "b": 0.4}, id="too-little"),
        pytest.param({"a": 1.2, "b": -0.2}, id="negative"),
    ],
)
def test_shares_that_make_no_whole_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(InvalidSharesError, match="add up to 1"):
        ranges(shares)
