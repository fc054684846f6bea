"""Judge a table by a Great Expectations suite.

The engine counts, whatever the size of the table, and the suite judges the one row of counts: an
expectation on a pandas frame of a million rows costs two seconds, through SQLAlchemy none works.
Great Expectations is imported when a table is judged, not before: it takes seven seconds.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from warehouse.names import TableName, quoted
from warehouse.protocol import Warehouse

if TYPE_CHECKING:
    import pandas as pd


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
    listed = ", ".join(f"({fact.sql})::double as {quoted(fact.claim)}" for fact in suite.facts)
    counted = warehouse.read(f"select count(*) as candor_rows, {listed} from {suite.table.sql}")
    row = counted.to_pylist()[0]
    failed = _failed(counted.select([fact.claim for fact in suite.facts]).to_pandas(), suite)
    unmet = [Unmet(fact, float(row[fact.claim])) for fact in suite.facts if fact.claim in failed]
    return ExpectationReport(suite.table, row["candor_rows"], len(suite.facts), tuple(unmet))


def _failed(facts: pd.DataFrame, suite: Suite) -> Sequence[str]:
    """The claims whose fact does not lie in its range."""
    gx, context = _great_expectations()
    asset = context.data_sources.add_or_update_pandas("warehouse").add_dataframe_asset("facts")
    batch = asset.add_batch_definition_whole_dataframe("facts").get_batch({"dataframe": facts})
    expectations = [
        gx.expectations.ExpectColumnValuesToBeBetween(
            column=fact.claim, min_value=fact.at_least, max_value=fact.at_most
        )
        for fact in suite.facts
    ]
    result = batch.validate(gx.ExpectationSuite(name=str(suite.table), expectations=expectations))
    return [item.expectation_config.kwargs["column"] for item in result.results if not item.success]


@lru_cache(maxsize=1)
def _great_expectations() -> tuple[Any, Any]:
    """The library, and its context: one for the process, as each leaves an empty folder in /tmp."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read at import: nothing of ours calls home
    gx = importlib.import_module("great_expectations")
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return gx, context
