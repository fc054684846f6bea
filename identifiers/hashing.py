"""SHA-256 of normalised identifiers, as destinations and regulators exchange them."""

from __future__ import annotations

import hashlib

import pyarrow as pa

from identifiers.distinct import over_distinct


def sha256_hex(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Hash n normalised texts (UTF-8) to 64 lower-case hex digits; null stays null."""
    return over_distinct(values, _hash, pa.string())


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
