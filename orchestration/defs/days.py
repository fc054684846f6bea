"""Jobs that redo, drop or restore what came on one day."""

from collections.abc import Callable
from datetime import date

import dagster as dg
from pydantic import Field

import ingestion.days
import ingestion.inventory
from ingestion.days import Day, DayReport
from orchestration.company import utc_now
from orchestration.progress import announce
from orchestration.reload import loading
from orchestration.resources import CandorResource
from orchestration.specs import asset_key
from orchestration.unexpected import in_own_words


class DayConfig(dg.Config):
    """Which day; `candor day list` shows those that there are."""

    day: str = Field(
        pattern=r"^\d{4}-\d{2}-\d{2}$",
        description="Day on which the files came, e.g. 2026-07-05.",
    )
    source: str | None = Field(None, description="Only files of this source; none for all.")


@dg.op(out=dg.Out(dg.Nothing), tags={"cdp/pii": "none"})
@in_own_words
def load_day_again(
    context: dg.OpExecutionContext, candor: CandorResource, config: DayConfig
) -> None:
    """Forget what the files of a day brought, and load them again as they are now."""
    _act(context, candor, config, ingestion.days.redo_day)


@dg.op(out=dg.Out(dg.Nothing), tags={"cdp/pii": "none"})
@in_own_words
def take_day_out(context: dg.OpExecutionContext, candor: CandorResource, config: DayConfig) -> None:
    """Take out what the files of a day brought; none of them is loaded until it is restored."""
    _act(context, candor, config, ingestion.days.drop_day)


@dg.op(out=dg.Out(dg.Nothing), tags={"cdp/pii": "none"})
@in_own_words
def bring_day_back(
    context: dg.OpExecutionContext, candor: CandorResource, config: DayConfig
) -> None:
    """Load the files of a dropped day again."""
    _act(context, candor, config, ingestion.days.restore_day)


@dg.job(description="Load the files of one day again, as if it had come once; name it in config.")
def redo_day() -> None:
    """Redo a day."""
    load_day_again()


@dg.job(description="Take out what came on one day, as if it had never come; name it in config.")
def drop_day() -> None:
    """Drop a day."""
    take_day_out()


@dg.job(description="Bring back what came on a day that was dropped; name it in config.")
def restore_day() -> None:
    """Restore a day."""
    bring_day_back()


def _act(
    context: dg.OpExecutionContext,
    candor: CandorResource,
    config: DayConfig,
    act: Callable[..., DayReport],
) -> None:
    announce("Loading files again")
    company = candor.company
    day = Day(date.fromisoformat(config.day), config.source)
    with loading(company, run_id=context.run_id, now=utc_now()) as loads:
        report = act(loads, company.sources, company.paths.landing, day)
        rows = {
            asset_key(table): int(loads.warehouse.scalar(f"select count(*) from {table.name.sql}"))
            for table in ingestion.inventory.TABLES
        }
    counts = {
        "files": report.files,
        "rows": report.rows,
        "files_loaded_again": len(report.reload.reloaded),
        "files_left_as_they_stood": len(report.reload.kept),
    }
    for key, count in rows.items():
        context.log_event(
            dg.AssetMaterialization(key, metadata={"dagster/row_count": count, **counts})
        )
