"""The one resource that assets receive: the company that this run serves."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import dagster as dg
from pydantic import PrivateAttr

from orchestration.company import RUN_WAIT_S, Company
from orchestration.home_copy import remove_abandoned_copies
from orchestration.instance import HOLDS_LOCK, close_orphans
from orchestration.restore_mark import refuse_unfinished_restore
from orchestration.run_lock import hold_run_lock
from warehouse import Warehouse


class CandorResource(dg.ConfigurableResource["CandorResource"]):
    """Folders and warehouse of one company, taken from the CANDOR_ variables."""

    _company: Company | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["CandorResource"]:
        """Hold the data home for the whole run, so that two runs never interleave."""
        company = replace(Company.from_environment(), wait_s=RUN_WAIT_S)
        company.paths.make_home()
        remove_abandoned_copies(company.paths.home)
        with hold_run_lock(company.paths.home):
            job = context.run.job_name if context.run else None
            refuse_unfinished_restore(company.paths, job=job)
            if context.instance is not None and context.run is not None:
                close_orphans(context.instance, but=context.run.run_id)
                context.instance.add_run_tags(context.run.run_id, HOLDS_LOCK)
            self._company = company
            yield self

    @property
    def company(self) -> Company:
        """The company that this run serves."""
        if self._company is None:
            self._company = Company.from_environment()
        return self._company

    def open_warehouse(self) -> AbstractContextManager[Warehouse]:
        """Open the warehouse with every declared table in place."""
        return self.company.open_warehouse()

    def lend_warehouse_file(self) -> AbstractContextManager[Path]:
        """Hold the warehouse's lock while dbt works on the file."""
        return self.company.lend_warehouse_file()
