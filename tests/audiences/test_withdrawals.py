"""While publishing is held, who must go is removed, and all else stays as it is."""

from __future__ import annotations

import dataclasses

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from audiences import DestinationUnavailableError
from audiences.sync import SyncReport
from audiences.sync.destinations.fake import FakeDestination
from audiences.sync.forms import Form
from tests.audiences.conftest import Company
from tests.audiences.test_sync import EMAIL, Publisher, deny

MARKETING = "marketing"


@pytest.fixture
def publisher(company: Company) -> Publisher:
    """Four persons whom the destination holds, two to a batch."""
    publisher = Publisher(company, FakeDestination(max_rows=2))
    company.people(4, country="US")
    publisher.run()
    return publisher


def held(publisher: Publisher) -> SyncReport:
    return publisher.run(compute=False, only_withdrawals=True)


def test_who_withdrew_is_removed(publisher: Publisher) -> None:
    publisher.company.consent("p001", MARKETING, "denied")

    report = held(publisher)

    assert (report.status, report.removed) == ("held", 1)
    assert publisher.held() == {"p000", "p002", "p003"} == publisher.present()


def test_more_than_a_batch_of_them_too(publisher: Publisher) -> None:
    for name in ("p000", "p001", "p003"):
        publisher.company.consent(name, MARKETING, "denied")

    assert held(publisher).removed == 3
    assert publisher.held() == {"p002"}


def test_additions_changes_and_other_departures_wait(publisher: Publisher) -> None:
    warehouse = publisher.company.warehouse
    publisher.company.person("new")
    warehouse.execute("update marts.profiles set country = 'DE' where person_id = 'p000'")
    warehouse.execute("delete from audiences.memberships where person_id = 'p001'")
    warehouse.execute("update audiences.memberships set arm = 'holdout' where person_id = 'p002'")
    sent = list(publisher.destination.keys)

    report = held(publisher)

    assert (report.added, report.changed, report.removed) == (0, 0, 0)
    assert publisher.destination.keys == sent


def test_what_waited_goes_out_with_the_next_full_run(publisher: Publisher) -> None:
    publisher.company.person("new")
    publisher.company.consent("p001", MARKETING, "denied")
    held(publisher)

    report = publisher.run()

    assert (report.added, report.removed) == (1, 0)
    assert publisher.held() == {"p000", "p002", "p003", "new"}


def test_a_person_who_must_not_come_back_is_removed(publisher: Publisher) -> None:
    def only_first(known: pa.Table) -> pa.Table:
        return known.filter(pc.equal(known["identifier_value"], "p000@mail.example"))

    publisher.company.warehouse.execute("delete from audiences.memberships")

    report = publisher.run(compute=False, suppression=only_first, only_withdrawals=True)

    assert report.removed == 1
    assert publisher.held() == {"p001", "p002", "p003"}


def test_an_erased_person_is_removed(publisher: Publisher) -> None:
    for table in ("marts.profiles", "marts.current_person"):
        publisher.company.warehouse.execute(f"delete from {table} where person_id = 'p003'")

    assert held(publisher).removed == 1


def test_a_merged_person_stays_under_the_old_id_unless_who_they_became_withdrew(
    publisher: Publisher,
) -> None:
    publisher.company.merge("p000", into="p001")
    publisher.company.merge("p002", into="p003")
    publisher.company.consent("p003", MARKETING, "denied")

    held(publisher)

    assert publisher.held() == {"p000", "p001"}


def test_who_may_have_gone_with_another_is_sent_again_later(publisher: Publisher) -> None:
    """A destination may know the two by one address alone."""
    publisher.sync = dataclasses.replace(publisher.sync, key="by_email", identifiers=(EMAIL,))
    publisher.company.warehouse.execute(
        "update marts.contact_points set identifier_value = 'two@mail.example' "
        "where person_id in ('p000', 'p001')"
    )
    publisher.run()
    publisher.company.consent("p001", MARKETING, "denied")
    held(publisher)

    report = publisher.run()

    assert (report.added, report.removed) == (1, 0)


def test_a_batch_that_adds_waits_for_its_answer(publisher: Publisher) -> None:
    publisher.company.person("new")
    publisher.destination.after = [DestinationUnavailableError("fake", "http_503")]
    publisher.run()
    sent = list(publisher.destination.keys)

    held(publisher)

    assert publisher.destination.keys == sent
    (batch,) = publisher.company.rows("sync.batches", "status <> 'acknowledged'")
    assert batch["status"] == "in_flight"


def test_who_withdrew_is_removed_although_their_addition_was_never_answered(
    publisher: Publisher,
) -> None:
    publisher.company.person("new")
    publisher.destination.after = [DestinationUnavailableError("fake", "http_503")]
    publisher.run()
    assert "new" in publisher.held()
    publisher.company.consent("new", MARKETING, "denied")

    held(publisher)

    assert publisher.held() == {"p000", "p001", "p002", "p003"}


def test_a_removal_without_an_answer_is_sent_again(publisher: Publisher) -> None:
    publisher.company.consent("p001", MARKETING, "denied")
    publisher.destination.before = [DestinationUnavailableError("fake", "http_503")]
    assert held(publisher).status == "failed"
    assert "p001" in publisher.held()

    report = held(publisher)

    assert (report.status, report.removed) == ("held", 1)
    assert "p001" not in publisher.held()


@pytest.mark.parametrize("form", [None, "sha256", "google", "uid2", "meta"])
def test_who_was_sent_under_an_address_that_another_denied_since_is_removed(
    publisher: Publisher, form: Form | None
) -> None:
    """However the address was written; one that ends in another is not that other."""
    identifiers = (EMAIL.model_copy(update={"form": form}),)
    publisher.sync = dataclasses.replace(publisher.sync, key="by_email", identifiers=identifiers)
    publisher.company.warehouse.execute(
        "update marts.contact_points set identifier_value = case person_id "
        "when 'p001' then 'p.002+a@gmail.com' else 'p.p.002+a@gmail.com' end "
        "where person_id in ('p001', 'p002')"
    )
    publisher.run()
    deny(publisher, "p.002+a@gmail.com", MARKETING)
    deny(publisher, "p003@mail.example", "something else")

    report = held(publisher)

    assert report.removed == 1
    ledger = publisher.company.rows("sync.ledger", "sync_key = 'by_email' and not is_present")
    assert [row["person_id"] for row in ledger] == ["p001"]
