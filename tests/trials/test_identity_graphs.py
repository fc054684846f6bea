"""Random identity graphs: any identifier of a person leads to the same rows, and to nobody else's."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pytest

import identity.inventory
import ingestion.inventory
import privacy.inventory
from privacy import (
    ErasureContext,
    ErasurePlan,
    KeyRing,
    SubjectRequest,
    Suppressions,
    plan_erasure,
    table_locations,
)
from privacy.plan import distinct_keys, keys_of
from warehouse import DuckDBWarehouse, Table, Warehouse

GRAPHS = {"sample": 10, "full": 200}
MOST_PERSONS = 7
NOW = dt.datetime.fromisoformat("2026-04-06T09:30")
LONG_AGO = dt.datetime.fromisoformat("2025-01-01")
SOURCES = ("crm", "billing", "support")
FILLED = (
    "identity.persons", "identity.members", "identity.members_history", "identity.identifiers",
    "identity.devices", "raw.person_records", "raw.events",
)  # fmt: skip
TABLES = (*identity.inventory.TABLES, *ingestion.inventory.TABLES, *privacy.inventory.TABLES)
# Rows whose erasure is judged; others speak of persons by their ids alone.
JUDGED = {"raw.person_records": "source_record_id", "raw.events": "event_id"}

Key = tuple[str, str]


@dataclass
class Person:
    """Somebody, with what is theirs alone.

    Attributes:
        person_id: The id of today.
        keys: By which their rows are found, and no other's.
        names: What names them and nobody else: type and value, as a request gives it.
        records: Ids of their records.
    """

    person_id: str
    keys: set[Key] = field(default_factory=set)
    names: list[tuple[str, str]] = field(default_factory=list)
    records: list[tuple[str, str]] = field(default_factory=list)


class Graph:
    """Persons of one company and the tables that tell of them; what is made here is the truth."""

    def __init__(self, seed: int) -> None:
        self.seed, self.chance = seed, random.Random(seed)
        self.rows: dict[str, list[dict[str, object]]] = {name: [] for name in FILLED}
        self.owners: dict[tuple[str, str], frozenset[str]] = {}
        self.vague: list[tuple[str, str]] = []
        self._number = seed * 10_000
        self.persons = [self._person() for _ in range(self.chance.randint(3, MOST_PERSONS))]
        for share in (self._share_value, self._share_device, self._reuse_id, self._split):
            for _ in range(self.chance.randint(0, 2)):
                share()

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _person(self) -> Person:
        person = Person(f"p_{self._next():012}")
        self._add("identity.persons", person_id=person.person_id, status="active")
        person.keys.add(("person_id", person.person_id))
        self._merge_into(person)
        for _ in range(self.chance.randint(1, 4)):
            self._record(person)
        users = [self._user(person) for _ in range(self.chance.randint(0, 2))]
        for _ in range(self.chance.randint(0, 3)):
            self._device(person, self.chance.choice([None, *users]))
        return person

    def _merge_into(self, person: Person) -> None:
        """Ids of persons who became one with this one, some by way of another."""
        into = person.person_id
        for _ in range(self.chance.randint(0, 3)):
            earlier = f"p_{self._next():012}"
            self._add("identity.persons", person_id=earlier, status="merged", merged_into=into)
            person.keys.add(("person_id", earlier))
            into = self.chance.choice([into, earlier])

    def _record(self, person: Person) -> None:
        source, record_id = self.chance.choice(SOURCES), f"R{self._next():09}"
        self._node(person, source, record_id)
        person.records.append((source, record_id))
        person.names += [("source_record", f"{source}|{record_id}"),
                         ("controller_customer_id", record_id)]  # fmt: skip
        row = self._row(person, "raw.person_records", record_id)
        row |= {"source": source, "source_record_id": record_id}
        for kind in ("email", "phone"):
            if self.chance.random() < 0.7:
                value = self._value(kind)
                row[kind] = value
                self._hold(person, (source, record_id), kind, value)
                person.keys.add((kind, value))
                person.names.append((kind, value))
                self._maybe_event(person, kind, value)

    def _maybe_event(self, person: Person, kind: str, value: str) -> None:
        """Addresses that events tell stand in the graph by themselves too."""
        if kind == "email" and self.chance.random() < 0.5:
            self._node(person, "emails", value)
            self._event({person.person_id}, email=value)

    def _user(self, person: Person) -> str:
        """A sign-in; the id of a record of the CRM is often the user's."""
        ours = [record for source, record in person.records if source == "crm"]
        user_id = self.chance.choice([f"U{self._next():09}", *ours])
        if ("user_id", user_id) not in person.keys:
            self._node(person, "users", user_id)
            self._hold(person, ("users", user_id), "user_id", user_id)
            person.keys.add(("user_id", user_id))
            person.names.append(("user_id", user_id))
            self._event({person.person_id}, user_id=user_id)
        return user_id

    def _device(self, person: Person, user_id: str | None) -> None:
        device, before = f"d-{self._next():09}-device", f"p_{self._next():012}"
        self._node(person, "devices", device)
        self._add(
            "identity.devices", anonymous_id=device, person_id=person.person_id, is_shared=False
        )
        person.keys.add(("anonymous_id", device))
        person.names.append(("anonymous_id", device))
        if self.chance.random() < 0.5:  # what it was before the first sign-in
            self._add("identity.persons", person_id=before, status="retired")
            self._add("identity.devices", anonymous_id=device, person_id=before, is_shared=False)
            self._past("devices", device, before)
            person.keys.add(("person_id", before))
        for told in (None, user_id):
            self._event({person.person_id}, anonymous_id=device, user_id=told)

    def _share_value(self) -> None:
        """An address or number of a household, or of a department: seen as shared, or not yet."""
        kind = self.chance.choice(["email", "phone"])
        value, is_shared = self._value(kind), self.chance.random() < 0.7
        holders = self.chance.sample(self.persons, self.chance.randint(2, len(self.persons)))
        for person in holders:
            self._hold(person, self.chance.choice(person.records), kind, value, is_shared=is_shared)
        if kind == "email":
            self._event(set(), email=value)
        self.vague.append((kind, value))

    def _share_device(self) -> None:
        """A tablet in the kitchen: who signs in is known, whose the rest is nobody knows."""
        device = f"d-{self._next():09}-shared"
        self._add("identity.devices", anonymous_id=device, person_id=None, is_shared=True)
        for person in self.chance.sample(self.persons, 2):
            for user_id in [value for kind, value in sorted(person.keys) if kind == "user_id"]:
                self._hold(person, ("users", user_id), "anonymous_id", device, is_shared=True)
                self._event({person.person_id}, anonymous_id=device, user_id=user_id)
        self._event(set(), anonymous_id=device)

    def _reuse_id(self) -> None:
        """Two sources number their records alike."""
        one, other = self.chance.sample(self.persons, 2)
        source, record_id = self.chance.choice(one.records)
        elsewhere = self.chance.choice([name for name in SOURCES if name != source])
        if ("controller_customer_id", record_id) in self.vague:
            return
        self._node(other, elsewhere, record_id)
        other.names.append(("source_record", f"{elsewhere}|{record_id}"))
        for person in self.persons:
            person.names = [n for n in person.names if n != ("controller_customer_id", record_id)]
        self.vague.append(("controller_customer_id", record_id))

    def _split(self) -> None:
        """Records that once stood under a person who is another one today."""
        one, other = self.chance.sample(self.persons, 2)
        self._past(*self.chance.choice(one.records), other.person_id)
        if self.chance.random() < 0.5:  # both were somebody who is nobody today: an id of each
            former = f"p_{self._next():012}"
            self._add("identity.persons", person_id=former, status="retired")
            for person in (one, other):
                self._past(*self.chance.choice(person.records), former)
                person.keys.add(("person_id", former))

    def _value(self, kind: str) -> str:
        number = self._next()
        if kind == "email":
            return f"somebody{number}@mail{number % 7}.example"
        return f"+1206{200 + number // 10_000 % 800}{number % 10_000:04}"

    def _node(self, person: Person, source: str, record_id: str) -> None:
        self._add("identity.members", source=source, source_record_id=record_id,
                  person_id=person.person_id)  # fmt: skip
        self._past(source, record_id, person.person_id)
        person.keys.add(("source_record", f"{source}|{record_id}"))

    def _hold(
        self,
        person: Person,
        node: tuple[str, str],
        kind: str,
        value: str,
        *,
        is_shared: bool = False,
    ) -> None:
        assert ("source_record", "|".join(node)) in person.keys
        self._add("identity.identifiers", source=node[0], source_record_id=node[1],
                  identifier_type=kind, identifier_value=value, is_shared=is_shared)  # fmt: skip

    def _past(self, source: str, record_id: str, person_id: str) -> None:
        self._add("identity.members_history", source=source, source_record_id=record_id,
                  person_id=person_id, valid_from=LONG_AGO)  # fmt: skip

    def _event(self, owners: set[str], **told: object) -> None:
        event_id = f"e{self._next()}"
        self._add("raw.events", event_id=event_id, **told)
        self.owners["raw.events", event_id] = frozenset(owners)

    def _row(self, person: Person, table: str, row_id: str) -> dict[str, object]:
        self.rows[table].append({})
        self.owners[table, row_id] = frozenset({person.person_id})
        return self.rows[table][-1]

    def _add(self, table: str, **values: object) -> None:
        self.rows[table].append(values)


@dataclass(frozen=True)
class World:
    """Many graphs in one warehouse; no two have anything in common."""

    graphs: list[Graph]
    context: ErasureContext

    def with_person(self, number: int) -> list[tuple[Graph, Person]]:
        """The person of this number of every graph that has so many."""
        return [(g, g.persons[number]) for g in self.graphs if number < len(g.persons)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> World:
    graphs = [Graph(seed) for seed in range(GRAPHS[request.config.getoption("--trials")])]
    engine = DuckDBWarehouse.in_memory()
    engine.create_missing(TABLES)
    _fill(engine, graphs)
    return World(graphs, _context(engine, tmp_path_factory.mktemp("home")))


@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("number", range(MOST_PERSONS))
def test_any_identifier_gives_the_same_plan_and_nobody_elses(world: World, number: int) -> None:
    """One person of each graph asks, under every name; what they hold together is nobody's else."""
    asked = [
        (_request(100 * graph.seed + place, *given), person)
        for graph, person in world.with_person(number)
        for place, given in enumerate(dict.fromkeys(_given(graph.chance, person)))
    ]

    plans, blocked = plan_erasure([request for request, _ in asked], world.context)

    assert blocked == {}
    wrong = [
        (plan.subject_request_id, request.subject_identities[0].identity_type)
        for plan, (request, person) in zip(plans, asked, strict=True)
        if set(plan.keys) != person.keys
    ]
    assert wrong == []
    assert _erased(plans, world.context) == {
        row
        for graph, person in world.with_person(number)
        for row, owners in graph.owners.items()
        if owners == {person.person_id}
    }


def test_what_several_hold_names_nobody(world: World) -> None:
    requests = [
        _request(100 * graph.seed + number, *given, "raw")
        for graph in world.graphs
        for number, given in enumerate(graph.vague)
    ]

    plans, blocked = plan_erasure(requests, world.context)

    assert set(blocked) == {request.request_id for request in requests}
    assert not plans


def _given(chance: random.Random, person: Person) -> Iterator[tuple[str, str, str]]:
    """Each name of the person, plainly; some also as somebody would write it, or hashed."""
    for kind, value in person.names:
        yield kind, value, "raw"
        if kind == "email":
            yield kind, f" {value.upper()} ", "raw"
            name = chance.choice(["md5", "sha1", "sha256"])
            yield kind, hashlib.new(name, value.encode()).hexdigest(), name
        if kind == "phone":
            yield kind, f"({value[2:5]}) {value[5:8]}-{value[8:]}", "raw"


def _request(number: int, kind: str, value: str, form: str) -> SubjectRequest:
    return SubjectRequest.model_validate(
        {
            "subject_request_id": UUID(int=number),
            "subject_request_type": "erasure",
            "submitted_time": "2026-04-01T10:00:00Z",
            "subject_identities": [
                {"identity_type": kind, "identity_value": value, "identity_format": form}
            ],
        }
    )


def _erased(plans: Sequence[ErasurePlan], context: ErasureContext) -> set[tuple[str, str]]:
    """The rows that an erasure would delete."""
    keys = distinct_keys(keys_of(plans))
    return {
        (place.name, row_id)
        for place in table_locations(context.warehouse, context.tables)
        if place.name in JUDGED
        for row_id in place.read(keys)[JUDGED[place.name]].to_pylist()
    }


def _fill(warehouse: Warehouse, graphs: Sequence[Graph]) -> None:
    tables = {str(table.name): table for table in TABLES}
    for name in FILLED:
        rows = [row for graph in graphs for row in graph.rows[name]]
        columns = sorted({column for row in rows for column in row})
        warehouse.append(
            tables[name].name,
            pa.table({column: [row.get(column) for row in rows] for column in columns}),
        )


def _context(warehouse: Warehouse, home: Path) -> ErasureContext:
    return ErasureContext(
        warehouse=warehouse, tables=TABLES, locations=table_locations(warehouse, _filled()),
        destinations=None, suppressions=Suppressions(warehouse, KeyRing(home / "keys")),
        request_places=(), home=home, roots=(home,), warehouse_file=None, customer_id_sources=(),
        default_region="US", now=NOW, run_id="trial",
    )  # fmt: skip


def _filled() -> tuple[Table, ...]:
    return tuple(table for table in TABLES if str(table.name) in FILLED)
