"""Turn audiences into one SQL plan, or say everything that stands against it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlglot import exp

from audiences.catalogue import Catalogue
from audiences.clauses import (
    AllClause,
    AnyClause,
    AudienceClause,
    Condition,
    Leaf,
    ListTest,
    NotClause,
    PersonaClause,
    ScoreClause,
)
from audiences.config import Audience
from audiences.errors import InvalidAudienceError
from audiences.examine import examine, tables_of
from audiences.facts import Fact, FactQuery
from audiences.references import leaves, referenced, turned_leaves
from audiences.rule_tree import rule_tree
from audiences.words import condition_in_words

Answer = Callable[[Leaf], Fact]


@dataclass(frozen=True, slots=True)
class PlannedAudience:
    """One audience over the columns of the facts.

    Attributes:
        key: The audience.
        matches: SQL condition: the person meets its rules.
        reasons: SQL expression: JSON list of its clauses, whether met, what was found.
        by_old_rules: The same condition by the rules of the run before; None where they are the
            same, null in SQL where they can no longer be judged.
        by_old_scores: The same condition by the scores and personas of the run before; None where
            it asks for none, or where there was none.
        rules: SQL expression: JSON list of the rules line by line, see ``rule_tree``; only of a
            plan for one person.
        funnel: The steps by which it narrows everybody down: the words and the SQL condition of
            each; who is left meets all of them up to there.
    """

    key: str
    matches: str
    reasons: str
    by_old_rules: str | None = None
    by_old_scores: str | None = None
    rules: str | None = None
    funnel: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask the engine.

    Attributes:
        facts: Query with one row per person and a column per distinct clause.
        parameters: The values bound in ``facts``.
        audiences: The audiences that can be judged.
        held: Of each audience that cannot be judged yet, why.
        lists: The lists whose identifiers the query reads.
    """

    facts: str
    parameters: Mapping[str, object]
    audiences: tuple[PlannedAudience, ...]
    held: Mapping[str, tuple[str, ...]]
    lists: tuple[ListTest, ...] = ()


@dataclass(frozen=True, slots=True)
class Before:
    """What the run before left, to tell the causes of changes by.

    Attributes:
        standing: Audiences that have members.
        audiences: Audiences by key, as their rules were.
        as_of: The moment that they were judged at; None where nothing was.
    """

    standing: frozenset[str] = frozenset()
    audiences: Mapping[str, Audience] = field(default_factory=dict)
    as_of: dt.datetime | None = None


def compile_audiences(
    audiences: Sequence[Audience],
    catalogue: Catalogue,
    *,
    as_of: dt.datetime,
    person: str | None = None,
    before: Before | None = None,
) -> Plan:
    """Compile all audiences into one plan.

    Args:
        audiences: All that are configured; they may refer to one another.
        catalogue: The names that the warehouse has.
        as_of: The moment that windows end at, UTC.
        person: Judge this person only.
        before: What the run before left. An audience with members is held where a table that its
            rules read has lost all its rows.

    Raises:
        InvalidAudienceError: A trait, column, test or reference is wrong; all problems at once.
    """
    by_key = {audience.key: audience for audience in audiences}
    findings = {a.key: examine(a, by_key, catalogue) for a in audiences}
    mistakes = [mistake for found in findings.values() for mistake in found.mistakes]
    if mistakes:
        raise InvalidAudienceError(list(dict.fromkeys(mistakes)))
    before = before or Before()
    held = {
        key: (*found.unpublished, *_emptied(by_key[key], by_key, catalogue, before))
        for key, found in findings.items()
    }
    query = FactQuery(catalogue, as_of, before.as_of, tells_values=person is not None)
    compiler = _Compiler(by_key, catalogue, query, before)
    ready = [audience for audience in audiences if not held[audience.key]]
    planned = tuple(compiler.plan(audience) for audience in ready)
    return Plan(
        query.sql(person=person),
        query.bindings.values,
        planned,
        {key: whys for key, whys in held.items() if whys},
        query.lists,
    )


def _emptied(
    audience: Audience, by_key: Mapping[str, Audience], catalogue: Catalogue, before: Before
) -> tuple[str, ...]:
    """Tables that the rules of an audience with members read and that have no row."""
    if audience.key not in before.standing:
        return ()
    read = {table for _, _, clause in leaves(audience, by_key) for table in tables_of(clause)}
    return tuple(
        f"{table} has no rows: its members stay until it has some again"
        for table in sorted(read & catalogue.empty, key=str)
    )


@dataclass(frozen=True, slots=True)
class _Compiler:
    """Writes the conditions of audiences over the columns of one query."""

    by_key: Mapping[str, Audience]
    catalogue: Catalogue
    query: FactQuery
    before: Before

    def plan(self, audience: Audience) -> PlannedAudience:
        """Everything that is asked of one audience."""
        clauses = [clause for _, _, clause in leaves(audience, self.by_key)]
        facts = dict.fromkeys(
            (self.query.answer(clause), is_out)
            for clause, is_out in turned_leaves(audience, self.by_key)
        )
        return PlannedAudience(
            audience.key,
            matches=_rules(audience, self.by_key, self.query.answer),
            reasons=f"cast(json_array({', '.join(_reason(fact, is_out=is_out) for fact, is_out in facts)}) as varchar)",
            by_old_rules=self._by_old_rules(audience),
            by_old_scores=self._by_old_scores(audience, clauses),
            rules=self._tree(audience) if self.query.tells_values else None,
            funnel=tuple(self._funnel(audience)),
        )

    def _tree(self, audience: Audience) -> str:
        write = partial(_condition, by_key=self.by_key, answer=self.query.answer)
        return rule_tree(audience, self.by_key, self.query.answer, write)

    def _by_old_rules(self, audience: Audience) -> str | None:
        earlier = self.before.audiences
        if audience.key not in earlier or all(
            other.key in earlier and _same_rules(other, earlier[other.key])
            for other in referenced(audience, self.by_key)
        ):
            return None
        found = examine(earlier[audience.key], earlier, self.catalogue)
        if found.mistakes or found.unpublished:
            return "cast(null as boolean)"
        return _rules(earlier[audience.key], earlier, self.query.answer)

    def _by_old_scores(self, audience: Audience, clauses: Sequence[Leaf]) -> str | None:
        is_scored = any(isinstance(clause, ScoreClause | PersonaClause) for clause in clauses)
        if not is_scored or self.query.before is None or self.query.before >= self.query.as_of:
            return None
        return _rules(audience, self.by_key, partial(self.query.answer, was=True))

    def _funnel(self, audience: Audience) -> Iterator[tuple[str, str]]:
        included = audience.include
        for step in included.all_ if isinstance(included, AllClause) else (included,):
            yield (
                condition_in_words(step, self.catalogue.ruled),
                _condition(step, self.by_key, self.query.answer),
            )
        if audience.exclude is not None:
            excluded = _condition(audience.exclude, self.by_key, self.query.answer)
            words = condition_in_words(audience.exclude, self.catalogue.ruled)
            yield f"not: {words}", f"(not {excluded})"


def _same_rules(one: Audience, other: Audience) -> bool:
    return (one.include, one.exclude) == (other.include, other.exclude)


def _rules(audience: Audience, by_key: Mapping[str, Audience], answer: Answer) -> str:
    included = _condition(audience.include, by_key, answer)
    if audience.exclude is None:
        return included
    return f"({included} and not {_condition(audience.exclude, by_key, answer)})"


def _condition(condition: Condition, by_key: Mapping[str, Audience], answer: Answer) -> str:
    match condition:
        case AllClause():
            return f"({' and '.join(_condition(c, by_key, answer) for c in condition.all_)})"
        case AnyClause():
            return f"({' or '.join(_condition(c, by_key, answer) for c in condition.any_)})"
        case NotClause():
            return f"(not {_condition(condition.not_, by_key, answer)})"
        case AudienceClause():
            return _rules(by_key[condition.audience], by_key, answer)
        case _:
            return answer(condition).met


def _reason(fact: Fact, *, is_out: bool) -> str:
    said, met = (f"not: {fact.words}", f"(not {fact.met})") if is_out else (fact.words, fact.met)
    words = exp.Literal.string(said).sql(dialect="duckdb")
    found = f", 'found', {fact.found}" if fact.found else ""
    return f"json_object('clause', {words}, 'met', {met}{found})"
