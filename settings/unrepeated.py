"""What of a configuration file is never repeated: addresses and numbers that lead to a person."""

from __future__ import annotations

import re
from collections.abc import Iterable

# What stands for them in keys, and in place of a whole value.
HIDDEN = "[not repeated]"
HIDDEN_VALUE = "a value that may be somebody's, which is not repeated here"

_ADDRESS = re.compile(r"[^\s@]@[^\s@]")
_NUMBER = re.compile(r"(\d[ ().-]{0,2}){9,}")
_LONG = 1_000
# A day with its time has as many digits as a telephone number, and is nobody's.
_MOMENT = re.compile(
    r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z| ?[+-]\d\d:?\d\d)?(?![\w:-])"
)


def may_be_somebodys(value: object) -> bool:
    """Whether a value must not be told: an address, or so many digits that they may be a telephone's."""
    if isinstance(value, int) and value.bit_length() > _LONG:
        return True  # nor can it be written
    if isinstance(value, int | float) and float(f"{value:.3g}") == value:
        return False  # such as 10000000000
    text = str(value)
    return bool(_ADDRESS.search(text) or _NUMBER.search(_MOMENT.sub("", text)))


def told_key(value: object) -> str:
    """A key as it may be told."""
    return HIDDEN if may_be_somebodys(value) else str(value)


def told_place(location: Iterable[object]) -> str:
    """Keys and places in lists, joined to what an error calls the key."""
    return ".".join(map(told_key, location))
