"""Walk through the conditions of an audience."""

from __future__ import annotations

from collections.abc import Iterator

from audiences.clauses import AllClause, AnyClause, AudienceClause, Condition, Leaf, NotClause


def walk(condition: Condition, place: str) -> Iterator[tuple[str, Leaf | AudienceClause]]:
    """Every clause under a condition, with its place."""
    match condition:
        case AllClause():
            for number, inner in enumerate(condition.all_):
                yield from walk(inner, f"{place}.all.{number}")
        case AnyClause():
            for number, inner in enumerate(condition.any_):
                yield from walk(inner, f"{place}.any.{number}")
        case NotClause():
            yield from walk(condition.not_, f"{place}.not")
        case _:
            yield place, condition
