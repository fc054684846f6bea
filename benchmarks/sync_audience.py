"""A first sync of everybody, and the plan of the next one after one person of a hundred changed."""

from __future__ import annotations

import argparse
import base64
import datetime as dt
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from audiences import Audience, compute_memberships
from audiences.inventory import TABLES
from audiences.sync import (
    Destination,
    DestinationsConfig,
    Sync,
    open_destination,
    plan_sync,
    resolve_syncs,
    run_sync,
)
from benchmarks.measured import Ratio, seconds
from warehouse import DuckDBWarehouse

NOW = dt.datetime.fromisoformat("2026-03-02T09:30")
BUDGET, MOST_GIB = 0.10, 1.0
ROWS = 10_000  # of one request, the most that a webhook may have


@dataclass(frozen=True, slots=True)
class Sent:
    """What it took to plan and to send.

    Attributes:
        plan_s: Seconds of processor time to plan the first run.
        send_s: Seconds of the first run, plan included.
        send_processor_s: The same in processor time.
        settle_s: Seconds of processor time to plan once more, which finds that nothing is due.
        unchanged_s: The same with that in mind.
        again_s: The same after one of a hundred changed, in a connection of its own.
        bare_s: Seconds to post bodies of the same size and number, with nothing around it.
        peak_bytes: Most memory resident until the first run had ended.
    """

    plan_s: float
    send_s: float
    send_processor_s: float
    settle_s: float
    unchanged_s: float
    again_s: float
    bare_s: float
    peak_bytes: int


def measure(folder: Path, *, people: int) -> list[Ratio]:
    """Send the audience of everybody to a receiver on this machine, change one per cent, plan."""
    return _ratios(sync_in_child(folder / f"sent-{people}.duckdb", people), people)


def _ratios(sent: Sent, people: int) -> list[Ratio]:
    return [
        Ratio(f"plan 1 % changed of {people:,} persons, processor", sent.again_s, "all of them",
              sent.plan_s, BUDGET),
        Ratio(f"first sync of {people:,} persons", sent.send_s, "the receiver alone",
              sent.bare_s, None),
    ]  # fmt: skip


def sync_in_child(database: Path, people: int) -> Sent:
    """Do it in a process of its own, whose memory is nobody else's."""
    with _receiver() as url:
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "benchmarks.sync_audience",
            "--child",
            str(database),
            url,
        ]
        done = subprocess.run(
            [*command, "--people", str(people)], check=True, stdout=subprocess.PIPE, text=True
        )
    return Sent(**json.loads(done.stdout.splitlines()[-1]))


def _child(database: Path, url: str, people: int) -> Sent:
    sync, hook = _to_webhook(url)
    with DuckDBWarehouse.open(database) as warehouse:
        fill(warehouse, people)
    # Each part has a connection of its own, as each run has.
    with DuckDBWarehouse.open(database) as warehouse:
        plan_s = _processor_seconds(lambda: plan_sync(warehouse, sync))
    with DuckDBWarehouse.open(database) as warehouse:
        began = time.process_time()
        send_s = seconds(lambda: _run(warehouse, sync, hook, "r1"))
        send_processor_s = time.process_time() - began
        # Linux tells KiB.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        settle_s = _processor_seconds(lambda: plan_sync(warehouse, sync))
        unchanged_s = _processor_seconds(lambda: plan_sync(warehouse, sync))
        warehouse.execute(
            "update marts.profiles set country = 'ZZ' where hash(person_id) % 100 = 0"
        )
    with DuckDBWarehouse.open(database) as warehouse:
        again_s = _processor_seconds(lambda: plan_sync(warehouse, sync))
        found = plan_sync(warehouse, sync)
        assert 0 < found.changed < people / 50, found
        row = int(
            warehouse.scalar(
                "select avg(length(identifiers) + length(traits)) from sync.row_results"
            )
        )
    bare_s = _bare(url, people, row + 110)
    return Sent(plan_s, send_s, send_processor_s, settle_s, unchanged_s, again_s, bare_s, peak)


def _processor_seconds(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began


def _run(warehouse: DuckDBWarehouse, sync: Sync, hook: Destination, run_id: str) -> None:
    report = run_sync(warehouse, sync, hook, run_id=run_id, now=NOW, sleep=time.sleep)
    assert report.status == "succeeded", report


def _bare(url: str, people: int, row_bytes: int) -> float:
    """Seconds to post as much, in as many requests."""
    body = b" " * (row_bytes * ROWS)

    def post() -> None:
        with httpx.Client(timeout=60) as client:
            for _ in range(-(-people // ROWS)):
                client.post(url, content=body)

    return seconds(post)


def _to_webhook(url: str) -> tuple[Sync, Destination]:
    config = DestinationsConfig.model_validate(
        {
            "destinations": {
                "hook": {
                    "kind": "webhook", "url": url, "secret_env": "HOOK_SECRET", "max_rows": ROWS,
                    "allow_insecure_loopback": True, "legal_basis": "a benchmark",
                }
            },
            "syncs": {
                "to_hook": {
                    "audience": "everyone", "destination": "hook",
                    "identifiers": [{"type": "email", "form": "sha256"}],
                    "traits": ["country", "download_count", "first_name"],
                }
            },
        }
    )  # fmt: skip
    (sync,) = resolve_syncs(config, audiences=["everyone"])
    hook = open_destination(
        "hook",
        config.destinations["hook"],
        artifacts=Path(),
        environment={"HOOK_SECRET": f"whsec_{base64.b64encode(bytes(24)).decode()}"},
        clock=lambda: dt.datetime.now(tz=dt.UTC),
    )
    return sync, hook


def fill(warehouse: DuckDBWarehouse, people: int) -> None:
    """Everybody is a member, has an address, and granted the purpose."""
    warehouse.create_missing(TABLES)
    for statement in (
        "create schema marts",
        f"""
        create table marts.profiles as
        select 'p' || lpad(i::varchar, 9, '0') as person_id, false as is_bot,
            null::varchar as account_id, ['US', 'DE', 'FR'][(1 + hash(i) % 3)::bigint] as country,
            (hash(i, 2) % 20)::bigint as download_count, 'Name' || i % 997 as first_name
        from range({people}) as made(i)
        """,
        """
        create table marts.contact_points as
        select person_id, 'email' as identifier_type,
            person_id || '@mail.example' as identifier_value, null::varchar as denied_purposes,
            true as is_preferred, false as is_shared
        from marts.profiles
        """,
        """
        create table marts.consent_current as
        select person_id, 'marketing' as purpose, 'granted' as status from marts.profiles
        """,
        """
        create table marts.current_person as
        select person_id, person_id as current_person_id from marts.profiles
        """,
        "create schema raw",
        f"create table raw.as_of as select timestamp '{NOW}' as as_of",
    ):
        warehouse.execute(statement)
    everyone = {
        "key": "everyone", "name": "everyone", "purposes": ["marketing"],
        "include": {"trait": "person_id", "is_known": True},
    }  # fmt: skip
    compute_memberships(warehouse, [Audience.model_validate(everyone)], run_id="r0", now=NOW)
    warehouse.execute("checkpoint")


@contextmanager
def _receiver() -> Iterator[str]:
    """A process that reads what is posted and says yes."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.sync_audience", "--receiver"],
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}/"
        finally:
            server.terminate()


class _Yes(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        left = int(self.headers["Content-Length"])
        while left:
            left -= len(self.rfile.read(min(left, 65_536)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _receive() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Yes)
    print(server.server_port, flush=True)
    server.serve_forever()


def main() -> None:
    """Measure alone, at the size of the budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--receiver", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.receiver:
        _receive()
    elif options.child:
        database, url = options.child
        print(json.dumps(asdict(_child(Path(database), url, options.people))))
    else:
        with tempfile.TemporaryDirectory() as folder:
            sent = sync_in_child(Path(folder) / "sent.duckdb", options.people)
        for ratio in _ratios(sent, options.people):
            print(*ratio.cells(), sep=" | ")
        print(f"processor: first plan {sent.plan_s:.2f} s, first run {sent.send_processor_s:.2f} s, the next plan {sent.settle_s:.2f} s, with nothing "
              f"changed {sent.unchanged_s:.2f} s, with 1 % changed {sent.again_s:.2f} s")  # fmt: skip
        print(f"at most {sent.peak_bytes / 2**30:.2f} GiB resident (budget {MOST_GIB:.0f})")


if __name__ == "__main__":
    main()
