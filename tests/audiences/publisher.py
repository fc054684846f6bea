"""One process that publishes one audience to a webhook: run as a script, so that it can be killed."""

from __future__ import annotations

import base64
import datetime as dt
import sys
import time
from pathlib import Path

from audiences import compute_memberships
from audiences.sync import DestinationsConfig, SyncReport, open_destination, resolve_syncs, run_sync
from tests.audiences.conftest import EVERYONE, Company, audience
from warehouse import DuckDBWarehouse

PEOPLE = 5
ENVIRONMENT = {"HOOK_SECRET": f"whsec_{base64.b64encode(bytes(24)).decode()}"}


def publish(file: Path, url: str, *, run_id: str) -> SyncReport:
    """Compute the audience, made on first use, and send what is due."""
    config = DestinationsConfig.model_validate(
        {
            "destinations": {
                "hook": {
                    "kind": "webhook", "url": url, "secret_env": "HOOK_SECRET", "max_rows": 2,
                    "max_attempts": 1, "allow_insecure_loopback": True, "legal_basis": "a test",
                }
            },
            "syncs": {
                "to_hook": {
                    "audience": "everyone", "destination": "hook",
                    "identifiers": [{"type": "person_id", "form": "raw"}],
                }
            },
        }
    )  # fmt: skip
    (sync,) = resolve_syncs(config, audiences=["everyone"])
    hook = open_destination(
        "hook",
        config.destinations["hook"],
        artifacts=file.parent,
        environment=ENVIRONMENT,
        clock=lambda: dt.datetime.now(tz=dt.UTC),
    )
    is_new = not file.exists()
    with DuckDBWarehouse.open(file) as warehouse:
        if is_new:
            Company(warehouse).people(PEOPLE)
        now = dt.datetime.now(tz=dt.UTC).replace(tzinfo=None)
        compute_memberships(warehouse, [audience(EVERYONE)], run_id=run_id, now=now)
        return run_sync(warehouse, sync, hook, run_id=run_id, now=now, sleep=time.sleep)


if __name__ == "__main__":
    publish(Path(sys.argv[1]), sys.argv[2], run_id=sys.argv[3])
