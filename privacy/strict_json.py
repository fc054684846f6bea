"""JSON in which every key of an object stands once.

Of a key that stands twice each reader takes another one (RFC 8259, section 4): what a person asks
for, and who they are, must not depend on whose program reads it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence


class KeyTwiceError(ValueError):
    """A key stands twice in one object."""


def read_json(text: str) -> object:
    """What a text says.

    Raises:
        KeyTwiceError: A key stands twice; it is not repeated, since it may be anything.
        ValueError: It is no JSON.
        RecursionError: It is nested too deeply.
    """
    return json.loads(text, object_pairs_hook=_once)


def bodies_in(text: str) -> Sequence[str]:
    """Each body as one line of JSON: of one object, of a list, or of one body per line."""
    try:
        whole = read_json(text)
    except (ValueError, RecursionError):
        return lines_of(text)
    return [json.dumps(body) for body in (whole if isinstance(whole, list) else [whole])]


def lines_of(text: str) -> list[str]:
    """Lines, cut at line feeds alone: ``splitlines`` also cuts at signs that JSON allows in text."""
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    body = dict(pairs)
    if len(body) < len(pairs):
        raise KeyTwiceError
    return body
