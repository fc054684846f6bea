"""Another account or address is another place: what was acknowledged here does not hold there."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest

from audiences import compute_memberships
from audiences.sync import Destination, DestinationEraser, Sync, SyncReport, run_sync
from audiences.sync.destinations import WebhookDestination
from audiences.sync.destinations.base import place_of
from audiences.sync.settings import WebhookSettings
from tests.audiences.conftest import EVERYONE, NOW, Company, audience
from tests.destinations.cases import CASES
from tests.destinations.world import Case, Clock

OTHERS = {
    "salesforce": {"domain": "other.my.salesforce.com", "record": "Lead"},
    "marketo": {"munchkin_id": "999-XYZ-999"},
    "activecampaign": {"account": "other", "host": "api-us9.com"},
    "braze": {"host": "rest.iad-09.braze.com"},
    "iterable": {"region": "eu"},
    "customer_io": {"region": "eu"},
    "mailchimp": {"data_centre": "us99", "list_id": "another"},
    "google": {"account_id": "999"},
    "tiktok": {"advertiser_id": "999"},
    "the_trade_desk": {"advertiser_id": "another", "data_provider_id": "another"},
    "algolia": {"app_id": "ANOTHER"},
}
ANYWHERE = {"account_label": "the other one", "base_url": "https://proxy.example/"}
MAILCHIMP = next(case for case in CASES if case.kind == "mailchimp")


def _place(case: Case, **changes: Any) -> str | None:
    clock = Clock()
    return place_of(case.open(case.service(clock), clock, **changes))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_each_setting_that_names_an_account_makes_another_place(case: Case) -> None:
    changes = {**ANYWHERE, **OTHERS.get(case.kind, {})}

    places = {name: _place(case, **{name: value}) for name, value in changes.items()}

    assert len({_place(case), *places.values()}) == len(places) + 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_patience_pace_and_the_names_of_secrets_make_none(case: Case) -> None:
    renamed = {
        name: f"{variable}_RENEWED"
        for name, variable in case.parsed()
        if name.endswith("_env") and variable is not None
    }

    other = _place(case, timeout_s=3, max_attempts=2, requests_per_minute=7, max_rows=1, **renamed)

    assert other == _place(case) is not None


def _webhook(url: str) -> WebhookDestination:
    settings = WebhookSettings.model_validate(
        {"kind": "webhook", "url": url, "secret_env": "A", "legal_basis": "a test"}
    )
    return WebhookDestination("hook", settings, b"secret", lambda: dt.datetime.now(tz=dt.UTC))


def test_a_webhook_is_where_its_address_is_whatever_its_query_says() -> None:
    here = _webhook("https://hook.example/a?token=one").place

    assert here == _webhook("https://hook.example/a?token=two").place
    assert len({here, _webhook("https://hook.example/b").place,
                _webhook("https://other.example/a").place}) == 3  # fmt: skip


def _run(company: Company, it: Destination, sync: Sync, number: int) -> SyncReport:
    moment = {"run_id": f"r{number}", "now": NOW + dt.timedelta(hours=number)}
    compute_memberships(company.warehouse, [audience(EVERYONE)], **moment)
    return run_sync(company.warehouse, sync, it, sleep=_no_sleep, **moment)


def _no_sleep(_seconds: float) -> None:
    raise AssertionError("a test never sleeps")


def test_a_moved_account_is_not_taken_for_the_one_that_acknowledged(company: Company) -> None:
    company.people(2)
    clock = Clock()
    service = MAILCHIMP.service(clock)
    here = MAILCHIMP.open(service, clock)
    there = MAILCHIMP.open(service, clock, list_id="another")
    sync = MAILCHIMP.sync()
    assert _run(company, here, sync, 1).added == 2
    service.asked.clear()

    moved = _run(company, there, sync, 2)
    asked = list(service.asked)
    told = _eraser(company, there).erase(["p000"], request_id="e1", now=NOW)

    assert (moved.status, moved.code, moved.sent) == ("failed", "target_changed", 0)
    assert asked == []
    assert [(e.status, e.code) for e in told] == [("unreachable", "sent to another place before")]
    assert _run(company, here, sync, 3).status == "succeeded"


def test_the_first_label_names_where_a_sync_is_and_the_next_is_a_move(company: Company) -> None:
    """Also of who was sent before there was a label: the second account never had them."""
    company.people(2)
    clock = Clock()
    service = MAILCHIMP.service(clock)
    sync = MAILCHIMP.sync()
    _run(company, MAILCHIMP.open(service, clock), sync, 1)
    first, second = (MAILCHIMP.open(service, clock, account_label=name) for name in ("a", "b"))
    company.person("new")

    named = _run(company, first, sync, 2)
    moved = _run(company, second, sync, 3)
    new = _run(company, second, dataclasses.replace(sync, key="to_the_new"), 4)
    told = [_eraser(company, it).erase(["p000"], request_id="e1", now=NOW)[0]
            for it in (second, first)]  # fmt: skip

    assert (named.status, named.added) == ("succeeded", 1)
    assert (moved.status, moved.code) == ("failed", "target_changed")
    assert (new.status, new.added) == ("succeeded", 3)
    assert [(item.sync_key, item.status) for item in told] == [
        (sync.key, "unreachable"), (sync.key, "confirmed"),
    ]  # fmt: skip


def _eraser(company: Company, it: Destination) -> DestinationEraser:
    return DestinationEraser(company.warehouse, {"it": it}, _no_sleep)
