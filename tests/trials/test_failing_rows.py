"""Of n rows k fail, for every k: exactly those, each with a reason, and they come again unchanged."""

from __future__ import annotations

import base64
import datetime as dt
import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from audiences import compute_memberships
from audiences.sync import Sync, SyncReport, run_sync
from audiences.sync.config import DestinationsConfig, resolve_syncs
from audiences.sync.destinations import Destination, open_destination
from tests.audiences.conftest import EVERYONE, NOW, Company, audience
from tests.audiences.receiver import Answer, Receiver, Taken
from tests.destinations.cases import CASES
from tests.destinations.world import Clock

N = 12
NAMES = [f"p{number:03d}" for number in range(N)]
# Each k takes two runs of a sync: `make trials` tries all of them.
FAILING = {"sample": (0, 1, 7, N), "full": tuple(range(N + 1))}
HOOK = {
    "kind": "webhook", "secret_env": "HOOK_SECRET", "max_attempts": 1, "legal_basis": "a test",
    "minimum_size": 0,
    "allow_insecure_loopback": True,
}  # fmt: skip
SECRET = {"HOOK_SECRET": f"whsec_{base64.b64encode(bytes(24)).decode()}"}


@dataclass
class World:
    """A destination, and what is known of the other side.

    Attributes:
        sync: Sends to it.
        destination: It.
        refuse: Tells the other side which persons to refuse.
        held: Which persons the other side has.
        sleep: How to wait.
    """

    sync: Sync
    destination: Destination
    refuse: Callable[[set[str]], None]
    held: Callable[[], set[str]]
    sleep: Callable[[float], None]


class _Judging(Receiver):
    """Answers row by row, as a receiver of webhooks may."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: set[str] = set()

    def take(self, request: Taken) -> Answer:
        answer = super().take(request)
        refused = [row for row in self.members.values() if self._who(row) in self.refused]
        for row in refused:
            del self.members[row["id"]]
        results = [
            {"id": row["id"], "status": "rejected", "reason": "invalid_person"} for row in refused
        ]
        return Answer(answer.status, {"results": results})

    def held(self) -> set[str]:
        return {self._who(row) for row in self.members.values()}

    def _who(self, row: Any) -> str:
        return str(row["identifiers"]["person_id"])


def _webhook(kept: ExitStack) -> World:
    receiver = kept.enter_context(_Judging())
    config = DestinationsConfig.model_validate(
        {
            "destinations": {"it": {**HOOK, "url": receiver.url}},
            "syncs": {
                "to_it": {
                    "audience": "everyone", "destination": "it",
                    "identifiers": [{"type": "person_id", "form": "raw"}],
                }
            },
        }
    )  # fmt: skip
    (sync,) = resolve_syncs(config, audiences=["everyone"])
    it = open_destination(
        "it", config.destinations["it"], artifacts=None, environment=SECRET,  # type: ignore[arg-type]
        clock=lambda: dt.datetime.now(tz=dt.UTC),
    )  # fmt: skip

    def refuse(people: set[str]) -> None:
        receiver.refused = people

    return World(sync, it, refuse, receiver.held, _no_sleep)


def _vendor(kind: str) -> World:
    case = next(case for case in CASES if case.kind == kind)
    clock = Clock()
    service = case.service(clock)
    seen = {case.seen(name): name for name in NAMES}

    def refuse(people: set[str]) -> None:
        service.broken = {case.seen(name) for name in people}

    return World(
        case.sync(), case.open(service, clock), refuse,
        lambda: {seen[who] for who in service.held(case.target or "")}, clock.sleep,
    )  # fmt: skip


def _no_sleep(_seconds: float) -> None:
    raise AssertionError("a receiver that answers is not waited for")


WORLDS: dict[str, Callable[[ExitStack], World]] = {
    "per row": _webhook,
    "per row, by position": lambda _kept: _vendor("salesforce"),
    "counts": lambda _kept: _vendor("meta"),
    "all or nothing": lambda _kept: _vendor("tiktok"),
    "asynchronous job": lambda _kept: _vendor("klaviyo"),
}


@pytest.mark.parametrize("semantics", WORLDS)
def test_exactly_k_of_n_fail_and_come_again_unchanged(
    request: pytest.FixtureRequest, semantics: str
) -> None:
    chance = random.Random(7)
    company = Company()
    company.people(N, country="US")
    company.warehouse.execute("update marts.profiles set job_title = 'id-' || person_id")
    compute_memberships(company.warehouse, [audience(EVERYONE)], run_id="r0", now=NOW)
    for failing in FAILING[request.config.getoption("--trials")]:
        with ExitStack() as kept:
            _try(company, WORLDS[semantics](kept), set(chance.sample(NAMES, failing)))
        for table in ("ledger", "runs", "batches", "row_results"):
            company.warehouse.execute(f"delete from sync.{table}")


def _try(company: Company, world: World, failing: set[str]) -> None:
    everyone, others = set(NAMES), set(NAMES) - failing
    world.refuse(failing)

    first = _run(company, world, 1)

    assert (first.added, first.rejected, first.unanswered) == (len(others), len(failing), 0)
    assert first.status == ("partial" if failing else "succeeded")
    assert world.held() == others
    assert _by_status(company, "acknowledged") == others
    assert _by_status(company, "rejected") == failing
    assert all(row["reason"] for row in _results(company, "r1", "rejected"))

    world.refuse(set())
    second = _run(company, world, 2)

    again = {row["person_id"] for row in _results(company, "r2", "acknowledged")}
    before = {row["person_id"]: row["fingerprint"] for row in _results(company, "r1", "rejected")}
    after = {
        row["person_id"]: row["fingerprint"] for row in _results(company, "r2", "acknowledged")
    }
    assert again == failing
    assert after == before
    assert (second.added, second.status) == (len(failing), "succeeded")
    assert world.held() == everyone
    assert _by_status(company, "acknowledged") == everyone


def _run(company: Company, world: World, number: int) -> SyncReport:
    return run_sync(
        company.warehouse, world.sync, world.destination,
        run_id=f"r{number}", now=NOW + dt.timedelta(hours=number), sleep=world.sleep,
    )  # fmt: skip


def _by_status(company: Company, status: str) -> set[str]:
    return {row["person_id"] for row in company.rows("sync.ledger", f"status = '{status}'")}


def _results(company: Company, run_id: str, status: str) -> list[dict[str, Any]]:
    ours = f"select batch_id from sync.batches where run_id = '{run_id}'"
    return company.rows("sync.row_results", f"status = '{status}' and batch_id in ({ours})")
