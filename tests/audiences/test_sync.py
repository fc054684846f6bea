from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import logging
from typing import Any

import pyarrow as pa
import pytest

from audiences import (
    DestinationRefusedError,
    DestinationUnavailableError,
    InvalidAudienceError,
    compute_memberships,
    why,
)
from audiences.sync import DestinationEraser, Sync, SyncReport, plan_sync, run_sync
from audiences.sync.config import Identifier
from audiences.sync.destinations.fake import CrashError, FakeDestination
from audiences.sync.intents import read_batch
from audiences.sync.ledger import in_flight
from tests.audiences.conftest import AS_OF, EVERYONE, NOW, Company, audience
from tests.stumbling import Stumbling, kept_by_dagster
from warehouse import TableName

EMAIL = Identifier(type="email", form="sha256")
PERSON = Identifier(type="person_id", form="raw")
SYNC = Sync("to_fake", "everyone", "fake", "mirror", (EMAIL, PERSON), ("country",))
US = {"trait": "country", "is": "US"}


class Publisher:
    """Computes one audience and publishes it, as a run does."""

    def __init__(self, company: Company, destination: FakeDestination, **changes: Any) -> None:
        self.company, self.destination = company, destination
        self.sync: Sync = dataclasses.replace(SYNC, **changes)
        self.audience = audience(EVERYONE)
        self.runs = 0

    def run(
        self, *, compute: bool = True, suppression: Any = None, only_withdrawals: bool = False
    ) -> SyncReport:
        self.runs += 1
        moment = {"run_id": f"r{self.runs}", "now": NOW + dt.timedelta(hours=self.runs)}
        if compute:
            compute_memberships(self.company.warehouse, [self.audience], **moment)
        return run_sync(
            self.company.warehouse,
            self.sync,
            self.destination,
            sleep=_no_sleep,
            suppression=suppression,
            only_withdrawals=only_withdrawals,
            **moment,
        )

    def held(self) -> set[str]:
        """The persons whom the destination holds."""
        return {row["identifiers"]["person_id"] for row in self.destination.members.values()}

    def present(self) -> set[str]:
        """The persons whom the ledger believes the destination to hold."""
        rows = self.company.rows("sync.ledger", "is_present")
        return {row["person_id"] for row in rows}


def _no_sleep(_seconds: float) -> None:
    raise AssertionError("a test never sleeps")


@pytest.fixture
def destination() -> FakeDestination:
    return FakeDestination(max_rows=2)


@pytest.fixture
def publisher(company: Company, destination: FakeDestination) -> Publisher:
    return Publisher(company, destination)


def test_the_first_run_adds_everyone(publisher: Publisher) -> None:
    people = publisher.company.people(5)

    report = publisher.run()

    assert (report.status, report.added) == ("succeeded", 5)
    assert publisher.held() == set(people)


def test_a_failure_at_any_moment_names_nobody(
    publisher: Publisher, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever statement the engine refuses: of the audience, the plan, a batch or its answer."""
    caplog.set_level(logging.DEBUG)
    names = publisher.company.people(3)
    warehouse: Any = publisher.company.warehouse
    engine, told = warehouse._connection, []
    said = ", ".join([*names, *(f"{name}@mail.example" for name in names)])
    for after in (1, 20, 40, 60, 80):
        warehouse._connection = Stumbling(engine, said, after=after)
        told.append(kept_by_dagster(publisher.run))
    warehouse._connection = engine

    kept = [*publisher.company.rows("sync.runs"), *publisher.company.rows("sync.batches")]
    everything = "".join([*map(str, [*told, *kept]), caplog.text, *capfd.readouterr()])
    assert sum(error is not None for error in told) >= 3
    assert not any(name in everything for name in [*names, "@mail.example"])


def test_a_second_run_with_nothing_new_sends_nothing(publisher: Publisher) -> None:
    publisher.company.people(5)
    publisher.run()
    sent = list(publisher.destination.keys)

    report = publisher.run()

    assert publisher.destination.keys == sent
    assert (report.added, report.changed, report.removed) == (0, 0, 0)


def test_only_what_differs_is_sent(publisher: Publisher) -> None:
    publisher.company.people(4, country="US")
    publisher.run()
    publisher.company.warehouse.execute(
        "update marts.profiles set country = 'DE' where person_id = 'p001'"
    )

    report = publisher.run()

    assert (report.added, report.changed, report.removed) == (0, 1, 0)


def test_a_row_carries_hashed_identifiers_and_traits(publisher: Publisher) -> None:
    publisher.company.person("ann", country="US")

    publisher.run()

    (row,) = publisher.destination.members.values()
    digest = hashlib.sha256(b"ann@mail.example").hexdigest()
    assert row["identifiers"] == {"email_sha256": digest, "person_id": "ann"}
    assert row["traits"] == {"country": "US"}


def test_a_changed_identifier_travels_with_the_one_sent_before(publisher: Publisher) -> None:
    publisher.company.person("ann")
    publisher.run()
    publisher.company.warehouse.execute(
        "update marts.contact_points set identifier_value = 'new@mail.example'"
    )

    publisher.run()

    (row,) = publisher.destination.members.values()
    old = hashlib.sha256(b"ann@mail.example").hexdigest()
    assert row["previous_identifiers"]["email_sha256"] == old


def test_an_address_that_several_people_share_is_not_sent(publisher: Publisher) -> None:
    publisher.sync = dataclasses.replace(SYNC, identifiers=(EMAIL,))
    publisher.company.person("ann")
    publisher.company.warehouse.execute("update marts.contact_points set is_shared = true")

    report = publisher.run()

    assert (report.added, report.unreachable) == (0, 1)


def deny(publisher: Publisher, address: str, purposes: str) -> None:
    """Somebody else who holds the address has denied these."""
    publisher.company.warehouse.execute(
        "update marts.contact_points set denied_purposes = $purposes "
        "where identifier_value = $address",
        {"purposes": purposes, "address": address},
    )


def test_an_address_that_another_holder_denied_is_not_sent(publisher: Publisher) -> None:
    publisher.sync = dataclasses.replace(SYNC, identifiers=(EMAIL,), purposes=("profiling",))
    for name in ("ann", "bob", "cem", "dan"):
        publisher.company.person(name, consent=("marketing", "profiling"))
    deny(publisher, "ann@mail.example", "ads, marketing")
    deny(publisher, "bob@mail.example", "profiling")
    deny(publisher, "cem@mail.example", "ads, direct marketing, marketing by post")

    report = publisher.run()

    assert (report.added, report.unreachable) == (2, 2)
    assert publisher.present() == {"cem", "dan"}


def test_the_next_address_is_sent_in_place_of_one_that_was_denied(publisher: Publisher) -> None:
    publisher.sync = dataclasses.replace(SYNC, identifiers=(EMAIL,))
    publisher.company.person("ann")
    publisher.company.insert(
        "marts.contact_points", person_id="ann", identifier_type="email",
        identifier_value="z@mail.example", is_preferred=False, is_shared=False,
    )  # fmt: skip
    publisher.run()
    deny(publisher, "ann@mail.example", "marketing")

    report = publisher.run()

    (row,) = publisher.destination.members.values()
    assert report.changed == 1
    assert row["identifiers"]["email_sha256"] == hashlib.sha256(b"z@mail.example").hexdigest()


def test_a_batch_without_an_answer_is_not_sent_again_with_an_address_that_was_denied(
    publisher: Publisher,
) -> None:
    publisher.company.people(2)
    publisher.destination.before = [DestinationUnavailableError("fake", "http_503")]
    publisher.run()
    deny(publisher, "p001@mail.example", "marketing")

    publisher.run()

    found = {
        row["identifiers"]["person_id"]: row["identifiers"]["email_sha256"]
        for body in publisher.destination.bodies
        for row in body
    }
    assert found == {"p000": hashlib.sha256(b"p000@mail.example").hexdigest(), "p001": None}


def test_who_leaves_the_audience_is_removed(publisher: Publisher) -> None:
    publisher.audience = audience(US)
    publisher.company.people(3, country="US")
    publisher.run()
    publisher.company.warehouse.execute(
        "update marts.profiles set country = 'DE' where person_id = 'p001'"
    )

    report = publisher.run()

    assert report.removed == 1
    assert publisher.held() == {"p000", "p002"}


def test_add_only_keeps_who_left_but_not_who_withdrew(publisher: Publisher) -> None:
    publisher.audience = audience(US)
    publisher.sync = dataclasses.replace(SYNC, mode="add_only")
    publisher.company.people(3, country="US")
    publisher.run()
    publisher.company.warehouse.execute(
        "update marts.profiles set country = 'DE' where person_id = 'p001'"
    )
    publisher.company.consent("p002", "marketing", "denied")

    publisher.run()

    assert publisher.held() == {"p000", "p001"}


def test_consent_withdrawn_since_the_members_were_computed_removes(publisher: Publisher) -> None:
    publisher.company.people(3)
    publisher.run()
    publisher.company.consent("p001", "marketing", "denied")

    report = publisher.run(compute=False)

    assert report.removed == 1
    assert publisher.held() == {"p000", "p002"}


def test_the_purposes_of_the_destination_are_asked_too(publisher: Publisher) -> None:
    publisher.sync = dataclasses.replace(SYNC, purposes=("advertising",))
    publisher.company.people(2)
    publisher.company.consent("p001", "advertising", "granted")

    report = publisher.run()

    assert (report.added, report.no_consent) == (1, 1)
    assert publisher.held() == {"p001"}


def test_no_held_out_person_is_ever_sent(publisher: Publisher) -> None:
    publisher.audience = audience(EVERYONE, hold_out={"share": 0.5, "salt": "x"})
    publisher.company.people(40)

    report = publisher.run()

    held_out = publisher.company.rows("audiences.memberships", "arm = 'holdout'")
    sent = publisher.company.rows("sync.row_results")
    assert not {row["person_id"] for row in held_out} & {row["person_id"] for row in sent}
    assert report.held_out == len(held_out) > 0


def test_a_person_held_out_later_is_removed(publisher: Publisher) -> None:
    publisher.company.people(10)
    publisher.run()
    publisher.audience = audience(EVERYONE, hold_out={"share": 0.5, "salt": "x"})

    publisher.run()

    held_out = publisher.company.rows("audiences.memberships", "arm = 'holdout'")
    assert held_out
    assert not publisher.held() & {row["person_id"] for row in held_out}


def test_a_person_who_is_gone_is_removed(publisher: Publisher) -> None:
    publisher.company.people(2)
    publisher.run()
    publisher.company.warehouse.execute("delete from marts.profiles where person_id = 'p000'")
    publisher.company.warehouse.execute(
        "delete from audiences.memberships where person_id = 'p000'"
    )

    publisher.run(compute=False)

    assert publisher.held() == {"p001"}


def test_after_a_merge_the_destination_holds_the_person_once(publisher: Publisher) -> None:
    publisher.sync = dataclasses.replace(SYNC, identifiers=(EMAIL,), traits=())
    publisher.company.people(2)
    publisher.run()
    publisher.company.warehouse.execute("delete from marts.contact_points where person_id = 'p001'")
    publisher.company.merge("p000", into="p001")

    report = publisher.run()

    digest = hashlib.sha256(b"p000@mail.example").hexdigest()
    (row,) = publisher.destination.members.values()
    assert row["identifiers"] == {"email_sha256": digest}
    assert publisher.present() == {"p001"}
    assert (report.added, report.removed) == (0, 1)
    assert publisher.run().changed == 0


def test_an_identifier_that_moves_is_taken_away_before_it_is_put(publisher: Publisher) -> None:
    publisher.sync = dataclasses.replace(SYNC, identifiers=(EMAIL,), traits=())
    publisher.destination.max_rows = 10
    publisher.company.person("zoe")
    publisher.run()
    publisher.company.person("ann")
    publisher.company.warehouse.execute("delete from marts.contact_points where person_id = 'ann'")
    publisher.company.merge("zoe", into="ann")

    publisher.run()

    sent = publisher.company.rows("sync.row_results", "cause in ('merged', 'member')")
    bodies = publisher.destination.bodies[-1]
    assert [row["operation"] for row in bodies] == ["remove", "add"]
    assert {row["cause"] for row in sent} == {"merged", "member"}


def test_an_address_of_two_persons_stays_when_one_of_them_leaves(publisher: Publisher) -> None:
    publisher.audience = audience(US)
    publisher.sync = dataclasses.replace(SYNC, identifiers=(EMAIL,), traits=())
    publisher.company.people(2, country="US")
    publisher.company.warehouse.execute(
        "update marts.contact_points set identifier_value = 'home@mail.example'"
    )
    publisher.run()
    publisher.company.warehouse.execute(
        "update marts.profiles set country = 'DE' where person_id = 'p001'"
    )

    report = publisher.run()

    assert (report.removed, report.changed) == (1, 1)
    assert publisher.destination.bodies[-1][-1]["operation"] == "change"


def test_a_held_out_person_is_not_sent_under_a_new_id(publisher: Publisher) -> None:
    publisher.audience = audience(EVERYONE, hold_out={"share": 0.5, "salt": "x"})
    publisher.company.people(20)
    publisher.run()
    held_out = publisher.company.rows("audiences.memberships", "arm = 'holdout'")
    for row in held_out:
        publisher.company.person(f"new_{row['person_id']}")
        publisher.company.merge(row["person_id"], into=f"new_{row['person_id']}")

    publisher.run()

    assert held_out
    assert not {name for name in publisher.held() if name.startswith("new_")}


def test_a_dry_run_says_what_a_run_then_does(publisher: Publisher) -> None:
    publisher.company.people(4, country="US")
    publisher.run()
    publisher.company.warehouse.execute(
        "update marts.profiles set country = 'DE' where person_id = 'p001'"
    )
    publisher.company.consent("p002", "marketing", "denied")
    publisher.company.person("new")
    compute_memberships(publisher.company.warehouse, [publisher.audience], run_id="again", now=NOW)
    sent = list(publisher.destination.keys)

    planned = plan_sync(publisher.company.warehouse, publisher.sync)

    assert publisher.destination.keys == sent
    report = publisher.run(compute=False)
    assert (planned.added, planned.changed, planned.removed) == (1, 1, 1)
    assert (report.added, report.changed, report.removed) == (1, 1, 1)


def test_a_dry_run_counts_what_waits_for_an_answer(publisher: Publisher) -> None:
    publisher.company.people(2)
    publisher.destination.after = [DestinationUnavailableError("fake", "http_503")]
    publisher.run()

    assert plan_sync(publisher.company.warehouse, publisher.sync).waiting == 2


def test_jobs_that_go_on_there_are_remembered_until_they_are_answered(publisher: Publisher) -> None:
    publisher.company.people(2)
    waiting = DestinationUnavailableError("fake", "job_not_finished")
    waiting.jobs = {"upload": "job-7"}
    publisher.destination.before = [waiting]
    jobs = "select max(jobs) from sync.batches"
    warehouse = publisher.company.warehouse
    publisher.run()
    (batch_id,) = in_flight(warehouse, publisher.sync.key)

    batch = read_batch(warehouse, publisher.sync, batch_id)

    assert batch.jobs == {"upload": "job-7"}
    assert publisher.run().added == 2
    assert warehouse.scalar(jobs) is None


def test_a_suppressed_person_is_not_sent(publisher: Publisher) -> None:
    publisher.company.people(3)

    def only_first(known: pa.Table) -> pa.Table:
        return known.filter(pa.compute.equal(known["identifier_value"], "p000@mail.example"))

    report = publisher.run(suppression=only_first)

    assert report.suppressed == 1
    assert publisher.held() == {"p001", "p002"}


def test_a_small_audience_gets_nobody_new_but_loses_who_must_go(publisher: Publisher) -> None:
    publisher.company.people(3)
    publisher.run()
    publisher.audience = audience(EVERYONE, minimum_size=10)
    publisher.company.person("new")
    publisher.company.consent("p000", "marketing", "denied")

    publisher.run()

    assert publisher.held() == {"p001", "p002"}


@pytest.mark.parametrize("failing", range(6))
def test_exactly_the_failing_rows_fail_and_are_tried_again(
    company: Company, destination: FakeDestination, failing: int
) -> None:
    publisher = Publisher(company, destination)
    people = company.people(5)
    refused = set(people[:failing])
    destination.reject = lambda row: (
        "bad_row" if row["identifiers"]["person_id"] in refused else None
    )

    first = publisher.run()
    held = publisher.held()
    destination.reject = lambda _row: None
    second = publisher.run()

    assert (first.rejected, first.added) == (failing, 5 - failing)
    assert first.status == ("partial" if failing else "succeeded")
    assert held == set(people) - refused
    assert second.added == failing
    assert publisher.held() == publisher.present() == set(people)


def test_what_was_sent_is_remembered_of_those_alone_who_were_acknowledged(
    publisher: Publisher,
) -> None:
    """Remembered at once, a change that failed would wait until its person changes again."""
    publisher.company.people(4, country="US")
    publisher.run()
    first = _remembered(publisher)
    publisher.company.warehouse.execute(
        "update marts.profiles set country = 'DE' where person_id <> 'p003'"
    )
    refused, kept = {"p000"}, publisher.destination.reject
    publisher.destination.reject = lambda row: (
        "bad_row" if row["identifiers"]["person_id"] in refused else None
    )

    reports = [publisher.run(), publisher.run()]
    between = _remembered(publisher)
    publisher.destination.reject = kept
    reports += [publisher.run(), publisher.run()]
    last = _remembered(publisher)

    assert [(r.added + r.changed, r.rejected) for r in reports] == [(2, 1), (0, 1), (1, 0), (0, 0)]
    assert {name for name, told in between.items() if told != first[name]} == {
        *refused,
        "p001",
        "p002",
    }
    assert between["p000"] is None  # due, whatever it was before
    assert {name for name, told in last.items() if told != between[name]} == refused
    assert last["p000"] not in {None, first["p000"]}
    countries = {row["traits"]["country"] for row in publisher.destination.members.values()}
    assert countries == {"DE", "US"}


def _remembered(publisher: Publisher) -> dict[str, str | None]:
    """What the ledger remembers of each person as sent."""
    rows = publisher.company.rows("sync.ledger", "is_present")
    return {row["person_id"]: row["fingerprint"] for row in rows}


def test_a_rejected_removal_is_tried_again(publisher: Publisher) -> None:
    publisher.company.people(2)
    publisher.run()
    publisher.company.consent("p000", "marketing", "denied")
    publisher.destination.reject = lambda _row: "locked"
    publisher.run()
    publisher.destination.reject = lambda _row: None

    report = publisher.run()

    assert report.removed == 1
    assert publisher.held() == publisher.present() == {"p001"}


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("batch", range(3))
@pytest.mark.parametrize("fault", [CrashError(), DestinationUnavailableError("fake", "http_503")])
def test_a_batch_without_an_answer_is_sent_again_under_its_key(
    publisher: Publisher, place: str, batch: int, fault: BaseException
) -> None:
    people = publisher.company.people(5)
    setattr(publisher.destination, place, [None] * batch + [fault])
    if isinstance(fault, CrashError):
        with pytest.raises(CrashError):
            publisher.run()
    else:
        assert publisher.run().unanswered == 5 - 2 * batch
    (waiting,) = publisher.company.rows("sync.batches", "status = 'in_flight'")

    report = publisher.run()

    keys = publisher.destination.keys
    assert keys.count(waiting["batch_id"]) == (2 if place == "after" else 1)
    assert len(set(keys)) == 3
    assert report.status == "succeeded"
    assert publisher.held() == publisher.present() == set(people)


def test_nothing_is_sent_again_to_who_withdrew_in_between(publisher: Publisher) -> None:
    publisher.company.people(2)
    publisher.destination.after = [CrashError()]
    with pytest.raises(CrashError):
        publisher.run()
    publisher.company.consent("p000", "marketing", "denied")

    publisher.run()

    first, *others = publisher.destination.keys
    assert first not in others
    assert publisher.held() == publisher.present() == {"p001"}


def test_a_refused_batch_is_due_again_and_the_next_one_still_goes(publisher: Publisher) -> None:
    people = publisher.company.people(4)
    publisher.destination.before = [DestinationRefusedError("fake", "http_400", is_final=False)]

    first = publisher.run()
    second = publisher.run()

    assert (first.status, first.added, first.rejected) == ("partial", 2, 2)
    assert second.added == 2
    assert publisher.held() == set(people)


def test_who_is_there_is_changed_again_where_the_batch_that_was_to_change_them_was_refused(
    publisher: Publisher,
) -> None:
    """Also after it was refused twice: nothing was done to them."""
    publisher.company.people(2, country="US")
    publisher.run()
    publisher.company.warehouse.execute("update marts.profiles set country = 'DE'")
    refused = DestinationRefusedError("fake", "http_400", is_final=False)
    publisher.destination.before = [refused, refused]
    reports = [publisher.run(), publisher.run()]
    due = _remembered(publisher)
    reports += [publisher.run(), publisher.run()]

    assert [(r.added, r.changed, r.rejected) for r in reports] == [
        (0, 0, 2),
        (0, 0, 2),
        (0, 2, 0),
        (0, 0, 0),
    ]
    assert set(due.values()) == {"refused"}


def test_a_run_of_which_every_batch_is_refused_has_failed(publisher: Publisher) -> None:
    publisher.company.people(4)
    refused = DestinationRefusedError("fake", "http_400", is_final=False)
    publisher.destination.before = [refused, refused]

    report = publisher.run()

    assert (report.status, report.code, report.rejected) == ("failed", "http_400", 4)


def test_what_is_refused_when_it_is_sent_again_waits_for_the_next_run(publisher: Publisher) -> None:
    people = publisher.company.people(2)
    refused = DestinationRefusedError("fake", "http_400", is_final=False)
    publisher.destination.before = [DestinationUnavailableError("fake", "http_429"), refused]
    publisher.run()
    publisher.company.person("new")

    second = publisher.run()
    third = publisher.run()

    assert (second.status, second.rejected, second.added) == ("partial", 2, 1)
    assert (third.status, third.added) == ("succeeded", 2)
    assert publisher.held() == {*people, "new"}


def test_a_final_refusal_stops_the_run(publisher: Publisher) -> None:
    publisher.company.people(5)
    publisher.destination.before = [DestinationRefusedError("fake", "http_401", is_final=True)]

    report = publisher.run()

    assert (report.status, report.code) == ("failed", "http_401")
    assert (report.added, report.rejected, report.unanswered) == (0, 2, 3)


def test_a_destination_that_lost_its_state_gets_everyone_again(publisher: Publisher) -> None:
    people = publisher.company.people(3)
    publisher.run()
    publisher.destination.members.clear()
    publisher.destination.is_forgetful = True

    publisher.run()

    assert publisher.held() == set(people)


def test_a_person_who_returns_is_added_under_a_new_key(publisher: Publisher) -> None:
    publisher.company.person("ann")
    publisher.run()
    publisher.company.consent("ann", "marketing", "denied")
    publisher.run()
    publisher.company.consent("ann", "marketing", "granted")

    publisher.run()

    assert publisher.held() == {"ann"}
    assert len(set(publisher.destination.keys)) == 3


def test_two_syncs_name_a_person_differently(company: Company) -> None:
    company.person("ann")
    first, second = FakeDestination(), FakeDestination()
    Publisher(company, first).run()
    Publisher(company, second, key="to_other").run()

    assert not first.members.keys() & second.members.keys()


def test_a_trait_that_is_not_there_is_refused(publisher: Publisher) -> None:
    publisher.sync = dataclasses.replace(SYNC, traits=("contry",))

    with pytest.raises(InvalidAudienceError, match="did you mean 'country'"):
        plan_sync(publisher.company.warehouse, publisher.sync)


def test_the_persona_sent_is_the_one_that_was_published_last(publisher: Publisher) -> None:
    publisher.sync = dataclasses.replace(SYNC, traits=("persona_name",))
    publisher.company.person("ann", persona_name="of the run before")
    for as_of, name in ((AS_OF - dt.timedelta(days=7), "old"), (AS_OF, "new")):
        publisher.company.insert(
            "prediction.persona_members", person_id="ann", persona_id="p1", persona_name=name,
            confidence=0.9, as_of=as_of,
        )  # fmt: skip

    publisher.run()

    (row,) = publisher.destination.members.values()
    assert row["traits"] == {"persona_name": "new"}
    assert publisher.run().changed == 0


def test_scores_are_sent_nowhere(publisher: Publisher) -> None:
    publisher.sync = dataclasses.replace(SYNC, traits=("scores",))
    publisher.company.person("ann")

    report = publisher.run()

    assert (report.code, publisher.destination.bodies) == ("invalid_sync", [])
    assert "'scores' is not a column" in report.problems[0]


def test_a_run_leaves_a_row_that_counts(publisher: Publisher) -> None:
    publisher.company.people(3)

    publisher.run()

    (row,) = publisher.company.rows("sync.runs")
    assert (row["status"], row["added"], row["audience_key"]) == ("succeeded", 3, "everyone")


def test_why_says_what_was_sent(publisher: Publisher) -> None:
    publisher.company.person("ann")
    publisher.run()

    (row,) = why(publisher.company.warehouse, [publisher.audience], "ann", now=NOW).to_pylist()

    assert (row["sync_key"], row["sync_status"]) == ("to_fake", "acknowledged")


def _erase(publisher: Publisher, *people: str, request: str = "dsr1") -> Any:
    eraser = DestinationEraser(
        publisher.company.warehouse, {"fake": publisher.destination}, _no_sleep
    )
    return eraser.erase(people, request_id=request, now=NOW + dt.timedelta(days=1))


def test_an_erased_person_is_forgotten_and_the_answer_is_evidence(publisher: Publisher) -> None:
    publisher.company.people(3)
    publisher.run()
    (row_id,) = (
        row["row_id"] for row in publisher.company.rows("sync.ledger", "person_id = 'p001'")
    )

    (evidence,) = _erase(publisher, "p001", "never_sent")

    assert evidence.is_confirmed
    assert (evidence.persons, evidence.told) == (1, "erasure")
    assert publisher.destination.erased == {row_id}
    assert publisher.held() == {"p000", "p002"}


def test_a_person_who_was_removed_before_is_forgotten_too(publisher: Publisher) -> None:
    publisher.company.person("ann")
    publisher.run()
    publisher.company.consent("ann", "marketing", "denied")
    publisher.run()

    publisher.destination.can_erase = False
    (evidence,) = _erase(publisher, "ann")

    assert len(publisher.destination.erased) == 1
    assert evidence.told == "removal"


def test_a_person_in_a_batch_without_an_answer_is_forgotten_too(publisher: Publisher) -> None:
    publisher.company.person("ann")
    publisher.destination.before = [CrashError()]
    with pytest.raises(CrashError):
        publisher.run()

    (evidence,) = _erase(publisher, "ann")

    assert evidence.is_confirmed


def test_an_erasure_without_an_answer_is_told_again_under_its_key(publisher: Publisher) -> None:
    publisher.company.person("ann")
    publisher.run()
    publisher.destination.after = [DestinationUnavailableError("fake", "ReadTimeout")]

    (first,) = _erase(publisher, "ann")
    (second,) = _erase(publisher, "ann")

    assert (first.status, first.code) == ("unanswered", "ReadTimeout")
    assert second.is_confirmed
    assert first.batch_id == second.batch_id


def test_an_erasure_that_was_confirmed_is_not_told_again(publisher: Publisher) -> None:
    publisher.company.person("ann")
    publisher.run()
    _erase(publisher, "ann")
    told = list(publisher.destination.keys)

    (again,) = _erase(publisher, "ann", request="dsr2")

    assert again.is_confirmed
    assert publisher.destination.keys == told


def _erase_all(publisher: Publisher, **requests: list[str]) -> Any:
    eraser = DestinationEraser(
        publisher.company.warehouse, {"fake": publisher.destination}, _no_sleep
    )
    told = eraser.erase_all(requests, run_id="run9", now=NOW + dt.timedelta(days=1))
    return {name: [(item.status, item.persons) for item in found] for name, found in told.items()}


def test_many_erasures_are_told_in_one_batch_each_with_evidence_of_its_own(
    publisher: Publisher,
) -> None:
    publisher.company.people(4)
    publisher.run()
    told = len(publisher.destination.keys)
    publisher.destination.max_rows = 100

    found = _erase_all(publisher, q1=["p000"], q2=["p001", "p002"], q3=["nobody"])

    assert found == {"q1": [("confirmed", 1)], "q2": [("confirmed", 2)], "q3": []}
    assert len(publisher.destination.keys) == told + 1
    assert publisher.held() == {"p003"}


def test_no_batch_of_erasures_is_larger_than_the_destination_takes(publisher: Publisher) -> None:
    publisher.company.people(3)
    publisher.run()
    told = len(publisher.destination.keys)
    publisher.destination.max_rows = 2

    found = _erase_all(publisher, q1=["p000", "p001"], q2=["p002"])

    assert {status for evidence in found.values() for status, _ in evidence} == {"confirmed"}
    assert len(publisher.destination.keys) == told + 2


def test_a_row_that_is_rejected_blocks_its_own_request_alone(publisher: Publisher) -> None:
    publisher.company.people(2)
    publisher.run()
    (row_id,) = (
        row["row_id"] for row in publisher.company.rows("sync.ledger", "person_id = 'p001'")
    )
    publisher.destination.reject = lambda row: "bad" if row["id"] == row_id else None

    found = _erase_all(publisher, q1=["p000"], q2=["p001"])

    assert found == {"q1": [("confirmed", 1)], "q2": [("rejected", 1)]}


def test_where_all_are_refused_together_each_is_told_alone(publisher: Publisher) -> None:
    publisher.company.people(2)
    publisher.run()
    refused = DestinationRefusedError("fake", "HTTP 400", is_final=True)
    publisher.destination.before = [refused, None, refused]

    found = _erase_all(publisher, q1=["p000"], q2=["p001"])

    assert found == {"q1": [("confirmed", 1)], "q2": [("refused", 1)]}


def test_a_batch_of_several_without_an_answer_is_told_again_only_for_all_of_them(
    publisher: Publisher,
) -> None:
    """Who is put on hold meanwhile must not be told of again for somebody else's sake."""
    publisher.company.people(2)
    publisher.run()
    publisher.destination.before = [DestinationUnavailableError("fake", "ConnectTimeout")]
    first = _erase_all(publisher, q1=["p000"], q2=["p001"])
    told = len(publisher.destination.keys)

    second = _erase_all(publisher, q1=["p000"])

    assert first == {"q1": [("unanswered", 1)], "q2": [("unanswered", 1)]}
    assert second == {"q1": [("confirmed", 1)]}
    assert len(publisher.destination.keys) == told + 1
    assert publisher.held() == {"p001"}


def test_a_destination_that_is_off_cannot_confirm(publisher: Publisher) -> None:
    publisher.company.person("ann")
    publisher.run()

    (evidence,) = DestinationEraser(publisher.company.warehouse, {}, _no_sleep).erase(
        ["ann"], request_id="dsr1", now=NOW
    )

    assert evidence.status == "unreachable"


def test_a_resumed_batch_is_the_same_to_the_byte(publisher: Publisher) -> None:
    publisher.company.people(2)
    bodies: list[bytes] = []
    publisher.destination.reject = lambda row: bodies.append(json.dumps(row).encode())
    publisher.destination.before = [None]
    publisher.destination.after = [CrashError()]
    with pytest.raises(CrashError):
        publisher.run()
    first = list(bodies)
    publisher.destination._answers.clear()

    publisher.run()

    assert bodies == first * 2


def test_a_restored_backup_gives_no_batch_a_key_of_before(publisher: Publisher) -> None:
    """A receiver acts once on each key: it would keep whom it removed and got back since."""
    warehouse = publisher.company.warehouse
    publisher.company.person("ann")
    publisher.run()
    tables = ("sync.ledger", "sync.batches", "sync.row_results", "sync.settled",
              "sync.settled_parts")  # fmt: skip
    backup = {table: warehouse.read(f"select * from {table}") for table in tables}
    deny_all, allow_all = (
        lambda status=status: publisher.company.consent("ann", "marketing", status)
        for status in ("denied", "granted")
    )
    for decide in (deny_all, allow_all):
        decide()
        publisher.run()
    for table, rows in backup.items():
        warehouse.replace(TableName(*table.split(".")), rows)
    deny_all()

    report = publisher.run()

    assert (report.removed, publisher.held()) == (1, set())
    assert len(set(publisher.destination.keys)) == len(publisher.destination.keys) == 4
