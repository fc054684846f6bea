"""Exceptions raised by the orchestration package.

* OrchestrationError
  - DbtProjectError
  - RunFailedError
  - UnknownTableError
  - UnsupportedFormatError
  - TargetNotEmptyError
"""

from __future__ import annotations

from pathlib import Path


class OrchestrationError(Exception):
    """A run or a command cannot be carried out."""


class DbtProjectError(OrchestrationError):
    """The dbt project does not parse."""

    def __init__(self, project: Path, output: str) -> None:
        super().__init__(f"the dbt project {project} does not parse:\n{output}")


class RunFailedError(OrchestrationError):
    """A run ended with failures."""

    def __init__(self, run_id: str, failures: tuple[str, ...]) -> None:
        self.run_id, self.failures = run_id, failures
        listed = "".join(f"\n  - {failure}" for failure in failures)
        super().__init__(
            f"run {run_id} failed:{listed}\n`candor ui` shows it; the next run goes on from here"
        )


class UnknownTableError(OrchestrationError, ValueError):
    """A command names a table that the warehouse does not have."""

    def __init__(self, name: str, close: tuple[str, ...]) -> None:
        hint = f"did you mean {', '.join(close)}?" if close else "`candor status` lists tables"
        super().__init__(f"the warehouse has no table {name!r}: {hint}")


class UnsupportedFormatError(OrchestrationError, ValueError):
    """An export is asked for in a format that is not written."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path.name}: the suffix says the format; use .csv or .parquet")


class TargetNotEmptyError(OrchestrationError, FileExistsError):
    """A command would write over files that are there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(path)

    def __str__(self) -> str:
        return f"{self.path} is not empty: name another folder, or empty this one first"
