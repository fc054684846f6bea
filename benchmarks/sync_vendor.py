"""A first sync to a receiver that answers as HubSpot does and takes what HubSpot's limit lets through."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx

from audiences.sync import (
    Destination,
    DestinationsConfig,
    Sync,
    open_destination,
    resolve_syncs,
    run_sync,
)
from benchmarks.measured import Ratio
from benchmarks.sync_audience import NOW, fill
from warehouse import DuckDBWarehouse

# Of the limit's first calls none has to wait: until then we are what takes the time.
CALLS, WINDOW_S = 100, 10.0  # of a private app, as HubSpot documents it
SLACK_S = 0.5  # what a request may take on its way


@dataclass(frozen=True, slots=True)
class Sent:
    """What a first sync took.

    Attributes:
        clock_s: Seconds by the clock, plan included.
        processor_s: Seconds of the processor.
        requests: Requests that were taken.
        refused: Requests that came too fast.
        held_s: Seconds from the last request that the limit lets through at once to the last of all.
    """

    clock_s: float
    processor_s: float
    requests: int
    refused: int
    held_s: float

    @property
    def least_s(self) -> float:
        """In what time the limit lets so many requests through."""
        return max(self.requests - CALLS, 0) / CALLS * WINDOW_S


def send(database: Path, people: int) -> Sent:
    """Send an audience of everybody, one request after the other."""
    with _receiver() as url, DuckDBWarehouse.open(database) as warehouse:
        fill(warehouse, people)
        sync, hubspot = _to_hubspot(url)
        began, used = time.perf_counter(), time.process_time()
        report = run_sync(warehouse, sync, hubspot, run_id="r1", now=NOW, sleep=time.sleep)
        clock_s, processor_s = time.perf_counter() - began, time.process_time() - used
        assert report.status == "succeeded", report
        told = httpx.get(url).json()
    return Sent(clock_s, processor_s, **told)


def _to_hubspot(url: str) -> tuple[Sync, Destination]:
    config = DestinationsConfig.model_validate(
        {
            "destinations": {
                "hub": {
                    "kind": "hubspot", "token_env": "HUBSPOT_TOKEN", "base_url": url,
                    "allow_insecure_loopback": True, "legal_basis": "a benchmark",
                }
            },
            "syncs": {
                "to_hub": {
                    "audience": "everyone", "destination": "hub", "target": "12",
                    "identifiers": [{"type": "email"}], "traits": ["country", "first_name"],
                }
            },
        }
    )  # fmt: skip
    (sync,) = resolve_syncs(config, audiences=["everyone"])
    hubspot = open_destination(
        "hub",
        config.destinations["hub"],
        artifacts=Path(),
        environment={"HUBSPOT_TOKEN": "a-token"},
        clock=lambda: dt.datetime.now(tz=dt.UTC),
    )
    return sync, hubspot


@contextmanager
def _receiver() -> Iterator[str]:
    """A process that answers; where it listens."""
    command = [sys.executable, "-m", "benchmarks.sync_vendor", "--receiver"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


class _HubSpot(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body of an answer go together
    came: ClassVar[deque[float]] = deque(maxlen=CALLS)
    told: ClassVar[dict[str, float]] = {"requests": 0, "refused": 0, "held_s": 0.0}
    began: ClassVar[float] = 0.0

    def do_GET(self) -> None:
        self._say(200, self.told)

    def do_POST(self) -> None:
        """Upsert contacts."""
        given = self._read()["inputs"]
        found = [{"id": one["id"], "properties": {"email": one["id"]}} for one in given]
        self._say(self._limit(), {"status": "COMPLETE", "results": found})

    def do_PUT(self) -> None:
        """Put records on a list."""
        self._read()
        self._say(self._limit(), {"recordIdsMissing": []})

    def _limit(self) -> int:
        now = time.monotonic()
        is_full = len(self.came) == CALLS and now - self.came[0] < WINDOW_S - SLACK_S
        self.told["refused" if is_full else "requests"] += 1
        if is_full:
            return 429
        self.came.append(now)
        if self.told["requests"] == CALLS:
            type(self).began = now
        self.told["held_s"] = now - self.began
        return 200

    def _read(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _say(self, status: int, body: Any) -> None:
        said = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _receive() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _HubSpot)
    print(server.server_port, flush=True)
    server.serve_forever()


def main() -> None:
    """Send so many persons; takes .2 s for each hundred."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--receiver", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.receiver:
        _receive()
        return
    with tempfile.TemporaryDirectory() as folder:
        sent = send(Path(folder) / "sent.duckdb", options.people)
    name = f"first sync of {options.people:,} persons to HubSpot's limit, clock"
    held = f"of it from request {CALLS} on"
    for what, took_s in ((name, sent.clock_s), (held, sent.held_s)):
        print(*Ratio(what, took_s, "the limit alone", sent.least_s, None).cells(), sep=" | ")
    print(
        f"{sent.requests:.0f} requests, {sent.refused:.0f} too fast; processor {sent.processor_s:.1f} s"
    )


if __name__ == "__main__":
    main()
