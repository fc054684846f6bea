"""Tests of one value as SQL expressions: names are quoted, values are bound, types are checked."""

from __future__ import annotations

import datetime as dt
import math
import sys
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
# A bound is a range of finite values, so that a value is read once: what a mere `>=` and a test of
# finiteness beside it would take out of JSON twice.
_LARGEST = sys.float_info.max
_NOT_FINITE = (math.nan, math.inf, -math.inf)
_FIRST, _LAST = "290309-12-22 (BC) 00:00:00", "294247-01-10 04:00:54.775806"
# As a timestamp with a zone, the engine reads an offset, but not behind a blank.
_BLANK_BEFORE_OFFSET = " +([+-][0-9]{2}(:?[0-9]{2})?)$"


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
        is_wanted = name in {"is", "in"}
        equal = exp.paren(_equal_any(operand, _listed(value), bindings, is_wanted=is_wanted))
        return equal if is_wanted else exp.not_(equal)
    if name in _BOUNDS:
        low, high = _range_of(name, value)
        number = _read(operand, "double")
        return exp.Between(this=number, low=bindings.bind(low), high=bindings.bind(high))
    if name == "contains":
        return exp.func("contains", _folded(operand.value), _folded(bindings.bind(value)))
    return _time(name, value, operand, bindings, as_of)


def _range_of(name: str, value: float) -> tuple[float, float]:
    """The finite numbers that a bound allows, both ends among them."""
    match name:
        case "at_least":
            low, high = value, _LARGEST
        case "more_than":
            low, high = math.nextafter(value, math.inf), _LARGEST
        case "at_most":
            low, high = -_LARGEST, value
        case _:
            low, high = -_LARGEST, math.nextafter(value, -math.inf)
    return max(low, -_LARGEST), min(high, _LARGEST)


def _time(
    name: str, value: Any, operand: Operand, bindings: Bindings, as_of: dt.datetime
) -> exp.Expression:
    is_told = operand.kind is None
    low = _moment(_FIRST if is_told else "-infinity")
    high = _moment(_LAST if is_told else "infinity")
    if name == "before":
        high = _just_before(timestamp(value, bindings))
    elif name == "after":
        low = timestamp(value, bindings)
    else:
        low = timestamp(as_of - dt.timedelta(days=value), bindings)
        high = _just_before(timestamp(as_of, bindings))
    return exp.Between(this=_read(operand, "timestamp"), low=low, high=high)


def _moment(text: str) -> exp.Expression:
    return exp.cast(exp.Literal.string(text), "timestamp")


def _just_before(moment: exp.Expression) -> exp.Expression:
    step = exp.Anonymous(this="to_microseconds", expressions=[exp.Literal.number(1)])
    return exp.Sub(this=moment, expression=step)


def _equal_any(
    operand: Operand, values: list[Any], bindings: Bindings, *, is_wanted: bool
) -> exp.Expression:
    """Whether the value is one of these; where it is to be none, one that is not finite is too.

    "NaN" and "infinity" are as good as unknown, be they told or what a trait divided by 0 came to.
    """
    numbers = [float(value) for value in values if _kind_of(value) is ValueKind.NUMBER]
    tests = [
        _equal(operand, value, bindings)
        for value in values
        if _kind_of(value) is not ValueKind.NUMBER
    ]
    if numbers:
        listed = [
            bindings.bind(number) for number in (*numbers, *(() if is_wanted else _NOT_FINITE))
        ]
        tests.append(exp.In(this=_read(operand, "double"), expressions=listed))
    return exp.or_(*tests)


def _equal(operand: Operand, value: Any, bindings: Bindings) -> exp.Expression:
    if _kind_of(value) is ValueKind.BOOLEAN:
        return exp.EQ(this=_read(operand, "boolean"), expression=bindings.bind(value))
    return exp.EQ(this=_folded(operand.value), expression=_folded(bindings.bind(str(value))))


def _read(operand: Operand, data_type: str) -> exp.Expression:
    """The value as another type; null where it is told and does not read as one."""
    if operand.kind:
        return exp.cast(operand.value.copy(), data_type)
    if data_type != "timestamp":
        return _cast_text(operand.value.copy(), data_type)
    # As timestamp alone, the engine drops "+02:00" and does not count it.
    text = exp.Anonymous(
        this="regexp_replace",
        expressions=[
            operand.value.copy(),
            exp.Literal.string(_BLANK_BEFORE_OFFSET),
            exp.Literal.string("\\1"),
        ],
    )
    return exp.cast(_cast_text(text, "timestamptz"), "timestamp")


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
