"""Carries out a vendor's calls: signs in, keeps the pace, polls jobs, finds the rows at fault."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, cast

import pyarrow as pa

from audiences.errors import DestinationRefusedError, DestinationUnavailableError
from audiences.sync.destinations.base import (
    Batch,
    Delivery,
    Request,
    Sleep,
    fingerprint_of,
    rejected_rows,
)
from audiences.sync.destinations.exchange import (
    Answer,
    Clients,
    Exchange,
    Meaning,
    Outgoing,
    Pace,
    Rate,
    Verdict,
)
from audiences.sync.destinations.vendor import Call, Reading, Shipment, Vendor, halves, shipments
from audiences.sync.settings import VendorSettings


@dataclass(frozen=True, slots=True)
class CallRequest(Request):
    """The first calls of a batch; its body is theirs, one after the other."""

    calls: tuple[Call, ...] = ()
    jobs: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class VendorDestination:
    """A vendor's service as a destination.

    Attributes:
        vendor: What is particular to it.
        exchange: Makes its requests.
    """

    vendor: Vendor[VendorSettings]
    exchange: Exchange
    reads_columns: ClassVar[bool] = False
    _token: str = field(default="", repr=False)
    _pace: Pace = field(init=False)
    _erasure_pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        facts, most = self.vendor.facts, self.vendor.settings.requests_per_minute
        rates = (Rate(most, 60.0),) if most else facts.rates
        self._pace = Pace(rates, self.exchange.clock)
        self._erasure_pace = Pace(facts.erasure_rates or rates, self.exchange.clock)

    @property
    def key(self) -> str:
        """Its key in the configuration."""
        return self.vendor.key

    @property
    def place(self) -> str:
        """Fingerprint of the address and account; of no secret, which a vendor renews."""
        return self.vendor.place(self.vendor.settings.account_label)

    @property
    def can_erase(self) -> bool:
        """Whether it has a call that forgets a person."""
        return self.vendor.facts.can_erase

    @property
    def bare_place(self) -> str | None:
        """The same without the label of the account; None where it has none."""
        return self.vendor.place(None) if self.vendor.settings.account_label else None

    @property
    def max_rows(self) -> int:
        """Most rows of one batch."""
        most = self.vendor.facts.max_rows
        return min(self.vendor.settings.max_rows or most, most)

    def remembers(self, sync_key: str) -> bool:  # noqa: ARG002 - it is not asked
        """True: what vendors hold is not read back."""
        return True

    def plan(self, batch: Batch) -> Request:
        """The calls of a batch, byte for byte."""
        return self._request(batch, self.vendor.plan)

    def send(self, request: Request, *, sleep: Sleep) -> Delivery:
        """Carry out the calls and those that follow from their answers.

        Raises:
            DestinationUnavailableError: Nobody knows whether all of it arrived.
            DestinationRefusedError: The first call was refused for good.
        """
        return self._carry_out(cast("CallRequest", request), self._pace, sleep)

    def erase(self, batch: Batch, *, sleep: Sleep) -> Delivery:
        """Make the vendor forget persons.

        Raises:
            DestinationUnavailableError: Nobody knows whether all of it arrived.
            DestinationRefusedError: The first call was refused for good.
        """
        request = self._request(batch, self.vendor.erase)
        return self._carry_out(request, self._erasure_pace, sleep)

    def _request(self, batch: Batch, plan: Callable[[Shipment], Iterable[Call]]) -> CallRequest:
        planned = tuple(call for part in shipments(batch, self.max_rows) for call in plan(part))
        body = b"\n".join(call.body for call in planned)
        return CallRequest(batch.batch_id, batch.sync_key, body, planned, batch.jobs)

    def _carry_out(self, request: CallRequest, pace: Pace, sleep: Sleep) -> Delivery:
        with self.exchange.clients() as clients:
            work = _Work(self, clients, pace, sleep, deque(request.calls), dict(request.jobs))
            work.carry_out()
        return Delivery(
            _table(work.rejected),
            attempts=max(work.attempts, 1),
            doubtful=_table(work.doubtful),
            answer=work.answered,
        )

    def ask(
        self, call: Call, clients: Clients, pace: Pace, sleep: Sleep
    ) -> tuple[Answer, Verdict, int]:
        """Make one call, with a new token once where the old one expired."""
        self._sign_in(clients, sleep)
        answer, verdict, attempts = self._send(call, clients, pace, sleep)
        if verdict.meaning is Meaning.EXPIRED and self._token:
            self._token = ""
            self._sign_in(clients, sleep)
            answer, verdict, more = self._send(call, clients, pace, sleep)
            attempts += more
        return answer, verdict, attempts

    def _sign_in(self, clients: Clients, sleep: Sleep) -> None:
        call = None if self._token else self.vendor.login(self.exchange.clock())
        if call is None:
            return
        answer, verdict, _ = self._send(call, clients, None, sleep)
        if verdict.meaning is not Meaning.TAKEN:
            raise DestinationRefusedError(self.key, f"login_{verdict.code}", is_final=True)
        found = answer.json()
        self._token = self.vendor.token(answer) if isinstance(found, dict) else ""
        if not self._token:
            raise DestinationUnavailableError(self.key, "unreadable_login")

    def _send(
        self, call: Call, clients: Clients, pace: Pace | None, sleep: Sleep
    ) -> tuple[Answer, Verdict, int]:
        url = call.path if "://" in call.path else self.vendor.address + call.path
        kind = {"Content-Type": call.content_type} if call.body else {}
        headers = {**kind, **self.vendor.headers(self._token), **call.headers}
        return self.exchange.send(
            Outgoing(call.method, url, call.body, lambda: headers),
            judge=self._judge,
            clients=clients,
            sleep=sleep,
            pace=pace,
        )

    def _judge(self, answer: Answer) -> Verdict:
        verdict = self.vendor.judge(answer, self.exchange.clock())
        is_read = not answer.body or answer.json() is not None
        if verdict.meaning is Meaning.TAKEN and not is_read:
            return Verdict(Meaning.BUSY, "unreadable_answer")
        return verdict


@dataclass(slots=True)
class _Work:
    """The calls of one batch that are still to be made, and what came of the others."""

    destination: VendorDestination
    clients: Clients
    pace: Pace
    sleep: Sleep
    todo: deque[Call]
    earlier: dict[str, str]
    jobs: dict[str, str] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)
    doubtful: dict[str, str] = field(default_factory=dict)
    attempts: int = 0
    splits: int = 0
    polls: Counter[str] = field(default_factory=Counter)
    has_effect: bool = False
    answered: str | None = None

    def carry_out(self) -> None:
        """Make all calls; where that ends early, the error names the jobs that go on there."""
        try:
            while self.todo:
                self.step()
        except DestinationUnavailableError as error:
            error.jobs = self.jobs
            raise

    def step(self) -> None:
        """Make the next call and take in what it came to."""
        call = self._of_the_others(self.todo.popleft())
        if call is None or self._is_cut(call) or self._is_under_way(call):
            return
        if call.is_poll and self._is_slow(call):
            return
        if call.wait_s:
            self.sleep(call.wait_s)
        answer, verdict, attempts = self.destination.ask(call, self.clients, self.pace, self.sleep)
        self.attempts = max(self.attempts, attempts)
        self.answered = f"HTTP {answer.status}"
        other = call.refused(answer) if call.refused else None
        if verdict.meaning is Meaning.TAKEN:
            self.has_effect = self.has_effect or bool(call.rows)
            self._take_in(call, self._read(call, answer))
        elif other is not None:
            self._take_in(call, other)
        elif verdict.meaning is Meaning.REFUSED:
            self._refused(call, verdict.code)
        elif self.has_effect:
            self._give_up(call, verdict.code)
        else:
            raise DestinationRefusedError(self.destination.key, verdict.code, is_final=True)

    def _is_under_way(self, call: Call) -> bool:
        """Ask about the job that the same call started in an earlier run, instead of making it."""
        job = self.earlier.pop(_name(call), None)
        if job is None or call.resume is None:
            return False
        self._take_in(call, call.resume(job))
        return True

    def _is_cut(self, call: Call) -> bool:
        """Put two calls in place of one that is too large; a row that is by itself is refused."""
        most = self.destination.vendor.facts.max_bytes
        if not most or len(call.body) <= most or call.split is None:
            return False
        if len(call.rows) < 2:
            self.rejected.update({row.row_id: "too_large" for row in call.rows})
        else:
            first, second = halves(call.rows)
            self.todo.extendleft([call.split(second), call.split(first)])
        return True

    def _of_the_others(self, call: Call) -> Call | None:
        """A call without the rows that were refused before it; None where it is about them alone."""
        left = tuple(row for row in call.rows if row.row_id not in self.rejected)
        if len(left) == len(call.rows):
            return call
        if not left:
            return None
        return call.split(left) if call.split and not call.is_poll else call

    def _read(self, call: Call, answer: Answer) -> Reading:
        """What an answer says; one that is not as the vendor describes it acknowledges nothing."""
        try:
            return call.read(answer)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            # Not chained: the error may quote the answer.
            key = self.destination.key
            raise DestinationUnavailableError(key, "unreadable_answer") from None

    def _take_in(self, call: Call, reading: Reading) -> None:
        if reading.job:
            self.jobs[_name(call)] = reading.job
        self.rejected.update(reading.rejected)
        if reading.doubtful and call.split is not None:
            self._narrow(call, reading.doubtful)
        else:
            self.doubtful.update(reading.doubtful)
        self.todo.extendleft(reversed(reading.then))

    def _refused(self, call: Call, code: str) -> None:
        if not call.rows:
            raise DestinationRefusedError(self.destination.key, code, is_final=False)
        if not self._halve(call):
            self.rejected.update({row.row_id: code for row in call.rows})

    def _narrow(self, call: Call, doubtful: Mapping[str, str]) -> None:
        """Find the rows that a count speaks of: the one of a single row is its result.

        Once jobs were asked about often enough, what is left of the search is the next run's.
        """
        is_late = self.polls.total() >= self.destination.vendor.settings.max_polls
        if len(call.rows) == 1:
            self.rejected.update(doubtful)
        elif is_late or not self._halve(call):
            self.doubtful.update(doubtful)

    def _halve(self, call: Call) -> bool:
        """Put two calls for half of the rows each in place of a call; False where it cannot."""
        may = self.splits < self.destination.vendor.settings.max_splits
        if call.split is None or len(call.rows) < 2 or not may:
            return False
        self.splits += 1
        first, second = halves(call.rows)
        self.todo.extendleft([call.split(second), call.split(first)])
        return True

    def _give_up(self, call: Call, code: str) -> None:
        """Something arrived, the rest will not: its rows are due again in the next run."""
        left = [row for waiting in (call, *self.todo) for row in waiting.rows]
        self.rejected.update({row.row_id: code for row in left})
        self.todo.clear()

    def _is_slow(self, call: Call) -> bool:
        """Count one more question about a job; whether it is no longer waited for.

        Where the batch was halved other parts of it are decided, so that these rows alone are in doubt;
        those of all that is left, once the halves were asked about twice as often as one job may be.
        """
        most = self.destination.vendor.settings.max_polls
        self.polls[call.path] += 1
        if self.splits and self.polls.total() > 2 * most:
            self._leave(call, *self.todo)
            self.todo.clear()
            return True
        if self.polls[call.path] <= most:
            return False
        if not self.splits:
            raise DestinationUnavailableError(self.destination.key, "job_not_finished")
        self._leave(call)
        return True

    def _leave(self, *calls: Call) -> None:
        """Nobody knows what becomes of the rows of these calls, but of those that were refused."""
        rows = {row.row_id for call in calls for row in call.rows} - self.rejected.keys()
        self.doubtful.update(dict.fromkeys(rows, "job_not_finished"))


def _name(call: Call) -> str:
    """A name of a call that tells it from every other."""
    return fingerprint_of(call.method, call.path, call.body)


def _table(reasons: Mapping[str, str]) -> pa.Table:
    return rejected_rows(list(reasons), list(reasons.values()))
