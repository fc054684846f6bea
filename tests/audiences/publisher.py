"""One process that publishes one audience to a webhook: run as a script, so that it can be killed.

With one argument it waits for orders instead, and carries each out in a child of its own: what is to
be killed two hundred times should not import Python's libraries two hundred times.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import sys
import time
from pathlib import Path

from audiences import compute_memberships
from audiences.sync import (
    Destination,
    DestinationsConfig,
    Sync,
    SyncReport,
    open_destination,
    resolve_syncs,
    run_sync,
)
from tests.audiences.conftest import EVERYONE, Company, audience
from warehouse import DuckDBWarehouse

PEOPLE = 5
ENVIRONMENT = {"HOOK_SECRET": f"whsec_{base64.b64encode(bytes(24)).decode()}"}


def publish(file: Path, url: str, *, run_id: str) -> SyncReport:
    """Compute the audience, made on first use, and send what is due."""
    is_new = not file.exists()
    with DuckDBWarehouse.open(file) as warehouse:
        if is_new:
            Company(warehouse).people(PEOPLE)
        now = dt.datetime.now(tz=dt.UTC).replace(tzinfo=None)
        compute_memberships(warehouse, [audience(EVERYONE)], run_id=run_id, now=now)
    return send(file, url, run_id=run_id)


def send(file: Path, url: str, *, run_id: str, max_rows: int = 2) -> SyncReport:
    """Send what is due of the members as they are."""
    sync, hook = to_webhook(url, max_rows=max_rows)
    now = dt.datetime.now(tz=dt.UTC).replace(tzinfo=None)
    with DuckDBWarehouse.open(file) as warehouse:
        return run_sync(warehouse, sync, hook, run_id=run_id, now=now, sleep=time.sleep)


def to_webhook(url: str, *, max_rows: int) -> tuple[Sync, Destination]:
    """The sync, and the webhook that it sends to."""
    config = DestinationsConfig.model_validate(
        {
            "destinations": {
                "hook": {
                    "kind": "webhook", "url": url, "secret_env": "HOOK_SECRET",
                    "max_rows": max_rows, "max_attempts": 1, "allow_insecure_loopback": True,
                    "minimum_size": 0,
                    "legal_basis": "a test",
                }
            },
            "syncs": {
                "to_hook": {
                    "audience": "everyone", "destination": "hook", "traits": ["country"],
                    "identifiers": [{"type": "person_id", "form": "raw"}],
                }
            },
        }
    )  # fmt: skip
    (sync,) = resolve_syncs(config, audiences=["everyone"])
    hook = open_destination(
        "hook",
        config.destinations["hook"],
        artifacts=Path(),
        environment=ENVIRONMENT,
        clock=lambda: dt.datetime.now(tz=dt.UTC),
    )
    return sync, hook


def _wait_for_orders() -> None:
    """Of each line of orders, send in a child; say its id when it begins, and how it ended."""
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            send(Path(order["file"]), order["url"], run_id=order["run_id"], max_rows=8)
            os._exit(0)
        _say(child)
        _say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if len(sys.argv) == 2:
        _wait_for_orders()
    else:
        publish(Path(sys.argv[1]), sys.argv[2], run_id=sys.argv[3])
