"""A sync whose trait is gone adds and changes nobody, and lets everyone go who has to."""

from __future__ import annotations

import dataclasses

import pyarrow.compute as pc
import pytest

from audiences import DestinationUnavailableError
from audiences.sync.config import Identifier
from audiences.sync.destinations.fake import FakeDestination
from tests.audiences.conftest import Company, audience
from tests.audiences.test_sync import EMAIL, Publisher, deny

MARKETING = "marketing"
LOYAL = {"trait": "lifecycle_stage", "is": "loyal"}


@pytest.fixture
def publisher(company: Company) -> Publisher:
    """Six persons whom the destination holds, two to a batch."""
    publisher = Publisher(company, FakeDestination(max_rows=2))
    publisher.audience = audience(LOYAL)
    company.people(6, country="US", lifecycle_stage="loyal")
    publisher.run()
    return publisher


def lose(publisher: Publisher, column: str = "country") -> None:
    publisher.company.warehouse.execute(f"alter table marts.profiles drop column {column}")


def test_who_has_to_go_goes_and_nobody_else_is_touched(publisher: Publisher) -> None:
    warehouse = publisher.company.warehouse
    publisher.company.consent("p000", MARKETING, "denied")
    warehouse.execute(
        "update marts.profiles set lifecycle_stage = 'lost' where person_id = 'p001';"
        "delete from marts.profiles where person_id = 'p002'"
    )
    publisher.company.person("new", lifecycle_stage="loyal")
    lose(publisher)

    report = publisher.run()

    assert (report.status, report.code) == ("failed", "invalid_sync")
    assert (report.added, report.changed, report.removed) == (0, 0, 3)
    assert "'country' is not a column" in " ".join(report.problems)
    assert publisher.held() == {"p003", "p004", "p005"} == publisher.present()
    (run,) = publisher.company.rows("sync.runs", "run_id = 'r2'")
    assert (run["status"], run["code"], run["removed"]) == ("failed", "invalid_sync", 3)


def test_what_waited_goes_out_once_it_is_mended(publisher: Publisher) -> None:
    publisher.company.person("new", lifecycle_stage="loyal", country="FR")
    lose(publisher)
    publisher.run()
    publisher.company.warehouse.execute("alter table marts.profiles add column country varchar")

    report = publisher.run()

    assert (report.status, report.added, report.changed) == ("succeeded", 1, 6)


def test_who_is_held_out_or_must_not_come_back_goes_too(publisher: Publisher) -> None:
    publisher.company.warehouse.execute(
        "update audiences.memberships set arm = 'holdout' where person_id = 'p000'"
    )
    lose(publisher)

    report = publisher.run(
        compute=False,
        suppression=lambda known: known.filter(pc.equal(known["person_id"], "p001")),
    )

    assert report.removed == 2
    assert publisher.held() == {"p002", "p003", "p004", "p005"}


def test_whose_address_another_denied_goes_because_no_change_can_be_written(
    publisher: Publisher,
) -> None:
    deny(publisher, "p001@mail.example", MARKETING)
    lose(publisher)

    report = publisher.run()

    assert report.removed == 1
    assert "p001" not in publisher.held()


def test_a_missing_identifier_makes_nobody_unreachable(company: Company) -> None:
    company.people(3, job_title="u-1", lifecycle_stage="loyal")
    publisher = Publisher(company, FakeDestination())
    held = Identifier(type="uid2", form="raw", trait="job_title")
    publisher.sync = dataclasses.replace(publisher.sync, identifiers=(held,), traits=())
    publisher.run()
    company.consent("p000", MARKETING, "denied")
    lose(publisher, "job_title")

    report = publisher.run()

    assert (report.removed, report.status) == (1, "failed")
    assert publisher.present() == {"p001", "p002"}


def test_too_many_removals_wait_for_a_word_all_the_same(company: Company) -> None:
    publisher = Publisher(company, FakeDestination())
    publisher.audience = audience(LOYAL)
    company.people(50, lifecycle_stage="loyal")
    publisher.run()
    company.consent("p001", MARKETING, "denied")
    company.warehouse.execute(
        "update marts.profiles set lifecycle_stage = 'lost' where person_id >= 'p010'"
    )
    lose(publisher)

    report = publisher.run()

    assert (report.status, report.removed, report.held) == ("failed", 1, 40)


def test_who_may_have_gone_with_another_is_put_again_once_it_is_mended(
    publisher: Publisher,
) -> None:
    """A destination may know the two by one address alone."""
    publisher.sync = dataclasses.replace(publisher.sync, key="by_email", identifiers=(EMAIL,))
    publisher.company.warehouse.execute(
        "update marts.contact_points set identifier_value = 'two@mail.example' "
        "where person_id in ('p000', 'p001')"
    )
    publisher.run()
    publisher.company.consent("p001", MARKETING, "denied")
    lose(publisher)
    publisher.run()
    publisher.company.warehouse.execute("alter table marts.profiles add column country varchar")
    publisher.company.warehouse.execute("update marts.profiles set country = 'US'")

    report = publisher.run()

    assert (report.added, report.removed) == (1, 0)


def test_a_batch_without_an_answer_is_sent_again_as_it_was(publisher: Publisher) -> None:
    publisher.company.person("new", lifecycle_stage="loyal", country="FR")
    publisher.destination.after = [DestinationUnavailableError("fake", "http_503")]
    publisher.run()
    sent = publisher.destination.keys[-1]
    lose(publisher)

    report = publisher.run()

    assert (publisher.destination.keys[-1], report.added) == (sent, 1)


def test_while_publishing_is_held_who_withdrew_still_goes(publisher: Publisher) -> None:
    publisher.company.consent("p003", MARKETING, "denied")
    lose(publisher)

    report = publisher.run(compute=False, only_withdrawals=True)

    assert (report.status, report.code, report.removed) == ("failed", "invalid_sync", 1)
    assert "p003" not in publisher.held()
