"""Clauses in words, as people read them in reasons and reports."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from audiences.config import (
    AccountClause,
    Comparison,
    EventClause,
    PersonaClause,
    ScoreClause,
    TraitClause,
)

Leaf = TraitClause | AccountClause | EventClause | ScoreClause | PersonaClause

_TESTS: Mapping[str, str] = {
    "is": "is {}",
    "is_not": "is not {}",
    "in": "is one of {}",
    "not_in": "is none of {}",
    "at_least": "is at least {}",
    "more_than": "is more than {}",
    "at_most": "is at most {}",
    "less_than": "is less than {}",
    "contains": "contains {}",
    "before": "is before {}",
    "after": "is on or after {}",
    "within_days": "lies within the last {} days",
}


def in_words(clause: Leaf) -> str:
    """One clause as a sentence without its subject."""
    match clause:
        case TraitClause():
            return f"{clause.trait} {comparison_in_words(clause)}"
        case AccountClause():
            return f"account {clause.account} {comparison_in_words(clause)}"
        case EventClause():
            return _event(clause)
        case ScoreClause():
            return _score(clause)
        case PersonaClause():
            return _persona(clause)


def comparison_in_words(comparison: Comparison) -> str:
    """All tests of one value, joined by "and"."""
    return " and ".join(_test(name, value) for name, value in comparison.given.items())


def _test(name: str, value: Any) -> str:
    if name == "is_known":
        return "is known" if value else "is not known"
    return _TESTS[name].format(_value(value))


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_value(item) for item in value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _event(clause: EventClause) -> str:
    name = "any event" if clause.event == "*" else clause.event
    window = f" in {clause.within_days} days" if clause.within_days else ""
    tests = " and ".join(
        f"{column} {comparison_in_words(test)}" for column, test in clause.where.items()
    )
    return f"{name} {_times(clause)}{window}{' where ' if tests else ''}{tests}"


def _times(clause: EventClause) -> str:
    if clause.at_most is None:
        return f"at least {clause.minimum} times"
    if clause.minimum == 0:
        return "never" if clause.at_most == 0 else f"at most {clause.at_most} times"
    return f"{clause.minimum} to {clause.at_most} times"


def _score(clause: ScoreClause) -> str:
    test = clause.score
    bounds = (
        f"is at least {test.at_least}" if test.at_least is not None else "",
        f"is at most {test.at_most}" if test.at_most is not None else "",
        f"has a decile that {comparison_in_words(test.decile)}" if test.decile else "",
    )
    return f"{test.model} score {' and '.join(bound for bound in bounds if bound)}"


def _persona(clause: PersonaClause) -> str:
    test = clause.persona
    sure = f", at least {test.confidence_at_least} sure" if test.confidence_at_least else ""
    if test.is_known is not None:
        return f"persona is {'' if test.is_known else 'not '}known{sure}"
    return f"persona is {' or '.join(test.names)}{sure}"
