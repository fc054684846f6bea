"""Phone numbers in E.164, by Google's library of numbering plans."""

from __future__ import annotations

import re

import phonenumbers
import pyarrow as pa

from identifiers.distinct import over_distinct

# Runs that people type when a form wants a number: 0123456789 and back.
_RUNS = ("01234567890123456789", "98765432109876543210")
_SHORTEST = 7  # digits; shorter is an extension or a typing error (ITU-T E.164 leaves room for it)


def is_region(code: str) -> bool:
    """Whether a code of ISO 3166-1 is a country whose numbering plan is known: US, DE."""
    return code in phonenumbers.SUPPORTED_REGIONS


def normalise_phones(values: pa.Array | pa.ChunkedArray, *, default_region: str) -> pa.Array:
    """Normalise n numbers, see :func:`normalise_phone`; what is none becomes null."""
    return over_distinct(
        values, lambda text: normalise_phone(text, default_region=default_region), pa.string()
    )


def normalise_phone(text: str, *, default_region: str) -> str | None:
    """Bring a number into E.164, e.g. +12065557870; None when it is none, or a placeholder.

    Numbers that are possible but not assigned (such as 555 numbers) count, because exports hold
    them and they compare well.

    Args:
        text: As written.
        default_region: ISO country of a number without a country code.
    """
    try:
        number = phonenumbers.parse(text, default_region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number) or _is_placeholder(number.national_number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _is_placeholder(national: int | None) -> bool:
    """One digit throughout, a run of the keyboard, or 555-555-5555."""
    digits = str(national or "")
    if len(digits) < _SHORTEST or len(set(digits)) == 1:
        return True
    is_run = any(digits in run for run in _RUNS)
    return is_run or bool(re.fullmatch(r"(\d{3})\1(\d)\2{3}", digits))
