"""Judge by a backtest of each block whether its lists may keep to their readers' topics.

The lists of a month ago are made twice, by score alone and calibrated, from what the block lets
through, and judged by what readers have turned to since: for the first time, or, where the block
shows what was read, at all. Calibration is used where it is not surely worse and the likely loss
is small; what it brings is not in NDCG, so it need not win. Once refused it comes back only where it
is no worse on average and less than .8 of that loss is likely, so that chance does not take it in and out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from personalization.blocks import BlockRules
from personalization.calibrate import TopicShares, calibrated_order
from personalization.champion import model_then
from personalization.interests import Expectation, Method, ReadingModel
from personalization.inventory_calibrations import CALIBRATIONS
from personalization.look_back import (
    FEWEST_JUDGED,
    Past,
    batches,
    interval,
    judged_readers,
    ndcg_of_lists,
)
from personalization.readings import Floats, Integers, Scores
from personalization.standing import TO_STAY, least
from settings import counted
from warehouse import Warehouse

# Share of the plain list's NDCG that the lower end of the interval may lose.
MOST_LOST = 0.05
# Readers who are judged at most: lists differ in few places, so the gain's error is below .001.
MOST_JUDGED = 2_000
_OFF = "calibration is 0 in content.yml"
_NO_TOPICS = "popularity alone is used: nobody's topics are told apart"


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was judged of one block, and what is used; None where it was not judged.

    Attributes:
        asked: As configured, 0..1.
        used: What is in force.
        readers: Readers judged.
        reason: Why, in words.
        ndcg: Mean NDCG of the calibrated lists.
        plain_ndcg: Mean NDCG by score alone.
        gain: The difference, with its 95 % interval: mean, low, high.
        topics: Topics of a calibrated list, on average.
        plain_topics: Likewise by score alone.
    """

    asked: float
    used: float
    readers: int
    reason: str
    ndcg: float | None = None
    plain_ndcg: float | None = None
    gain: tuple[float, float, float] | None = None
    topics: float | None = None
    plain_topics: float | None = None


@dataclass(frozen=True, slots=True)
class _Lists:
    """NDCG and topics of each reader's list."""

    gained: Floats
    topics: Floats


def topic_shares(model: ReadingModel, expectation: Expectation) -> TopicShares | None:
    """What a batch of persons is expected to read of each topic; None: topics do not count."""
    return _shares(model, expectation) if "topic" in model.facets else None


def judge_calibrations(
    past: Past,
    method: Method,
    rules: Mapping[str, BlockRules],
    before: Mapping[str, bool] | None = None,
) -> dict[str, Calibration]:
    """Judge every block; deterministic.

    Args:
        past: What was known a month ago, and what readers have turned to since.
        method: How readings are expected.
        rules: The blocks over the catalogue of today, by key, with the calibration that is asked.
        before: Of each block that was judged with the same calibration, whether it was used.
    """
    was_used = before or {}
    model = model_then(past, method) if any(r.calibration for r in rules.values()) else past.model
    return {
        key: _judge(past, model, block, was_used=was_used.get(key)) for key, block in rules.items()
    }


def read_judged(warehouse: Warehouse, rules: Mapping[str, BlockRules]) -> dict[str, bool]:
    """Of each block that was judged with the calibration that is asked, whether it is used."""
    rows = warehouse.read(
        f"select block, asked, used from {CALIBRATIONS.name.sql} where ndcg is not null"
    ).to_pylist()  # one row per block
    return {
        row["block"]: row["used"] > 0
        for row in rows
        if row["block"] in rules and rules[row["block"]].calibration == row["asked"]
    }


def write_calibrations(
    warehouse: Warehouse, found: Mapping[str, Calibration], *, as_of: dt.datetime, run_id: str
) -> None:
    """Replace what was said of the blocks."""
    rows = [
        {
            "block": key, "asked": one.asked, "used": one.used, "ndcg": one.ndcg,
            "plain_ndcg": one.plain_ndcg,
            **dict(zip(("gain", "gain_low", "gain_high"), one.gain or (None,) * 3, strict=True)),
            "topics": one.topics, "plain_topics": one.plain_topics, "readers": one.readers,
            "reason": one.reason, "as_of": as_of, "run_id": run_id,
        }
        for key, one in found.items()
    ]  # fmt: skip
    warehouse.replace(CALIBRATIONS.name, pa.Table.from_pylist(rows, CALIBRATIONS.arrow_schema))


def _judge(
    past: Past, model: ReadingModel, rules: BlockRules, *, was_used: bool | None
) -> Calibration:
    asked, allowed = rules.calibration, rules.allowed[past.kept]
    later = (past.again if rules.shows_read else past.new)[:, np.flatnonzero(allowed)]
    judged = judged_readers(later, most=MOST_JUDGED)
    if not asked or "topic" not in model.facets:
        return Calibration(asked, 0.0, 0, _NO_TOPICS if asked else _OFF)
    if len(judged) < least(FEWEST_JUDGED, stays=was_used is True):
        more = counted(FEWEST_JUDGED - len(judged), "more readers of its content")
        return Calibration(asked, 0.0, len(judged), f"needs {more} to be judged")
    plain, calibrated = _both(past, model, rules, judged)
    gain = interval(calibrated.gained - plain.gained)
    best = float(plain.gained.mean())
    told, against = (
        _told(gain, plain, calibrated),
        why_refused(gain, best, was_refused=was_used is False),
    )
    return Calibration(
        asked=asked, used=0.0 if against else asked, readers=len(judged),
        reason=f"{against}: {told}" if against else told,
        ndcg=float(calibrated.gained.mean()), plain_ndcg=best, gain=gain,
        topics=float(calibrated.topics.mean()), plain_topics=float(plain.topics.mean()),
    )  # fmt: skip


def why_refused(gain: tuple[float, float, float], best: float, *, was_refused: bool) -> str | None:
    """Why lists may not be calibrated, in words; None where they may.

    Args:
        gain: Of NDCG, with its 95 % interval: mean, low, high.
        best: NDCG by score alone.
        was_refused: Whether the last run refused it.
    """
    mean, low, high = gain
    allowed = MOST_LOST * (TO_STAY if was_refused else 1)
    if high < 0:
        return "surely worse"
    if low < -allowed * best:
        return f"more than {allowed:.0%} may be lost"
    return "it was refused, and is not as good yet" if was_refused and mean < 0 else None


def _told(gain: tuple[float, float, float], plain: _Lists, calibrated: _Lists) -> str:
    mean, low, high = gain
    return (
        f"{calibrated.topics.mean():.1f} topics a list in place of {plain.topics.mean():.1f}; "
        f"NDCG {plain.gained.mean():.3f}, by {mean:+.4f} ({low:+.4f} to {high:+.4f}) otherwise"
    )


def _both(past: Past, model: ReadingModel, rules: BlockRules, judged: Integers) -> list[_Lists]:
    """The judged readers' lists by score alone, and calibrated."""
    columns = np.flatnonzero(rules.allowed[past.kept])
    since = past.again if rules.shows_read else past.new
    found = []
    for some in batches(judged):
        expectation = model.expect(past.before.liked[some], past.before.per_person[some])
        keys = expectation.scores[:, columns]
        if not rules.shows_read:
            keys[past.before.counts[some][:, columns].nonzero()] = -np.inf
        shares = _shares(model, expectation)
        topics = TopicShares(shares.of_item[columns], shares.shares)
        order = calibrated_order(
            keys, topics, np.zeros(topics.shares.shape), size=rules.size, strength=rules.calibration
        )
        relevant = since[some][:, columns].toarray()
        lists = (order.by_score, order.items)
        found.append(np.stack([_judged_lists(keys, one, topics, relevant) for one in lists]))
    return [_Lists(*both) for both in np.concatenate(found, axis=2)]


def _judged_lists(keys: Scores, order: Integers, topics: TopicShares, relevant: Floats) -> Floats:
    """(2, persons): NDCG of each list, and how many topics it holds."""
    is_there = np.take_along_axis(keys, order, axis=1) > -np.inf
    found = np.where(is_there, np.take_along_axis(relevant, order, axis=1), 0.0)
    has_topic = np.zeros(topics.shares.shape, dtype=np.bool_)
    persons, listed = np.nonzero(is_there)
    has_topic[persons, topics.of_item[order[persons, listed]]] = True
    gained = ndcg_of_lists(found, relevant.sum(axis=1))
    return np.stack([gained, has_topic.sum(axis=1).astype(np.float64)])


def _shares(model: ReadingModel, expectation: Expectation) -> TopicShares:
    facet = model.facets["topic"]
    return TopicShares(facet.of_item, expectation.interests["topic"].ratio * facet.shares)
