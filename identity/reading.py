"""How these records are to be read where a value by itself can be read in two ways."""

from __future__ import annotations

from dataclasses import dataclass

from identifiers import DateOrders, WordOrder


@dataclass(frozen=True, slots=True)
class Reading:
    """What columns as a whole say about their values.

    Attributes:
        words: Where words stand in full names.
        dates: Which sources write the month of a date first, and which the day.
    """

    words: WordOrder
    dates: DateOrders
