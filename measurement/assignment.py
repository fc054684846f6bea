"""Assign units to arms by hashing, so that no assignment needs to be remembered to be kept.

The bucket of a unit is the first eight bytes (big-endian) of ``SHA-256("salt|unit_id")`` modulo
10,000; arms own consecutive ranges of buckets in the order in which they are given. The engine
and Python compute the same bucket, and a test holds them to it.

Source: FIPS 180-4 for SHA-256; hashing a salted unit id is the usual way to randomise
deterministically, e.g. Kohavi, Tang & Xu (2020), "Trustworthy Online Controlled Experiments",
section 4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from measurement.errors import InvalidSharesError

# A ten-thousandth is the finest share that can be told apart; 2**64 modulo 10,000 favours the
# first buckets by less than 1e-15, far below anything an experiment could see.
BUCKETS = 10_000
_HEX_DIGITS = 16


@dataclass(frozen=True, slots=True)
class ArmRange:
    """The buckets of one arm: ``first`` up to, and without, ``end``."""

    arm: str
    first: int
    end: int


def ranges(shares: Mapping[str, float]) -> tuple[ArmRange, ...]:
    """Cut the buckets into consecutive ranges, one for each arm, in the given order.

    Args:
        shares: Share of each arm, 0..1; together 1, to a ten-thousandth.

    Raises:
        InvalidSharesError: A share is outside 0..1 or they do not add up to 1.
    """
    total = sum(shares.values())
    if not shares or min(shares.values()) < 0 or round(total * BUCKETS) != BUCKETS:
        raise InvalidSharesError(shares)
    found: list[ArmRange] = []
    first, reached = 0, 0.0
    for arm, share in shares.items():
        reached += share
        end = round(reached * BUCKETS)
        found.append(ArmRange(arm, first, end))
        first = end
    return tuple(found)


def bucket(unit_id: str, *, salt: str) -> int:
    """The bucket of one unit, 0..9,999."""
    digest = hashlib.sha256(f"{salt}|{unit_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % BUCKETS


def assign(unit_id: str, *, salt: str, shares: Mapping[str, float]) -> str:
    """The arm of one unit; the twin of :func:`arm_sql`.

    Raises:
        InvalidSharesError: See :func:`ranges`.
    """
    drawn = bucket(unit_id, salt=salt)
    return next(r.arm for r in ranges(shares) if r.first <= drawn < r.end)


def bucket_sql(unit_column: str, *, salt: str) -> str:
    """The bucket of each unit as an expression in DuckDB's dialect; null where the unit is null.

    Args:
        unit_column: A column, optionally with its table: ``person_id`` or ``members.person_id``.
        salt: Any text; it is quoted here.
    """
    unit = exp.column(*reversed(unit_column.split(".")), quoted=True).sql(dialect="duckdb")
    prefix = exp.Literal.string(f"{salt}|").sql(dialect="duckdb")
    leading = f"left(sha256({prefix} || cast({unit} as varchar)), {_HEX_DIGITS})"
    return f"cast(cast('0x' || {leading} as ubigint) % {BUCKETS} as integer)"


def arm_sql(unit_column: str, *, salt: str, shares: Mapping[str, float]) -> str:
    """The arm of each unit as an expression in DuckDB's dialect; null where the unit is null.

    Args:
        unit_column: A column, optionally with its table.
        salt: Any text; units keep their arm for as long as it stays.
        shares: Share of each arm, 0..1; together 1.

    Raises:
        InvalidSharesError: See :func:`ranges`.
    """
    drawn = bucket_sql(unit_column, salt=salt)
    arms = " ".join(
        f"when {drawn} < {r.end} then {exp.Literal.string(r.arm).sql(dialect='duckdb')}"
        for r in ranges(shares)
    )
    return f"case {arms} end"
