"""Steps in order: random histories, judged by the engine and by trying every choice of events."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from typing import Any

import pyarrow as pa
import pytest

from audiences.catalogue import read_catalogue
from audiences.compile import compile_audiences
from tests.audiences.conftest import AS_OF, Company, audience
from warehouse import TableName

EVENTS = ("A", "B", "C")
PEOPLE = 300
# Half days, few of them: events fall together, and gaps are met exactly.
DAYS = [day / 2 for day in range(1, 20)]

History = list[tuple[str, float]]


def _histories(seed: int) -> dict[str, History]:
    chance = random.Random(seed)
    return {
        f"p{n}": [(chance.choice(EVENTS), chance.choice(DAYS)) for _ in range(chance.randint(0, 8))]
        for n in range(PEOPLE)
    }


def _sequence(chance: random.Random) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"event": chance.choice(EVENTS)}]
    for _ in range(chance.randint(1, 3)):
        near = {"within_days": chance.choice(DAYS)} if chance.random() < 0.6 else {}
        steps.append({"event": chance.choice(EVENTS), **near})
    sequence: dict[str, Any] = {"steps": steps}
    if chance.random() < 0.5:
        sequence["without"] = {"event": chance.choice(EVENTS)}
    if chance.random() < 0.5:
        near = {"within_days": chance.choice(DAYS)} if chance.random() < 0.5 else {}
        sequence["not_followed_by"] = {"event": chance.choice(EVENTS), **near}
    if chance.random() < 0.3:
        sequence["within_days"] = chance.randint(2, 9)
    return sequence


def _is_met(history: History, sequence: dict[str, Any]) -> bool:
    """Days count backwards: the later, the smaller."""
    within = sequence.get("within_days", 1_000)
    choices = [
        [days for event, days in history if event == step["event"] and days <= within]
        for step in sequence["steps"]
    ]
    return any(_is_good(chosen, history, sequence) for chosen in itertools.product(*choices))


def _is_good(chosen: tuple[float, ...], history: History, sequence: dict[str, Any]) -> bool:
    gaps = [step.get("within_days", 1_000) for step in sequence["steps"][1:]]
    pairs = list(itertools.pairwise(chosen))
    if not all(0 < one - other <= gap for (one, other), gap in zip(pairs, gaps, strict=True)):
        return False
    without = sequence.get("without", {"event": None})["event"]
    # What is done at the very moment of a step lies beside it, not in between.
    if any(
        event == without and any(other < days < one for one, other in pairs)
        for event, days in history
    ):
        return False
    never = sequence.get("not_followed_by", {"event": None})
    reach = never.get("within_days", 1_000)
    return not any(
        event == never["event"] and 0 < chosen[-1] - days <= reach for event, days in history
    )


def _company(histories: dict[str, History]) -> Company:
    company = Company()
    warehouse = company.warehouse
    warehouse.append(
        TableName("marts", "profiles"), pa.table({"person_id": pa.array(list(histories))})
    )
    rows = [
        {"person_id": person, "event": event, "occurred_at": AS_OF - dt.timedelta(days=days)}
        for person, history in histories.items()
        for event, days in history
    ]
    warehouse.append(TableName("marts", "events"), pa.Table.from_pylist(rows))
    return company


@pytest.mark.parametrize("seed", range(3))
def test_the_engine_finds_the_same_people_as_trying_every_choice(seed: int) -> None:
    histories = _histories(seed)
    company = _company(histories)
    chance = random.Random(seed)
    sequences = [_sequence(chance) for _ in range(25)]
    audiences = [audience({"sequence": s}, key=f"s{n}") for n, s in enumerate(sequences)]

    plan = compile_audiences(audiences, read_catalogue(company.warehouse), as_of=AS_OF)
    company.warehouse.execute(f"create temp table facts as {plan.facts}", plan.parameters)

    sizes = []
    for planned, sequence in zip(plan.audiences, sequences, strict=True):
        found = company.warehouse.read(f"select person_id from facts where {planned.matches}")
        expected = {person for person, history in histories.items() if _is_met(history, sequence)}
        assert set(found["person_id"].to_pylist()) == expected, sequence
        sizes.append(len(expected))
    assert sum(0 < size < PEOPLE for size in sizes) > 15


def test_steps_at_one_moment_do_not_follow_each_other() -> None:
    company = _company({"ann": [("A", 3), ("B", 3)]})
    wanted = audience({"sequence": {"steps": [{"event": "A"}, {"event": "B"}]}})

    plan = compile_audiences([wanted], read_catalogue(company.warehouse), as_of=AS_OF)

    found = company.warehouse.read(
        f"select * from ({plan.facts}) where {plan.audiences[0].matches}", plan.parameters
    )
    assert found.num_rows == 0


def test_a_sequence_reads_the_events_once_however_many_there_are() -> None:
    company = _company({"ann": [("A", 3)]})
    steps = [{"event": "A"}, {"event": "B"}, {"event": "C"}]
    audiences = [
        audience({"sequence": {"steps": steps, "within_days": days}}, key=f"s{days}")
        for days in range(1, 9)
    ]

    plan = compile_audiences(audiences, read_catalogue(company.warehouse), as_of=AS_OF)

    assert plan.facts.count('"marts"."events"') == 1
