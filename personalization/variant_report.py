"""What people are told of the variants: how often each is shown and why, and what is held back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from measurement import FEWEST_TOLD, GLOBAL_SEGMENT, ExperimentsConfig, WithheldArm, give_away
from personalization.inventory import VARIANT_POLICIES
from warehouse import Warehouse

_TOO_FEW = f"fewer than {FEWEST_TOLD} people met it, of whom no figure is shown"
_GIVES_AWAY = f"without it, figures of fewer than {FEWEST_TOLD} people would follow"


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


def read_variants(warehouse: Warehouse) -> tuple[ToldVariant, ...]:
    """How often each variant is to be shown in each segment, by experiment, segment and arm.

    Args:
        warehouse: With what the last run learnt.
    """
    warehouse.create_missing([VARIANT_POLICIES])
    rows = warehouse.read(
        "select experiment_key as experiment, segment, arm, coalesce(state, 'shown') as state, "
        "round(probability, 3) as share, n, converted, fallback_level as level, reason "
        f"from {VARIANT_POLICIES.name.sql} order by experiment_key, segment, arm"
    ).to_pylist()  # one row per segment and arm
    by_experiment: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_experiment.setdefault(row["experiment"], []).append(row)
    return tuple(told for found in by_experiment.values() for told in _told(found))


def read_withheld(warehouse: Warehouse, experiments: ExperimentsConfig) -> tuple[WithheldArm, ...]:
    """The arms that are paused or switched off, of experiments that are still configured.

    Args:
        warehouse: With what the last run learnt.
        experiments: Says what each arm is compared with, and when a pause ends.
    """
    warehouse.create_missing([VARIANT_POLICIES])
    rows = warehouse.read(
        "select experiment_key, segment, arm, state = 'paused' as is_paused, probability as share, "
        "case when state = 'paused' then p_harmful_alone else p_harmful end as p_harmful, "
        f"withheld_since as since from {VARIANT_POLICIES.name.sql} "
        "where withheld_since is not null order by all"
    ).to_pylist()  # one row per segment and arm
    known = {key: one for key, one in experiments.experiments.items() if one.variants}
    return tuple(
        WithheldArm(**row, baseline_arm=asked.baseline, ends_below=asked.variants.guard.ends_below)
        for row in rows
        if (asked := known.get(row["experiment_key"])) and asked.variants
    )


def _told(rows: Sequence[Mapping[str, Any]]) -> Iterator[ToldVariant]:
    told = [(row["arm"], row["segment"], row["n"]) for row in rows if row["n"] >= FEWEST_TOLD]
    hidden = give_away(told, everybody=GLOBAL_SEGMENT)
    for row in rows:
        why = _hidden(row, hidden)
        figures = {"n": None, "converted": None, "reason": f"{row['reason']}; {why}"} if why else {}
        yield ToldVariant(**{**row, **figures})


def _hidden(row: Mapping[str, Any], hidden: frozenset[str]) -> str | None:
    """Why the figures of a row are not shown; None where they are. Nobody at all is no secret."""
    if 0 < row["n"] < FEWEST_TOLD:
        return _TOO_FEW
    return _GIVES_AWAY if row["segment"] in hidden and row["n"] else None
