"""What people are told of the variants: how often each is shown and why, and what is held back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from measurement import (
    FEWEST_TOLD,
    GLOBAL_SEGMENT,
    ExperimentsConfig,
    Finding,
    WithheldArm,
    give_away,
    read_lift,
)
from personalization.inventory import VARIANT_POLICIES
from personalization.policies import STATE
from warehouse import Warehouse

_TOO_FEW = f"fewer than {FEWEST_TOLD} people met it, of whom no figure is shown"
_GIVES_AWAY = f"not shown: figures of fewer than {FEWEST_TOLD} people would follow by subtraction"


@dataclass(frozen=True, slots=True)
class ToldVariant:
    """One arm in one segment; ``n`` and ``converted`` are None where they tell of too few."""

    experiment: str
    segment: str
    arm: str
    state: str
    share: float
    n: int | None
    converted: int | None
    level: str
    reason: str


def read_variants(warehouse: Warehouse, experiments: ExperimentsConfig) -> tuple[ToldVariant, ...]:
    """How often each variant is to be shown in each segment, by experiment, segment and arm.

    Args:
        warehouse: With what the last run learnt.
        experiments: Says of which the lift is told too: what is hidden there is hidden here.
    """
    warehouse.create_missing([VARIANT_POLICIES])
    findings = _findings(warehouse, experiments)
    rows = warehouse.read(
        f"select experiment_key as experiment, segment, arm, {STATE} as state, "
        "round(probability, 3) as share, n, converted, fallback_level as level, reason "
        f"from {VARIANT_POLICIES.name.sql} order by experiment_key, segment, arm"
    ).to_pylist()  # one row per segment and arm
    by_experiment: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_experiment.setdefault(row["experiment"], []).append(row)
    return tuple(
        told
        for key, found in by_experiment.items()
        for told in _told(
            found, {(arm, f.segment) for f in findings.get(key, ()) for arm in f.gives_away}
        )
    )


def read_withheld(warehouse: Warehouse, experiments: ExperimentsConfig) -> tuple[WithheldArm, ...]:
    """The arms that are paused or switched off, of experiments that are still configured.

    Args:
        warehouse: With what the last run learnt.
        experiments: Says what each arm is compared with, and when a pause ends.
    """
    warehouse.create_missing([VARIANT_POLICIES])
    rows = warehouse.read(
        f"select experiment_key, segment, arm, {STATE} = 'paused' as is_paused, probability as share, "
        f"case when p_harmful_alone is null then null when {STATE} = 'paused' then p_harmful_alone "
        "else p_harmful end as p_harmful, coalesce(withheld_since, as_of) as since, tried_again_at "
        f"from {VARIANT_POLICIES.name.sql} where {STATE} in ('paused', 'switched_off') order by all"
    ).to_pylist()  # one row per segment and arm
    known = {key: one for key, one in experiments.experiments.items() if one.variants}
    verdicts = {
        (key, f.segment, f.arm, f.baseline_arm): f.verdict
        for key, findings in _findings(warehouse, experiments).items()
        for f in findings
        if f.segment != GLOBAL_SEGMENT  # of everybody, where a pause is of people in no segment
    }
    return tuple(
        WithheldArm(
            **row,
            baseline_arm=asked.baseline,
            ends_below=guard.ends_below if (guard := asked.variants.guard) else None,
            has_segments=bool(asked.segments),
            verdict=verdicts.get(
                (row["experiment_key"], row["segment"], row["arm"], asked.baseline)
            ),
        )
        for row in rows
        if (asked := known.get(row["experiment_key"])) and asked.variants
    )


def _findings(
    warehouse: Warehouse, experiments: ExperimentsConfig
) -> Mapping[str, Sequence[Finding]]:
    """What the lift says of the metric by which variants are shared out, by experiment."""
    known = {key: one.variants for key, one in experiments.experiments.items() if one.variants}
    return {
        report.experiment_key: report.findings
        for report in read_lift(warehouse, experiments)
        if (asked := known.get(report.experiment_key)) and asked.metric == report.metric
    }


def _told(
    rows: Sequence[Mapping[str, Any]], hidden: Collection[tuple[str, str]]
) -> Iterator[ToldVariant]:
    told = [
        ("variants", row["arm"], row["segment"], row["n"])
        for row in rows
        if row["n"] >= FEWEST_TOLD and (row["arm"], row["segment"]) not in hidden
    ]
    hidden = {*hidden, *give_away(told, everybody=GLOBAL_SEGMENT)}
    for row in rows:
        why = _hidden(row, hidden)
        figures = {"n": None, "converted": None, "reason": why} if why else {}
        yield ToldVariant(**{**row, **figures})


def _hidden(row: Mapping[str, Any], hidden: Collection[tuple[str, str]]) -> str | None:
    """Why the figures of a row are not shown; None where they are. Nobody at all is no secret."""
    if 0 < row["n"] < FEWEST_TOLD:
        return _TOO_FEW
    return _GIVES_AWAY if (row["arm"], row["segment"]) in hidden and row["n"] else None
