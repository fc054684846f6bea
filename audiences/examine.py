"""Say what stands against an audience: mistakes stop everything, what is not there yet holds it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from audiences.catalogue import (
    ACCOUNT_MEMBERS,
    ACCOUNTS,
    CONTACT_POINTS,
    CURRENT_PERSON,
    EVENTS,
    LAGGING,
    PROFILES,
    Catalogue,
    ValueKind,
    declared_catalogue,
    read_catalogue,
    suggestion,
)
from audiences.clauses import (
    AccountClause,
    Comparison,
    EventClause,
    EventTest,
    Leaf,
    ListClause,
    PersonaClause,
    ScoreClause,
    SequenceClause,
    SequenceTest,
    TraitClause,
)
from audiences.comparisons import check
from audiences.config import Audience
from audiences.lists import why_unusable
from audiences.references import circle, leaves, strangers
from warehouse import TableName, Warehouse


@dataclass(slots=True)
class Findings:
    """What stands against one audience.

    Attributes:
        mistakes: What no data will put right.
        unpublished: What has not been published or has not come yet.
    """

    mistakes: list[str] = field(default_factory=list)
    unpublished: list[str] = field(default_factory=list)


def examine(audience: Audience, by_key: Mapping[str, Audience], catalogue: Catalogue) -> Findings:
    """Hold every clause of an audience against what the warehouse has."""
    findings = Findings()
    problem = circle(audience, by_key)
    if problem:
        findings.mistakes.append(f"audience {audience.key!r}: {problem}")
        return findings
    findings.mistakes += (*strangers(audience, by_key), *_strange_uses(audience, catalogue))
    for owner, place, clause in leaves(audience, by_key):
        mistakes, unpublished = _judge(clause, catalogue)
        findings.mistakes += [f"{owner.where(place)}: {mistake}" for mistake in mistakes]
        findings.unpublished += [f"audience {owner.key!r}, {place}: {name}" for name in unpublished]
    return findings


def misnamed(
    audiences: Sequence[Audience], types: Mapping[TableName, Mapping[str, str]]
) -> tuple[str, ...]:
    """Columns that audiences speak of and that will not be there or hold something else; circles too.

    Args:
        audiences: All that are configured.
        types: Of each table that will be built its columns and their types.
    """
    catalogue, by_key = declared_catalogue(types), {one.key: one for one in audiences}
    return tuple(
        dict.fromkeys(
            mistake
            for audience in audiences
            for mistake in examine(audience, by_key, catalogue).mistakes
            if mistake not in set(strangers(audience, by_key))
        )
    )


def named_events(audience: Audience, by_key: Mapping[str, Audience]) -> frozenset[str]:
    """Names of the events that decide over an audience."""
    tests: list[EventTest] = []
    for _, _, clause in leaves(audience, by_key):
        if isinstance(clause, EventClause):
            tests.append(clause)
        elif isinstance(clause, SequenceClause):
            tests += [test for _, test in _tests(clause.sequence)]
    return frozenset(test.event for test in tests) - {"*"}


def doubts(warehouse: Warehouse, audiences: Sequence[Audience]) -> Mapping[str, tuple[str, ...]]:
    """What stands against each audience, by its key: names that are not there, as they are now.

    Nothing is judged. Before there are profiles nothing can be told.
    """
    catalogue = read_catalogue(warehouse)
    if PROFILES not in catalogue.columns:
        return {}
    by_key = {audience.key: audience for audience in audiences}
    found = {key: examine(audience, by_key, catalogue) for key, audience in by_key.items()}
    told = {key: [*one.mistakes, *one.unpublished] for key, one in found.items()}
    sound = [key for key, one in found.items() if not one.mistakes]
    named = {key: named_events(by_key[key], by_key) for key in sound}
    unseen = unseen_events(warehouse, frozenset().union(*named.values()))
    for key, events in named.items():
        told[key] += (
            f"nobody has ever done {event!r}: {meant}"
            for event, meant in unseen.items()
            if event in events
        )
    return {key: tuple(dict.fromkeys(one)) for key, one in told.items() if one}


def unseen_events(warehouse: Warehouse, events: Collection[str]) -> Mapping[str, str]:
    """Of these events, those that nobody has ever done, and what may have been meant."""
    if not events:
        return {}
    rows = warehouse.read(f"select distinct event from {EVENTS.sql} where event is not null")
    known = frozenset(rows["event"].to_pylist())
    return {event: suggestion(event, known) for event in sorted(set(events) - known)}


def tables_of(clause: Leaf) -> tuple[TableName, ...]:
    """The marts without whose rows a clause says nothing."""
    match clause:
        case EventClause() | SequenceClause():
            return (PROFILES, EVENTS)
        case AccountClause():
            return (PROFILES, ACCOUNT_MEMBERS)
        case _:
            return (PROFILES,)


def _strange_uses(audience: Audience, catalogue: Catalogue) -> Iterator[str]:
    """Columns that `sensitive` names and that are not there; nothing before both tables are."""
    profiles, accounts = catalogue.of(PROFILES), catalogue.of(ACCOUNTS)
    known = {*profiles, *accounts} if profiles and accounts else set(audience.sensitive)
    for name in sorted(set(audience.sensitive) - known):
        yield (
            f"{audience.where(f'sensitive.{name}')}: {name!r} is not a column of {PROFILES} or "
            f"{ACCOUNTS}: {suggestion(name, known)}"
        )


def _judge(clause: Leaf, catalogue: Catalogue) -> tuple[list[str], list[str]]:
    """Mistakes of one clause, and names in it that are not published."""
    mistakes: list[str] = []
    unpublished: list[str] = []
    match clause:
        case TraitClause():
            mistakes = _trait(clause, catalogue)
        case AccountClause():
            missing = _missing(ACCOUNT_MEMBERS, catalogue)
            mistakes = missing or _column("account", clause.account, clause, ACCOUNTS, catalogue)
        case EventClause():
            mistakes = _missing(EVENTS, catalogue) or _properties(clause, catalogue)
        case SequenceClause():
            mistakes = _missing(EVENTS, catalogue) or _steps(clause.sequence, catalogue)
        case ListClause():
            mistakes = [*_missing(CONTACT_POINTS, catalogue), *_missing(CURRENT_PERSON, catalogue)]
            problem = why_unusable(clause.list_)
            unpublished = [problem] if problem else []
        case ScoreClause():
            decile = clause.score.decile
            mistakes = check(decile, ValueKind.NUMBER) if decile else []
            unpublished = _unpublished("model", (clause.score.model,), catalogue.models)
        case PersonaClause():
            unpublished = _unpublished("persona", clause.persona.names, catalogue.personas)
    return mistakes, unpublished


def _missing(table: TableName, catalogue: Catalogue) -> list[str]:
    return (
        [] if catalogue.of(table) else [f"table {table} is not there yet: `candor run` builds it"]
    )


def _trait(clause: TraitClause, catalogue: Catalogue) -> list[str]:
    asked = LAGGING.get(clause.trait)
    if asked:
        return [f"trait {clause.trait!r} shows what the run before published: write {asked}:"]
    return _column("trait", clause.trait, clause, PROFILES, catalogue)


def _column(
    what: str, name: str, test: Comparison, table: TableName, catalogue: Catalogue
) -> list[str]:
    columns = catalogue.of(table)
    if not columns:
        return _missing(table, catalogue)
    if name not in columns:
        return [f"{what} {name!r} is not a column of {table}: {suggestion(name, columns)}"]
    return [f"{what} {name!r}: {problem}" for problem in check(test, columns[name])]


def _properties(test: EventTest, catalogue: Catalogue) -> list[str]:
    columns = catalogue.of(EVENTS)
    return [
        f"where {name!r}: {problem}"
        for name, comparison in test.where.items()
        for problem in check(comparison, columns.get(name))
    ]


def _steps(sequence: SequenceTest, catalogue: Catalogue) -> list[str]:
    return [
        f"{place}: {problem}"
        for place, test in _tests(sequence)
        for problem in _properties(test, catalogue)
    ]


def _tests(sequence: SequenceTest) -> Iterator[tuple[str, EventTest]]:
    for number, step in enumerate(sequence.steps):
        yield f"steps[{number}]", step
    if sequence.without is not None:
        yield "without", sequence.without
    if sequence.not_followed_by is not None:
        yield "not_followed_by", sequence.not_followed_by


def _unpublished(what: str, names: Sequence[str], known: frozenset[str]) -> list[str]:
    if not known:
        return [f"no {what} is published yet"]
    return [
        f"{what} {name!r} is not published: {suggestion(name, known)}"
        for name in names
        if name not in known
    ]
