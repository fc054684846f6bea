"""What is sent beside the identifiers, when it is sent again, and into what."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any

import pytest

from audiences import InvalidAudienceError, compute_memberships
from audiences.sync import Sync, SyncReport, plan_sync, run_sync
from audiences.sync.config import Identifier
from audiences.sync.destinations import Batch, Delivery, Request
from audiences.sync.destinations.base import Sleep, rejected_rows
from audiences.sync.destinations.fake import FakeDestination
from audiences.sync.fields import Field
from tests.audiences.conftest import AS_OF, EVERYONE, NOW, Company, audience

SYNC = Sync("to_fake", "everyone", "fake", "mirror", (Identifier(type="person_id", form="raw"),))
RECOMMENDATIONS = """
create schema personalization;
create table personalization.recommendations (
    person_id varchar, block varchar, rank integer, content_id varchar, as_of timestamp
);
"""

EMAIL_BLOCKS = """
create table personalization.email_blocks (
    person_id varchar, block varchar, slot integer, content_id varchar, arm varchar,
    is_ghost boolean, send_id varchar, send_date date, as_of timestamp
);
"""


def _run(company: Company, destination: Any, sync: Sync, number: int = 1) -> SyncReport:
    moment = {"run_id": f"r{number}", "now": NOW + dt.timedelta(hours=number)}
    compute_memberships(company.warehouse, [audience(EVERYONE)], **moment)
    return run_sync(company.warehouse, sync, destination, sleep=_no_sleep, **moment)


def _no_sleep(_seconds: float) -> None:
    raise AssertionError("a test never sleeps")


def _fields(company: Company, fields: Mapping[str, str], **changes: Any) -> Mapping[str, Any]:
    """What one person's row carries."""
    destination = FakeDestination()
    mapped = tuple(Field(name, source) for name, source in fields.items())
    _run(company, destination, dataclasses.replace(SYNC, fields=mapped, **changes))
    (row,) = destination.members.values()
    found: Mapping[str, Any] = row["traits"]
    return found


@pytest.fixture
def known(company: Company) -> Company:
    """One person with a score, a persona and two recommendations."""
    company.person("ann", country="US", top_topic="pumps")
    company.warehouse.execute(RECOMMENDATIONS)
    for days, score, decile in ((9, 0.9, 10), (1, 0.123456, 4)):
        company.insert(
            "prediction.propensity_scores", model_key="paid", person_id="ann", score=score,
            decile=decile, as_of=AS_OF - dt.timedelta(days=days), source="model" if days == 9 else "rule",
        )  # fmt: skip
    company.insert(
        "prediction.persona_members", person_id="ann", persona_id="n1", persona_name="Newcomer",
        confidence=0.8, as_of=AS_OF,
    )  # fmt: skip
    for rank, content in ((1, "article-7"), (2, "guide-2")):
        company.insert(
            "personalization.recommendations", person_id="ann", block="next_read", rank=rank,
            content_id=content, as_of=AS_OF,
        )  # fmt: skip
    return company


def test_a_score_of_accounts_is_sent_of_the_likeliest_account(known: Company) -> None:
    """And not that of a company of which it was computed from a colleague alone."""
    for account, score, only in (("a", 0.25, "ann"), ("b", 0.75, None), ("c", 0.9, "bob")):
        known.insert("marts.account_members", account_id=account, person_id="ann")
        known.insert(
            "prediction.account_scores", model_key="buys", account_id=account, score=score,
            decile=3, as_of=AS_OF, person_id=only,
        )  # fmt: skip

    assert _fields(known, {"FIT": "score:buys", "TENTH": "decile:buys"}) == {
        "FIT": 0.75, "TENTH": 3,
    }  # fmt: skip


def test_who_is_held_out_of_everything_is_sent_no_recommendation(known: Company) -> None:
    known.warehouse.execute(
        "alter table personalization.recommendations add column is_ghost boolean"
    )
    before = _fields(known, {"NEXT": "recommendation:next_read"})
    known.warehouse.execute("update personalization.recommendations set is_ghost = true")

    after = _fields(known, {"NEXT": "recommendation:next_read"})

    assert before == {"NEXT": "article-7"}
    assert after == {"NEXT": None}


def test_each_source_fills_the_field_that_it_is_mapped_to(known: Company) -> None:
    found = _fields(
        known,
        {
            "COUNTRY": "trait:country",
            "lead_score": "score:paid",
            "tier": "decile:paid",
            "made_by": "score_source:paid",
            "segment": "persona:name",
            "segment_id": "persona:id",
            "NEXT_1": "recommendation:next_read",
            "NEXT_2": "recommendation:next_read:2",
            "origin": "text:it's Candor",
        },
        traits=("top_topic",),
    )

    assert found == {
        "top_topic": "pumps", "COUNTRY": "US", "lead_score": 0.123, "tier": 4, "made_by": "rule",
        "segment": "Newcomer", "segment_id": "n1", "NEXT_1": "article-7", "NEXT_2": "guide-2",
        "origin": "it's Candor",
    }  # fmt: skip


def test_a_moment_is_sent_with_its_zone(known: Company) -> None:
    known.warehouse.execute(
        "update marts.profiles set last_seen_at = timestamp '2026-02-28 10:05:00.25'"
    )

    found = _fields(known, {"SEEN": "trait:last_seen_at"}, traits=("last_seen_at",))

    assert found == dict.fromkeys(("last_seen_at", "SEEN"), "2026-02-28T10:05:00Z")


def _mail(company: Company, slots: Mapping[int, str], *, arm: str = "personalised",
          weeks_ago: int = 0) -> None:  # fmt: skip
    """One person's slots of one send."""
    for slot, content in slots.items():
        company.insert(
            "personalization.email_blocks", person_id="ann", block="weekly", slot=slot,
            content_id=content, arm=arm, is_ghost=arm == "none", as_of=AS_OF,
            send_id=f"weekly_{weeks_ago}",
            send_date=(AS_OF - dt.timedelta(weeks=weeks_ago)).date(),
        )  # fmt: skip


MAIL = {"ONE": "email_block:weekly:1", "TWO": "email_block:weekly:2",
        "ARM": "email_block:weekly:arm", "SEND": "email_block:weekly:send"}  # fmt: skip


def test_slots_of_the_current_send_fill_merge_tags(known: Company) -> None:
    known.warehouse.execute(EMAIL_BLOCKS)
    _mail(known, {1: "old-1", 2: "old-2"}, weeks_ago=1)
    _mail(known, {1: "new-1", 2: "new-2"})

    assert _fields(known, MAIL) == {
        "ONE": "new-1", "TWO": "new-2", "ARM": "personalised", "SEND": "weekly_0"
    }  # fmt: skip


def test_title_and_address_of_a_slot_fill_merge_tags_and_a_default_stands_for_itself(
    known: Company,
) -> None:
    known.warehouse.execute(EMAIL_BLOCKS)
    known.warehouse.execute(
        "create table marts.content_items as "
        "select 'new-1' as content_id, 'Pumps' as title, 'https://x.example/pumps' as url"
    )
    _mail(known, {1: "new-1", 2: "archive"})

    assert _fields(
        known,
        {
            "TITLE": "email_block:weekly:1:title",
            "URL": "email_block:weekly:1:url",
            "SECOND": "email_block:weekly:2:title",
        },
    ) == {"TITLE": "Pumps", "URL": "https://x.example/pumps", "SECOND": "archive"}


def test_whoever_is_to_get_no_block_is_sent_the_arm_and_no_content(known: Company) -> None:
    known.warehouse.execute(EMAIL_BLOCKS)
    _mail(known, {1: "ghost-1", 2: "ghost-2"}, arm="none")

    assert _fields(known, MAIL) == {"ONE": None, "TWO": None, "ARM": "none", "SEND": "weekly_0"}


def test_what_nobody_published_yet_is_sent_empty(company: Company) -> None:
    company.person("ann")

    found = _fields(
        company,
        {"a": "score:paid", "b": "persona:name", "c": "recommendation:next_read", "d": "decile:x"},
    )

    assert found == {"a": None, "b": None, "c": None, "d": None}


def test_a_name_of_a_field_cannot_become_sql(known: Company) -> None:
    name = "x'), (select 1)) --"

    assert _fields(known, {name: "trait:country"}) == {name: "US"}


def test_a_trait_that_is_no_column_is_refused_with_what_there_is(company: Company) -> None:
    company.person("ann")
    sync = dataclasses.replace(SYNC, fields=(Field("COUNTRY", "trait:contry"),))

    with pytest.raises(InvalidAudienceError, match=r"'contry' is not a column.*country"):
        plan_sync(company.warehouse, sync)

    assert _run(company, FakeDestination(), sync).code == "invalid_sync"


def test_a_score_that_moves_by_less_than_a_thousandth_is_not_sent_again(known: Company) -> None:
    sync = dataclasses.replace(SYNC, fields=(Field("s", "score:paid"),))
    destination = FakeDestination()
    _run(known, destination, sync)
    known.warehouse.execute("update prediction.propensity_scores set score = score + 0.00001")
    same = _run(known, destination, sync, 2)
    known.warehouse.execute("update prediction.propensity_scores set score = score + 0.01")

    other = _run(known, destination, sync, 3)

    assert (same.changed, other.changed) == (0, 1)


def test_full_mode_sends_everyone_in_every_run(company: Company) -> None:
    company.people(3)
    destination = FakeDestination()
    sync = dataclasses.replace(SYNC, mode="full")

    first, second = _run(company, destination, sync), _run(company, destination, sync, 2)

    assert (first.added, second.added, second.changed) == (3, 0, 3)


def test_a_destination_that_forgets_is_told_again_in_time(company: Company) -> None:
    company.people(2)
    destination = FakeDestination()
    sync = dataclasses.replace(SYNC, refresh_days=15)
    _run(company, destination, sync)
    soon = _run(company, destination, sync, 2)
    company.warehouse.execute("update raw.as_of set as_of = as_of + interval 20 day")

    late = _run(company, destination, sync, 3)

    assert (soon.changed, late.changed) == (0, 2)


def test_an_id_in_a_column_of_the_profile_is_sent(company: Company) -> None:
    company.people(2)
    company.warehouse.execute(
        "update marts.profiles set job_title = 'u-' || person_id where person_id = 'p000'"
    )
    destination = FakeDestination()
    held = Identifier(type="uid2", form="raw", trait="job_title")

    report = _run(company, destination, dataclasses.replace(SYNC, identifiers=(held,)))

    assert [row["identifiers"] for row in destination.members.values()] == [{"uid2": "u-p000"}]
    assert (report.added, report.unreachable) == (1, 1)


def test_a_new_target_is_not_taken_for_the_old_one(company: Company) -> None:
    company.people(2)
    destination = FakeDestination()
    _run(company, destination, dataclasses.replace(SYNC, target="list-1"))

    report = _run(company, destination, dataclasses.replace(SYNC, target="list-2"), 2)

    assert (report.status, report.code) == ("failed", "target_changed")
    assert company.rows("sync.batches", "target = 'list-2'") == []


class Doubtful(FakeDestination):
    """Takes every row, and can say of none that it did."""

    def send(self, request: Request, *, sleep: Sleep) -> Delivery:
        taken = FakeDestination.send(self, request, sleep=sleep)
        rows = [row["id"] for body in self.bodies for row in body]
        return dataclasses.replace(taken, doubtful=rejected_rows(rows, ["unclear"] * len(rows)))


def test_a_row_in_doubt_is_due_again_and_counts_as_held(company: Company) -> None:
    company.people(2)
    destination = Doubtful()
    report = _run(company, destination, SYNC)

    assert (report.status, report.added, report.unanswered) == ("partial", 0, 2)
    ledger = company.rows("sync.ledger")
    assert [(r["status"], r["is_present"], r["reason"]) for r in ledger] == [
        ("unknown", True, "unclear")
    ] * 2


def test_a_member_in_doubt_who_leaves_is_removed(company: Company) -> None:
    company.people(2)
    _run(company, Doubtful(), SYNC)
    company.consent("p000", "marketing", "denied")
    destination = FakeDestination()

    report = _run(company, destination, SYNC, 2)

    assert (report.removed, report.added) == (1, 1)


def test_a_target_travels_with_the_batch(company: Company) -> None:
    company.people(1)
    seen: list[str] = []

    class Watching(FakeDestination):
        def plan(self, batch: Batch) -> Request:
            seen.append(batch.target)
            return FakeDestination.plan(self, batch)

    _run(company, Watching(), dataclasses.replace(SYNC, target="list-1"))

    assert seen == ["list-1"]
