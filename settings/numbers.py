"""Numbers as people read them."""

from __future__ import annotations

import math

# What is counted, of many and of one.
_ONE = {
    "accounts": "account", "clicks": "click", "companies": "company", "conversions": "conversion",
    "days": "day", "events": "event", "files": "file", "items": "item", "links": "link", "pairs": "pair", "persons": "person",
    "places": "place", "queries": "query", "readers": "reader", "readings": "reading",
    "records": "record", "rows": "row", "searches": "search", "segments": "segment", "sources": "source",
    "tasks": "task", "values": "value", "variants": "variant",
}  # fmt: skip


def counted(number: int, things: str) -> str:
    """So many things: 3 more readers of two items, 1 more reader of two items.

    Args:
        number: How many.
        things: What is counted, in the plural; for one of it the first word that is a name of things
            is put in the singular.
    """
    words = things.split(" ")
    at = next((at for at, word in enumerate(words) if word in _ONE), None)
    if number == 1 and at is not None:
        words[at] = _ONE[words[at]]
    return f"{number:,} {' '.join(words)}"


def plain_number(value: float, *, digits: int = 3, sign: str = "") -> str:
    """A number to as many digits as matter, without an exponent: 4,038, -0.0125, 0.0082.

    Args:
        value: What to write.
        digits: How many digits at least, those before the point included; those before it are never
            rounded away.
        sign: ``+`` to write the sign of positive numbers too.
    """
    if not math.isfinite(value):
        return str(value)
    size = math.floor(math.log10(abs(value))) if value else 0
    text = f"{value:{sign},.{max(digits - 1 - size, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
