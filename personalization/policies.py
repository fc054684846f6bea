"""Share the arms of an experiment out by segment, and write down why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from measurement import (
    FEWEST_UNITS,
    GLOBAL_SEGMENT,
    HELD_OUT,
    Counts,
    Experiment,
    ExperimentsConfig,
    Guard,
    Variants,
    design_effect,
    read_counts,
    read_samples,
)
from personalization.inventory import TABLES, VARIANT_POLICIES
from personalization.pauses import (
    NOTHING_KNOWN,
    Cell,
    History,
    Standing,
    State,
    next_standing,
    tried_again_at,
    unjudged,
)
from personalization.start_shares import asked_shares, start_shares
from personalization.two_arms import FEWEST_HERE
from personalization.variant_reasons import not_met, of_whom, too_few, why
from personalization.variants import (
    HARMFUL,
    ArmBelief,
    Table,
    believe,
    is_enough,
    judged_anew,
    probabilities,
)
from warehouse import Warehouse

_DRAWN_ALONE: Mapping[str, float] = {}
_NEW = History()
_SHOWN = Standing()
# What a stored row says is done; rows of older versions do not say it.
STATE = f"coalesce(state, case when p_harmful >= {HARMFUL} then 'switched_off' else 'shown' end)"


@dataclass(frozen=True, slots=True)
class ArmPolicy:
    """How often one arm is shown in one segment, and why; null where nothing is believed yet.

    ``standing`` says what is done, not what is claimed: paused is a precaution.
    """

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
    p_harmful_alone: float | None = None
    standing: Standing = _SHOWN

    @property
    def state(self) -> State:
        """What is done."""
        return self.standing.state


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
    before = _read_before(warehouse)
    rows = [
        {"experiment_key": key, **_row(policy, experiment.variants), "as_of": now, "run_id": run_id}
        for key, experiment in experiments.experiments.items()
        if experiment.variants
        for policy in share_out(
            read_counts(warehouse, key, experiment.variants.metric),
            experiment,
            experiment.variants,
            design_effects=read_design_effects(
                warehouse, key, experiment, experiment.variants.metric
            ),
            history=_history(
                warehouse, key, experiment.variants.metric, before.get(key, {}), now=now
            ),
        )
    ]
    return warehouse.replace(
        VARIANT_POLICIES.name, pa.Table.from_pylist(rows, schema=VARIANT_POLICIES.arrow_schema)
    )


def _read_before(warehouse: Warehouse) -> Mapping[str, Mapping[Cell, Standing]]:
    """By experiment: how arms stood after the last run that are not just shown, or once were not."""
    found: dict[str, dict[Cell, Standing]] = {}
    rows = warehouse.read(
        f"select experiment_key, segment, arm, {STATE} as state, coalesce(withheld_since, as_of) as since, "
        f"judged_from, coalesce(pauses, ({STATE} = 'paused')::int) as pauses, "
        "p_harmful_alone is not null as is_by_its_own "
        f"from {VARIANT_POLICIES.name.sql} where {STATE} <> 'shown' or pauses > 0"
    )
    for row in rows.to_pylist():  # one row per segment and arm
        key, cell = row.pop("experiment_key"), (row.pop("segment"), row.pop("arm"))
        found.setdefault(key, {})[cell] = Standing(**row)
    return found


def _history(
    warehouse: Warehouse,
    key: str,
    metric: str,
    standings: Mapping[Cell, Standing],
    *,
    now: dt.datetime,
) -> History:
    """With what came in since arms are judged anew: one reading for each such moment."""
    moments = {one.judged_from for one in standings.values() if one.judged_from}
    tables = {moment: read_counts(warehouse, key, metric, since=moment) for moment in moments}
    since = {
        cell: _own(tables[one.judged_from], cell[0])
        for cell, one in standings.items()
        if one.judged_from
    }
    return History(now, standings, since)


def _own(table: Table, segment: str) -> Mapping[str, Counts]:
    if segment == GLOBAL_SEGMENT:
        return _without_segment(table, list(table[GLOBAL_SEGMENT]))
    return table.get(segment, {})


def share_out(
    table: Table,
    experiment: Experiment,
    variants: Variants,
    *,
    design_effects: Mapping[str, float] = _DRAWN_ALONE,
    history: History = _NEW,
) -> Iterator[ArmPolicy]:
    """How often to show each arm, by segment; the held-out arm is not among them.

    Args:
        table: Counts by segment and arm, with ``global`` for everybody.
        experiment: Names the baseline and the segments.
        variants: The metric, the floor and the guard.
        design_effects: By segment, how many persons say as much as one who was drawn alone: where
            companies are drawn, colleagues tell of one draw. 1 where it is not named.
        history: How the arms stood up to now.
    """
    asked = asked_shares(_arms(table, experiment, history), experiment)
    segments = [segment.name for segment in experiment.segments]
    whole = table[GLOBAL_SEGMENT]
    better = 1.0 if experiment.metrics[variants.metric].better == "higher" else -1.0
    met = [arm for arm in asked if _says_something(arm, whole, experiment)]
    is_learnt = experiment.baseline in met and is_enough(
        whole, met, design_effect=design_effects.get(GLOBAL_SEGMENT, 1.0)
    )
    unlearnt = [arm for arm in asked if not is_learnt or arm not in met]
    history = _with_baseline_shown(history, experiment.baseline)
    starts = [
        _Start.of(name, table.get(name, {}), asked, unlearnt, variants, history)
        for name in (GLOBAL_SEGMENT, *segments)
    ]
    if not is_learnt:
        for start in starts:
            yield from start.policies(variants.guard, too_few(experiment))
        return
    learnt = {name: table[name] for name in segments if _is_met(table.get(name, {}), met)}
    learnt[GLOBAL_SEGMENT] = _without_segment(table, met)
    own = believe(
        learnt, met, baseline=experiment.baseline, is_better=better, design_effects=design_effects
    )
    others = any(counts.n for counts in learnt[GLOBAL_SEGMENT].values())
    for start in starts:
        segment = start.segment
        is_met = segment in own and (segment != GLOBAL_SEGMENT or others)
        level = "segment" if is_met and segment != GLOBAL_SEGMENT else "global"
        where = of_whom(segment, experiment, is_met=is_met)
        beliefs = own[segment] if is_met else _of_others(own[GLOBAL_SEGMENT])
        beliefs = judged_anew(
            beliefs, {arm: history.since.get((segment, arm)) for arm in beliefs},
            baseline=experiment.baseline, is_better=better,
            design_effect=design_effects.get(segment, 1.0),
        )  # fmt: skip
        is_many = _are_many(learnt[segment if is_met else GLOBAL_SEGMENT], met)
        for policy in _believed(start, beliefs, variants, history=history, is_many=is_many):
            reason = f"{policy.reason}, {where}"
            yield replace(policy, fallback_level=level, reason=reason)
        yield from start.policies(variants.guard, not_met(experiment))


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


def _of_others(beliefs: Mapping[str, ArmBelief]) -> Mapping[str, ArmBelief]:
    """For a segment that did not meet two arms: what others did there pauses nothing here."""
    return {arm: replace(belief, p_harmful_alone=None) for arm, belief in beliefs.items()}


def _are_many(counts: Mapping[str, Counts], arms: Sequence[str]) -> bool:
    """Whether how sure we are may be told in numbers: those of few would tell what they did."""
    sizes = [counts[arm].n for arm in arms if arm in counts]
    return all(n >= FEWEST_HERE for n in sizes if n)


def _arms(table: Table, experiment: Experiment, history: History) -> Sequence[str]:
    """Those that are meant to be shown: a name in the events alone may be an old or a wrong one.

    Where no shares are given those that people met, and those that were paused as they did.
    """
    met = {arm for counts in table.values() for arm in counts} | {a for _, a in history.standings}
    known = set(experiment.shares) or met
    return sorted((known | {experiment.baseline}) - {experiment.held_out, HELD_OUT})


@dataclass(frozen=True, slots=True)
class _Start:
    """How the arms of one segment are shown before anything is learnt of them.

    Attributes:
        segment: Its name.
        counts: By arm.
        standings: Of the arms of which nothing is believed.
        shares: Of all arms, together 1.
    """

    segment: str
    counts: Mapping[str, Counts]
    standings: Mapping[str, Standing]
    shares: Mapping[str, float]

    @classmethod
    def of(
        cls,
        segment: str,
        counts: Mapping[str, Counts],
        asked: Mapping[str, float],
        unlearnt: Sequence[str],
        variants: Variants,
        history: History,
    ) -> _Start:
        """Of all arms; those of ``unlearnt`` stand as they stood."""
        standings = {
            arm: unjudged(
                history.standings.get((segment, arm), _SHOWN), variants.guard, now=history.now
            )
            for arm in unlearnt
        }
        states = {arm: standing.state for arm, standing in standings.items()}
        return cls(segment, counts, standings, start_shares(asked, states, variants))

    @property
    def left(self) -> float:
        """What the arms of which something is believed are shown to together."""
        return 1 - sum(self.shares[arm] for arm in self.standings)

    def policies(self, guard: Guard | None, reason: str) -> Iterator[ArmPolicy]:
        """Of the arms of which nothing is believed; ``reason``: of those that are just shown."""
        for arm, standing in self.standings.items():
            found = self.counts.get(arm, Counts(0, 0))
            told = why(NOTHING_KNOWN, standing, guard, is_many=False)
            yield ArmPolicy(
                self.segment, arm, self.shares[arm], found.n, found.converted, None, None, None,
                "uniform", reason if standing.state == "shown" else told, standing=standing,
            )  # fmt: skip


def _says_something(arm: str, whole: Mapping[str, Counts], experiment: Experiment) -> bool:
    """Whether so many met an arm that a few of them do not decide what everybody is shown."""
    fewest = 1 if arm == experiment.baseline else FEWEST_HERE
    return whole.get(arm, Counts(0, 0)).n >= fewest


def _with_baseline_shown(history: History, baseline: str) -> History:
    """What others are compared with is shown, even if it was paused as one of them."""
    standings = {
        cell: Standing(pauses=before.pauses) if cell[1] == baseline else before
        for cell, before in history.standings.items()
    }
    return replace(history, standings=standings)


def _believed(
    start: _Start,
    beliefs: Mapping[str, ArmBelief],
    variants: Variants,
    *,
    history: History,
    is_many: bool,
) -> Iterator[ArmPolicy]:
    segment, counts = start.segment, start.counts
    guard, floor = variants.guard, min(variants.floor, start.left / len(beliefs))
    before = {arm: history.standings.get((segment, arm), _SHOWN) for arm in beliefs}
    standings = {
        arm: next_standing(before[arm], belief, guard, now=history.now)
        for arm, belief in beliefs.items()
    }
    states = {arm: standing.state for arm, standing in standings.items()}
    tried = [arm for arm, state in states.items() if state == "on_trial"]
    shares = probabilities(
        beliefs,
        floor=floor,
        paused=[arm for arm, state in states.items() if state == "paused"],
        paused_share=min(guard.paused_share, floor) if guard else 0.0,
        at_least=dict.fromkeys(tried, guard.trial_share) if guard else {},
        left=start.left,
    )
    for arm, belief in beliefs.items():
        found, standing = counts.get(arm, Counts(0, 0)), standings[arm]
        # What was known before its trial is judged no more, and would be told as if it were.
        is_new = standing.judged_from != before[arm].judged_from
        told = replace(belief, p_harmful_alone=None) if is_new else belief
        yield ArmPolicy(
            segment, arm, shares[arm], found.n, found.converted, belief.effect, belief.p_best,
            belief.p_harmful, "segment", why(told, standing, guard, is_many=is_many),
            told.p_harmful_alone, standing,
        )  # fmt: skip


def _row(policy: ArmPolicy, variants: Variants) -> dict[str, object]:
    standing = policy.standing
    names = set(ArmPolicy.__slots__) - {"standing"}
    return {name: getattr(policy, name) for name in names} | {
        "state": standing.state,
        "withheld_since": standing.since,
        "judged_from": standing.judged_from,
        "pauses": standing.pauses,
        "tried_again_at": tried_again_at(standing, variants.guard) if variants.guard else None,
    }
