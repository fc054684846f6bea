"""Steps in order as SQL: the latest good predecessor decides, so one ordered pass a step is enough.

A step is good when it comes later than a good one of the step before, near enough, with nothing
forbidden in between. The latest such predecessor is also the nearest and the one with the least in
between: if it does not do, none does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audiences.catalogue import EVENTS

# Times of events are exact to the microsecond; what happens at one moment has no order.
_EARLIER = "range between unbounded preceding and interval 1 microsecond preceding"
_LATER = "range between interval 1 microsecond following and unbounded following"


@dataclass(frozen=True, slots=True)
class CompiledSequence:
    """One sequence whose tests are SQL conditions over ``events``.

    Attributes:
        name: Column for how often its last step was reached.
        steps: What each step tests.
        gaps: Of each step after the first, most microseconds since the one before; None: any.
        without: What must not lie in between; None: anything may.
        never: What must not follow; None: anything may.
        never_gap: For how many microseconds it must not; None: for ever.
    """

    name: str
    steps: tuple[str, ...]
    gaps: tuple[str | None, ...]
    without: str | None
    never: str | None
    never_gap: str | None


def sequences_sql(sequences: Sequence[CompiledSequence]) -> str:
    """Query for person_id and the column of each sequence; the events are read once for all."""
    rows = _candidates(sequences)
    for step in range(2, max(len(sequence.steps) for sequence in sequences) + 1):
        rows = _step([s for s in sequences if len(s.steps) >= step], step, rows)
    counts = ", ".join(
        f"count(*) filter (where {_is_done(sequence)}) as {sequence.name}" for sequence in sequences
    )
    return f"select person_id, {counts} from ({_ends(sequences, rows)}) group by person_id"


def _candidates(sequences: Sequence[CompiledSequence]) -> str:
    """The events that any step or exclusion speaks of, and of which each speaks."""
    tests = {name: test for sequence in sequences for name, test in _tests(sequence).items()}
    columns = ", ".join(f"coalesce({test}, false) as {name}" for name, test in tests.items())
    return f"""
        select * from (
            select events.person_id, events.occurred_at, {columns}
            from {EVENTS.sql} as events, known
            where events.person_id is not null
                and not coalesce(events.is_bot, false)
                and events.occurred_at < known.as_of
        )
        where {" or ".join(tests)}
    """


def _tests(sequence: CompiledSequence) -> dict[str, str]:
    tests = {f"{sequence.name}_{n}": test for n, test in enumerate(sequence.steps, 1)}
    extra = {"without": sequence.without, "never": sequence.never}
    return tests | {f"{sequence.name}_{name}": test for name, test in extra.items() if test}


def _step(sequences: Sequence[CompiledSequence], step: int, rows: str) -> str:
    """Judge one step of each sequence by what came before."""
    looked_up = [f"{_last(f'{s.name}_{step - 1}')} as {s.name}_before{step}" for s in sequences]
    if step == 2:
        looked_up += [
            f"{_last(f'{s.name}_without')} as {s.name}_barred" for s in sequences if s.without
        ]
    good = ", ".join(f"{_is_good(s, step)} as {s.name}_{step}" for s in sequences)
    return f"""
        select * replace ({good})
        from (
            select *, {", ".join(looked_up)} from ({rows})
            window earlier as (partition by person_id order by occurred_at {_EARLIER})
        )
    """


def _last(flag: str) -> str:
    return f"max(case when {flag} then occurred_at end) over earlier"


def _is_good(sequence: CompiledSequence, step: int) -> str:
    before = f"{sequence.name}_before{step}"
    tests = [f"{sequence.name}_{step}", f"{before} is not null"]
    gap = sequence.gaps[step - 2]
    if gap is not None:
        tests.append(f"occurred_at <= {before} + to_microseconds({gap})")
    if sequence.without:
        tests.append(f"({sequence.name}_barred is null or {sequence.name}_barred <= {before})")
    return f"coalesce({' and '.join(tests)}, false)"


def _ends(sequences: Sequence[CompiledSequence], rows: str) -> str:
    """Look for what must not follow, where anything must not."""
    looked_up = ", ".join(
        f"min(case when {s.name}_never then occurred_at end) over later as {s.name}_next"
        for s in sequences
        if s.never
    )
    if not looked_up:
        return rows
    return f"""
        select *, {looked_up} from ({rows})
        window later as (partition by person_id order by occurred_at {_LATER})
    """


def _is_done(sequence: CompiledSequence) -> str:
    last = f"{sequence.name}_{len(sequence.steps)}"
    if not sequence.never:
        return last
    following = f"{sequence.name}_next"
    if sequence.never_gap is None:
        return f"{last} and {following} is null"
    end = f"occurred_at + to_microseconds({sequence.never_gap})"
    return f"{last} and ({following} is null or {following} > {end})"
