"""Tests of one value as SQL expressions: names are quoted, values are bound, types are checked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from audiences.catalogue import ValueKind
from audiences.clauses import Comparison

_TIMES = frozenset({"before", "after", "within_days"})
_BOUNDS = frozenset({"at_least", "more_than", "at_most", "less_than"})
_EQUALS = frozenset({"is", "is_not", "in", "not_in"})
_ALLOWED: Mapping[ValueKind, frozenset[str]] = {
    ValueKind.TEXT: _EQUALS | {"contains", "is_known"},
    ValueKind.NUMBER: _EQUALS | _BOUNDS | {"is_known"},
    ValueKind.BOOLEAN: frozenset({"is", "is_not", "is_known"}),
    ValueKind.TIME: _TIMES | {"is_known"},
    ValueKind.OTHER: frozenset({"is_known"}),
}
_OPERATORS: Mapping[str, type[exp.Binary]] = {
    "at_least": exp.GTE,
    "more_than": exp.GT,
    "at_most": exp.LTE,
    "less_than": exp.LT,
}


@dataclass(slots=True)
class Bindings:
    """Values of one query, each under a name of its own."""

    values: dict[str, object] = field(default_factory=dict)

    def bind(self, value: object) -> exp.Placeholder:
        """Take a value and return what stands for it in SQL."""
        name = f"v{len(self.values):05d}"  # padded, so that no name is the start of another
        self.values[name] = value
        return exp.Placeholder(this=name)


@dataclass(frozen=True, slots=True)
class Operand:
    """A value to be tested and what it holds; a property of an event says so by its tests."""

    value: exp.Expression
    kind: ValueKind | None


def check(comparison: Comparison, kind: ValueKind | None) -> list[str]:
    """Say which tests do not fit a value of this kind; nothing when all do.

    Args:
        comparison: What the user wrote.
        kind: What the value holds; None where only the data will tell.
    """
    if kind is None:
        return []
    given = comparison.given
    refused = [
        f"{name} does not fit a value that holds {kind}; allowed: {', '.join(sorted(_ALLOWED[kind]))}"
        for name in given
        if name not in _ALLOWED[kind]
    ]
    values = [value for name in sorted(_EQUALS & given.keys()) for value in _listed(given[name])]
    if not refused and any(_kind_of(value) is not kind for value in values):
        hint = "put it in quotes" if kind is ValueKind.TEXT else f"write a value that is {kind}"
        refused.append(f"a value to compare with is not {kind}: {hint}")
    return refused


def compile_comparison(
    comparison: Comparison, operand: Operand, bindings: Bindings, as_of: dt.datetime
) -> exp.Expression:
    """The tests as one expression that is true or false, never null."""
    tests = [
        _test(name, value, operand, bindings, as_of) for name, value in comparison.given.items()
    ]
    return known_true(exp.and_(*tests))


def known_true(condition: exp.Expression) -> exp.Expression:
    """False where the engine says null: unknown is not yes."""
    return exp.Coalesce(this=exp.paren(condition), expressions=[exp.false()])


def timestamp(moment: dt.date, bindings: Bindings) -> exp.Expression:
    """A bound moment, at the start of the day for a date."""
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime.combine(moment, dt.time())
    return exp.cast(bindings.bind(moment.isoformat(sep=" ")), "timestamp")


def _test(
    name: str, value: Any, operand: Operand, bindings: Bindings, as_of: dt.datetime
) -> exp.Expression:
    if name == "is_known":
        unknown = exp.Is(this=operand.value.copy(), expression=exp.null())
        return exp.not_(unknown) if value else unknown
    if name in _EQUALS:
        equal = exp.or_(*(_equal(operand, item, bindings) for item in _listed(value)))
        return exp.paren(equal) if name in {"is", "in"} else exp.not_(exp.paren(equal))
    if name in _OPERATORS:
        return _OPERATORS[name](this=_as(operand, "double"), expression=bindings.bind(value))
    if name == "contains":
        return exp.func("contains", _folded(operand.value), _folded(bindings.bind(value)))
    return _time(name, value, _as(operand, "timestamp"), bindings, as_of)


def _time(
    name: str, value: Any, moment: exp.Expression, bindings: Bindings, as_of: dt.datetime
) -> exp.Expression:
    if name == "before":
        return exp.LT(this=moment, expression=timestamp(value, bindings))
    if name == "after":
        return exp.GTE(this=moment, expression=timestamp(value, bindings))
    start = as_of - dt.timedelta(days=value)
    return exp.and_(
        exp.GTE(this=moment, expression=timestamp(start, bindings)),
        exp.LT(this=moment.copy(), expression=timestamp(as_of, bindings)),
    )


def _equal(operand: Operand, value: Any, bindings: Bindings) -> exp.Expression:
    match _kind_of(value):
        case ValueKind.BOOLEAN:
            return exp.EQ(this=_as(operand, "boolean"), expression=bindings.bind(value))
        case ValueKind.NUMBER:
            return exp.EQ(this=_as(operand, "double"), expression=bindings.bind(float(value)))
        case _:
            text = _folded(bindings.bind(str(value)))
            return exp.EQ(this=_folded(operand.value), expression=text)


def _as(operand: Operand, data_type: str) -> exp.Expression:
    """The value as another type; null where it does not read as one, and where it is not finite.

    "NaN" and "infinity" are as good as unknown, be they told or what a trait divided by 0 came to.
    """
    read = _read(operand, data_type)
    if data_type == "boolean" or operand.kind is ValueKind.TIME:
        return read
    return exp.Case().when(exp.func("isfinite", read.copy()), read)


def _read(operand: Operand, data_type: str) -> exp.Expression:
    if operand.kind:
        return exp.cast(operand.value.copy(), data_type)
    if (
        data_type == "timestamp"
    ):  # as timestamp alone, the engine drops "+02:00" and does not count it
        return exp.cast(_cast_text(operand.value.copy(), "timestamptz"), "timestamp")
    return _cast_text(operand.value.copy(), data_type)


def _cast_text(text: exp.Expression, data_type: str) -> exp.Expression:
    return exp.TryCast(this=text, to=exp.DataType.build(data_type))


def _folded(text: exp.Expression) -> exp.Expression:
    return exp.Lower(this=exp.Trim(this=text.copy()))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _kind_of(value: Any) -> ValueKind:
    if isinstance(value, bool):
        return ValueKind.BOOLEAN
    if isinstance(value, int | float):
        return ValueKind.NUMBER
    return ValueKind.TIME if isinstance(value, dt.date) else ValueKind.TEXT
