"""Whether a note that people write tells an e-mail address or a telephone number."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers

# Nobody needs the sign in a note; what looks like one once it is decoded counts too.
_ADDRESS = re.compile(r"\S\s?(?:@|%40|[(\[]\s?at\s?[)\]])\s?\S", re.IGNORECASE)
# As numbers are dialled in whatever country: behind a plus or a nought, nine digits or more.
_DIALLED = re.compile(r"(?<![\w.,/-])(?:\+|\(?0)[\s()./-]*(?:\d[\s()./-]*){8,17}(?![\w])")
# Dates and times, which the numbering plans of some countries would take for numbers. What follows other
# digits, a plus or a bracket may be the rest of a number.
_DATE = r"(?:0?[1-9]|[12]\d|3[01])([./-])\s?(?:0?[1-9]|[12]\d|3[01])\%s\s?(?:19|20)\d{2}"
_HOUR = r"(?:,? \d{1,2}:\d{2}(?::\d{2})?)?"
_TIME = re.compile(
    r"\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?Z?)?\b"
    rf"|(?<![\w+./-])(?<![\d+]\s)(?<!\d\()(?<!\d\s\(){_DATE % 1}{_HOUR}(?:\s?-\s?{_DATE % 2}{_HOUR})?(?![./-]?\w)"
)
# Other dashes and signs of no width, as they come along from web pages and word processors.
_DASHES = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\u30fc", "-")
)


def tells_contact(note: str, *, default_region: str) -> bool:
    """Whether a note holds what is, or looks like, an e-mail address or a telephone number.

    A number of a ticket that is a telephone number somewhere counts: nobody can tell them apart.
    One with letters right before its digits does not.

    Args:
        note: A few words, as people write them.
        default_region: ISO country of telephone numbers that are written without one.
    """
    text = _TIME.sub(" ", _plain(note))
    if _ADDRESS.search(text) or _DIALLED.search(text):
        return True
    return phonenumbers.PhoneNumberMatcher(text, default_region).has_next()


def _plain(note: str) -> str:
    """The note as it looks, in the signs of a keyboard."""
    seen = (
        sign for sign in unicodedata.normalize("NFKC", note) if unicodedata.category(sign) != "Cf"
    )
    return "".join(seen).translate(_DASHES)
