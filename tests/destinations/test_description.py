"""The judge of requests refuses what a vendor's description refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.destinations.cases import DESCRIBED
from tests.destinations.world import Asked, Case, Clock


def _asked(case: Case) -> list[Asked]:
    clock = Clock()
    service = case.service(clock)
    destination = case.open(service, clock)
    request = destination.plan(case.batch([("p000", "add"), ("p001", "remove")]))
    destination.send(request, sleep=clock.sleep)
    return [asked for asked in service.asked if asked.body]


@pytest.fixture(params=DESCRIBED, ids=lambda case: str(case.kind))
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    assert found.service.description is not None
    found.service.description.require()
    return found


def test_six_vendors_are_judged_by_their_own_description() -> None:
    assert {case.kind for case in DESCRIBED} == {
        "klaviyo", "iterable", "mailchimp", "algolia", "marketo", "the_trade_desk",
    }  # fmt: skip


def _problems(case: Case, asked: Asked) -> list[str]:
    assert case.service.description is not None
    return case.service.description.problems(asked)


def test_a_body_of_another_type_is_refused(case: Case) -> None:
    for asked in _asked(case):
        wrong = replace(asked, body=json.dumps(_spoilt(asked.json())).encode())
        assert _problems(case, asked) == []
        assert _problems(case, wrong) != []


def test_a_path_that_is_not_described_is_refused(case: Case) -> None:
    asked = _asked(case)[0]

    assert _problems(case, replace(asked, path=asked.path + "/nowhere/at/all")) != []


def test_a_query_that_is_not_described_is_refused(case: Case) -> None:
    asked = _asked(case)[0]

    assert _problems(case, replace(asked, query={**asked.query, "surprise": "1"})) != []


def _spoilt(body: Any) -> Any:
    """The same body with every list and object inside it turned into a number."""
    return {name: 7 if isinstance(v, list | dict) else v for name, v in body.items()}
