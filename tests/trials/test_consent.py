"""Consent through the dbt project's own SQL, against an oracle that reads one decision after another."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from tests.dbt_project.project import Company, Project, failures, parse, run_dbt
from warehouse import DuckDBWarehouse, TableName

STREAMS = {"sample": 400, "full": 10_000}
SEED = 20
START = datetime.fromisoformat("2026-01-01")
# Few moments, so that decisions fall together and come in out of order.
DAYS = [START + timedelta(days=day) for day in range(8)]
LOADS = [START + timedelta(days=day, hours=3) for day in range(0, 12, 2)]
PURPOSES = ("advertising", "analytics")
NEVER = datetime.max  # noqa: DTZ901 - the warehouse's times bear no zone either

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was said under one or several names, and when this became known."""

    subjects: tuple[str, ...]
    purpose: str
    is_granted: bool
    said: datetime
    learnt: datetime


@dataclass(frozen=True, slots=True)
class Stream:
    """All decisions of one person; those that share no name, however indirectly, are a merge."""

    person: str
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """One row of the history."""

    status: str
    said: tuple[datetime, datetime]
    known: tuple[datetime, datetime]

    def holds(self, at: datetime, known: datetime) -> bool:
        return self.said[0] <= at < self.said[1] and self.known[0] <= known < self.known[1]


def make_streams(count: int) -> list[Stream]:
    chance = random.Random(SEED)
    return [Stream(f"p{n}", tuple(_decisions(chance, n))) for n in range(count)]


def _decisions(chance: random.Random, number: int) -> Iterator[Decision]:
    kinds = chance.sample(["record", "email", "device", "record2"], chance.randint(1, 4))
    for _ in range(chance.randint(1, 8)):
        said = chance.choice(DAYS)
        late = chance.choice(LOADS)
        one = Decision(
            _names(chance, kinds, number),
            chance.choice(PURPOSES),
            chance.random() < 0.5,
            said,
            max(late, said) if chance.random() < 0.9 else late,
        )
        yield one
        while chance.random() < 0.2:  # told again, in the same load or in another
            yield Decision(one.subjects, one.purpose, one.is_granted, said, chance.choice(LOADS))


def _names(chance: random.Random, kinds: Sequence[str], number: int) -> tuple[str, ...]:
    """Mostly one name; a decision has room for one record, one address and one device."""
    some = chance.sample(kinds, min(len(kinds), chance.choice((1, 1, 1, 2, 3))))
    if {"record", "record2"} <= set(some):
        some.remove("record2")
    return tuple(f"{kind} {number}" for kind in some)


def stricter(streams: Sequence[Stream]) -> list[Stream]:
    """The same streams in the same order, each of another person and with one denial more."""
    chance = random.Random(SEED)
    return [_with_a_denial(chance, stream) for stream in streams]


def _with_a_denial(chance: random.Random, stream: Stream) -> Stream:
    """Under every name of a decision of the stream and some more, so that it meets others."""
    number = f"{stream.person.removeprefix('p')}b"
    renamed = [
        replace(one, subjects=tuple(f"{name}b" for name in one.subjects))
        for one in stream.decisions
    ]
    met = chance.choice(renamed)
    room = {"email", "device"} - {name.split()[0] for name in met.subjects}
    more = (f"{kind} {number}" for kind in sorted(room) if chance.random() < 0.5)
    denial = Decision(
        (*met.subjects, *more),
        met.purpose,
        is_granted=False,
        said=chance.choice(DAYS),
        learnt=chance.choice(LOADS),
    )
    return Stream(f"p{number}", (*renamed, denial))


# What is right, said as plainly as possible: look at every decision, for every question.


def answer(
    decisions: Sequence[Decision], rule: str, *, at: datetime, known: datetime
) -> str | None:
    """What held at ``at`` by what was known at ``known``; None where nothing had been said."""
    heard = [one for one in decisions if one.said <= at and one.learnt <= known]
    if not heard:
        return None
    if rule == "latest":
        last = max(one.said for one in heard)
        return "granted" if all(one.is_granted for one in heard if one.said == last) else "denied"
    denials = [one for one in heard if not one.is_granted]
    return "granted" if all(_is_lifted(one, heard) for one in denials) else "denied"


def _is_lifted(denial: Decision, heard: Sequence[Decision]) -> bool:
    later = {one.said for one in heard if one.said > denial.said}
    return any(_grants(name, said, heard) for name in denial.subjects for said in later)


def _grants(name: str, said: datetime, heard: Sequence[Decision]) -> bool:
    """Whether all that was said under the name at this moment, and something was, is a grant."""
    words = [one.is_granted for one in heard if one.said == said and name in one.subjects]
    return bool(words) and all(words)


def separate(decisions: Sequence[Decision]) -> list[list[Decision]]:
    """The consents that were merged: decisions that share a name, directly or by others."""
    groups: list[list[Decision]] = []
    for one in decisions:
        met = [
            group for group in groups if any(set(one.subjects) & set(two.subjects) for two in group)
        ]
        groups = [group for group in groups if group not in met]
        groups.append([one, *(two for group in met for two in group)])
    return groups


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(parse(tmp_path_factory.mktemp("parsed")))


@pytest.fixture(scope="module", params=["latest", "most_restrictive"])
def built(
    request: pytest.FixtureRequest, project: Project, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, list[Stream], Company]:
    streams = make_streams(STREAMS[request.config.getoption("--trials")])
    company = project.company(tmp_path_factory.mktemp("consents"))
    _store(company, [*streams, *stricter(streams)])
    variables = ("--vars", f"consent_merge: {request.param}")
    result = run_dbt(
        company, "build", *variables, "--exclude-resource-type", "unit_test",
        "--select", "+consent_current", "consent_periods_follow_each_other",
    )  # fmt: skip
    assert failures(result) == []
    return request.param, streams, company


def _store(company: Company, streams: Sequence[Stream]) -> None:
    events = [_row(one, f"{stream.person}-{number}") for stream in streams
              for number, one in enumerate(stream.decisions)]  # fmt: skip
    random.Random(SEED).shuffle(events)
    nodes = {(*_node(subject), stream.person) for stream in streams
             for one in stream.decisions for subject in one.subjects}  # fmt: skip
    names = ("source", "source_record_id", "person_id")
    members = [dict(zip(names, node, strict=True)) for node in sorted(nodes)]
    devices = [
        {"anonymous_id": row["source_record_id"], "person_id": row["person_id"], "is_shared": False}
        for row in members
        if row["source"] == "devices"
    ]
    with DuckDBWarehouse.open(company.path) as warehouse:
        for table, rows in (("consent_events", events), ("members", members), ("devices", devices)):
            schema = "raw" if table == "consent_events" else "identity"
            warehouse.append(TableName(schema, table), pa.Table.from_pylist(rows))


def _node(subject: str) -> tuple[str, str]:
    kind, number = subject.split()
    if kind == "email":
        return "emails", f"{number}@x.example"
    return ("devices", f"d{number}") if kind == "device" else (f"crm_{kind}", number)


def _row(one: Decision, event_id: str) -> dict[str, Any]:
    nodes = dict(_node(subject) for subject in one.subjects)
    source, record_id = next((n for n in nodes.items() if n[0].startswith("crm_")), (None, None))
    return {
        "consent_event_id": event_id,
        "subject_email": nodes.get("emails"),
        "anonymous_id": nodes.get("devices"),
        "person_source": source,
        "person_record_id": record_id,
        "purpose": one.purpose,
        "status": "granted" if one.is_granted else "denied",
        "occurred_at": one.said,
        "loaded_at": one.learnt,
    }


def history(company: Company) -> dict[Key, list[Period]]:
    found: dict[Key, list[Period]] = defaultdict(list)
    for row in company.read("select * from marts.consent_history"):
        found[row["person_id"], row["purpose"]].append(
            Period(
                row["status"],
                (row["valid_from"], row["valid_to"] or NEVER),
                (row["known_from"], row["known_to"] or NEVER),
            )
        )
    return found


def questions(streams: Sequence[Stream]) -> Iterator[tuple[Key, list[Decision]]]:
    for stream in streams:
        for purpose in PURPOSES:
            decisions = [one for one in stream.decisions if one.purpose == purpose]
            yield (stream.person, purpose), decisions


# The edges of everything that can change an answer.
INSTANT = timedelta(microseconds=1)
MOMENTS = [day + step for day in DAYS for step in (-INSTANT, timedelta(0))]
KNOWN = sorted(load + step for load in {*LOADS, *DAYS} for step in (-INSTANT, timedelta(0)))


@pytest.mark.slow
@pytest.mark.warehouse
@pytest.mark.timeout(1_200)
def test_every_question_has_one_answer_and_it_is_the_oracles(
    built: tuple[str, list[Stream], Company],
) -> None:
    rule, streams, company = built
    periods = history(company)

    wrong = [
        (key, at, known)
        for key, decisions in questions(streams)
        for at in MOMENTS
        for known in KNOWN
        if [one.status for one in periods[key] if one.holds(at, known)]
        != [status for status in [answer(decisions, rule, at=at, known=known)] if status]
    ]

    assert wrong == []


@pytest.mark.slow
@pytest.mark.warehouse
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("built", ["most_restrictive"], indirect=True)
def test_a_merge_of_consents_allows_no_more_than_each_of_them(
    built: tuple[str, list[Stream], Company],
) -> None:
    """By the other rule the newest decision holds, whoever of them took it."""
    rule, streams, company = built
    periods = history(company)

    wrong = [
        (key, at)
        for key, decisions in questions(streams)
        for at in MOMENTS
        if any(one.status == "granted" and one.holds(at, KNOWN[-1]) for one in periods[key])
        for consent in separate(decisions)
        if answer(consent, rule, at=at, known=KNOWN[-1]) == "denied"
    ]  # fmt: skip

    assert wrong == []


@pytest.mark.slow
@pytest.mark.warehouse
@pytest.mark.timeout(1_200)
def test_one_denial_more_never_allows_more(built: tuple[str, list[Stream], Company]) -> None:
    _, streams, company = built
    periods = history(company)

    def is_granted(key: Key, at: datetime, known: datetime) -> bool:
        return any(one.status == "granted" and one.holds(at, known) for one in periods[key])

    wrong = [
        (stream.person, purpose, at, known)
        for stream, more in zip(streams, stricter(streams), strict=True)
        for purpose in PURPOSES
        for at in MOMENTS
        for known in KNOWN
        if is_granted((more.person, purpose), at, known)
        and not is_granted((stream.person, purpose), at, known)
    ]

    assert wrong == []


@pytest.mark.slow
@pytest.mark.warehouse
@pytest.mark.timeout(1_200)
def test_what_holds_now_is_the_open_end_of_what_is_known_now(
    built: tuple[str, list[Stream], Company],
) -> None:
    rule, streams, company = built
    current = {
        (row["person_id"], row["purpose"]): row["status"]
        for row in company.read("select * from marts.consent_current")
    }

    expected = {key: answer(decisions, rule, at=DAYS[-1], known=KNOWN[-1])
                for key, decisions in questions([*streams, *stricter(streams)])}  # fmt: skip
    assert current == {key: status for key, status in expected.items() if status}
