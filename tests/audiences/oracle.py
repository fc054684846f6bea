"""Audiences over hostile names and values, and what is right, in a few lines of Python."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import sqlglot
from sqlglot import exp

from audiences.catalogue import read_catalogue
from audiences.compile import compile_audiences
from tests.audiences.conftest import AS_OF, Company, audience

# Texts that would end a literal, a name or a statement, or hide a parameter. Without the dotted
# capital I, which the engine folds to one letter and Python to two.
PIECES = (
    "'", '"', "''", '""', "\\", "\\'", ";", "--", "/*", "*/", "$v00000", "$1", "?", ":v", "%", "_",
    "{0}", "{{ x }}", "\n", "\t", "\r", "(", ")", "select", "drop table marts.profiles", " or true",
    "null", "true", "0", "1e9", "é", "ß", "日本", "\u202e", "\u0301", "🙂", "~1", "~0", "/",
    "a", "B", " ", "=cmd", "$$", "x'41'", "unistr", "||",
)  # fmt: skip


def hostile(chance: random.Random) -> str:
    """A text of one to four pieces; never blank, as a blank one is refused or folds to nothing."""
    text = "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 4)))
    return text if text.strip() else text + "x"


def folded(text: str) -> str:
    """As the language compares texts: without blanks at the ends, letters in lower case."""
    return text.strip(" ").lower()


def statements(sql: str) -> Sequence[exp.Expression | None]:
    """The statements of a text, taken apart by a parser that is not the engine's."""
    return [found for found in sqlglot.parse(sql, read="duckdb") if found is not None]


def rows(chance: random.Random, count: int) -> list[dict[str, Any]]:
    """Persons whose traits, events and properties are hostile."""
    return [
        {
            "person_id": f"p{number}",
            "country": hostile(chance),
            "job_title": hostile(chance),
            "event": hostile(chance),
            "page_path": hostile(chance),
            "property": hostile(chance),
            "value": hostile(chance),
        }
        for number in range(count)
    ]


def hostile_company(chance: random.Random, people: int) -> tuple[Company, list[dict[str, Any]]]:
    """Persons with hostile traits, one event each, and what they are as plain rows."""
    company, found = Company(), rows(chance, people)
    for row in found:
        traits = {name: row[name] for name in ("country", "job_title")}
        company.insert("marts.profiles", person_id=row["person_id"], **traits)
        company.event(
            row["person_id"],
            row["event"],
            page_path=row["page_path"],
            properties=json.dumps({row["property"]: row["value"]}),
        )
    return company, found


def clause(chance: random.Random, known: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One clause; half of what it names is there, so that half of them find somebody."""

    def text(field: str) -> str:
        return str(chance.choice(known)[field]) if chance.random() < 0.5 else hostile(chance)

    one = chance.choice(known)
    return chance.choice(
        [
            {"trait": "country", "is": text("country")},
            {"trait": "country", "not_in": [text("country"), text("country")]},
            {"trait": "job_title", "contains": text("job_title")},
            {"event": text("event"), "where": {"page_path": {"contains": text("page_path")}}},
            {"event": one["event"], "where": {one["property"]: {"is": text("value")}}},
            {"event": "*", "where": {text("property"): {"is_known": True}}},
        ]
    )


def is_met(row: dict[str, Any], wanted: dict[str, Any]) -> bool:  # noqa: PLR0911 - one for each test
    """Whether a person meets a clause."""
    if "trait" in wanted:
        value = folded(row[wanted["trait"]])
        if "is" in wanted:
            return value == folded(wanted["is"])
        if "not_in" in wanted:
            return value not in {folded(text) for text in wanted["not_in"]}
        return folded(wanted["contains"]) in value
    ((name, test),) = wanted["where"].items()
    if wanted["event"] not in {"*", row["event"]}:
        return False
    if name == "page_path":
        return folded(test["contains"]) in folded(row["page_path"])
    if name != row["property"]:
        return False
    return "is_known" in test or folded(row["value"]) == folded(test["is"])


def judge_hostile(seed: int, *, people: int, audiences: int) -> int:
    """Hold so many audiences against the oracle; return how many members they had together."""
    chance = random.Random(seed)
    company, known = hostile_company(chance, people)
    rules = [[clause(chance, known) for _ in range(3)] for _ in range(audiences)]
    wanted = [
        audience({"any": [one, {"all": [two, {"not": three}]}]}, key=f"a{n}")
        for n, (one, two, three) in enumerate(rules)
    ]
    plan = compile_audiences(wanted, read_catalogue(company.warehouse), as_of=AS_OF)
    (statement,) = statements(plan.facts)
    assert isinstance(statement, exp.Select)
    # Whatever the user wrote is bound: the text holds the house's own words alone.
    assert {literal.this for literal in statement.find_all(exp.Literal) if literal.is_string} == {
        "active"
    }
    company.warehouse.execute(f"create temp table facts as {plan.facts}", plan.parameters)
    members = 0
    for planned, (one, two, three) in zip(plan.audiences, rules, strict=True):
        found = company.warehouse.read(f"select person_id from facts where {planned.matches}")
        expected = {
            row["person_id"]
            for row in known
            if is_met(row, one) or (is_met(row, two) and not is_met(row, three))
        }
        assert set(found["person_id"].to_pylist()) == expected, (one, two, three)
        (reasons,) = statements(f"select {planned.reasons} from facts")
        assert isinstance(reasons, exp.Select)
        company.warehouse.read(f"select {planned.reasons} from facts")
        members += len(expected)
    return members
