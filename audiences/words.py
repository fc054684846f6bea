"""Clauses in words, as people read them in reasons and reports."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from audiences.clauses import (
    AccountClause,
    AllClause,
    AnyClause,
    AudienceClause,
    Comparison,
    Condition,
    EventClause,
    EventTest,
    Leaf,
    ListClause,
    NeverAfter,
    NotClause,
    PersonaClause,
    ScoreClause,
    SequenceClause,
    SequenceTest,
    Step,
    TraitClause,
)

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
    "within_days": "lies within the last {}",
}


def in_words(clause: Leaf, ruled: Collection[str] = ()) -> str:
    """One clause as a sentence without its subject.

    Args:
        clause: What it says.
        ruled: Models whose scores are of a rule, which is said of them.
    """
    match clause:
        case TraitClause():
            words = f"{clause.trait} {comparison_in_words(clause)}"
        case AccountClause():
            words = f"account {clause.account} {comparison_in_words(clause)}"
        case EventClause():
            words = _event(clause)
        case SequenceClause():
            words = _sequence(clause.sequence)
        case ListClause():
            words = f"is on the list {clause.list_.name}"
        case ScoreClause():
            words = _score(clause, ruled)
        case PersonaClause():
            words = _persona(clause)
    return words


def condition_in_words(condition: Condition, ruled: Collection[str] = ()) -> str:
    """Conditions under all, any and not as one line; ``ruled`` as for :func:`in_words`."""
    match condition:
        case AllClause():
            return _joined(condition.all_, " and ", ruled)
        case AnyClause():
            return _joined(condition.any_, " or ", ruled)
        case NotClause():
            return f"not ({condition_in_words(condition.not_, ruled)})"
        case AudienceClause():
            return f"fits the audience {condition.audience}"
        case _:
            return in_words(condition, ruled)


def _joined(conditions: Sequence[Condition], word: str, ruled: Collection[str]) -> str:
    parts = [condition_in_words(condition, ruled) for condition in conditions]
    return parts[0] if len(parts) == 1 else f"({word.join(parts)})"


def comparison_in_words(comparison: Comparison) -> str:
    """All tests of one value, joined by "and"."""
    return " and ".join(_test(name, value) for name, value in comparison.given.items())


def _test(name: str, value: Any) -> str:
    if name == "is_known":
        return "is known" if value else "is not known"
    return _TESTS[name].format(_days(value) if name == "within_days" else _value(value))


def _days(days: float) -> str:
    return "1 day" if days == 1 else f"{_value(days)} days"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_value(item) for item in value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _event(clause: EventClause) -> str:
    window = f" in {_days(clause.within_days)}" if clause.within_days else ""
    return f"{_name(clause)} {_times(clause)}{window}{_where(clause)}"


def _name(test: EventTest) -> str:
    return "any event" if test.event == "*" else test.event


def _where(test: EventTest) -> str:
    tests = " and ".join(
        f"{column} {comparison_in_words(comparison)}" for column, comparison in test.where.items()
    )
    return f" where {tests}" if tests else ""


def _sequence(sequence: SequenceTest) -> str:
    steps = ", then ".join(_step(step) for step in sequence.steps)
    without, never = sequence.without, sequence.not_followed_by
    between = f", without {_name(without)}{_where(without)} in between" if without else ""
    after = f", not followed by {_step(never)}" if never else ""
    window = f", all in {_days(sequence.within_days)}" if sequence.within_days else ""
    return f"{steps}{between}{after}{window}"


def _step(step: Step | NeverAfter) -> str:
    near = f" within {_days(step.within_days)}" if step.within_days is not None else ""
    return f"{_name(step)}{near}{_where(step)}"


def _times(clause: EventClause) -> str:
    if clause.at_most is None:
        return f"at least {_count(clause.minimum)}"
    if clause.minimum == 0:
        return "never" if clause.at_most == 0 else f"at most {_count(clause.at_most)}"
    return f"{clause.minimum} to {clause.at_most} times"


def _count(times: int) -> str:
    return "once" if times == 1 else f"{times} times"


def _score(clause: ScoreClause, ruled: Collection[str]) -> str:
    test = clause.score
    bounds = (
        f"is at least {test.at_least}" if test.at_least is not None else "",
        f"is at most {test.at_most}" if test.at_most is not None else "",
        f"has a decile that {comparison_in_words(test.decile)}" if test.decile else "",
    )
    label = " (rule)" if test.model in ruled else ""
    return f"{test.model} score{label} {' and '.join(bound for bound in bounds if bound)}"


def _persona(clause: PersonaClause) -> str:
    test = clause.persona
    sure = f", at least {test.confidence_at_least} sure" if test.confidence_at_least else ""
    if test.is_known is not None:
        return f"persona is {'' if test.is_known else 'not '}known{sure}"
    return f"persona is {' or '.join(test.names)}{sure}"
