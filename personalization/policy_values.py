"""Say what other policies would have earned, from what was logged when variants were decided.

Judged are the shares as they are learnt, and each arm alone. Each unit counts once, with its first
decision; browsers that nobody is known for have no outcome, and the held-out were shown nothing.

Shares that were learnt from an outcome fit it better than any other, by chance alone. So the units
are halved: what is judged on one half was learnt from the other (Chernozhukov et al. 2018).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from measurement import (
    GLOBAL_SEGMENT,
    Experiment,
    ExperimentsConfig,
    LoggedDecisions,
    PolicyValue,
    Variants,
    count_table,
    expect_rewards,
    judge_policy,
)
from personalization.inventory import DECISIONS, POLICY_VALUES, TABLES
from personalization.policies import share_out
from personalization.readings import Floats, Integers
from personalization.variants import Table
from warehouse import Warehouse

LEARNT = "shares as learnt"
Shares = Mapping[str, Mapping[str, float]]

_FIRST = f"""
    with drawn as (
        select distinct on (unit_id)
            unit_id, decisions.person_id, decided_at, arm, propensity, eligible,
            coalesce(segment, '{GLOBAL_SEGMENT}') as segment
        from {DECISIONS.name.sql} as decisions
        where slot = $slot and slot_kind = 'variant' and position = 1
          and not is_ghost and not is_repeat and person_id is not null
          and unit_id is not null and propensity > 0
        order by unit_id, decided_at, decision_id
    ),
    mature as (
        select drawn.*, coalesce(current_person.current_person_id, drawn.person_id) as now_id
        from drawn
        left join marts.current_person as current_person using (person_id)
        where decided_at + to_days($within_days) <= $as_of
    ),
    converted as (
        select distinct mature.unit_id
        from mature
        inner join marts.events as events
            on mature.now_id = events.person_id
            and events.occurred_at >= mature.decided_at
            and events.occurred_at < mature.decided_at + to_days($within_days)
        where events.event = $event and not events.is_bot
          and coalesce(events.received_at, events.occurred_at) <= $as_of
    )
    select mature.segment, mature.arm, mature.propensity, mature.eligible,
           cast(converted.unit_id is not null as double) as reward
    from mature
    left join converted using (unit_id)
    order by mature.unit_id
"""


@dataclass(frozen=True, slots=True)
class _Logged:
    """The decisions of one experiment; arrays are (n,).

    Attributes:
        segments: Names, as positions of ``of_segment``.
        arms: Likewise of ``of_arm``.
        offered: Every set of probabilities that was drawn from, with its segment.
    """

    segments: tuple[str, ...]
    arms: tuple[str, ...]
    of_segment: Integers
    of_arm: Integers
    propensity: Floats
    reward: Floats
    offered: tuple[tuple[str, Mapping[str, float]], ...]


def write_policy_values(
    warehouse: Warehouse, experiments: ExperimentsConfig, *, now: dt.datetime, run_id: str
) -> int:
    """Judge the policies of every experiment with ``variants``; return how many rows there are.

    Args:
        warehouse: With decisions and events.
        experiments: The configuration.
        now: The moment up to which the warehouse knows, UTC.
        run_id: Stored with every row.
    """
    warehouse.create_missing(TABLES)
    rows = [
        {"experiment_key": key, "metric": experiment.variants.metric, **row,
         "as_of": now, "run_id": run_id}
        for key, experiment in experiments.experiments.items()
        if experiment.variants
        for row in _judged(warehouse, key, experiment, experiment.variants, now)
    ]  # fmt: skip
    return warehouse.replace(
        POLICY_VALUES.name, pa.Table.from_pylist(rows, schema=POLICY_VALUES.arrow_schema)
    )


def _judged(
    warehouse: Warehouse, key: str, experiment: Experiment, variants: Variants, now: dt.datetime
) -> Iterator[Mapping[str, Any]]:
    metric = experiment.metrics[variants.metric]
    rows = warehouse.read(
        _FIRST,
        {"slot": key, "event": metric.event, "within_days": metric.within_days, "as_of": now},
    )
    return judge_decisions(rows, experiment, variants) if rows.num_rows else iter(())


def judge_decisions(
    rows: pa.Table, experiment: Experiment, variants: Variants
) -> Iterator[Mapping[str, Any]]:
    """Judge every policy of an experiment; rows of ``personalization.policy_values``.

    Args:
        rows: Each unit once: segment (``global``: none fits), arm, propensity, eligible, reward.
        experiment: Whose decisions these are.
        variants: How its shares are learnt.
    """
    logged = _logged(rows, _learn(_counts(rows), experiment, variants)[GLOBAL_SEGMENT])
    halves = _halves(rows, experiment, variants)
    yield from _told(LEARNT, logged, halves)
    for arm in sorted({arm for policy in halves for arm in policy[GLOBAL_SEGMENT]}):
        alone = {GLOBAL_SEGMENT: {arm: 1.0}}
        yield from _told(f"always {arm}", logged, (alone, alone))


def _told(name: str, logged: _Logged, halves: Sequence[Shares]) -> Iterator[Mapping[str, Any]]:
    for value in _values(logged, halves):
        yield {"policy": name, **_row(value)}


def _halves(rows: pa.Table, experiment: Experiment, variants: Variants) -> tuple[Shares, Shares]:
    """For the units in even places, then in odd ones: the shares that the others teach."""
    odd = pa.array(_is_odd(rows.num_rows))
    even = pa.array(~_is_odd(rows.num_rows))
    return (
        _learn(_counts(rows.filter(odd)), experiment, variants),
        _learn(_counts(rows.filter(even)), experiment, variants),
    )


def _is_odd(count: int) -> NDArray[np.bool_]:
    """Which half each unit is in, whatever the order of the units means."""
    halves: NDArray[np.bool_] = np.random.default_rng(1).permutation(count) % 2 == 1
    return halves


def _counts(rows: pa.Table) -> Table:
    """Units and conversions by segment and arm; ``global`` is of all."""
    segments = pc.if_else(pc.equal(rows["segment"], GLOBAL_SEGMENT), "", rows["segment"])
    added = (
        rows.set_column(rows.column_names.index("segment"), "segment", segments)
        .group_by(["segment", "arm"])
        .aggregate([("reward", "count"), ("reward", "sum")])
        .rename_columns(["segment", "arm", "n", "converted"])
    )
    return count_table(added)


def _learn(table: Table, experiment: Experiment, variants: Variants) -> Shares:
    found: dict[str, dict[str, float]] = {}
    for policy in share_out(table, experiment, variants):
        found.setdefault(policy.segment, {})[policy.arm] = policy.probability
    return found


def _logged(rows: pa.Table, known: Iterable[str]) -> _Logged:
    segments, of_segment = _positions(rows["segment"])
    # An arm of then that is none of today's is drawn by no policy that is judged.
    arms, of_arm = _positions(rows["arm"])
    offered = rows.group_by(["segment", "eligible"]).aggregate([]).to_pylist()
    return _Logged(
        segments=segments,
        arms=tuple(dict.fromkeys([*arms, *known])),
        of_segment=of_segment,
        of_arm=of_arm,
        propensity=np.asarray(rows["propensity"].to_numpy(), dtype=np.float64),
        reward=np.asarray(rows["reward"].to_numpy(), dtype=np.float64),
        offered=tuple((row["segment"], json.loads(row["eligible"])) for row in offered),
    )


def _positions(column: pa.ChunkedArray) -> tuple[tuple[str, ...], Integers]:
    encoded = column.combine_chunks().dictionary_encode()
    return tuple(encoded.dictionary.to_pylist()), np.asarray(encoded.indices, dtype=np.int64)


def _values(logged: _Logged, halves: Sequence[Shares]) -> tuple[PolicyValue, ...]:
    """``halves``: what is judged on the units in even places, and on those in odd ones."""
    even, odd = (_drawn_by(policy, logged)[logged.of_segment] for policy in halves)
    wanted = np.where(_is_odd(len(logged.reward))[:, None], odd, even)
    is_unsupported = any(
        share > 0 and not offered.get(arm)
        for policy in halves
        for segment, offered in logged.offered
        for arm, share in _in_segment(policy, segment).items()
    )
    decisions = LoggedDecisions(
        rewards=logged.reward,
        logged=logged.propensity,
        wanted=np.take_along_axis(wanted, logged.of_arm[:, None], axis=1)[:, 0],
        is_unsupported=is_unsupported,
    )
    expected = expect_rewards(logged.of_segment, logged.of_arm, logged.reward, wanted)
    return judge_policy(decisions, expected)


def _drawn_by(policy: Shares, logged: _Logged) -> Floats:
    """(segments, arms): how often the policy draws each arm there."""
    return np.array(
        [
            [_in_segment(policy, segment).get(arm, 0.0) for arm in logged.arms]
            for segment in logged.segments
        ]
    )


def _in_segment(policy: Shares, segment: str) -> Mapping[str, float]:
    return policy.get(segment) or policy[GLOBAL_SEGMENT]


def _row(value: PolicyValue) -> Mapping[str, Any]:
    is_told = value.refusal is None and value.interval is not None
    return {
        "estimator": value.estimator,
        "value": value.value if is_told else None,
        "ci_low": value.interval.low if is_told and value.interval else None,
        "ci_high": value.interval.high if is_told and value.interval else None,
        "n": value.n,
        "converted": value.converted,
        "effective_n": value.effective_n,
        "effective_converted": value.effective_converted,
        "largest_weight": value.largest_weight,
        "refusal": value.refusal,
    }
