"""What ``sources.yml`` says of how files are written: delimiter, decimal sign, dates and their zone."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from settings import suggestion

_DELIMITER = re.compile(r"[\t !#-,./:-@\[-`{-~]")


def _is_delimiter(sign: str) -> str:
    if not _DELIMITER.fullmatch(sign):
        raise ValueError('write one sign, such as ; or "\\t": no letter, digit, quote or hyphen')
    return sign


def _is_zone(name: str) -> str:
    # Names without a place (EST, CET) mean one thing here and another there.
    zones = available_timezones()
    if name != "UTC" and ("/" not in name or name not in zones):
        near = suggestion(name, [zone for zone in zones if "/" in zone])
        such = near or "such as Europe/Berlin or America/New_York; "
        raise ValueError(f"{such}write a time zone by its IANA name")
    return name


Delimiter = Annotated[
    str,
    AfterValidator(_is_delimiter),
    Field(description="Of CSV files: one sign that is no letter, digit, quote or hyphen."),
]
Decimal = Annotated[
    Literal[",", "."] | None,
    Field(
        description="Of CSV files: the decimal sign of numbers; where it is a comma, 1.234 is above "
        "a thousand, and where it is a point 1,5 is no number. Without it each number is read by "
        "its own look."
    ),
]
Order = Annotated[
    Literal["month_first", "day_first"] | None,
    Field(
        description="Which number of dates with slashes or hyphens comes first: of 03/04/2026, "
        "month_first makes the fourth of March and day_first the third of April. Without it the dates "
        "of each file tell it of which only one number can be a month; where none does, the "
        "month comes first with slashes, and 03-04-2026 is not read."
    ),
]
Zone = Annotated[
    str,
    AfterValidator(_is_zone),
    Field(
        description="Where the clocks stand that times without a zone are read from, by its IANA "
        "name, such as Europe/Berlin; a date alone is its midnight there. A time that names its "
        "zone keeps it."
    ),
]
