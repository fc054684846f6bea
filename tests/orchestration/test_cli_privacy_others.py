"""A command for one person says what became of others whose requests it took along."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from orchestration.cli import privacy_others
from orchestration.cli.privacy_others import naming_others
from orchestration.cli.privacy_subject import show_plans
from privacy import ErasurePlan, IdentityType, RequestStanding, SubjectIdentity, make_request
from privacy.plan import PlannedCount
from settings import Paths
from warehouse import WarehouseBusyError

NOW = datetime.fromisoformat("2026-11-24T12:00")
ADDRESS = SubjectIdentity(
    identity_type=IdentityType.EMAIL, identity_value="a@maple.example", identity_format="raw"
)


@pytest.mark.parametrize("fails", [False, True])
def test_requests_that_were_begun_before_are_named_with_what_they_came_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fails: bool
) -> None:
    own = make_request([ADDRESS], "erasure", regulation="gdpr", now=NOW)
    begun = replace(RequestStanding.unread(own), status="in_progress", step="erased", reasons=())
    ids = (own.request_id, "r-done", "r-stuck", "r-still")
    before = {name: replace(begun, subject_request_id=name) for name in ids}
    after = {
        **before,
        own.request_id: replace(begun, status="completed", step="completed"),
        "r-done": replace(before["r-done"], status="completed", step="completed"),
        "r-stuck": replace(before["r-stuck"], status="blocked", reasons=("a file is read-only",)),
        "r-new": replace(begun, subject_request_id="r-new"),
    }
    standing = iter([before, after])
    monkeypatch.setattr(privacy_others, "_standing", lambda _paths: next(standing))

    try:
        with naming_others(Paths.resolve({}), own):
            assert not fails
    except AssertionError:
        assert fails

    assert capsys.readouterr().out.splitlines() == [
        "Begun before and gone on: r-done (erasure), completed",
        "Begun before and gone on: r-stuck (erasure), blocked: a file is read-only",
    ]


@pytest.mark.parametrize("fails", [False, True])
def test_what_was_done_and_what_went_wrong_are_told_though_others_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fails: bool
) -> None:
    own = make_request([ADDRESS], "erasure", regulation="gdpr", now=NOW)
    before: Iterator[dict[str, RequestStanding]] = iter([{}])

    def standing(_paths: Paths) -> dict[str, RequestStanding]:
        for known in before:
            return known
        raise WarehouseBusyError(Path("w.duckdb"), "process 1", 30)

    monkeypatch.setattr(privacy_others, "_standing", standing)
    expected = pytest.raises(ZeroDivisionError) if fails else nullcontext()
    with expected, naming_others(Paths.resolve({}), own):
        assert 1 // int(not fails)

    assert "cannot be read now (WarehouseBusyError): candor privacy list" in " ".join(
        capsys.readouterr().out.split()
    )


def test_a_plan_counts_rows_or_files(capsys: pytest.CaptureFixture[str]) -> None:
    counts = (PlannedCount("landing", 6, 1), PlannedCount("artifacts", 2, 1))

    show_plans([ErasurePlan("r1", (("person_id", "p1"),), counts, ())], {})

    assert "rows or files" in capsys.readouterr().out
