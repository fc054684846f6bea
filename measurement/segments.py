"""Say in SQL which segment a person is in, by what was known before the exposure.

Two things hold segments to the past: a record counts only where it was created before the
exposure, and columns that visits, purchases or the experiment itself move (counts, latest
values, scores) are refused. The limit: any other column is taken as the profile knows it now,
so a company that became known after the exposure counts as known before it.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from measurement.config import Condition, Experiment, RecordCondition, Segment, TraitCondition
from measurement.errors import InvalidExperimentError
from warehouse import TableName, Warehouse

PROFILES = TableName("marts", "profiles")
MEMBERS = TableName("identity", "members")
RECORDS = TableName("staging", "stg_raw__person_records")

# What a visit, a purchase or an answer changes is an effect of the experiment, not a segment.
MOVED_BY_EXPERIMENTS = frozenset(
    {
        "is_known", "lifecycle_stage", "last_channel", "last_seen_at", "session_count",
        "event_count", "page_view_count", "content_view_count", "download_count",
        "search_count", "last_search_query", "top_topic", "email_delivered_count",
        "email_opened_count", "email_clicked_count", "order_count", "total_spent",
        "last_ordered_at", "ticket_count", "mean_satisfaction", "persona_id", "persona_name",
        "scores",
    }
)  # fmt: skip

_NUMBERS = frozenset({"at_least", "at_most", "less_than"})
_OPERATORS: Mapping[str, type[exp.Binary]] = {
    "at_least": exp.GTE,
    "at_most": exp.LTE,
    "less_than": exp.LT,
}


# Keys and places in lists that lead to a value of a file.
Place = tuple[str | int, ...]


@dataclass(slots=True)
class Bindings:
    """Values of one query, each under a name of its own."""

    values: dict[str, object] = field(default_factory=dict)

    def bind(self, value: object) -> exp.Placeholder:
        """Take a value and return what stands for it in SQL."""
        name = f"s{len(self.values):04d}"
        self.values[name] = value
        return exp.Placeholder(this=name)


def check_segments(warehouse: Warehouse, experiments: Mapping[str, Experiment]) -> None:
    """Refuse segments over columns that are not there or that an experiment moves.

    Raises:
        InvalidExperimentError: With every problem of every experiment.
    """
    known = _profile_columns(warehouse)
    problems = [
        f"{key}, segment {experiment.segments[int(part)].name!r}: {problem}"
        for key, experiment in experiments.items()
        for (_, part, *_), _, problem in unfit_segments(experiment.segments, known)
    ]
    if problems:
        raise InvalidExperimentError(problems)


def unfit_segments(
    segments: Sequence[Segment],
    known: Mapping[str, str],
    *,
    key: str = "segments",
    moved: Collection[str] = MOVED_BY_EXPERIMENTS,
) -> Iterator[tuple[Place, str, str]]:
    """Each condition that cannot be judged: where it stands, its column, and why.

    Args:
        segments: With their conditions.
        known: Columns of ``marts.profiles`` and their types; empty where none is declared.
        key: Under which key they stand.
        moved: Columns that tell nobody apart, as they change with what is measured.
    """
    for part, segment in enumerate(segments):
        for at, condition in enumerate(segment.when):
            problem = _problem(condition, known, moved)
            if problem and isinstance(condition, TraitCondition):
                yield (key, part, "when", at, "trait"), condition.trait, problem


def segment_sql(segments: list[Segment], bindings: Bindings) -> str:
    """The name of the first segment that fits, else null, for rows of ``exposed`` and ``profiles``.

    Args:
        segments: In the order in which they are tried.
        bindings: Takes the values.
    """
    case = exp.Case()
    for segment in segments:
        conditions = [_condition(condition, bindings) for condition in segment.when]
        case = case.when(exp.and_(exp.true(), *conditions), bindings.bind(segment.name))
    return case.sql(dialect="duckdb") if segments else "cast(null as varchar)"


def _profile_columns(warehouse: Warehouse) -> Mapping[str, str]:
    rows = warehouse.columns().to_pylist()  # one row per column of the schema, not per person
    return {
        row["column_name"]: row["data_type"]
        for row in rows
        if TableName(row["table_schema"], row["table_name"]) == PROFILES
    }


def _problem(condition: Condition, known: Mapping[str, str], moved: Collection[str]) -> str | None:
    if isinstance(condition, RecordCondition):
        return None
    if condition.trait in moved:
        return (
            f"{condition.trait} is moved by what people do after the exposure: tell segments by what "
            "was known before it, such as company_name, country, or `record:` and a source"
        )
    if condition.trait not in known:
        close = difflib.get_close_matches(condition.trait, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known))}"
        return f"{PROFILES} has no column {condition.trait!r}; {hint}"
    held = known[condition.trait]
    if held and _NUMBERS & condition.given.keys() and not _is_number(held):
        return f"{condition.trait} is not a number: test it with is, in or is_known"
    return None


def _is_number(data_type: str) -> bool:
    base = data_type.upper().partition("(")[0]
    return base in {"FLOAT", "DOUBLE", "DECIMAL", "NUMERIC"} or base.endswith(("INT", "INTEGER"))


def _condition(condition: Condition, bindings: Bindings) -> exp.Expression:
    if isinstance(condition, RecordCondition):
        return _has_record(condition, bindings)
    tests = [
        _test(condition.trait, name, value, bindings) for name, value in condition.given.items()
    ]
    return exp.Coalesce(this=exp.paren(exp.and_(*tests)), expressions=[exp.false()])


def _test(trait: str, name: str, value: Any, bindings: Bindings) -> exp.Expression:
    column = exp.column(trait, table="profiles", quoted=True)
    if name == "is_known":
        unknown = exp.Is(this=column, expression=exp.null())
        return exp.not_(unknown) if value else unknown
    if name in _OPERATORS:
        return _OPERATORS[name](this=column, expression=bindings.bind(value))
    listed = value if isinstance(value, list) else [value]
    return exp.paren(exp.or_(*(_equal(column, item, bindings) for item in listed)))


def _equal(column: exp.Expression, value: Any, bindings: Bindings) -> exp.Expression:
    """Equal in the value's own kind, so that a text never meets a number."""
    if isinstance(value, bool | int | float):
        kind = "boolean" if isinstance(value, bool) else "double"
        number = exp.TryCast(this=column.copy(), to=exp.DataType.build(kind))
        return exp.EQ(this=number, expression=bindings.bind(value))
    return exp.EQ(this=_folded(column), expression=_folded(bindings.bind(value)))


def _folded(text: exp.Expression) -> exp.Expression:
    return exp.Lower(this=exp.Trim(this=exp.cast(text.copy(), "varchar")))


def _has_record(condition: RecordCondition, bindings: Bindings) -> exp.Expression:
    before: exp.Expression = exp.column("first_exposed_at", table="exposed")
    if condition.created_before is not None:
        day = exp.cast(bindings.bind(condition.created_before.isoformat()), "timestamp")
        before = exp.func("least", before, day)
    query = (
        exp.select("1")
        .from_("members")
        .join("records", using=["source", "source_record_id"])
        .where(
            _columns_equal("members.person_id", "exposed.person_id"),
            exp.EQ(
                this=exp.column("source", "members"), expression=bindings.bind(condition.record)
            ),
            exp.LT(this=exp.column("record_created_at", "records"), expression=before),
        )
    )
    return exp.Exists(this=query)


def _columns_equal(left: str, right: str) -> exp.Expression:
    return exp.EQ(this=exp.to_column(left), expression=exp.to_column(right))
