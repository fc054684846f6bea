"""What experiments and hold-outs can tell with so many persons. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import sqrt

from measurement import FEWEST_UNITS, GLOBAL_SEGMENT, Counts, Experiment, Holdout, Sample
from measurement.lift import FEWEST, smallest_difference
from personalization.readiness import (
    FULL,
    HYBRID,
    NOT_YET,
    RULES,
    Before,
    Capability,
    Need,
    judge_level,
)
from personalization.readiness_facts import WINDOW_DAYS, Facts, OutcomeFact
from personalization.variants import FEWEST_CONVERTED, FEWEST_PERSONS
from settings import counted

Table = Mapping[str, Mapping[str, Counts]]
# Persons, or where companies are drawn these.
Arms = Mapping[str, Counts | Sample]
Designs = Mapping[str, Mapping[str, float]]
_DRAWN_ALONE: Designs = {}
_NOTHING = "nothing yet, not even that nobody or everybody does it"
# A hold-out by the persons of a month: a small company must hold out more to see anything.
SHARES = ((20_000, 0.20), (200_000, 0.10), (10**12, 0.05))
# A relative effect that is worth waiting for.
WORTH = 0.30


def judge_hero(
    experiments: Mapping[str, Experiment],
    tables: Mapping[str, Table],
    facts: Facts,
    before: Before,
    *,
    designs: Designs = _DRAWN_ALONE,
) -> Iterator[Capability]:
    """Each experiment with variants: shown as at its start, by what all do, or by segment.

    Args:
        experiments: By key.
        tables: Persons of each, by segment and arm.
        facts: What there is.
        before: The levels of the last time.
        designs: By experiment and segment, how many persons say as much as one who was drawn alone.
    """
    shared = {key: one for key, one in experiments.items() if one.variants}
    for key, experiment in shared.items():
        table = _effective(tables[key], designs.get(key, {}))
        arms = _arms(table.get(GLOBAL_SEGMENT, {}), experiment)
        met = sum(c.n for c in _arms(tables[key].get(GLOBAL_SEGMENT, {}), experiment).values())
        persons, converted = _second(arms, "n"), _second(arms, "converted")
        alone = sum(counts.n for counts in arms.values())
        variants = counted(len(arms), "variants")
        have = f"{counted(met, 'persons')} met {variants}{_as_many(met, alone)}"
        needs = [
            Need(persons, "persons in a second variant", FEWEST_PERSONS, FEWEST_PERSONS),
            Need(converted, "conversions in a second variant", FEWEST_CONVERTED, FEWEST_CONVERTED),
        ]
        level, missing = judge_level(needs, before.get(("hero", key)))
        if level == FULL and not _ready_segments(table, experiment):
            level, missing = HYBRID, _missing_in_segments(table, experiment)
        reach = min(met, facts["active_30"])
        yield Capability("hero", key, level, have, missing, reach)
    if not shared:
        level = RULES if facts["active_30"] else NOT_YET
        missing = ("no experiment with variants in experiments.yml",)
        yield Capability("hero", "", level, "no variants are shown", missing, 0)


def judge_segments(
    experiments: Mapping[str, Experiment], tables: Mapping[str, Mapping[str, Arms]]
) -> Iterator[Capability]:
    """Each experiment with segments: hidden, some segments told, or all of them."""
    for key, experiment in experiments.items():
        if not experiment.segments:
            continue
        names = [segment.name for segment in experiment.segments]
        missing = tuple(
            f"segment {name}, arm {arm}: needs {counted(more, f'more {what}')}"
            for name in names
            for arm, more, what in _too_few(tables[key].get(name, {}), experiment)
        )
        told = [name for name in names if not any(f"segment {name}," in m for m in missing)]
        level = FULL if told == names else HYBRID if told else RULES
        have = (
            "enough persons with and without the outcome in "
            f"{len(told)} of {counted(len(names), 'segments')}"
        )
        reach = sum(counts.n for counts in tables[key].get(GLOBAL_SEGMENT, {}).values())
        yield Capability("segments", key, level, have, missing, reach)
    if not any(experiment.segments for experiment in experiments.values()):
        yield Capability(
            "segments", "", NOT_YET, "no experiment with segments", ("none in experiments.yml",)
        )


def judge_holdout(facts: Facts, holdout: Holdout | None) -> Iterator[Capability]:
    """What the hold-out, or one of the usual size, could detect within 90 days, by outcome."""
    active = facts["granted_90"]
    share = holdout.share if holdout else holdout_share(facts["granted_30"])
    came_back = OutcomeFact(
        "came back on another day", facts["came_back"], facts.came_back_design_effect
    )
    for outcome in (came_back, *facts.outcomes):
        alone = round(active / outcome.design_effect)
        have = (
            f"{outcome.persons:,} of {counted(active, 'persons')} who granted personalization, active "
            f"in {WINDOW_DAYS} days: {outcome.name}{_as_many(active, alone)}"
        )
        least = detectable(active, outcome.persons, share, design_effect=outcome.design_effect)
        if least is None:
            nothing = (_why_nothing(active, outcome.persons),)
            yield Capability("holdout", outcome.name, NOT_YET, have, nothing, active)
            continue
        half = (
            detectable(active, outcome.persons, 0.5, design_effect=outcome.design_effect) or least
        )
        level = FULL if least <= WORTH else HYBRID if half <= WORTH else RULES
        rate = outcome.persons / active
        found = f"{_percent(least)} or more" if _can_be(least, rate) else _NOTHING
        told = f"a hold-out of {share:.0%} can detect {found}"
        missing: tuple[str, ...] = (_more_persons(active, least),)
        if _can_be(half, rate):
            missing = (f"with half of all held out it would be {_percent(half)}", *missing)
        missing = missing if level != FULL else ()
        yield Capability("holdout", outcome.name, level, f"{have}; {told}", missing, active)


def holdout_share(monthly: int) -> float:
    """The usual hold-out for so many persons a month who can be held out."""
    return next(share for most, share in SHARES if monthly < most)


def detectable(
    persons: int, converted: int, share: float, *, design_effect: float = 1.0
) -> float | None:
    """Smallest relative effect seen in 8 of 10 cases; None where it cannot be said.

    Args:
        persons: In both arms together.
        converted: Of these, with the outcome.
        share: Held out, 0..1.
        design_effect: How many persons say as much as one who was drawn alone.
    """
    held_out = round(persons * share)
    if not converted or converted >= persons or not held_out or held_out == persons:
        return None
    rate = converted / persons
    alone = smallest_difference(rate, (persons - held_out, held_out)) / rate
    return alone * sqrt(design_effect)


def _why_nothing(active: int, converted: int) -> str:
    """Why it cannot be said what a hold-out would detect."""
    if not active:
        return f"nobody who granted personalization was active in {WINDOW_DAYS} days"
    if 0 < converted < active:
        return f"{counted(active, 'persons')} are too few to hold any out"
    return f"nobody or everybody did it among {counted(active, 'persons')}"


def _can_be(relative: float, rate: float) -> bool:
    """Whether an effect can be so large: nobody does less than nothing, nor more than everybody."""
    return relative <= max(1, 1 / rate - 1)


def _more_persons(persons: int, least: float) -> str:
    """The error falls with the square root of the number of persons."""
    more = round(persons * ((least / WORTH) ** 2 - 1))
    persons_who = counted(more, "more active persons who granted")
    return f"needs {persons_who} to detect {_percent(WORTH)}"


def _effective(table: Table, designs: Mapping[str, float]) -> Table:
    """As many persons as would say as much, had each been drawn alone."""
    return {
        segment: {
            arm: Counts(int(found.n / design), int(found.converted / design))
            for arm, found in arms.items()
        }
        for segment, arms in table.items()
        for design in [designs.get(segment, 1.0)]
    }


def _as_many(persons: int, alone: int) -> str:
    return "" if alone >= persons else f", who say as much as {alone:,} drawn alone"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _arms(counts: Mapping[str, Counts], experiment: Experiment) -> dict[str, Counts]:
    return {arm: found for arm, found in counts.items() if arm != experiment.held_out}


def _second(arms: Mapping[str, Counts], name: str) -> int:
    """The second largest count: two arms must have enough."""
    found: Sequence[int] = sorted((getattr(counts, name) for counts in arms.values()), reverse=True)
    return found[1] if len(found) > 1 else 0


def _ready_segments(table: Table, experiment: Experiment) -> list[str]:
    return [
        segment.name
        for segment in experiment.segments
        if _second(_arms(table.get(segment.name, {}), experiment), "n") >= FEWEST_PERSONS
        and _second(_arms(table.get(segment.name, {}), experiment), "converted") >= FEWEST_CONVERTED
    ]


def _missing_in_segments(table: Table, experiment: Experiment) -> tuple[str, ...]:
    if not experiment.segments:
        return ("no segments in experiments.yml: all persons are shown the same shares",)
    found = []
    for segment in experiment.segments:
        arms = _arms(table.get(segment.name, {}), experiment)
        more = FEWEST_CONVERTED - _second(arms, "converted")
        if more > 0:
            needed = counted(more, "more conversions in a second variant")
            found.append(f"segment {segment.name}: needs {needed}")
    return tuple(found)


def _too_few(arms: Arms, experiment: Experiment) -> Iterator[tuple[str, int, str]]:
    """Arms of a segment that cannot be judged, and what they lack."""
    drawn = "companies" if experiment.unit == "account" else "persons"
    for arm in sorted({*arms, experiment.baseline}):
        counts = arms.get(arm, Counts(0, 0))
        if isinstance(counts, Sample):
            if counts.units < FEWEST_UNITS:
                yield arm, FEWEST_UNITS - counts.units, drawn
            elif counts.with_outcome < FEWEST:
                yield arm, FEWEST - counts.with_outcome, f"{drawn} with the outcome"
        elif counts.converted < FEWEST:
            yield arm, FEWEST - counts.converted, "persons with the outcome"
        elif counts.n - counts.converted < FEWEST:
            yield arm, FEWEST - counts.n + counts.converted, "persons without it"
