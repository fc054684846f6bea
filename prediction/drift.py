"""How far people have moved from those that a model learnt from.

The usual threshold of .1 cries wolf on small samples: without any drift it is passed in 31 % of
comparisons of 100 people with 5,000. The threshold here is the larger of .1 and what chance alone
reaches once in a thousand times over all features together.

Source: the index's chi-squared approximation, Yurdakul & Naranjo (2020), "Statistical properties
of the population stability index".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import stats

from prediction.dataset import Floats
from prediction.inventory import DRIFT
from warehouse import Warehouse

BINS = 10
FEWEST = 50
CONVENTION = 0.1
FALSE_ALARMS = 0.001


@dataclass(frozen=True, slots=True)
class Movement:
    """How far one feature, or the score, moved.

    Attributes:
        subject: The feature, or ``score``.
        psi: Population stability index.
        threshold: What chance alone would hardly reach.
        status: stable, moved or not_tested.
    """

    subject: str
    psi: float
    threshold: float
    status: str


def compare(names: tuple[str, ...], before: Floats, now: Floats) -> tuple[Movement, ...]:
    """Compare each column of two groups of people; nan is a value of its own.

    Args:
        names: Of p columns.
        before: (n, p), those learnt from.
        now: (m, p), those scored.
    """
    return tuple(_movements(names, before, now))


def write_drift(
    warehouse: Warehouse,
    key: str,
    version: str,
    movements: tuple[Movement, ...],
    *,
    as_of: dt.datetime,
) -> None:
    """Put the movements of this date in place."""
    rows = pa.table(
        {
            "model_key": pa.array([key] * len(movements), pa.string()),
            "model_version": pa.array([version] * len(movements), pa.string()),
            "as_of": pa.array([as_of] * len(movements), pa.timestamp("us")),
            "subject": pa.array([m.subject for m in movements], pa.string()),
            "psi": pa.array([m.psi for m in movements], pa.float64()),
            "threshold": pa.array([m.threshold for m in movements], pa.float64()),
            "status": pa.array([m.status for m in movements], pa.string()),
        }
    )
    with warehouse.transaction():
        warehouse.execute(
            "delete from prediction.drift where model_key = $key and as_of = $as_of",
            {"key": key, "as_of": as_of},
        )
        warehouse.append(DRIFT.name, rows)


def stability_index(before: Floats, now: Floats) -> tuple[float, int]:
    """The index of one column over at most ten bins, and how many bins there were."""
    edges = np.unique(np.nanquantile(before, np.linspace(0, 1, BINS + 1)[1:-1]))
    expected, found = (_shares(values, edges) for values in (before, now))
    used = (expected > 0) | (found > 0)
    # Half a person stands in for nobody: the logarithm of 0 would outweigh everything.
    expected = np.maximum(expected[used], 0.5 / len(before))
    found = np.maximum(found[used], 0.5 / len(now))
    return float(np.sum((found - expected) * np.log(found / expected))), int(used.sum())


def _movements(names: tuple[str, ...], before: Floats, now: Floats) -> Iterator[Movement]:
    tested = min(len(before), len(now)) >= FEWEST
    for column, name in enumerate(names):
        if not tested or np.isnan(before[:, column]).all():
            yield Movement(name, np.nan, np.nan, "not_tested")
            continue
        psi, bins = stability_index(before[:, column], now[:, column])
        threshold = _threshold(bins, len(names), len(before), len(now))
        yield Movement(name, psi, threshold, "moved" if psi > threshold else "stable")


def _threshold(bins: int, columns: int, before: int, now: int) -> float:
    by_chance = stats.chi2.ppf(1 - FALSE_ALARMS / columns, max(bins - 1, 1))
    return float(max(CONVENTION, by_chance * (1 / before + 1 / now)))


def _shares(values: Floats, edges: Floats) -> Floats:
    """Shares of the bins, and of unknown at the end."""
    unknown = np.isnan(values)
    places = np.searchsorted(edges, values[~unknown], side="right")
    counts = np.append(np.bincount(places, minlength=len(edges) + 1), unknown.sum())
    return np.asarray(counts / len(values), dtype=np.float64)
