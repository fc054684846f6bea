"""What the last run used stays for a little less, so that lists do not change with every night. Pure.

A threshold that is reached today and missed tomorrow would take a method in and out. So it takes N to
come in and less than .8 N to go; and where two methods are compared, the new one must be surely
better, while the one in use need only be better at all.
"""

from __future__ import annotations

from math import ceil

# Part of what it takes to come in that is enough to stay.
TO_STAY = 0.8


def least(number: int, *, stays: bool) -> int:
    """How many are needed: the number, or less for who is in already."""
    return ceil(number * TO_STAY) if stays else number


def most(number: int, *, stays: bool) -> int:
    """How many there may be at most: the number, or more for who is in already."""
    return int(number / TO_STAY) if stays else number
