"""A sync that is killed at any moment: nothing lost, at most one batch twice, under the same key."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from audiences import compute_memberships
from tests.audiences.conftest import EVERYONE, Company, audience
from tests.audiences.publisher import send
from tests.audiences.receiver import Receiver
from tests.conftest import ROOT
from warehouse import DuckDBWarehouse

# Each moment is tried with a first run and one of changes, at a receiver with keys and one without.
KILLS = {"sample": 6, "full": 200}
# With so many, some fall between two requests, and some between a request and what is noted of it.
ENOUGH = 40
PEOPLE, BATCHES = 40, 5
# What an answer takes, so that moments fall between a request and its answer too.
ANSWER_S = 0.01

Members = dict[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Start:
    """A company before the run that is killed.

    Attributes:
        file: Its warehouse.
        members: What the receiver holds.
        seconds: How long an undisturbed run takes.
        sending: From when to when of that it sends.
        wanted: What the receiver holds after it.
        effects: How often it acts on each row and operation.
        port: Where it listens; 0 where it was sent nothing yet.
    """

    file: Path
    members: Members
    seconds: float
    sending: tuple[float, float]
    wanted: Members
    effects: Counter[tuple[str, str]]
    port: int = 0


@pytest.mark.timeout(1_800)
def test_a_killed_sync_is_made_good_by_the_next(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    kills = request.config.getoption("--kills") or KILLS[request.config.getoption("--trials")]
    moments, halfway, twice = random.Random(9), 0, 0

    with _runner() as runner:
        starts = [_first(tmp_path, runner), _later(tmp_path, runner)]
        for number in range(kills):
            start = starts[number % 2]
            moment = _moment(moments, start, while_sending=number // 4 % 2 == 0)
            with _receiver(start, knows_keys=number // 2 % 2 == 0) as receiver:
                file = tmp_path / f"killed-{number}.duckdb"
                shutil.copy(start.file, file)
                runner(file, receiver, kill_after_s=moment)
                arrived = len(receiver.requests)
                send(file, receiver.url, run_id="r8", max_rows=8)

                what = f"killed after {moment:.3f} of {start.seconds:.3f} s, {arrived} arrived"
                repeated = _judge(file, receiver, start, what)
            file.unlink()
            halfway += 0 < arrived < BATCHES
            twice += bool(repeated)

    if kills >= ENOUGH:
        assert halfway >= kills / 5, "hardly a kill fell between two requests"
        assert twice, "no kill fell between a request and its acknowledgement"


def _moment(chance: random.Random, start: Start, *, while_sending: bool) -> float:
    """When to kill; a run sends for a small part of its time, so half of the kills fall there."""
    return chance.uniform(*start.sending) if while_sending else chance.uniform(0, start.seconds)


def _judge(file: Path, receiver: Receiver, start: Start, what: str) -> list[str]:
    """Judge where the run after the kill has led; return the keys that came more than once."""
    keys = Counter(request.headers["webhook-id"] for request in receiver.requests)
    repeated = [key for key, count in keys.items() if count > 1]
    bodies = {(request.headers["webhook-id"], request.body) for request in receiver.requests}
    assert receiver.members == start.wanted, what
    assert len(repeated) <= 1, what
    assert max(keys.values()) <= 2, what
    assert len(bodies) == len(keys), f"{what}: another body under the same key"
    again = Counter(receiver.effects) - start.effects
    assert not again or not receiver.knows_keys, what
    assert again.keys() <= _rows(receiver, repeated), what
    assert not start.effects - Counter(receiver.effects), what

    sent = len(receiver.requests)
    report = send(file, receiver.url, run_id="r9", max_rows=8)
    assert (report.status, report.sent, len(receiver.requests)) == ("succeeded", 0, sent), what
    assert _held(file) == {row["identifiers"]["person_id"] for row in start.wanted.values()}, what
    return repeated


def _rows(receiver: Receiver, keys: list[str]) -> set[tuple[str, str]]:
    return {
        (row["id"], row["operation"])
        for request in receiver.requests
        if request.headers["webhook-id"] in keys
        for row in json.loads(request.body)["rows"]
    }


def _held(file: Path) -> set[str]:
    """Who is at the destination, as the ledger knows."""
    with DuckDBWarehouse.open(file) as warehouse:
        rows = Company(warehouse).rows("sync.ledger", "is_present and status = 'acknowledged'")
    return {row["person_id"] for row in rows}


def _first(folder: Path, runner: Any) -> Start:
    """Nothing was sent yet."""
    file = folder / "first.duckdb"
    with DuckDBWarehouse.open(file) as warehouse:
        Company(warehouse).people(PEOPLE, country="US")
        _compute(warehouse)
    return _undisturbed(file, {}, runner)


def _later(folder: Path, runner: Any) -> Start:
    """Everyone was sent; some are new since, some changed, some may not be sent any more."""
    file = folder / "later.duckdb"
    with DuckDBWarehouse.open(file) as warehouse:
        company = Company(warehouse)
        company.people(PEOPLE, country="US")
        _compute(warehouse)
    with Receiver() as receiver:
        send(file, receiver.url, run_id="r1", max_rows=8)
    with DuckDBWarehouse.open(file) as warehouse:
        company = Company(warehouse)
        warehouse.execute("update marts.profiles set country = 'DE' where person_id < 'p015'")
        for number in range(15, 26):
            company.consent(f"p{number:03d}", "marketing", "denied")
        for number in range(12):
            company.person(f"p9{number:02d}")
        _compute(warehouse)
    return _undisturbed(file, receiver.members, runner, port=receiver.port)


def _compute(warehouse: DuckDBWarehouse) -> None:
    now = dt.datetime.now(tz=dt.UTC).replace(tzinfo=None)
    compute_memberships(warehouse, [audience(EVERYONE)], run_id="r0", now=now)


def _undisturbed(file: Path, members: Members, runner: Any, *, port: int = 0) -> Start:
    start = Start(file, members, 0, (0, 0), {}, Counter(), port)
    copy = file.with_name(f"undisturbed-{file.name}")
    shutil.copy(file, copy)
    answered: list[float] = []
    with _receiver(start, knows_keys=True) as receiver:
        receiver.after = lambda: answered.append(time.monotonic())
        seconds = runner(copy, receiver)
        ended = time.monotonic()
    assert len(receiver.requests) == BATCHES
    first, last = (seconds - (ended - moment) for moment in (answered[0], answered[-1]))
    sending = (first - ANSWER_S, last)
    return Start(file, members, seconds, sending, receiver.members, Counter(receiver.effects), port)


@contextmanager
def _receiver(start: Start, *, knows_keys: bool) -> Iterator[Receiver]:
    with Receiver(knows_keys=knows_keys, port=start.port) as receiver:
        receiver.members = dict(start.members)
        receiver.before = partial(time.sleep, ANSWER_S)
        yield receiver


@contextmanager
def _runner() -> Iterator[Any]:
    """Sends in a process of its own, perhaps killed; gives for how many seconds it ran."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.audiences.publisher", "orders"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as waiting:
        assert waiting.stdin is not None
        yield partial(_order, waiting)
        waiting.stdin.close()


def _order(
    waiting: subprocess.Popen[str],
    file: Path,
    receiver: Receiver,
    kill_after_s: float | None = None,
) -> float:
    assert waiting.stdin is not None
    assert waiting.stdout is not None
    order = {"file": str(file), "url": receiver.url, "run_id": "r7"}
    waiting.stdin.write(json.dumps(order) + "\n")
    waiting.stdin.flush()
    child = int(waiting.stdout.readline())
    began = time.monotonic()
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        with contextlib.suppress(ProcessLookupError):  # it was quicker
            os.kill(child, signal.SIGKILL)
    ended = int(waiting.stdout.readline())
    assert ended in {0, -signal.SIGKILL}, ended
    return time.monotonic() - began
