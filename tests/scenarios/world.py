"""One company in which all stories happen side by side, and what it knew after each batch."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from identity import IdentityConfig
from tests.identity.conftest import EVENTS, RECORDS, Company, Members, day
from tests.scenarios.crowd import LAST
from tests.scenarios.stories import LIKENESS, STORIES
from tests.scenarios.story import BATCHES, PREFIXES, Fact, Story
from warehouse import TableName

Node = tuple[str, str]
NUMBERS = {story.name: number for number, story in enumerate(STORIES + LIKENESS)}
AS_OF = (10, 20, 30, 40)
_ARTEFACTS = ("identity.members", "identity.members_history", "identity.persons")


def slug(story: Story) -> str:
    return re.sub(r"[^a-z0-9]+", "-", story.name)


def node(story: Story, name: str) -> Node:
    """The node that a story calls ``source/id``."""
    prefix, own_id = name.split("/", 1)
    if prefix == "e":
        return PREFIXES[prefix], text(story, own_id)
    return PREFIXES.get(prefix, prefix), own_name(story, own_id)


def own_name(story: Story, own_id: str) -> str:
    """An id as the story's own; one with a ``!`` is taken as it is."""
    return own_id[1:] if own_id.startswith("!") else f"{slug(story)}/{own_id}"


def text(story: Story, value: str) -> str:
    """A value as the story's own; its surnames are usual ones, which other stories have too."""
    number = NUMBERS[story.name]
    n, o, m = (LAST[(number + step) % len(LAST)] for step in (0, 7, 13))
    return value.format(s=slug(story), x=220 + number, n=n, o=o, m=m)


def groups(story: Story, persons: Iterable[str]) -> set[frozenset[Node]]:
    return {frozenset(node(story, name) for name in person.split()) for person in persons}


@dataclass(slots=True)
class World:
    """A company, its stories, and the members after each run, of all and by story."""

    company: Company
    stories: tuple[Story, ...]
    after: dict[int, Members] = field(default_factory=dict)
    decisions: int = 0

    @classmethod
    def begin(
        cls, folder: Path, stories: tuple[Story, ...], crowd: pa.Table | None = None
    ) -> World:
        """An empty company; with a crowd beside the stories a model decides, else rules alone."""
        world = cls(Company(folder), stories)
        world.company.config = IdentityConfig(probabilistic=crowd is not None)
        if crowd is not None:
            world.company.warehouse.append(RECORDS, crowd)
        return world

    def in_increments(self) -> World:
        """Let each batch happen, and resolve after it."""
        for batch in range(1, BATCHES + 1):
            self.arrive(batch)
            self.resolve(batch)
        return self

    def at_once(self) -> World:
        """Let everything happen, then resolve."""
        for batch in range(1, BATCHES + 1):
            self.arrive(batch)
        self.resolve(BATCHES)
        return self

    def resolve(self, batch: int) -> None:
        as_of = {"as_of": day(AS_OF[batch - 1])}
        self.company.warehouse.execute("update raw.as_of set as_of = $as_of", as_of)
        self.company.resolve()
        self.after[batch] = self.company.members()

    def members(self, story: Story, batch: int = BATCHES) -> Members:
        """Whose each of a story's nodes was after a batch."""
        mark = slug(story)
        return {
            one: person
            for one, person in self.after[batch].items()
            if re.search(rf"(^{mark}/|[@.]{mark}\.example$|^{mark}\.)", one[1].strip().lower())
        }

    def arrive(self, batch: int) -> None:
        """Stage a batch of every story."""
        rows: dict[TableName, list[dict[str, Any]]] = defaultdict(list)
        for story in self.stories:
            for place, fact in enumerate(_facts(story, batch)):
                when = AS_OF[batch - 1] - 9 + place / 10
                if fact.kind == "record":
                    rows[RECORDS].append(_record(story, fact, when))
                elif fact.kind == "event":
                    rows[EVENTS].append(_event(story, fact, when))
                else:
                    self._stage(rows)
                    self._act(story, fact)
        self._stage(rows)

    def _stage(self, rows: dict[TableName, list[dict[str, Any]]]) -> None:
        for table, given in rows.items():
            schema = self.company.warehouse.read(f"select * from {table.sql} limit 0").schema
            self.company.warehouse.append(table, pa.Table.from_pylist(given, schema))
        rows.clear()

    def _act(self, story: Story, fact: Fact) -> None:
        nodes = [node(story, name) for name in fact.names]
        if fact.kind in {"must_link", "cannot_link"}:
            self.decisions += 1
            self.company.decide(fact.kind, *nodes, number=self.decisions)
        elif fact.kind == "change":
            self._change(
                nodes[0], {name: text(story, value) for name, value in fact.values.items()}
            )
        elif fact.kind == "drop":
            self._remove(nodes)
        elif fact.kind == "erase":
            self._erase(nodes)

    def _change(self, one: Node, values: dict[str, str]) -> None:
        settings = ", ".join(f"{name} = ${name}" for name in values)
        self.company.warehouse.execute(
            f"update {RECORDS.sql} set {settings} where source = $source and source_record_id = $id",
            {**values, "source": one[0], "id": one[1]},
        )

    def _remove(self, nodes: Iterable[Node]) -> None:
        for source, own_id in nodes:
            self.company.forget(
                RECORDS.sql, f"source = '{source}' and source_record_id = '{own_id}'"
            )
            self.company.forget(EVENTS.sql, f"'{own_id}' in (user_id, anonymous_id)")

    def _erase(self, nodes: list[Node]) -> None:
        """Remove what the privacy package removes: staged rows, and rows of the person's ids."""
        self._remove(nodes)
        last = max(self.after, default=None)
        for person in {self.after[last][one] for one in nodes} if last else ():
            for table in _ARTEFACTS:
                self.company.forget(table, f"person_id = '{person}'")
            self.company.forget("identity.changes", f"'{person}' in (person_id, other_person_id)")


def _facts(story: Story, batch: int) -> tuple[Fact, ...]:
    return story.batches[batch - 1] if batch <= len(story.batches) else ()


def _record(story: Story, fact: Fact, when: float) -> dict[str, Any]:
    values = dict(fact.values)
    created = values.pop("created")
    source, own_id = node(story, fact.names[0])
    if "user_id" in values:
        values["user_id"] = own_name(story, values["user_id"])
    return {
        **{name: text(story, value) for name, value in values.items()},
        "source": source,
        "source_record_id": own_id,
        "record_created_at": None if created is None else day(when if created == -1 else created),
        "loaded_at": day(when),
    }


_IDS = {"user": "user_id", "device": "anonymous_id", "previous": "previous_id"}


def _event(story: Story, fact: Fact, when: float) -> dict[str, Any]:
    ids = {
        column: own_name(story, fact.values[name])
        for name, column in _IDS.items()
        if name in fact.values
    }
    email = fact.values.get("email")
    return {
        "event_id": f"{slug(story)} {when}",
        "type": fact.values["kind"],
        "occurred_at": day(when),
        "received_at": day(when),
        "email": None if email is None else text(story, email),
        **ids,
    }


def grouped(members: Members) -> set[frozenset[Node]]:
    """The persons as groups of nodes."""
    found = defaultdict(set)
    for one, person in members.items():
        found[person].add(one)
    return {frozenset(group) for group in found.values()}


def named(groups: set[frozenset[Node]], names: set[Node]) -> set[frozenset[Node]]:
    """The groups as far as they consist of these nodes."""
    return {group & names for group in groups if group & names}
