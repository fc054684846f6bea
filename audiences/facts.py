"""One query that answers every distinct clause for every person, however many audiences ask.

Each source table is read once; an audience is then a Boolean expression over the answers.
Whatever comes from configuration enters as a quoted name or as a bound value.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from audiences.catalogue import (
    ACCOUNT_MEMBERS,
    ACCOUNTS,
    EVENTS,
    PERSONA_MEMBERS,
    PERSONS,
    PROFILES,
    SCORES,
    Catalogue,
)
from audiences.comparisons import Bindings, Operand, compile_comparison
from audiences.config import (
    AccountClause,
    Comparison,
    EventClause,
    PersonaClause,
    ScoreClause,
    TraitClause,
)
from audiences.words import Leaf, in_words
from warehouse import TableName


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
    """Collects clauses and writes the query that answers them all."""

    catalogue: Catalogue
    as_of: dt.datetime
    bindings: Bindings = field(default_factory=Bindings)
    _facts: dict[str, Fact] = field(default_factory=dict)
    _answers: list[str] = field(default_factory=list)
    _columns: dict[str, list[str]] = field(default_factory=dict)

    def answer(self, clause: Leaf) -> Fact:
        """The fact for a clause; two clauses that say the same share one."""
        identity = f"{type(clause).__name__} {clause.model_dump_json()}"
        if identity not in self._facts:
            self._facts[identity] = self._add(clause)
        return self._facts[identity]

    def sql(self, *, person: str | None = None) -> str:
        """The query: ``person_id``, ``account_id`` and the columns of all facts.

        Args:
            person: Answer for this person only.
        """
        sources = {name: _SOURCES[name](columns) for name, columns in self._columns.items()}
        steps = {"people": self._people(), **sources}
        written = ", ".join(f"{name} as ({query})" for name, query in steps.items())
        joins = "".join(f" left join {name} using (person_id)" for name in sources)
        only = "" if person is None else f" where people.person_id = {self._bind(person)}"
        answers = ", ".join(["people.person_id", "people.account_id", *self._answers])
        as_of = f"known as (select {self._moment(self.as_of)} as as_of)"
        return f"with {as_of}, {written} select {answers} from people{joins}{only}"

    def _add(self, clause: Leaf) -> Fact:
        number = len(self._facts)
        met, found = self._compile(clause, number)
        fact = Fact(in_words(clause), f"met_{number}", f"found_{number}" if found else None)
        self._answers.append(f"coalesce({met}, false) as {fact.met}")
        if fact.found:
            self._answers.append(f"{found} as {fact.found}")
        return fact

    def _compile(self, clause: Leaf, number: int) -> tuple[str, str | None]:
        """The test of a clause, and the number behind it if there is one."""
        match clause:
            case TraitClause():
                return self._compare(clause, PROFILES, "people", clause.trait), None
            case AccountClause():
                test = self._compare(clause, ACCOUNTS, "accounts", clause.account)
                return self._column("account_facts", f"a{number}", f"bool_or({test})"), None
            case EventClause():
                return self._event(clause, number)
            case ScoreClause():
                return self._score(clause, number)
            case PersonaClause():
                return self._persona(clause), None

    def _event(self, clause: EventClause, number: int) -> tuple[str, str]:
        tests = [self._property(name, test) for name, test in clause.where.items()]
        if clause.event != "*":
            tests.append(f"events.event = {self._bind(clause.event)}")
        if clause.within_days:
            start = self.as_of - dt.timedelta(days=clause.within_days)
            tests.append(f"events.occurred_at >= {self._moment(start)}")
        times = f"count(*) filter (where {' and '.join(tests) or 'true'})"
        count = f"coalesce({self._column('event_facts', f'n{number}', times)}, 0)"
        enough = f"{count} >= {self._bind(clause.minimum)}"
        if clause.at_most is None:
            return enough, count
        return f"{enough} and {count} <= {self._bind(clause.at_most)}", count

    def _property(self, name: str, test: Comparison) -> str:
        if name in self.catalogue.of(EVENTS):
            return self._compare(test, EVENTS, "events", name)
        pointer = "/" + name.replace("~", "~0").replace("/", "~1")  # RFC 6901, section 3
        value = exp.Anonymous(
            this="json_extract_string",
            expressions=[exp.column("properties", "events"), self.bindings.bind(pointer)],
        )
        return _sql(compile_comparison(test, Operand(value, None), self.bindings, self.as_of))

    def _score(self, clause: ScoreClause, number: int) -> tuple[str, str]:
        test = clause.score
        score = self._of_model("score", f"s{number}", test.model)
        tests = [f"{score} is not null"]
        if test.at_least is not None:
            tests.append(f"{score} >= {self._bind(test.at_least)}")
        if test.at_most is not None:
            tests.append(f"{score} <= {self._bind(test.at_most)}")
        if test.decile is not None:
            self._of_model("decile", f"d{number}", test.model)
            tests.append(self._compare(test.decile, SCORES, "score_facts", f"d{number}"))
        return " and ".join(tests), score

    def _of_model(self, column: str, name: str, model: str) -> str:
        value = f"max(scores.{column}) filter (where scores.model_key = {self._bind(model)})"
        return self._column("score_facts", name, value)

    def _persona(self, clause: PersonaClause) -> str:
        self._columns.setdefault("persona_facts", [])
        test = clause.persona
        if test.is_known is False:
            return "persona_facts.persona_id is null"
        sure = f"persona_facts.confidence >= {self._bind(test.confidence_at_least)}"
        if test.is_known:
            return f"persona_facts.persona_id is not null and {sure}"
        names = ", ".join(self._bind(name) for name in test.names)
        named = f"persona_facts.persona_name in ({names}) or persona_facts.persona_id in ({names})"
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


def _score_facts(columns: list[str]) -> str:
    return f"""
        select scores.person_id, {", ".join(columns)}
        from (
            select propensity_scores.*
            from {SCORES.sql} as propensity_scores, known
            where propensity_scores.as_of <= known.as_of
            qualify propensity_scores.as_of
                = max(propensity_scores.as_of) over (partition by propensity_scores.model_key)
        ) as scores
        group by scores.person_id
    """


def _persona_facts(_: list[str]) -> str:
    return f"select personas.* from ({personas_sql('(select as_of from known)')}) as personas"


def personas_sql(as_of: str) -> str:
    """Query for person_id, persona_id, persona_name, confidence as last published.

    Args:
        as_of: Expression for the moment after which nothing is known.
    """
    return f"""
        select person_id, persona_id, persona_name, confidence
        from {PERSONA_MEMBERS.sql} as persona_members
        where persona_members.as_of <= {as_of}
        qualify persona_members.as_of = max(persona_members.as_of) over ()
            and row_number() over (
                partition by person_id order by as_of desc, confidence desc, persona_id
            ) = 1
    """


_SOURCES: Mapping[str, Callable[[list[str]], str]] = {
    "event_facts": _event_facts,
    "account_facts": _account_facts,
    "score_facts": _score_facts,
    "persona_facts": _persona_facts,
}


def _sql(expression: exp.Expression) -> str:
    return expression.sql(dialect="duckdb")
