"""Turn audiences into one SQL plan, or say everything that stands against it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from audiences.catalogue import (
    ACCOUNT_MEMBERS,
    ACCOUNTS,
    EVENTS,
    LAGGING,
    PROFILES,
    Catalogue,
    ValueKind,
    suggestion,
)
from audiences.comparisons import check
from audiences.config import (
    AccountClause,
    AllClause,
    AnyClause,
    Audience,
    AudienceClause,
    Comparison,
    Condition,
    EventClause,
    NotClause,
    PersonaClause,
    ScoreClause,
    TraitClause,
)
from audiences.errors import InvalidAudienceError
from audiences.facts import Fact, FactQuery
from audiences.words import Leaf
from warehouse import TableName


@dataclass(frozen=True, slots=True)
class PlannedAudience:
    """One audience over the columns of the facts.

    Attributes:
        key: The audience.
        matches: SQL condition: the person meets its rules.
        reasons: SQL expression: JSON list of its clauses, whether met, what was found.
    """

    key: str
    matches: str
    reasons: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask the engine.

    Attributes:
        facts: Query with one row per person and a column per distinct clause.
        parameters: The values bound in ``facts``.
        audiences: The audiences that can be judged.
        held: Of each audience that cannot be judged yet, why.
    """

    facts: str
    parameters: Mapping[str, object]
    audiences: tuple[PlannedAudience, ...]
    held: Mapping[str, tuple[str, ...]]


@dataclass(slots=True)
class _Findings:
    """What stands against an audience: mistakes stop everything, unpublished names hold it."""

    mistakes: list[str] = field(default_factory=list)
    unpublished: list[str] = field(default_factory=list)


def compile_audiences(
    audiences: Sequence[Audience],
    catalogue: Catalogue,
    *,
    as_of: dt.datetime,
    person: str | None = None,
) -> Plan:
    """Compile all audiences into one plan.

    Args:
        audiences: All that are configured; they may refer to one another.
        catalogue: The names that the warehouse has.
        as_of: The moment that windows end at, UTC.
        person: Judge this person only.

    Raises:
        InvalidAudienceError: A trait, column, test or reference is wrong; all problems at once.
    """
    by_key = {audience.key: audience for audience in audiences}
    findings = {a.key: _examine(a, by_key, catalogue) for a in audiences}
    mistakes = [mistake for found in findings.values() for mistake in found.mistakes]
    if mistakes:
        raise InvalidAudienceError(list(dict.fromkeys(mistakes)))
    query = FactQuery(catalogue, as_of)
    planned = tuple(
        _plan(audience, by_key, query)
        for audience in audiences
        if not findings[audience.key].unpublished
    )
    held = {key: tuple(found.unpublished) for key, found in findings.items() if found.unpublished}
    return Plan(query.sql(person=person), query.bindings.values, planned, held)


def _plan(audience: Audience, by_key: Mapping[str, Audience], query: FactQuery) -> PlannedAudience:
    clauses = [clause for _, clause in _leaves(audience, by_key)]
    facts = dict.fromkeys(query.answer(clause) for clause in clauses)
    return PlannedAudience(
        audience.key,
        matches=_rules(audience, by_key, query),
        reasons=f"cast(json_array({', '.join(_reason(fact) for fact in facts)}) as varchar)",
    )


def _rules(audience: Audience, by_key: Mapping[str, Audience], query: FactQuery) -> str:
    included = _condition(audience.include, by_key, query)
    if audience.exclude is None:
        return included
    return f"({included} and not {_condition(audience.exclude, by_key, query)})"


def _condition(condition: Condition, by_key: Mapping[str, Audience], query: FactQuery) -> str:
    match condition:
        case AllClause():
            return f"({' and '.join(_condition(c, by_key, query) for c in condition.all_)})"
        case AnyClause():
            return f"({' or '.join(_condition(c, by_key, query) for c in condition.any_)})"
        case NotClause():
            return f"(not {_condition(condition.not_, by_key, query)})"
        case AudienceClause():
            return _rules(by_key[condition.audience], by_key, query)
        case _:
            return query.answer(condition).met


def _reason(fact: Fact) -> str:
    words = exp.Literal.string(fact.words).sql(dialect="duckdb")
    found = f", 'found', {fact.found}" if fact.found else ""
    return f"json_object('clause', {words}, 'met', {fact.met}{found})"


def _examine(audience: Audience, by_key: Mapping[str, Audience], catalogue: Catalogue) -> _Findings:
    findings = _Findings()
    circle = _circle(audience, by_key, ())
    if circle:
        findings.mistakes.append(f"audience {audience.key!r}: {circle}")
        return findings
    for place, clause in _leaves(audience, by_key):
        mistakes, unpublished = _judge(clause, catalogue)
        findings.mistakes += [f"{place}: {mistake}" for mistake in mistakes]
        findings.unpublished += [f"{place}: {name}" for name in unpublished]
    return findings


def _judge(clause: Leaf, catalogue: Catalogue) -> tuple[list[str], list[str]]:
    """Mistakes of one clause, and names in it that are not published."""
    match clause:
        case TraitClause():
            return _trait(clause, catalogue), []
        case AccountClause():
            missing = _missing(ACCOUNT_MEMBERS, catalogue)
            return missing or _column("account", clause.account, clause, ACCOUNTS, catalogue), []
        case EventClause():
            return _missing(EVENTS, catalogue) or _properties(clause, catalogue), []
        case ScoreClause():
            decile = clause.score.decile
            mistakes = check(decile, ValueKind.NUMBER) if decile else []
            return mistakes, _unpublished("model", (clause.score.model,), catalogue.models)
        case PersonaClause():
            return [], _unpublished("persona", clause.persona.names, catalogue.personas)


def _missing(table: TableName, catalogue: Catalogue) -> list[str]:
    return [] if catalogue.of(table) else [f"table {table} is not there yet: run the marts first"]


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


def _properties(clause: EventClause, catalogue: Catalogue) -> list[str]:
    columns = catalogue.of(EVENTS)
    return [
        f"where {name!r}: {problem}"
        for name, test in clause.where.items()
        for problem in check(test, columns.get(name))
    ]


def _unpublished(what: str, names: Sequence[str], known: frozenset[str]) -> list[str]:
    if not known:
        return [f"no {what} is published yet"]
    return [
        f"{what} {name!r} is not published: {suggestion(name, known)}"
        for name in names
        if name not in known
    ]


def _circle(audience: Audience, by_key: Mapping[str, Audience], path: tuple[str, ...]) -> str:
    """What is wrong with the references that start here; empty when nothing is."""
    if audience.key in path:
        return f"refers to itself: {' -> '.join((*path, audience.key))}"
    for place, clause in _walk_all(audience):
        if isinstance(clause, AudienceClause):
            other = by_key.get(clause.audience)
            if other is None:
                return f"{place}: {clause.audience!r} is no audience: " + suggestion(
                    clause.audience, by_key
                )
            problem = _circle(other, by_key, (*path, audience.key))
            if problem:
                return problem
    return ""


def _leaves(audience: Audience, by_key: Mapping[str, Audience]) -> Iterator[tuple[str, Leaf]]:
    """Every clause that decides, those of referenced audiences included, with its place."""
    for place, clause in _walk_all(audience):
        if isinstance(clause, AudienceClause):
            yield from _leaves(by_key[clause.audience], by_key)
        else:
            yield f"audience {audience.key!r}, {place}", clause


def _walk_all(audience: Audience) -> Iterator[tuple[str, Leaf | AudienceClause]]:
    yield from _walk(audience.include, "include")
    if audience.exclude is not None:
        yield from _walk(audience.exclude, "exclude")


def _walk(condition: Condition, place: str) -> Iterator[tuple[str, Leaf | AudienceClause]]:
    match condition:
        case AllClause():
            for number, inner in enumerate(condition.all_):
                yield from _walk(inner, f"{place}.all[{number}]")
        case AnyClause():
            for number, inner in enumerate(condition.any_):
                yield from _walk(inner, f"{place}.any[{number}]")
        case NotClause():
            yield from _walk(condition.not_, f"{place}.not")
        case _:
            yield place, condition
