"""What a user writes about how strictly raw tables are judged: ``expectations.yml``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from ingestion.config import SourcesConfig
from ingestion.inventory import TABLES, table_of
from settings import ConfigurationError, StrictModel, load_config, unfit_name, unknown_name


class Severity(StrEnum):
    """What happens when a table is not as expected."""

    WARN = "warn"
    ERROR = "error"


class Bounds(StrictModel):
    """How fresh a source must be, and how far its rows of a day may lie from the weeks before."""

    fresh_within_days: float | None = Field(
        default=None,
        gt=0,
        description="The newest row may be so old, in days; default: not judged.",
    )
    volume_band: float | None = Field(
        default=None,
        gt=0,
        description="How many robust standard deviations the rows of the last whole day may lie from "
        "the median of the same weekday in the weeks before; default: as the table says.",
    )


class TableExpectations(StrictModel):
    """How one table is judged."""

    severity: Severity = Field(
        default=Severity.WARN,
        description="warn: shown in yellow; error: shown in red, and `candor run` ends with failure.",
    )
    blocking: bool = Field(
        default=False,
        description="true: what is built from the table is not built until it is as expected.",
    )
    max_refused_share: float = Field(
        # A source that has changed its form refuses nearly everything; single bad lines are daily
        # life. Streams seen so far refuse 0.3 %, so ten per cent is far from both.
        default=0.10,
        ge=0,
        le=1,
        description="Share of the rows of all files that may be refused.",
    )
    fresh_within_days: float | None = Field(
        default=None, gt=0, description="As below, for every source of the table."
    )
    # A normal stream leaves four deviations once in 16,000 days; a broken tracker leaves them at once.
    volume_band: float = Field(
        default=4.0, gt=0, description="As below, for every source of the table."
    )
    judge_volume: bool = Field(
        default=True, description="false: rows of a day are not compared with the weeks before."
    )
    sources: dict[str, Bounds] = Field(
        default_factory=dict, description="Sources that are judged otherwise, by name."
    )


class ExpectationsConfig(StrictModel):
    """The whole of ``expectations.yml``; without it every table is judged by the defaults."""

    tables: dict[str, TableExpectations] = Field(
        default_factory=dict, description="Tables of schema raw by name, e.g. events."
    )

    @model_validator(mode="after")
    def _tables_exist(self) -> Self:
        known = sorted(table.name.name for table in TABLES)
        unknown = sorted(set(self.tables) - set(known))
        if unknown:
            raise unfit_name(("tables", unknown[0]), unknown[0], known, what="raw tables")
        return self

    def of_table(self, name: str) -> TableExpectations:
        """How the table of this name is judged."""
        return self.tables.get(name, TableExpectations())


def load_expectations(config: Path, sources: SourcesConfig) -> ExpectationsConfig:
    """Read ``expectations.yml`` of a configuration folder; without it the defaults hold.

    Raises:
        settings.ConfigurationError: The file says what is not understood, or judges a source that
            does not fill the table under which it stands.
    """
    path = config / "expectations.yml"
    expected = load_config(path, ExpectationsConfig, missing_ok=True)
    filling = {
        table: {name for name, one in sources.sources.items() if table_of(one.kind) is table}
        for table in TABLES
    }
    problems = [
        unknown_name(
            path,
            ("tables", table.name.name, "sources", name),
            name,
            filling[table],
            what=f"sources in sources.yml that fill {table.name}",
        )
        for table in TABLES
        for name in expected.of_table(table.name.name).sources
        if name not in filling[table]
    ]
    if problems:
        raise ConfigurationError(path, tuple(problems))
    return expected
