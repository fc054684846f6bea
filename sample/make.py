"""Make a sample company: its files in one folder, the truth about it in another."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.billing import purchases
from sample.block import BLOCK_PEOPLE, Block, World, known_people, make_block
from sample.calendar import AS_OF, Calendar
from sample.chance import stream
from sample.companies import firmographics, ip_ranges, networks_for, sales_accounts
from sample.consents import decision_lines
from sample.content import library_size, write_library
from sample.delivery import Deliveries
from sample.errors import TooFewPeopleError
from sample.experiment import ARMS, SEGMENTS
from sample.files import append_csv, append_lines, check_folders, unfinished, write_gzip
from sample.lines import event_lines
from sample.malformed import NAMES, WHOLE
from sample.newsletter import mail_lines
from sample.requests import draw_requests
from sample.text import DAY_MS, Floats, Ints, iso_dates, take, whole
from sample.truth import block_truth, experiment_sums, experiment_table

LEAST_PEOPLE = 300
_WRITERS = 2  # threads that build and compress event files; each holds one day of one block
_RECORD_FILES = {
    "hubspot_contacts": "crm/hubspot_contacts.csv", "salesforce_contacts": "crm/salesforce_contacts.csv",
    "billing_customers": "billing/customers.csv", "newsletter_subscribers": "newsletter/subscribers.csv",
    "support_tickets": "support/tickets.csv",
}  # fmt: skip

Progress = Callable[[str, float | None], None]


@dataclass(frozen=True, slots=True)
class SampleReport:
    """What was made.

    Attributes:
        people: People whom the company knows.
        events: Lines of web events, broken and repeated ones too.
        records: Records of people in all tools.
    """

    people: int
    events: int
    records: int


@dataclass(slots=True)
class _Tally:
    """Sums over the blocks written so far."""

    rows: Counter[str] = field(default_factory=Counter)
    malformed: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    experiment: Floats = field(default_factory=lambda: np.zeros((len(SEGMENTS), len(ARMS), 4)))


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes blocks into the two folders."""

    world: World
    landing: Path
    truth: Path
    tally: _Tally

    def write(self, number: int, block: Block) -> None:
        """Write everything about one block."""
        self._write_tools(block)
        self._write_events(number, block)
        requests = draw_requests(block, self.world.calendar)
        self._append_lines("privacy/dsr_requests.jsonl", requests.lines)
        for name, table in (
            *block_truth(block, self.world).items(),
            ("dsr_expected", requests.expected),
        ):
            append_csv(self.truth / f"{name}.csv", table)
        self.tally.experiment += experiment_sums(block)
        self.tally.counts.update({
            "households": len(np.unique(block.cast.people.home.household)),
            "devices": len(block.site.devices), "visits": len(block.site.traffic),
        })  # fmt: skip

    def finish(self) -> None:
        """Write what is known only at the end."""
        self._append("content/content.csv", self.world.library.table)
        (self.landing / "as_of.txt").write_text(f"{self.world.calendar.as_of}\n")
        append_csv(self.truth / "experiment.csv", experiment_table(self.tally.experiment))

    def _write_tools(self, block: Block) -> None:
        cast, calendar, draws = block.cast, self.world.calendar, block.draws
        for records in block.records:
            self._append(_RECORD_FILES[records.source], records.table)
        customers = next(
            records for records in block.records if records.source == "billing_customers"
        )
        self._append(
            "billing/purchases.csv", purchases(draws("charges"), customers, cast.known, calendar)
        )
        self._append(
            "crm/salesforce_accounts.csv",
            sales_accounts(draws("accounts-kept"), cast.companies, calendar),
        )
        self._append("firmographics/companies.csv", firmographics(draws("vendor"), cast.companies))
        networks = ip_ranges(draws("networks"), cast.companies, self.world.networks)
        self._append("firmographics/ip_to_company.csv", networks)
        mail = mail_lines(draws("mail"), cast.mail, cast.mail_emails, self.world.library)
        self._append_lines("newsletter/email_events.jsonl", mail)
        consents = decision_lines(block.decisions, block.site.devices, cast.known)
        self._append_lines("privacy/consent_events.jsonl", consents)

    def _write_events(self, number: int, block: Block) -> None:
        def write_day(day: Ints, part: slice) -> None:
            date = iso_dates(day)[0].as_py()
            path = self.landing / f"events/date={date}/part-{number:05d}.jsonl.gz"
            write_gzip(path, event_lines(block.site, block.sent.at(part)))

        days = list(_days(block.sent))
        with ThreadPoolExecutor(_WRITERS) as pool:
            list(pool.map(write_day, *zip(*days, strict=True)))
        broken = _malformed(number, block.sent)
        append_csv(self.truth / "malformed.csv", broken)
        kinds = np.bincount(block.sent.damage[block.sent.damage != WHOLE], minlength=len(NAMES))
        self.tally.malformed.update(dict(zip(NAMES, map(int, kinds), strict=True)))
        self.tally.rows["events"] += len(block.sent)

    def _append(self, name: str, table: pa.Table) -> None:
        append_csv(self.landing / name, table)
        self.tally.rows[name] += table.num_rows

    def _append_lines(self, name: str, lines: pa.Array) -> None:
        append_lines(self.landing / name, lines)
        self.tally.rows[name] += len(lines)


def make_sample(
    *,
    people: int,
    seed: int,
    out: Path,
    truth: Path,
    progress: Progress = lambda _what, _share: None,
) -> SampleReport:
    """Write a fictional company's files into ``out`` and the truth about it into ``truth``.

    The same people and seed give the same bytes, on any day. Memory does not grow with the
    number of people: they are drawn in blocks of 24,000.

    Args:
        people: How many people the company knows.
        seed: Any whole number.
        out: Folder to make, the landing folder of a pipeline.
        truth: Folder to make, outside ``out``.
        progress: Told the step and the share of it that is done.

    Raises:
        TooFewPeopleError: Fewer than 300 people.
        FolderNotEmptyError: One of the folders holds something.
        TruthInsideLandingError: One of the folders lies in the other.
    """
    if people < LEAST_PEOPLE:
        raise TooFewPeopleError(people, LEAST_PEOPLE)
    check_folders(out, truth)
    world = _found_world(people, seed)
    with unfinished(out, truth) as (landing, hidden):
        writer = _Writer(world, landing, hidden, _Tally())
        for number, start, size in _blocks(people):
            progress("Making the sample company", start / people)
            writer.write(number, make_block(world, number, start, size))
        writer.finish()
        report = _report(people, writer.tally)
        (hidden / "manifest.json").write_text(_manifest(report, seed, world.calendar, writer.tally))
    progress("Making the sample company", 1.0)
    return report


def make_records(*, people: int, seed: int, out: Path, truth: Path) -> int:
    """Write only the records of people that ``make_sample`` would write, and whose they are.

    Args:
        people: How many people the company knows.
        seed: Any whole number.
        out: Landing folder, made where missing.
        truth: File to write: source, source_record_id, person_id and more.

    Returns:
        How many records there are.
    """
    world, count = _found_world(people, seed), 0
    for number, start, size in _blocks(people):
        cast, records = known_people(world, number, start, size)
        for one in records:
            append_csv(out / _RECORD_FILES[one.source], one.table)
            append_csv(truth, one.truth(cast.people))
            count += len(one.person)
    return count


def _found_world(people: int, seed: int) -> World:
    calendar = Calendar(AS_OF)
    library = write_library(stream(seed, 0, "library"), library_size(people), calendar)
    return World(seed, calendar, library, networks_for(people))


def _blocks(people: int) -> Iterator[tuple[int, int, int]]:
    """Number, first person and size of each block; the last one takes a small rest with it."""
    count = max(1, round(people / BLOCK_PEOPLE))
    for number in range(count):
        start = number * BLOCK_PEOPLE
        yield number, start, BLOCK_PEOPLE if number < count - 1 else people - start


def _days(sent: Deliveries) -> Iterator[tuple[Ints, slice]]:
    """Each date of receipt, in days since 1970, with its rows."""
    days, first = np.unique(sent.received_ms // DAY_MS, return_index=True)
    for place, end in enumerate([*first[1:], len(sent)]):
        yield days[place : place + 1], slice(int(first[place]), int(end))


def _malformed(number: int, sent: Deliveries) -> pa.Table:
    """Where every broken line stands: file, line counted from 1, what broke it."""
    day = sent.received_ms // DAY_MS
    row = np.flatnonzero(sent.damage != WHOLE)
    line = row - np.searchsorted(day, day[row]) + 1
    name = pc.binary_join_element_wise(
        "events/date=", iso_dates(day[row]), f"/part-{number:05d}.jsonl.gz", ""
    )
    return pa.table({"file": name, "line": whole(line), "class": take(NAMES, sent.damage[row])})


def _report(people: int, tally: _Tally) -> SampleReport:
    records = sum(tally.rows[name] for name in _RECORD_FILES.values())
    return SampleReport(people, tally.rows["events"], records)


def _manifest(report: SampleReport, seed: int, calendar: Calendar, tally: _Tally) -> str:
    facts = {
        "people": report.people, "seed": seed, "as_of": str(calendar.as_of),
        "first_day": str(calendar.first_day), **tally.counts, "event_lines": report.events,
        "records_total": report.records,
        "records": {source: tally.rows[name] for source, name in _RECORD_FILES.items()},
        "rows": {name: count for name, count in sorted(tally.rows.items()) if name != "events"},
        "malformed": dict(sorted(tally.malformed.items())), "malformed_total": tally.malformed.total(),
    }  # fmt: skip
    return json.dumps(facts, indent=1) + "\n"
