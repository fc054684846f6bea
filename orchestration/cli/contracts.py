"""``candor contracts``: what breaks the tracking plan."""

from __future__ import annotations

from orchestration.cli.app import app
from orchestration.cli.home import opened_warehouse
from orchestration.cli.options import JsonOption, with_paths
from orchestration.cli.output import print_rows
from settings import Paths


@app.command()
@with_paths
def contracts(*, paths: Paths, as_json: JsonOption = False) -> None:
    """Count what broke the tracking plan, by event, field, rule, source and what was done."""
    from ingestion.contract_report import count_violations  # noqa: PLC0415 - keeps --help quick

    with opened_warehouse(paths) as warehouse:
        rows = count_violations(warehouse)
    print_rows("Violations of the tracking plan", rows, as_json=as_json)
