"""Choose how fast popularity fades, by a backtest of what is popular alone.

Each half-life ranks all that was published a month ago by what was popular then, without what the
person had read; what they read for the first time since is relevant (NDCG@10). The configured one
stands unless another is surely better: the lower end of the gain's 95 % interval (paired bootstrap
over readers) is above 0. One in use stays as long as it is better at all, as methods do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from personalization.interests import popularity_of
from personalization.inventory_half_lives import HALF_LIVES
from personalization.look_back import (
    DEPTH,
    FEWEST_JUDGED,
    horizon,
    interval,
    judged_readers,
    ndcg_of_ranks,
)
from personalization.readings import Catalogue, Flags, Floats, Integers, Views
from personalization.standing import least
from settings import counted
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class HalfLifeTrial:
    """One half-life, judged.

    Attributes:
        half_life_days: Which.
        ndcg: Mean NDCG@10 of what is popular, 0..1.
        ci_low: Lower end of its 95 % interval.
        ci_high: Upper end of its 95 % interval.
        rival: The half-life that it had to beat; None for the configured one.
        gain: Mean gain over the rival.
        gain_low: Lower end of the gain's 95 % interval.
        gain_high: Upper end.
    """

    half_life_days: float
    ndcg: float
    ci_low: float
    ci_high: float
    rival: float | None = None
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None


@dataclass(frozen=True, slots=True)
class HalfLife:
    """How fast popularity fades, and why.

    Attributes:
        days: The half-life in use.
        readers: Readers judged.
        judged_days: How long ago the lists were made.
        trials: Of each half-life; none where readers are too few, or none other is tried.
        reason: Why this one, in words.
    """

    days: float
    readers: int
    judged_days: float
    trials: tuple[HalfLifeTrial, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class _Later:
    """What judged readers knew and turned to, over the items published then; one entry per both.

    Attributes:
        of: (entries,), place of the reader among those judged; ascending.
        items: (entries,), position of the item.
        is_new: (entries,), whether it was read for the first time since; else it was read before.
        relevant: (readers,), entries that are new.
    """

    of: Integers
    items: Integers
    is_new: Flags
    relevant: Integers

    def ndcg(self, popularity: Floats) -> Floats:
        """NDCG@10 of each reader, whose list is the popular without what was read before.

        An item stands as far behind in a person's list as it does in everybody's, less what the
        person had read of the items before it.
        """
        place = np.empty(len(popularity), dtype=np.int64)
        place[np.argsort(-popularity, kind="stable")] = np.arange(len(popularity))
        order = np.lexsort((place[self.items], self.of))
        of, is_new = self.of[order], self.is_new[order]
        read = np.cumsum(~is_new)
        before = np.concatenate([[0], read])[np.searchsorted(of, of)]
        ranks = place[self.items[order]] - (read - before)
        return ndcg_of_ranks(ranks[is_new], of[is_new], self.relevant, items=len(popularity))


def choose_half_life(
    catalogue: Catalogue,
    views: Views,
    *,
    usual: float,
    tried: Sequence[float],
    standing: float | None = None,
) -> HalfLife:
    """Judge every half-life on the readings of the last month; deterministic.

    Args:
        catalogue: What is published today.
        views: All readings by today.
        usual: The configured one, days.
        tried: Others, days.
        standing: The one in use, if a backtest chose it.
    """
    days = horizon(views)
    others = sorted(set(tried) - {usual})
    if not others:
        return HalfLife(usual, 0, days, (), "none other is tried")
    past, kept = catalogue.published(days_ago=days)
    new = views.new_readings(days_ago=days)[:, kept]
    judged = judged_readers(new)
    if len(judged) < least(FEWEST_JUDGED, stays=standing is not None):
        more = counted(FEWEST_JUDGED - len(judged), "more readers")
        return HalfLife(usual, len(judged), days, (), f"needs {more} of something new to be judged")
    later = _later(views, kept, judged, days_ago=days)
    gains = {
        half_life: later.ndcg(_popularity_then(past, views, kept, half_life, days_ago=days))
        for half_life in (usual, *others)
    }
    chosen, trials = contest(gains, standing)
    return HalfLife(chosen, len(judged), days, trials, _reason(chosen, trials))


def contest(
    gains: Mapping[float, Floats], standing: float | None
) -> tuple[float, tuple[HalfLifeTrial, ...]]:
    """Each half-life against the best so far; the first one stands unless another is surely better."""
    chosen, *others = gains
    trials = [HalfLifeTrial(chosen, *interval(gains[chosen]))]
    for half_life in others:
        found = interval(gains[half_life] - gains[chosen])
        trials.append(HalfLifeTrial(half_life, *interval(gains[half_life]), chosen, *found))
        gain, low, _ = found
        if gain > 0 if half_life == standing else low > 0:
            chosen = half_life
    return chosen, tuple(trials)


def write_half_life(
    warehouse: Warehouse, found: HalfLife, *, as_of: dt.datetime, run_id: str
) -> None:
    """Replace what was last said of half-lives."""
    judged = [asdict(trial) for trial in found.trials] or [{"half_life_days": found.days}]
    shared = {
        "readers": found.readers, "days": found.judged_days, "reason": found.reason,
        "as_of": as_of, "run_id": run_id,
    }  # fmt: skip
    rows = [{**row, **shared, "is_used": row["half_life_days"] == found.days} for row in judged]
    warehouse.replace(HALF_LIVES.name, pa.Table.from_pylist(rows, HALF_LIVES.arrow_schema))


def read_half_life(warehouse: Warehouse) -> float | None:
    """The half-life of popularity in use, days; None where nothing was recommended yet."""
    return _read_used(warehouse, "true")


def read_standing_half_life(warehouse: Warehouse) -> float | None:
    """The one in use that a backtest chose; None where none could judge yet."""
    return _read_used(warehouse, "ndcg is not null")


def _read_used(warehouse: Warehouse, condition: str) -> float | None:
    found = warehouse.read(
        f"select half_life_days from {HALF_LIVES.name.sql} where is_used and {condition}"
    )["half_life_days"].to_pylist()
    return found[0] if found else None


def _later(views: Views, kept: Integers, judged: Integers, *, days_ago: float) -> _Later:
    position, place = np.full(views.shape[1], -1), np.full(views.shape[0], -1)
    position[kept], place[judged] = np.arange(len(kept)), np.arange(len(judged))
    is_judged = (place[views.readers] >= 0) & (position[views.items] >= 0)
    of, items = place[views.readers[is_judged]], position[views.items[is_judged]]
    is_new = views.first_days[is_judged] <= days_ago
    return _Later(of, items, is_new, np.bincount(of[is_new], minlength=len(judged)))


def _popularity_then(
    past: Catalogue, views: Views, kept: Integers, half_life_days: float, *, days_ago: float
) -> Floats:
    is_known, age = views.known(days_ago=days_ago)
    read = np.bincount(
        views.items[is_known], 0.5 ** (age / half_life_days), minlength=views.shape[1]
    )[kept]
    span = views.span_days - days_ago
    return popularity_of(
        read.astype(np.float64), past, span_days=span, half_life_days=half_life_days
    )


def _reason(chosen: float, trials: tuple[HalfLifeTrial, ...]) -> str:
    won = next(trial for trial in trials if trial.half_life_days == chosen)
    best = f"NDCG@{DEPTH} {won.ndcg:.3f} of what is popular"
    if won.gain is None or won.gain_low is None or won.gain_high is None:
        return f"{best}: no other half-life was surely better"
    told = (
        f"{best}, {won.gain:+.3f} ({won.gain_low:+.3f} to {won.gain_high:+.3f}) "
        f"to a half-life of {won.rival:g} days"
    )
    is_kept = won.gain_low <= 0
    return f"{told}; it was in use, and stays as long as it is better at all" if is_kept else told
