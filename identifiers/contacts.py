"""Whether a note that people write tells an e-mail address or a telephone number."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers

# Nobody needs the sign in a note; what looks like one once it is decoded counts too.
_ADDRESS = re.compile(r"\S\s?(?:@|%40|[(\[]\s?at\s?[)\]])\s?\S", re.IGNORECASE)
# As numbers are dialled in whatever country: behind a plus or a nought, nine digits or more.
_DIALLED = re.compile(r"(?<![\w.,/-])(?:\+|\(?0)[\s()./-]*(?:\d[\s()./-]*){8,17}(?![\w])")
# Dates and times, which the numbering plans of some countries would take for numbers.
_TIME = re.compile(r"\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?Z?)?\b")


def tells_contact(note: str, *, default_region: str) -> bool:
    """Whether a note holds what is, or looks like, an e-mail address or a telephone number.

    A number of a ticket that is a telephone number somewhere counts: nobody can tell them apart.
    One with letters right before its digits does not.

    Args:
        note: A few words, as people write them.
        default_region: ISO country of telephone numbers that are written without one.
    """
    text = _TIME.sub(" ", unicodedata.normalize("NFKC", note))
    if _ADDRESS.search(text) or _DIALLED.search(text):
        return True
    return phonenumbers.PhoneNumberMatcher(text, default_region).has_next()
