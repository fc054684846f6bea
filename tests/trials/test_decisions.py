"""Thousands of pages of all sorts: every decision can be taken again, and none without consent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from personalization import (
    Artefact,
    DecisionLog,
    decide,
    decide_and_log,
    load_decisions,
    recompute,
)
from tests.personalization.serving import Site, requests, rows


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("pages")
    return Site.published(folder, holdout={"share": 0.1, "salt": "2026"})


@pytest.fixture(scope="module")
def artefact(site: Site) -> Iterator[Artefact]:
    opened = site.open()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def is_full(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--trials") == "full")


def test_every_logged_decision_can_be_taken_again_from_the_log_and_from_the_artefact(
    site: Site, artefact: Artefact, tmp_path: Path, is_full: bool
) -> None:
    count, log, taken = 10_000 if is_full else 1_000, DecisionLog(tmp_path / "log"), {}
    for request in requests(count):
        decision = decide_and_log(request, artefact, log)
        taken[decision.decision_id] = (request, decision)

    report = load_decisions(site.warehouse, log, run_id="r1")

    stored = rows(
        site.warehouse,
        "select decision_id, inputs, artefact_version from personalization.decisions "
        "where inputs is not null",
    )
    assert (report.lines, report.loaded) == (count, count)
    assert {row["decision_id"] for row in stored} == taken.keys()
    for row in stored:
        request, decision = taken[row["decision_id"]]
        assert recompute(row["inputs"]) == decision
        assert decide(request, artefact) == decision
        assert row["artefact_version"] == artefact.meta.version


def test_without_consent_no_decision_depends_on_who_asks(
    site: Site, artefact: Artefact, is_full: bool
) -> None:
    granted = set(
        site.texts("select person_id from marts.consent_current where status = 'granted'")
    )
    violations = checked = 0
    for request in requests(100_000 if is_full else 1_500, seed=11):
        decision = decide(request, artefact)
        ids = (request.person_id, request.user_id, request.anonymous_id)
        person = next((i.rpartition("-")[2] for i in ids if i and not i.startswith("new-")), None)
        may = request.consent != "denied" and (person in granted or request.consent == "granted")
        if may and (person in granted or request.anonymous_id):
            continue
        checked += 1
        nobody = replace(request, person_id=None, user_id=None, anonymous_id=None, earlier=None)
        stripped = decide(nobody, artefact)
        violations += decision.situation != stripped.situation
        violations += decision.actions != stripped.actions or decision.arm != stripped.arm
        violations += decision.arm == "personalised" or decision.situation.unit is not None

    assert checked > 400
    assert violations == 0
