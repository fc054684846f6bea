"""Share the arms of an experiment out by segment, and write down why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from measurement import (
    FEWEST_UNITS,
    GLOBAL_SEGMENT,
    HELD_OUT,
    Counts,
    Experiment,
    ExperimentsConfig,
    Variants,
    design_effect,
    read_counts,
    read_samples,
)
from personalization.inventory import TABLES, VARIANT_POLICIES
from personalization.variants import (
    FEWEST_CONVERTED,
    FEWEST_PERSONS,
    HARMFUL,
    ArmBelief,
    Table,
    believe,
    is_enough,
    probabilities,
)
from warehouse import Warehouse

_DRAWN_ALONE: Mapping[str, float] = {}
_TOO_FEW = (
    f"fewer than two arms have {FEWEST_PERSONS} persons and {FEWEST_CONVERTED} conversions: "
    "all are shown alike"
)
_NOT_MET = "nobody has met it yet: an equal share finds out"


@dataclass(frozen=True, slots=True)
class ArmPolicy:
    """How often one arm is shown in one segment, and why; null where nothing is believed yet."""

    segment: str
    arm: str
    probability: float
    n: int
    converted: int
    effect: float | None
    p_best: float | None
    p_harmful: float | None
    fallback_level: str
    reason: str


def write_variant_policies(
    warehouse: Warehouse, experiments: ExperimentsConfig, *, now: dt.datetime, run_id: str
) -> int:
    """Put the shares of every experiment with ``variants`` in place; return the number of rows.

    Args:
        warehouse: With exposures and outcomes of this run.
        experiments: The configuration.
        now: The moment up to which the warehouse knows, UTC.
        run_id: Stored with every row.
    """
    warehouse.create_missing(TABLES)
    rows = [
        {"experiment_key": key, **_row(policy), "as_of": now, "run_id": run_id}
        for key, experiment in experiments.experiments.items()
        if experiment.variants
        for policy in share_out(
            read_counts(warehouse, key, experiment.variants.metric),
            experiment,
            experiment.variants,
            design_effects=read_design_effects(
                warehouse, key, experiment, experiment.variants.metric
            ),
        )
    ]
    return warehouse.replace(
        VARIANT_POLICIES.name, pa.Table.from_pylist(rows, schema=VARIANT_POLICIES.arrow_schema)
    )


def share_out(
    table: Table,
    experiment: Experiment,
    variants: Variants,
    *,
    design_effects: Mapping[str, float] = _DRAWN_ALONE,
) -> Iterator[ArmPolicy]:
    """How often to show each arm, by segment; the held-out arm is not among them.

    Args:
        table: Counts by segment and arm, with ``global`` for everybody.
        experiment: Names the baseline and the segments.
        variants: The metric and the floor.
        design_effects: By segment, how many persons say as much as one who was drawn alone: where
            companies are drawn, colleagues tell of one draw. 1 where it is not named.
    """
    arms = _arms(table, experiment)
    segments = [segment.name for segment in experiment.segments]
    whole = table[GLOBAL_SEGMENT]
    better = 1.0 if experiment.metrics[variants.metric].better == "higher" else -1.0
    met = [arm for arm in arms if whole.get(arm, Counts(0, 0)).n]
    if experiment.baseline not in met or not is_enough(
        whole, met, design_effect=design_effects.get(GLOBAL_SEGMENT, 1.0)
    ):
        for segment in (GLOBAL_SEGMENT, *segments):
            yield from _uniform(segment, table.get(segment, {}), arms)
        return
    learnt = {name: table[name] for name in segments if _is_met(table.get(name, {}), met)}
    learnt[GLOBAL_SEGMENT] = _without_segment(table, met)
    own = believe(
        learnt,
        met,
        baseline=experiment.baseline,
        is_better=better,
        design_effects=design_effects,
    )
    fresh = [arm for arm in arms if arm not in met]
    for segment in (GLOBAL_SEGMENT, *segments):
        level = "segment" if segment in own and segment != GLOBAL_SEGMENT else "global"
        yield from _believed(
            segment, table.get(segment, {}), own.get(segment, own[GLOBAL_SEGMENT]), variants.floor, level,
            left=1 - len(fresh) / len(arms),
        )  # fmt: skip
        for arm in fresh:
            yield ArmPolicy(
                segment, arm, 1 / len(arms), 0, 0, None, None, None, "uniform", _NOT_MET
            )


def read_design_effects(
    warehouse: Warehouse, key: str, experiment: Experiment, metric: str
) -> Mapping[str, float]:
    """Of every segment; one with few companies is taken to be like all together.

    Args:
        warehouse: With the outcomes.
        key: The experiment.
        experiment: Says what was drawn; of persons there is nothing to tell.
        metric: A share of persons.
    """
    if experiment.unit == "person":
        return _DRAWN_ALONE
    table = read_samples(warehouse, key, metric)
    whole = design_effect(table[GLOBAL_SEGMENT].values())
    return {
        segment: design_effect(arms.values())
        if sum(sample.units for sample in arms.values()) >= FEWEST_UNITS * len(arms)
        else whole
        for segment, arms in table.items()
    }


def _without_segment(table: Table, arms: Sequence[str]) -> Mapping[str, Counts]:
    """Whom no segment fits, as one more segment.

    The sum of all would take who met which arm, where shares differ, for what the arms do.
    """
    others = [counts for segment, counts in table.items() if segment != GLOBAL_SEGMENT]
    return {
        arm: Counts(
            max(found.n - sum(c[arm].n for c in others if arm in c), 0),
            max(found.converted - sum(c[arm].converted for c in others if arm in c), 0),
        )
        for arm, found in table[GLOBAL_SEGMENT].items()
        if arm in arms
    }


def _is_met(counts: Mapping[str, Counts], arms: Sequence[str]) -> bool:
    """Whether two arms were met, by however few: the model says what few people are worth."""
    return sum(counts[arm].n > 0 for arm in arms if arm in counts) >= 2


def _arms(table: Table, experiment: Experiment) -> Sequence[str]:
    """Those that are meant to be shown: a name in the events alone may be an old or a wrong one."""
    known = set(experiment.shares) or {arm for counts in table.values() for arm in counts}
    return sorted((known | {experiment.baseline}) - {experiment.held_out, HELD_OUT})


def _uniform(
    segment: str, counts: Mapping[str, Counts], arms: Sequence[str]
) -> Iterator[ArmPolicy]:
    for arm in arms:
        found = counts.get(arm, Counts(0, 0))
        yield ArmPolicy(
            segment, arm, 1 / len(arms), found.n, found.converted, None, None, None, "uniform",
            _TOO_FEW,
        )  # fmt: skip


def _believed(
    segment: str,
    counts: Mapping[str, Counts],
    beliefs: Mapping[str, ArmBelief],
    floor: float,
    level: str,
    *,
    left: float,
) -> Iterator[ArmPolicy]:
    """``left``: the share that arms which nobody met leave to these."""
    shares = probabilities(beliefs, floor=min(floor, 1 / len(beliefs)))
    for arm, belief in beliefs.items():
        found = counts.get(arm, Counts(0, 0))
        yield ArmPolicy(
            segment, arm, left * shares[arm], found.n, found.converted, belief.effect, belief.p_best,
            belief.p_harmful, level, _reason(belief, level),
        )  # fmt: skip


def _reason(belief: ArmBelief, level: str) -> str:
    where = (
        "here" if level == "segment" else "of all segments together, as nobody met two arms here"
    )
    if belief.p_harmful >= HARMFUL:
        return f"switched off: worse than the baseline with {belief.p_harmful:.1%}, {where}"
    return f"the best with {belief.p_best:.0%}, {where}"


def _row(policy: ArmPolicy) -> dict[str, object]:
    return {name: getattr(policy, name) for name in ArmPolicy.__slots__}
