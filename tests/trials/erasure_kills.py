"""Erasures that are killed: ``python -m tests.trials.erasure_kills FOLDER BOUNDARIES MOMENTS``.

One process imports everything and opens no warehouse; each erasure runs in a fork of it, so that a
kill costs no start of Python. A fork kills itself at the n-th durable act (a statement outside a
transaction, a commit, a file that is synced, renamed or removed), or is killed after some time.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from audiences.inventory import BATCHES, LEDGER, ROW_RESULTS, RUNS
from audiences.inventory import TABLES as SYNC
from audiences.sync import DestinationEraser
from audiences.sync.destinations.base import Batch, Delivery, Sleep
from privacy import RequestFolder, SubjectRequest, erase, table_locations
from tests.privacy.company import (
    ALL_TABLES,
    ANN,
    BEN,
    NOW,
    Company,
    FakeModels,
    found_company,
)
from warehouse import DuckDBWarehouse, TableName

TABLES = (*ALL_TABLES, *SYNC)
PERSONS = ("p_ann_00001", "p_ben_00001", "p_joann_001")
# Rows of how a request came to its end: killed passes leave one entry more.
JOURNALS = ("privacy.audit_log",)
_KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Told:
    """A destination that writes down, durably, under which key it was told to forget whom."""

    path: Path
    key: str = "ads"
    max_rows: int = 100

    def erase(self, batch: Batch, *, sleep: Sleep) -> Delivery:
        with self.path.open("a") as stream:
            stream.writelines(
                f"{batch.batch_id} {row}\n" for row in batch.rows["row_id"].to_pylist()
            )
            stream.flush()
            os.fsync(stream.fileno())
        return Delivery()


def found(home: Path) -> None:
    """A company of few people, two of whom were sent somewhere and ask to be erased."""
    home.mkdir(parents=True)
    with DuckDBWarehouse.open(home / "warehouse.duckdb") as warehouse:
        company = found_company(home, warehouse)
        warehouse.create_missing(SYNC)
        sent = {"sync_key": "weekly", "destination_key": "ads", "batch_id": "b_1"}
        rows = [{**sent, "person_id": person, "row_id": f"r_{person}", "status": "acknowledged",
                 "identifiers": "{}"} for person in PERSONS]  # fmt: skip
        warehouse.append(
            LEDGER.name, pa.Table.from_pylist([{**r, "is_present": True} for r in rows])
        )
        for row in rows:
            del row["destination_key"]
        warehouse.append(ROW_RESULTS.name, pa.Table.from_pylist(
            [{**row, "operation": "add", "recorded_at": NOW} for row in rows]))  # fmt: skip
        warehouse.append(BATCHES.name, pa.Table.from_pylist(
            [{**sent, "kind": "delta", "position": 0, "status": "acknowledged"}]))  # fmt: skip
        warehouse.append(RUNS.name, pa.Table.from_pylist(
            [{"run_id": "r1", "sync_key": "weekly", "destination_key": "ads",
              "audience_key": "everyone", "started_at": NOW}]))  # fmt: skip
        company.ask(("email", ANN, "raw"))
        (home / "artifacts" / "export.csv").write_text(f"email\n{ANN}\n")
        company.suppressions.keys.make_signing_key(has_signed=False)
        company.suppressions.keys.add_suppression_key()
    RequestFolder(home / "requests").add(_request(BEN))


def _request(address: str) -> SubjectRequest:
    identity = {"identity_type": "email", "identity_value": address, "identity_format": "raw"}
    return SubjectRequest.model_validate(
        {
            "subject_request_id": "00000000-0000-4000-8000-000000000002",
            "subject_request_type": "erasure",
            "submitted_time": "2026-11-20T10:00:00Z",
            "subject_identities": [identity],
        }
    )


def carry_out(home: Path) -> None:
    """Go on with the erasures to their end."""
    with DuckDBWarehouse.open(home / "warehouse.duckdb") as warehouse:
        company, folder = Company(warehouse, home), RequestFolder(home / "requests")
        told = {"ads": Told(home.with_name(f"{home.name}.told"))}
        context = company.context(
            tables=TABLES,
            locations=[*table_locations(warehouse, TABLES), company.locations()[-1]],
            destinations=DestinationEraser(warehouse, told, time.sleep),  # type: ignore[dict-item]
            request_places=[company.request_file, folder],
            models=FakeModels(warehouse),
        )
        erase([*company.request_file.read(), *folder.read()], context)


def end(home: Path) -> Mapping[str, Any]:
    """Everything that an erasure leaves, and who was told under which keys."""
    with DuckDBWarehouse.open(home / "warehouse.duckdb") as warehouse:
        rows = {
            str(table.name): warehouse.read(
                f"select * from {TableName.parse(str(table.name)).sql} order by all"
            ).to_pylist()
            for table in TABLES
            if str(table.name) not in JOURNALS
        }
    receipts = [json.loads(row["content"]) for row in rows.pop("privacy.receipts")]
    for receipt in receipts:
        receipt.pop("audit")
    files = {
        str(path.relative_to(home)): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and not path.name.startswith("warehouse.") and "keys" not in path.parts
    }
    lines = home.with_name(f"{home.name}.told").read_text().split()
    told = {row: sorted(set(lines[0::2])) for row in sorted(set(lines[1::2]))}
    return {"rows": rows, "receipts": receipts, "files": files, "told": told}


class Acts:
    """Counts durable acts, and ends the process at one of them."""

    def __init__(self, kill_at: int | None) -> None:
        self.count, self.kill_at = 0, kill_at

    def tick(self) -> None:
        self.count += 1
        if self.count == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Let every durable act be preceded by a tick; this process ends with it."""
        for name in ("fsync", "replace", "unlink", "rmdir"):
            setattr(os, name, self._before(getattr(os, name)))
        DuckDBWarehouse.execute = self._statement(DuckDBWarehouse.execute)  # type: ignore[method-assign]
        yield

    def _before(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            self.tick()
            return act(*given, **named)

        return counted

    def _statement(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """What writes by itself; of a transaction its commit."""

        def counted(warehouse: DuckDBWarehouse, sql: str, *given: Any) -> Any:
            verb = sql.split(maxsplit=1)[0].lower()
            is_alone = warehouse._depth == 0 and verb in ("insert", "delete", "update", "copy")
            if is_alone or verb in ("commit", "checkpoint"):
                self.tick()
            return act(warehouse, sql, *given)

        return counted


def forked(act: Callable[[], None], *, kill_after: float | None = None) -> int:
    """Run in a fork; return how it ended, as ``subprocess`` tells it."""
    child = os.fork()
    if not child:
        status = 1
        try:
            act()
            status = 0
        finally:
            os._exit(status)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@dataclass
class Trial:
    """Kills one erasure after the other, each from a fresh copy of the same home.

    Attributes:
        folder: Where to work.
        killed: Erasures that a kill met.
        wrong: Kills after which the end was another one, or none.
    """

    folder: Path
    killed: int = 0
    wrong: tuple[str, ...] = ()

    def undisturbed(self) -> tuple[Mapping[str, Any], int, float]:
        """The end that all must come to, how many durable acts that takes, and how many seconds."""
        assert forked(lambda: found(self.folder / "base")) == 0
        home, acts = self._copy("undisturbed"), self.folder / "acts"

        def counting() -> None:
            counter = Acts(None)
            with counter.counted():
                carry_out(home)
            acts.write_text(str(counter.count))

        began = time.monotonic()
        assert forked(counting) == 0
        took = time.monotonic() - began
        return self._end(home), int(acts.read_text()), took

    def kill(self, what: str, expected: Mapping[str, Any], *, at: int | None = None,
             after: float | None = None) -> None:  # fmt: skip
        """Kill one, let it go on, and compare."""
        home = self._copy("killed")

        def dying() -> None:
            with Acts(at).counted():
                carry_out(home)

        status = forked(dying, kill_after=after)
        self.killed += status == _KILLED
        goes_on = forked(lambda: carry_out(home)) == 0
        if status not in (0, _KILLED) or not goes_on or self._end(home) != expected:
            self.wrong = (*self.wrong, what)
        shutil.rmtree(home)
        home.with_name(f"{home.name}.told").unlink(missing_ok=True)

    def _copy(self, name: str) -> Path:
        return Path(shutil.copytree(self.folder / "base", self.folder / name))

    def _end(self, home: Path) -> Mapping[str, Any]:
        """Read in a fork too: whoever forks must have opened nothing."""
        written = self.folder / "end"
        written.unlink(missing_ok=True)
        forked(lambda: void(written.write_text(repr(end(home)))))
        return {"end": written.read_text() if written.exists() else None}


def void(_value: object) -> None:
    """Throw a value away."""


def main() -> None:
    folder, boundaries, moments = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    until = time.monotonic() + (float(sys.argv[4]) if len(sys.argv) > 4 else 1e9)
    trial = Trial(folder)
    expected, acts, took = trial.undisturbed()
    assert expected["end"], "the erasure that nobody killed came to no end"
    chance = random.Random(8)
    every = range(1, acts + 1)
    for act in every if boundaries >= acts else sorted(chance.sample(every, boundaries)):
        trial.kill(f"at act {act} of {acts}", expected, at=act)
    at_acts, tried = trial.killed, 0
    for _ in range(moments):
        if time.monotonic() > until:
            break
        moment = chance.uniform(0.0, took)
        trial.kill(f"after {moment:.3f} of {took:.3f} s", expected, after=moment)
        tried += 1
    found = {
        "acts": acts, "killed_at_acts": at_acts, "moments": tried,
        "killed_at_moments": trial.killed - at_acts, "wrong": trial.wrong,
    }  # fmt: skip
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
