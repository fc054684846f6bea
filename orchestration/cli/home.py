"""The company whose data home a command reads, and its warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orchestration.cli.output import showing_progress
from settings import Paths

if TYPE_CHECKING:
    from ingestion.load import LoadContext
    from orchestration.company import Company
    from warehouse import Warehouse


def existing_company(paths: Paths) -> Company:
    """The company of a data home that a run has made.

    Raises:
        MissingHomeError: There is no warehouse in it.
    """
    from orchestration.company import Company  # noqa: PLC0415 - loads every package

    company = Company(paths)
    company.check_home()
    return company


@contextmanager
def opened_warehouse(paths: Paths) -> Iterator[Warehouse]:
    """Open the warehouse of a data home that a run has made.

    Raises:
        MissingHomeError: There is no warehouse.
    """
    with existing_company(paths).open_warehouse() as warehouse:
        yield warehouse


@contextmanager
def loading_again(company: Company, what: str) -> Iterator[LoadContext]:
    """Hold the home, open what loading takes, and show each step; ``what`` names the run."""
    from orchestration.company import utc_now  # noqa: PLC0415 - loads every package
    from orchestration.reload import loading  # noqa: PLC0415 - as above
    from orchestration.run_lock import hold_run_lock  # noqa: PLC0415 - as above

    now = utc_now()
    with (
        showing_progress(),
        hold_run_lock(company.paths.home),
        loading(company, run_id=f"{what} {now:%Y-%m-%d %H:%M:%S}", now=now) as context,
    ):
        yield context
