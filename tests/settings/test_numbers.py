"""Numbers as people read them."""

from __future__ import annotations

import pytest

from settings import plain_number


@pytest.mark.parametrize(
    ("value", "text"),
    [(4_038.4, "4,038"), (-1_881.0, "-1,881"), (0.0082, "0.0082"), (2.5, "2.5"), (0.99996, "1"),
     (0.0, "0"), (-0.0000123456, "-0.0000123"), (1e16, "10,000,000,000,000,000"), (100.0, "100"),
     (float("inf"), "inf")],
)  # fmt: skip
def test_a_number_has_no_exponent(value: float, text: str) -> None:
    assert plain_number(value) == text


def test_more_digits_and_a_sign_are_written_where_they_are_asked_for() -> None:
    assert plain_number(0.123456, digits=4, sign="+") == "+0.1235"
