"""One query that answers every distinct clause for every person, however many audiences ask.

Each source table is read once; an audience is then a Boolean expression over the answers.
Whatever comes from configuration enters as a quoted name or as a bound value.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from sqlglot import exp

from audiences.catalogue import (
    ACCOUNT_MEMBERS,
    ACCOUNTS,
    CONTACT_POINTS,
    CURRENT_PERSON,
    EVENTS,
    PERSONS,
    PROFILES,
    SCORES,
    Catalogue,
)
from audiences.clauses import (
    AccountClause,
    Comparison,
    EventClause,
    EventTest,
    Leaf,
    ListClause,
    ListTest,
    PersonaClause,
    ScoreClause,
    SequenceClause,
    TraitClause,
)
from audiences.comparisons import Bindings, Operand, compile_comparison
from audiences.lists import LISTS
from audiences.predicted import account_score_facts, persona_facts, score_facts
from audiences.sequences import CompiledSequence, sequences_sql
from audiences.words import in_words
from warehouse import TableName

_MICROSECONDS_OF_A_DAY = 24 * 60 * 60 * 1_000_000


@dataclass(frozen=True, slots=True)
class Fact:
    """The answer to one clause.

    Attributes:
        words: The clause as people read it.
        met: Column that says whether it is met; never null.
        found: Column with the count or score behind it, if it has one.
    """

    words: str
    met: str
    found: str | None


@dataclass(slots=True)
class FactQuery:
    """Collects clauses and writes the query that answers them all.

    Attributes:
        catalogue: The names that the warehouse has.
        as_of: The moment that windows end at.
        before: An earlier moment, whose scores and personas may be asked for as well.
        tells_values: Tell the traits, values of accounts and personas that were found as well:
            for whoever asks about one person, never for what is kept.
        bindings: The values of the query.
    """

    catalogue: Catalogue
    as_of: dt.datetime
    before: dt.datetime | None = None
    tells_values: bool = False
    bindings: Bindings = field(default_factory=Bindings)
    _facts: dict[str, Fact] = field(default_factory=dict)
    _answers: list[str] = field(default_factory=list)
    _columns: dict[str, list[str]] = field(default_factory=dict)
    _sequences: list[CompiledSequence] = field(default_factory=list)
    _lists: list[ListTest] = field(default_factory=list)

    def answer(self, clause: Leaf, *, was: bool = False) -> Fact:
        """The fact for a clause; two clauses that say the same share one.

        Args:
            clause: What is asked.
            was: By the scores and personas that were published at ``before``.
        """
        is_earlier = was and isinstance(clause, ScoreClause | PersonaClause)
        identity = f"{type(clause).__name__} {is_earlier} {clause.model_dump_json()}"
        if identity not in self._facts:
            self._facts[identity] = self._add(clause, "_before" if is_earlier else "")
        return self._facts[identity]

    @property
    def lists(self) -> tuple[ListTest, ...]:
        """The lists that were asked for."""
        return tuple(self._lists)

    def sql(self, *, person: str | None = None) -> str:
        """The query: ``person_id``, ``account_id`` and the columns of all facts.

        Args:
            person: Answer for this person only.
        """
        sources = {name: _SOURCES[name](columns) for name, columns in self._columns.items()}
        if self._sequences:
            sources["sequence_facts"] = sequences_sql(self._sequences)
        steps = {"people": self._people(), **sources}
        written = ", ".join(f"{name} as ({query})" for name, query in steps.items())
        joins = "".join(f" left join {name} using (person_id)" for name in sources)
        only = "" if person is None else f" where people.person_id = {self._bind(person)}"
        answers = ", ".join(["people.person_id", "people.account_id", *self._answers])
        moments = f"{self._moment(self.as_of)} as as_of"
        if self.before is not None:
            moments += f", {self._moment(self.before)} as before"
        return (
            f"with known as (select {moments}), {written} select {answers} from people{joins}{only}"
        )

    def _add(self, clause: Leaf, moment: str) -> Fact:
        number = len(self._facts)
        met, found = self._compile(clause, number, moment)
        words = in_words(clause, self.catalogue.ruled)
        fact = Fact(words, f"met_{number}", f"found_{number}" if found else None)
        self._answers.append(f"coalesce({met}, false) as {fact.met}")
        if fact.found:
            self._answers.append(f"{found} as {fact.found}")
        return fact

    def _compile(self, clause: Leaf, number: int, moment: str) -> tuple[str, str | None]:
        """The test of a clause, and the number behind it if there is one."""
        found = None
        match clause:
            case TraitClause():
                met = self._compare(clause, PROFILES, "people", clause.trait)
                found = self._told(_text(clause.trait, "people"))
            case AccountClause():
                met, found = self._account(clause, number)
            case EventClause():
                met, found = self._event(clause, number)
            case SequenceClause():
                met, found = self._sequence(clause, number)
            case ListClause():
                met = self._list(clause, number)
            case ScoreClause():
                met, found = self._score(clause, number, moment)
            case PersonaClause():
                met = self._persona(clause, f"persona_facts{moment}")
                found = self._told(f"persona_facts{moment}.persona_name")
        return met, found

    def _told(self, value: str) -> str | None:
        return value if self.tells_values else None

    def _account(self, clause: AccountClause, number: int) -> tuple[str, str | None]:
        test = self._compare(clause, ACCOUNTS, "accounts", clause.account)
        met = self._column("account_facts", f"a{number}", f"bool_or({test})")
        value = _text(clause.account, "accounts")
        values = f"string_agg(distinct {value}, ', ' order by {value})"
        told = self.tells_values
        return met, self._column("account_facts", f"v{number}", values) if told else None

    def _event(self, clause: EventClause, number: int) -> tuple[str, str]:
        times = f"count(*) filter (where {self._happened(clause, clause.within_days)})"
        count = f"coalesce({self._column('event_facts', f'n{number}', times)}, 0)"
        enough = f"{count} >= {self._bind(clause.minimum)}"
        if clause.at_most is None:
            return enough, count
        return f"{enough} and {count} <= {self._bind(clause.at_most)}", count

    def _happened(self, test: EventTest, within_days: int | None) -> str:
        """Whether one of ``events`` is what a clause speaks of."""
        tests = [self._property(name, comparison) for name, comparison in test.where.items()]
        if test.event != "*":
            tests.append(f"events.event = {self._bind(test.event)}")
        if within_days:
            start = self.as_of - dt.timedelta(days=within_days)
            tests.append(f"events.occurred_at >= {self._moment(start)}")
        return " and ".join(tests) or "true"

    def _sequence(self, clause: SequenceClause, number: int) -> tuple[str, str]:
        asked = clause.sequence
        never = asked.not_followed_by
        compiled = CompiledSequence(
            name=f"q{number}",
            steps=tuple(self._happened(step, asked.within_days) for step in asked.steps),
            gaps=tuple(self._gap(step.within_days) for step in asked.steps[1:]),
            without=None if asked.without is None else self._happened(asked.without, None),
            never=None if never is None else self._happened(never, None),
            never_gap=None if never is None else self._gap(never.within_days),
        )
        self._sequences.append(compiled)
        times = f"coalesce(sequence_facts.{compiled.name}, 0)"
        return f"{times} > 0", times

    def _gap(self, days: float | None) -> str | None:
        return None if days is None else self._bind(round(days * _MICROSECONDS_OF_A_DAY))

    def _list(self, clause: ListClause, number: int) -> str:
        self._lists.append(clause.list_)
        is_on_it = f"bool_or(listed.list_name = {self._bind(clause.list_.name)})"
        return self._column("list_facts", f"l{number}", is_on_it)

    def _property(self, name: str, test: Comparison) -> str:
        if name in self.catalogue.of(EVENTS):
            return self._compare(test, EVENTS, "events", name)
        pointer = "/" + name.replace("~", "~0").replace("/", "~1")  # RFC 6901, section 3
        value = exp.Anonymous(
            this="json_extract_string",
            expressions=[exp.column("properties", "events"), self.bindings.bind(pointer)],
        )
        return _sql(compile_comparison(test, Operand(value, None), self.bindings, self.as_of))

    def _score(self, clause: ScoreClause, number: int, moment: str) -> tuple[str, str]:
        test = clause.score
        unit = "account_" if test.model in self.catalogue.account_models else ""
        source = f"{unit}score_facts{moment}"
        score = self._of_model(source, "score", f"s{number}", test.model)
        tests = [f"{score} is not null"]
        if test.at_least is not None:
            tests.append(f"{score} >= {self._bind(test.at_least)}")
        if test.at_most is not None:
            tests.append(f"{score} <= {self._bind(test.at_most)}")
        if test.decile is not None:
            self._of_model(source, "decile", f"d{number}", test.model)
            tests.append(self._compare(test.decile, SCORES, source, f"d{number}"))
        return " and ".join(tests), score

    def _of_model(self, source: str, column: str, name: str, model: str) -> str:
        value = f"max(scores.{column}) filter (where scores.model_key = {self._bind(model)})"
        return self._column(source, name, value)

    def _persona(self, clause: PersonaClause, source: str) -> str:
        self._columns.setdefault(source, [])
        test = clause.persona
        if test.is_known is False:
            return f"{source}.persona_id is null"
        sure = f"{source}.confidence >= {self._bind(test.confidence_at_least)}"
        if test.is_known:
            return f"{source}.persona_id is not null and {sure}"
        names = ", ".join(self._bind(name) for name in test.names)
        named = f"{source}.persona_name in ({names}) or {source}.persona_id in ({names})"
        return f"({named}) and {sure}"

    def _compare(self, test: Comparison, table: TableName, alias: str, column: str) -> str:
        kind = self.catalogue.of(table).get(column)
        operand = Operand(exp.column(column, alias, quoted=True), kind)
        return _sql(compile_comparison(test, operand, self.bindings, self.as_of))

    def _column(self, source: str, name: str, value: str) -> str:
        self._columns.setdefault(source, []).append(f"{value} as {name}")
        return f"{source}.{name}"

    def _bind(self, value: object) -> str:
        return _sql(self.bindings.bind(value))

    def _moment(self, moment: dt.datetime) -> str:
        return f"cast({self._bind(moment.isoformat(sep=' '))} as timestamp)"

    def _people(self) -> str:
        """Everyone who may be a member: no bots, nobody whose id was merged away."""
        everyone = f"select * from {PROFILES.sql} where not coalesce(is_bot, false)"
        if PERSONS not in self.catalogue.columns:
            return everyone
        gone = f"select person_id from {PERSONS.sql} where status <> 'active'"
        return f"{everyone} and person_id not in ({gone})"


def _text(column: str, table: str) -> str:
    return f"cast({_sql(exp.column(column, table, quoted=True))} as varchar)"


def _event_facts(columns: list[str]) -> str:
    return f"""
        select events.person_id, {", ".join(columns)}
        from {EVENTS.sql} as events, known
        where events.person_id is not null
            and not coalesce(events.is_bot, false)
            and events.occurred_at < known.as_of
        group by events.person_id
    """


def _account_facts(columns: list[str]) -> str:
    return f"""
        select members.person_id, {", ".join(columns)}
        from {ACCOUNT_MEMBERS.sql} as members
        inner join {ACCOUNTS.sql} as accounts using (account_id)
        group by members.person_id
    """


def _list_facts(columns: list[str]) -> str:
    """Whoever has an identifier of a list, a shared one included; ids of the past count."""
    return f"""
        select listed.person_id, {", ".join(columns)}
        from (
            select points.person_id, lists.list_name
            from {CONTACT_POINTS.sql} as points
            inner join {LISTS} as lists
                on lists.identifier_type = points.identifier_type
                and lists.value = points.identifier_value
            union all
            select value, list_name from {LISTS} where identifier_type = 'person_id'
            union all
            select current.current_person_id, lists.list_name
            from {CURRENT_PERSON.sql} as current
            inner join {LISTS} as lists
                on lists.identifier_type = 'person_id' and lists.value = current.person_id
            union all
            select profiles.person_id, lists.list_name
            from {PROFILES.sql} as profiles
            inner join {LISTS} as lists
                on lists.identifier_type = 'account_id' and lists.value = profiles.account_id
        ) as listed
        group by listed.person_id
    """


_SOURCES: Mapping[str, Callable[[list[str]], str]] = {
    "event_facts": _event_facts,
    "account_facts": _account_facts,
    "list_facts": _list_facts,
    "score_facts": score_facts,
    "score_facts_before": partial(score_facts, moment="before"),
    "account_score_facts": account_score_facts,
    "account_score_facts_before": partial(account_score_facts, moment="before"),
    "persona_facts": persona_facts,
    "persona_facts_before": partial(persona_facts, moment="before"),
}


def _sql(expression: exp.Expression) -> str:
    return expression.sql(dialect="duckdb")
