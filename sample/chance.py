"""Random draws that depend only on the seed, the block of people and the subject drawn."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sample.text import Bools, Floats, Ints


def stream(seed: int, block: int, subject: str) -> np.random.Generator:
    """An independent generator for one subject of one block.

    A subject of its own keeps the other subjects' draws when one of them changes.
    """
    return np.random.default_rng(
        [seed & 0xFFFF_FFFF_FFFF_FFFF, block, zlib.crc32(subject.encode())]
    )


def happens(rng: np.random.Generator, n: int, probability: float | Floats) -> Bools:
    """True with the probability given, one draw per row."""
    return rng.random(n) < probability


def pick(rng: np.random.Generator, n: int, weights: Sequence[float] | Floats) -> Ints:
    """Row numbers of ``weights`` drawn in proportion to them."""
    cdf = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.asarray(np.searchsorted(cdf, rng.random(n) * cdf[-1], side="right"), dtype=np.int64)


def pick_rows(rng: np.random.Generator, cdf: Floats, row: Ints) -> Ints:
    """One column per given row of a table of cumulative shares, shape (rows, columns).

    Each row ends at 1. The rows are laid end to end, so one search serves all of them.
    """
    rows, columns = cdf.shape
    flat = (cdf + np.arange(rows)[:, None]).ravel()
    found = np.searchsorted(flat, row + rng.random(len(row)), side="right") - row * columns
    return np.asarray(np.clip(found, 0, columns - 1), dtype=np.int64)


def cumulative(weights: npt.NDArray[np.floating]) -> Floats:
    """Cumulative shares along the last axis; each row ends at 1."""
    total = np.cumsum(weights, axis=-1, dtype=np.float64)
    return np.asarray(total / total[..., -1:], dtype=np.float64)


def scatter(index: Ints, size: int) -> Ints:
    """A fixed permutation of 0..size-1: neighbours end far from each other.

    Affine map modulo ``size`` with a multiplier that shares no factor with it.
    """
    multiplier = 2_654_435_761  # golden ratio of 2**32; prime, so it divides no size in use
    return np.asarray(((index % size) * (multiplier % size) + 12_345) % size, dtype=np.int64)


def sigmoid(value: Floats) -> Floats:
    """Logistic function."""
    return np.asarray(1.0 / (1.0 + np.exp(-value)), dtype=np.float64)
