"""Say what other policies would have earned, from what was logged when variants were decided.

Judged are the shares of today and each arm alone. Each unit counts once, with its first decision;
browsers that nobody is known for have no outcome, and the held-out were shown nothing.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from measurement import (
    GLOBAL_SEGMENT,
    Experiment,
    ExperimentsConfig,
    LoggedDecisions,
    PolicyValue,
    Variants,
    expect_rewards,
    judge_policy,
)
from personalization.inventory import DECISIONS, POLICY_VALUES, TABLES, VARIANT_POLICIES
from personalization.readings import Floats, Integers
from warehouse import Warehouse

TODAY = "shares of today"
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
_SHARES = f"""
    select segment, arm, probability from {VARIANT_POLICIES.name.sql} where experiment_key = $slot
    order by segment, arm
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
        warehouse: With decisions, events and the shares of this run.
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
    if not rows.num_rows:
        return
    today = _shares(warehouse, key)
    arms = sorted({arm for shares in today.values() for arm in shares})
    logged = _logged(rows, arms)
    alone = {f"always {arm}": {GLOBAL_SEGMENT: {arm: 1.0}} for arm in arms}
    for name, policy in {TODAY: today, **alone}.items():
        for value in _values(logged, policy):
            yield {"policy": name, **_row(value)}


def _shares(warehouse: Warehouse, key: str) -> Shares:
    found: dict[str, dict[str, float]] = {}
    for row in warehouse.read(_SHARES, {"slot": key}).to_pylist():  # by segment and arm
        found.setdefault(row["segment"], {})[row["arm"]] = row["probability"]
    return found


def _logged(rows: pa.Table, known: list[str]) -> _Logged:
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


def _values(logged: _Logged, policy: Shares) -> tuple[PolicyValue, ...]:
    wanted = np.array(
        [
            [_in_segment(policy, segment).get(arm, 0.0) for arm in logged.arms]
            for segment in logged.segments
        ]
    )
    expected = expect_rewards(logged.of_segment, logged.of_arm, logged.reward, wanted)
    is_unsupported = any(
        share > 0 and not offered.get(arm)
        for segment, offered in logged.offered
        for arm, share in _in_segment(policy, segment).items()
    )
    decisions = LoggedDecisions(
        rewards=logged.reward,
        logged=logged.propensity,
        wanted=wanted[logged.of_segment, logged.of_arm],
        is_unsupported=is_unsupported,
    )
    return judge_policy(decisions, expected)


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
