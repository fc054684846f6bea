"""Choose how next readings are expected, by a backtest: what would have been right a month ago?

Each method ranks all that was published then and that the person had not read; what they read for
the first time since is relevant (NDCG@10, no sampled items). A method takes the place of a simpler
one only where the lower end of the gain's 95 % interval (paired bootstrap over readers) is above 0.
The one in use stays as long as it is better at all, so that nights of chance do not change it.

Source: that sampled metrics mislead: Krichene & Rendle (2020), "On sampled metrics for item
recommendation", KDD.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from personalization.co_reading import skips_ease
from personalization.interests import Method, ReadingModel, Together, similarity_of
from personalization.inventory_backtests import BACKTESTS
from personalization.look_back import (
    DEPTH,
    FEWEST_JUDGED,
    Past,
    batches,
    interval,
    judged_readers,
    ndcg,
)
from personalization.readings import Floats, Integers
from personalization.standing import least
from settings import counted
from warehouse import Warehouse


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
        skipped: Methods that were not tried though others were, each with the reason.
    """

    champion: Method
    days: float
    readers: int
    trials: tuple[Trial, ...]
    reason: str
    skipped: Mapping[Method, str] = field(default_factory=dict)


def choose_method(past: Past) -> Backtest:
    """Judge every method on the readings of the last month; deterministic."""
    judged = judged_readers(past.new)
    if len(judged) < least(FEWEST_JUDGED, stays=past.standing is not None):
        more = counted(FEWEST_JUDGED - len(judged), "more readers of something new")
        return Backtest(Method.INTERESTS, past.days, len(judged), (), f"needs {more} to be judged")
    together = similarity_of(past.before, Method.GROUPS_AND_EASE, past.standing)
    models = [_model_then(past, method, together) for method in Method]
    gains = {model.method: _gains(model, past, judged) for model in models if _is_whole(model)}
    champion, trials = contest(gains, past.standing)
    reason = _reason(champion, trials)
    stays = bool(past.standing and past.standing.uses_ease)
    skipped = skips_ease(past.before, stays=stays)
    return Backtest(
        champion, past.days, len(judged), trials, reason,
        {method: skipped for method in Method if method.uses_ease} if skipped else {},
    )  # fmt: skip


def model_then(past: Past, method: Method) -> ReadingModel:
    """What a method would have made of the past."""
    is_ease = method.uses_ease
    together = similarity_of(past.before, method, past.standing) if is_ease else None
    return _model_then(past, method, together)


def _model_then(past: Past, method: Method, together: Together) -> ReadingModel:
    """Likewise; ``together`` is what EASE says, which takes the longest to learn."""
    model = past.model
    similarity = model.similarity if method.uses_item_knn else None
    return replace(
        model,
        method=method,
        facets={} if method is Method.POPULAR else model.facets,
        groups=model.groups if method.uses_groups else None,
        similarity=together if method.uses_ease else similarity,
    )


def write_backtest(
    warehouse: Warehouse, backtest: Backtest, *, as_of: dt.datetime, run_id: str
) -> None:
    """Replace what the last backtest said."""
    judged: list[dict[str, object]] = [
        {
            "method": trial.method, "ndcg": trial.ndcg, "ci_low": trial.ci_low,
            "ci_high": trial.ci_high, "rival": trial.rival, "gain": trial.gain,
            "gain_low": trial.gain_low, "gain_high": trial.gain_high,
        }
        for trial in backtest.trials
    ] or [{"method": backtest.champion}]  # fmt: skip
    skipped: list[dict[str, object]] = [
        {"method": method, "skipped": why} for method, why in backtest.skipped.items()
    ]
    shared = {
        "readers": backtest.readers, "days": backtest.days, "reason": backtest.reason,
        "as_of": as_of, "run_id": run_id,
    }  # fmt: skip
    stamped = [
        {**row, **shared, "is_champion": row["method"] == backtest.champion}
        for row in (*judged, *skipped)
    ]
    warehouse.replace(BACKTESTS.name, pa.Table.from_pylist(stamped, BACKTESTS.arrow_schema))


def read_champion(warehouse: Warehouse) -> Method:
    """The method in use; interests where none was judged yet."""
    found = warehouse.read(f"select method from {BACKTESTS.name.sql} where is_champion").to_pylist()
    return Method(found[0]["method"]) if found else Method.INTERESTS


def read_standing(warehouse: Warehouse) -> Method | None:
    """The method in use that a backtest chose; None where none could judge yet."""
    found = warehouse.read(
        f"select method from {BACKTESTS.name.sql} where is_champion and ndcg is not null"
    ).to_pylist()
    return Method(found[0]["method"]) if found else None


def _is_whole(model: ReadingModel) -> bool:
    reads_together = model.method.uses_item_knn or model.method.uses_ease
    return model.similarity is not None or not reads_together


def _gains(model: ReadingModel, past: Past, judged: Integers) -> Floats:
    """NDCG@10 of each judged reader."""
    found, before = [], past.before
    for some in batches(judged):
        scores = model.expect(before.liked[some], before.per_person[some]).scores
        scores[before.counts[some].nonzero()] = -np.inf
        found.append(ndcg(scores, past.new[some].toarray()))
    return np.concatenate(found)


def contest(
    gains: dict[Method, Floats], standing: Method | None
) -> tuple[Method, tuple[Trial, ...]]:
    """Each method against the best of the simpler ones; interests stand unless they do harm.

    Where harm made popularity take their place, they come back once they are no worse.
    """
    champion, trials = Method.POPULAR, [Trial(Method.POPULAR, *interval(gains[Method.POPULAR]),
                                              None, None, None, None)]  # fmt: skip
    for method in list(gains)[1:]:
        gain, low, high = interval(gains[method] - gains[champion])
        trials.append(Trial(method, *interval(gains[method]), champion, gain, low, high))
        is_better = gain > 0 if method is standing else low > 0
        if method is Method.INTERESTS:
            is_better = gain >= 0 if standing is Method.POPULAR else high >= 0
        if is_better:
            champion = method
    return champion, tuple(trials)


def _reason(champion: Method, trials: tuple[Trial, ...]) -> str:
    won = next(trial for trial in trials if trial.method is champion)
    best = f"NDCG@{DEPTH} {won.ndcg:.3f} on what readers turned to next"
    if won.gain is None or won.gain_low is None or won.gain_high is None:
        return f"{best}: nothing more complex was better"
    told = f"{best}, {won.gain:+.3f} ({won.gain_low:+.3f} to {won.gain_high:+.3f}) to {won.rival}"
    is_kept = champion is not Method.INTERESTS and won.gain_low <= 0
    return f"{told}; it was in use, and stays as long as it is better at all" if is_kept else told
