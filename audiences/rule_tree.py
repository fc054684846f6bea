"""The rules of an audience line by line, as they are nested, for whoever asks about a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from audiences.clauses import AllClause, AnyClause, AudienceClause, Condition, Leaf, NotClause
from audiences.config import Audience
from audiences.facts import Fact
from warehouse import literal

Answer = Callable[[Leaf], Fact]
Write = Callable[[Condition], str]


@dataclass(frozen=True, slots=True)
class _Line:
    """One line: how deep it stands, what it says, and the SQL of whether that is so."""

    depth: int
    words: str
    holds: str
    found: str | None = None

    def json(self) -> str:
        """SQL of the line as a JSON object."""
        return (
            f"json_object('depth', {self.depth}, 'clause', {literal(self.words)}, "
            f"'holds', {self.holds}, 'found', {self.found or 'null'})"
        )


def rule_tree(
    audience: Audience, by_key: Mapping[str, Audience], answer: Answer, write: Write
) -> str:
    """SQL expression: JSON list of the lines, each with depth, clause, holds and found.

    A line is told as it is written: under "none of" it is good news where nothing holds.

    Args:
        audience: Whose rules.
        by_key: All audiences, as it may refer to them.
        answer: The fact behind a clause.
        write: SQL of whether a condition is met.
    """
    lines = _Lines(by_key, answer, write)
    return f"cast(json_array({', '.join(line.json() for line in lines.of(audience))}) as varchar)"


@dataclass(frozen=True, slots=True)
class _Lines:
    by_key: Mapping[str, Audience]
    answer: Answer
    write: Write

    def of(self, audience: Audience, depth: int = 0) -> Iterator[_Line]:
        yield from self.under(audience.include, depth)
        if audience.exclude is not None:
            yield from self.turned(audience.exclude, depth)

    def under(self, condition: Condition, depth: int) -> Iterator[_Line]:
        match condition:
            case AllClause():
                yield from self.joined("all of", condition, condition.all_, depth)
            case AnyClause():
                yield from self.joined("any of", condition, condition.any_, depth)
            case NotClause():
                yield from self.turned(condition.not_, depth)
            case AudienceClause():
                words = f"fits the audience {condition.audience}"
                yield _Line(depth, words, self.write(condition))
                yield from self.of(self.by_key[condition.audience], depth + 1)
            case _:
                fact = self.answer(condition)
                yield _Line(depth, fact.words, fact.met, fact.found)

    def joined(
        self, words: str, condition: Condition, parts: list[Condition], depth: int
    ) -> Iterator[_Line]:
        yield _Line(depth, words, self.write(condition))
        for part in parts:
            yield from self.under(part, depth + 1)

    def turned(self, condition: Condition, depth: int) -> Iterator[_Line]:
        parts = condition.any_ if isinstance(condition, AnyClause) else [condition]
        yield _Line(depth, "none of", f"(not {self.write(condition)})")
        for part in parts:
            yield from self.under(part, depth + 1)
