"""Numbers as people read them."""

from __future__ import annotations

import math


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
