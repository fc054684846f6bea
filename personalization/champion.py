"""Choose how next readings are expected, by a backtest: what would have been right a month ago?

Each method ranks all that was published then and that the person had not read; what they read for
the first time since is relevant (NDCG@10, no sampled items). A method takes the place of a simpler
one only where the lower end of the gain's 95 % interval (paired bootstrap over readers) is above 0.

Sources: Järvelin & Kekäläinen (2002), "Cumulated gain-based evaluation of IR techniques", TOIS;
that sampled metrics mislead: Krichene & Rendle (2020), "On sampled metrics for item recommendation".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from scipy import sparse

from personalization.interests import Method, ReadingModel, learn_interests
from personalization.inventory_backtests import BACKTESTS
from personalization.readings import Catalogue, Floats, Integers, Readings, Scores, Views
from warehouse import Warehouse

HORIZON_DAYS = 30.0
DEPTH = 10
# Readers below whom a backtest says nothing; their gain's error is about .02.
FEWEST_JUDGED = 100
# Readers who are judged at most; the gain's error is .002 then.
MOST_JUDGED = 5_000
_RESAMPLES = 1_000
_SEED = 20_260_101
_DISCOUNTS = 1 / np.log2(np.arange(2, DEPTH + 2))


@dataclass(frozen=True, slots=True)
class Trial:
    """One method, judged.

    Attributes:
        method: Which.
        ndcg: Mean NDCG@10, 0..1.
        ci_low: Lower end of its 95 % interval.
        ci_high: Upper end of its 95 % interval.
        rival: The method that it had to beat; None for the first.
        gain: Mean gain over the rival.
        gain_low: Lower end of the gain's 95 % interval.
        gain_high: Upper end.
    """

    method: Method
    ndcg: float
    ci_low: float
    ci_high: float
    rival: Method | None
    gain: float | None
    gain_low: float | None
    gain_high: float | None


@dataclass(frozen=True, slots=True)
class Backtest:
    """What was judged, and what is used.

    Attributes:
        champion: The method in use.
        days: How long ago the lists were made.
        readers: Readers judged.
        trials: Of each method; none where readers are too few.
        reason: Why this method, in words.
    """

    champion: Method
    days: float
    readers: int
    trials: tuple[Trial, ...]
    reason: str


def choose_method(catalogue: Catalogue, views: Views, *, half_life_days: float) -> Backtest:
    """Judge every method on the readings of the last month; deterministic.

    Args:
        catalogue: What is published today.
        views: All readings by today.
        half_life_days: Of popularity.
    """
    days = min(HORIZON_DAYS, float(views.first_days.max(initial=0.0)) / 2)
    past, kept = catalogue.published(days_ago=days)
    later = views.new_readings(days_ago=days)[:, kept]
    judged = _judged(later)
    if len(judged) < FEWEST_JUDGED:
        missing = f"needs {FEWEST_JUDGED - len(judged)} more readers of something new"
        return Backtest(Method.INTERESTS, days, len(judged), (), f"{missing} to be judged")
    before = _columns(views.readings(half_life_days=half_life_days, days_ago=days), kept)
    model = learn_interests(past, before)
    gains = {
        method: _gains(_limited(model, method), before, later, judged)
        for method in Method
        if method is not Method.GROUPS_AND_CO_READING or model.similarity is not None
    }
    champion, trials = _contest(gains)
    reason = _reason(champion, trials)
    return Backtest(champion, days, len(judged), trials, reason)


def ndcg(ranked: Scores, relevant: Floats) -> Floats:
    """NDCG@10 of each person, 0..1; both arrays are (persons, items), relevant 0 or 1.

    Minus infinity is never ranked above a number; whoever has nothing relevant gets 0.
    """
    depth = min(DEPTH, ranked.shape[1])
    top = np.argpartition(ranked, -depth, axis=1)[:, -depth:]
    order = np.argsort(-np.take_along_axis(ranked, top, axis=1), axis=1, kind="stable")
    top = np.take_along_axis(top, order, axis=1)
    gained = np.take_along_axis(relevant, top, axis=1) @ _DISCOUNTS[:depth]
    best = np.concatenate([[0.0], np.cumsum(_DISCOUNTS[:depth])])
    ideal = best[np.minimum(relevant.sum(axis=1).astype(np.int64), depth)]
    return np.asarray(gained / np.where(ideal > 0, ideal, 1.0), dtype=np.float64)


def interval(values: Floats) -> tuple[float, float, float]:
    """The mean, and its 95 % interval by bootstrap over the values."""
    draws = np.random.default_rng(_SEED).integers(0, len(values), (_RESAMPLES, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), [0.025, 0.975]).tolist()
    return float(values.mean()), low, high


def write_backtest(
    warehouse: Warehouse, backtest: Backtest, *, as_of: dt.datetime, run_id: str
) -> None:
    """Replace what the last backtest said."""
    rows = [
        {
            "method": trial.method, "ndcg": trial.ndcg, "ci_low": trial.ci_low,
            "ci_high": trial.ci_high, "rival": trial.rival, "gain": trial.gain,
            "gain_low": trial.gain_low, "gain_high": trial.gain_high,
        }
        for trial in backtest.trials
    ] or [{"method": backtest.champion}]  # fmt: skip
    shared = {
        "readers": backtest.readers, "days": backtest.days, "reason": backtest.reason,
        "as_of": as_of, "run_id": run_id,
    }  # fmt: skip
    stamped = [{**r, **shared, "is_champion": r["method"] == backtest.champion} for r in rows]
    warehouse.replace(BACKTESTS.name, pa.Table.from_pylist(stamped, BACKTESTS.arrow_schema))


def read_champion(warehouse: Warehouse) -> Method:
    """The method in use; interests where none was judged yet."""
    found = warehouse.read(f"select method from {BACKTESTS.name.sql} where is_champion").to_pylist()
    return Method(found[0]["method"]) if found else Method.INTERESTS


def _judged(later: sparse.csr_matrix) -> Integers:
    """Positions of readers who read something new; of many every so-manieth."""
    found = np.flatnonzero(np.diff(later.indptr))
    return found[:: max(1, -(-len(found) // MOST_JUDGED))]


def _columns(readings: Readings, kept: Integers) -> Readings:
    """The readings of some items."""
    return replace(
        readings,
        counts=readings.counts[:, kept],
        recent=readings.recent[:, kept],
        liked=readings.liked[:, kept],
        depth=readings.depth[kept],
    )


def _limited(model: ReadingModel, method: Method) -> ReadingModel:
    """The same model, as a simpler method uses it."""
    return replace(
        model,
        method=method,
        facets={} if method is Method.POPULAR else model.facets,
        groups=model.groups if method.uses_groups else None,
        similarity=model.similarity if method is Method.GROUPS_AND_CO_READING else None,
    )


def _gains(
    model: ReadingModel, before: Readings, later: sparse.csr_matrix, judged: Integers
) -> Floats:
    """NDCG@10 of each judged reader."""
    found = []
    for some in _batches(judged):
        scores = model.expect(before.liked[some], before.per_person[some]).scores
        scores[before.counts[some].nonzero()] = -np.inf
        found.append(ndcg(scores, later[some].toarray()))
    return np.concatenate(found)


def _batches(judged: Integers, size: int = 1_000) -> Iterator[Integers]:
    return (judged[start : start + size] for start in range(0, len(judged), size))


def _contest(gains: dict[Method, Floats]) -> tuple[Method, tuple[Trial, ...]]:
    """Each method against the best of the simpler ones; interests stand unless they do harm."""
    champion, trials = Method.POPULAR, [Trial(Method.POPULAR, *interval(gains[Method.POPULAR]),
                                              None, None, None, None)]  # fmt: skip
    for method in list(gains)[1:]:
        gain, low, high = interval(gains[method] - gains[champion])
        trials.append(Trial(method, *interval(gains[method]), champion, gain, low, high))
        if low > 0 or (method is Method.INTERESTS and high >= 0):
            champion = method
    return champion, tuple(trials)


def _reason(champion: Method, trials: tuple[Trial, ...]) -> str:
    won = next(trial for trial in trials if trial.method is champion)
    best = f"NDCG@{DEPTH} {won.ndcg:.3f} on what readers turned to next"
    if won.gain is None or won.gain_low is None or won.gain_high is None:
        return f"{best}: nothing more complex was better"
    return f"{best}, {won.gain:+.3f} ({won.gain_low:+.3f} to {won.gain_high:+.3f}) to {won.rival}"
