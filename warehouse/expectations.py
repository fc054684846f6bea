"""Judge a table by a Great Expectations suite.

The engine counts, whatever the size of the table, and the suite judges one row per count: an
expectation on a pandas frame of a million rows costs two seconds, through SQLAlchemy none works.
Great Expectations is imported when a table is judged, not before: it takes seven seconds.
"""

from __future__ import annotations

import importlib
import itertools
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa

from warehouse.names import TableName, quoted
from warehouse.protocol import Warehouse


@dataclass(frozen=True, slots=True)
class Fact:
    """One number about a table, and the range in which it must lie; it has a bound or two.

    Attributes:
        claim: What is true when it does, e.g. ``every_event_has_a_time``; unique in its suite.
        sql: The number, as an aggregate over the table; it never shows a value of a row.
        at_least: Lowest number allowed; None for no bound.
        at_most: Highest number allowed; None for no bound.
    """

    claim: str
    sql: str
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """What is expected of one table."""

    table: TableName
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Unmet:
    """A fact that does not lie in its range."""

    fact: Fact
    found: float

    def __str__(self) -> str:
        low = "" if self.fact.at_least is None else f" at least {self.fact.at_least:g}"
        high = "" if self.fact.at_most is None else f" at most {self.fact.at_most:g}"
        return f"{self.fact.claim}: found {self.found:g}, expected{low}{high}"


@dataclass(frozen=True, slots=True)
class ExpectationReport:
    """What a suite says of a table.

    Attributes:
        table: The table.
        rows: How many rows it has.
        judged: How many facts were judged.
        unmet: Those that do not lie in their range.
    """

    table: TableName
    rows: int
    judged: int
    unmet: tuple[Unmet, ...]

    @property
    def is_met(self) -> bool:
        """Whether everything is as expected."""
        return not self.unmet


def judge(warehouse: Warehouse, suite: Suite) -> ExpectationReport:
    """Count the facts of a suite in the engine and let Great Expectations judge them."""
    return judge_all(warehouse, (suite,))[0]


def judge_all(warehouse: Warehouse, suites: Sequence[Suite]) -> tuple[ExpectationReport, ...]:
    """Judge several suites in one call of Great Expectations, which costs more than its facts.

    Returns:
        One report per suite, in this order.
    """
    counted = [_counted(warehouse, suite) for suite in suites]
    failed, numbers = _failed(suites, counted), itertools.count()
    return tuple(
        ExpectationReport(
            suite.table,
            row["candor_rows"],
            len(suite.facts),
            tuple(
                Unmet(fact, float(row[fact.claim]))
                for fact, number in zip(suite.facts, numbers, strict=False)
                if number in failed
            ),
        )
        for suite, row in zip(suites, counted, strict=True)
    )


def _counted(warehouse: Warehouse, suite: Suite) -> dict[str, Any]:
    """The number of rows and every fact of a suite, by its claim."""
    listed = "".join(f", ({fact.sql})::double as {quoted(fact.claim)}" for fact in suite.facts)
    counted = warehouse.read(f"select count(*) as candor_rows{listed} from {suite.table.sql}")
    row: dict[str, Any] = counted.to_pylist()[0]
    return row


def _failed(suites: Sequence[Suite], counted: Sequence[Mapping[str, Any]]) -> frozenset[int]:
    """The numbers of the facts, counted over all suites, that do not lie in their range.

    An expectation costs 18 ms whatever it looks at, so there are two, over one row per fact.
    """
    gx, context = _great_expectations()
    asset = context.data_sources.add_or_update_pandas("warehouse").add_dataframe_asset("facts")
    definition = asset.add_batch_definition_whole_dataframe("facts")
    batch = definition.get_batch({"dataframe": _facts_table(suites, counted).to_pandas()})
    expectations = [
        gx.expectations.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A=high, column_B=low, or_equal=True, ignore_row_if="either_value_is_missing"
        )
        for high, low in (("found", "at_least"), ("at_most", "found"))
    ]
    result = batch.validate(
        gx.ExpectationSuite(name="facts", expectations=expectations),
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["number"]},
    )
    return frozenset(
        row["number"]
        for item in result.results
        for row in item.result["unexpected_index_list"] or ()
    )


def _facts_table(suites: Sequence[Suite], counted: Sequence[Mapping[str, Any]]) -> pa.Table:
    found = [
        (fact, row[fact.claim])
        for suite, row in zip(suites, counted, strict=True)
        for fact in suite.facts
    ]
    return pa.table(
        {
            "number": pa.array(range(len(found)), pa.int64()),
            "found": pa.array([number for _, number in found], pa.float64()),
            "at_least": pa.array([fact.at_least for fact, _ in found], pa.float64()),
            "at_most": pa.array([fact.at_most for fact, _ in found], pa.float64()),
        }
    )


@lru_cache(maxsize=1)
def _great_expectations() -> tuple[Any, Any]:
    """The library, and its context: one for the process, as each leaves an empty folder in /tmp."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read at import: nothing of ours calls home
    gx = importlib.import_module("great_expectations")
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return gx, context
