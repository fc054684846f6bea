"""Lines that no collector should have let through, one kind of damage each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.text import Ints, join

WHOLE = -1
_SHARE = 0.0027
_DEPTH = 80  # levels, beyond what any tracker sends
_GIANT = "w" * 40_000  # bytes, above Segment's limit of 32 KB a call

Damage = Callable[[pa.Array], pa.Array]


def _replaced(pattern: str, replacement: str) -> Damage:
    return lambda lines: pc.replace_substring_regex(lines, pattern, replacement, max_replacements=1)


def _begun_with(text: str) -> Damage:
    return lambda lines: join(f"{{{text},", pc.utf8_slice_codeunits(lines, 1))


# Name, then what it does to good lines (without their newline).
DAMAGES: tuple[tuple[str, Damage], ...] = (
    ("truncated_json", lambda lines: pc.utf8_slice_codeunits(lines, 0, 150)),
    ("array_not_object", lambda lines: join("[", lines, "]")),
    ("unknown_type", _replaced(r'"type":"[a-z]+"', '"type":"hit"')),
    (
        "no_ids",
        lambda lines: pc.replace_substring_regex(lines, r'"(anonymousId|userId)":"[^"]*",', ""),
    ),
    ("absurd_timestamp", _replaced(r'"receivedAt":"2', '"receivedAt":"9')),
    ("unreadable_timestamp", _replaced(r'"sentAt":"[^"]*"', '"sentAt":"around noon"')),
    ("wrong_types", _replaced(r'"messageId":"([^"]*)"', r'"messageId":{"value":"\1"}')),
    ("empty_object", _replaced(r"(?s)^.*$", "{}")),
    ("null_bytes", _begun_with(r'"note":"\u0000"')),
    ("number_overflow", _begun_with('"weight":7e4321')),
    ("nested_too_deep", _begun_with(f'"tree":{"[" * _DEPTH}{"]" * _DEPTH}')),
    ("giant_property", _begun_with(f'"note":"{_GIANT}"')),
    ("two_in_one", lambda lines: join(lines, lines)),
    ("invalid_utf8", lambda lines: lines),  # bytes, not text: see as_bytes
)
NAMES = tuple(name for name, _ in DAMAGES)
_INVALID_UTF8 = NAMES.index("invalid_utf8")


def draw_damage(rng: np.random.Generator, n: int) -> tuple[Ints, Ints]:
    """Rows of n events that are written once more, broken, and the kind of damage of each."""
    count = max(1, round(n * _SHARE)) if n else 0
    return rng.integers(0, max(n, 1), count), rng.integers(0, len(DAMAGES), count)


def as_bytes(lines: pa.Array, damage: Ints) -> pa.Array:
    """Lines with their newline, damaged where ``damage`` is not ``WHOLE``."""
    for kind in np.unique(damage[damage != WHOLE]):
        mask = pa.array(damage == kind)
        lines = pc.replace_with_mask(lines, mask, DAMAGES[kind][1](lines.filter(mask)))
    raw = lines.cast(pa.binary())
    tail = pc.if_else(pa.array(damage == _INVALID_UTF8), pa.scalar(b"\xff\xfe\n"), pa.scalar(b"\n"))
    return pc.binary_join_element_wise(raw, tail, pa.scalar(b""))
