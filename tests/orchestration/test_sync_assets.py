"""A sync is an asset with counts, a table of errors, and a check that a partial failure fails."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

import privacy.inventory
from audiences import DestinationUnavailableError, compute_memberships
from audiences.sync import Sync, run_sync
from audiences.sync.config import Identifier
from audiences.sync.destinations.fake import FakeDestination
from orchestration.company import Company
from orchestration.resources import CandorResource
from orchestration.sync_assets import CHECK, configured_syncs, sync_result
from settings import Paths
from tests.audiences.conftest import EVERYONE, NOW, audience
from tests.audiences.conftest import Company as People
from tests.audiences.contract import empty_company
from tests.conftest import ROOT

SYNC = Sync("to_it", "everyone", "it", "mirror", (Identifier(type="email", form="raw"),))


@pytest.fixture
def people() -> People:
    found = People()
    found.people(5)
    compute_memberships(found.warehouse, [audience(EVERYONE)], run_id="r1", now=NOW)
    return found


def _materialised(people: People, it: FakeDestination, run_id: str = "r1") -> Any:
    report = run_sync(people.warehouse, SYNC, it, run_id=run_id, now=NOW, sleep=print)
    return sync_result(people.warehouse, report, run_id=run_id)


def _errors(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(record.data) for record in found["row_errors"].records]


def test_a_sync_that_sent_everything_counts_it_and_passes(people: People) -> None:
    result = _materialised(people, FakeDestination())

    counts = {n: result.metadata[n] for n in ("planned", "sent", "acknowledged", "removed")}
    assert result.asset_key == dg.AssetKey(["sync", "it", "to_it"])
    assert counts == {"planned": 5, "sent": 5, "acknowledged": 5, "removed": 0}
    assert result.check_results[0].passed
    assert _errors(result.metadata) == []


def test_a_partial_failure_fails_the_check_and_is_told_by_reason(people: People) -> None:
    reasons = {"p000@mail.example": "invalid_email", "p001@mail.example": "invalid_email",
               "p002@mail.example": "Dear p002@mail.example"}  # fmt: skip
    it = FakeDestination(reject=lambda row: reasons.get(row["identifiers"]["email"]))

    result = _materialised(people, it)

    (check,) = result.check_results
    assert (check.check_name, check.passed) == (CHECK, False)
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert _errors(check.metadata) == [
        {"operation": "add", "status": "rejected", "reason": "invalid_email", "rows": 2},
        {"operation": "add", "status": "rejected", "reason": "other", "rows": 1},
    ]
    assert (result.metadata["sent"], result.metadata["acknowledged"]) == (5, 2)
    assert "mail.example" not in repr(result)


def test_errors_of_an_earlier_run_are_not_told_again(people: People) -> None:
    it = FakeDestination(reject=lambda _row: "invalid_email")
    run_sync(people.warehouse, SYNC, it, run_id="r0", now=NOW.replace(hour=1), sleep=print)
    it.reject = lambda _row: None

    assert _errors(_materialised(people, it).metadata) == []


def test_rows_without_an_answer_are_told_by_why(people: People) -> None:
    it = FakeDestination(max_rows=2, before=[None, DestinationUnavailableError("it", "http_503")])

    result = _materialised(people, it)

    assert _errors(result.metadata) == [
        {"operation": "add", "status": "pending", "reason": "http_503", "rows": 2}
    ]
    told = {name: result.metadata[name] for name in ("planned", "sent", "acknowledged", "code")}
    assert told == {"planned": 5, "sent": 4, "acknowledged": 2, "code": "http_503"}
    assert not result.check_results[0].passed


@pytest.fixture
def company(tmp_path: Path) -> Company:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    found = Company(Paths.resolve({}, config=tmp_path / "config", home=tmp_path / "home"))
    found.paths.make_home()
    return found


def _run(company: Company, *selected: dg.AssetKey) -> set[dg.AssetKey]:
    from orchestration.defs.publish import send  # noqa: PLC0415 - loads every package

    result = dg.materialize(
        [send], resources={"candor": _lent(company)()}, selection=list(selected) or None
    )
    assert result.success
    assert all(check.passed for check in result.get_asset_check_evaluations())
    return {event.asset_key for event in result.get_asset_materialization_events() if event.asset_key}  # fmt: skip


def _lent(company: Company) -> type[CandorResource]:
    """A company whose warehouse is in memory."""

    @contextmanager
    def opened() -> Iterator[Any]:
        warehouse = empty_company()
        warehouse.create_missing(privacy.inventory.TABLES)
        compute_memberships(warehouse, company.audiences, run_id="r1", now=NOW)
        yield warehouse

    class Lent(CandorResource):
        @contextmanager
        def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[CandorResource]:
            self._company = company
            yield self

        def open_warehouse(self) -> Any:
            return opened()

    return Lent


ONE = dg.AssetKey(["sync", "exports", "persona_readers_to_exports"])


def test_every_sync_and_every_table_is_materialised(company: Company) -> None:
    found = _run(company)

    assert {key.path[-1] for key in found if len(key.path) == 3} == {s.key for s in company.syncs}
    assert dg.AssetKey(["sync", "ledger"]) in found


def test_one_sync_can_be_run_alone(company: Company) -> None:
    assert _run(company, ONE) == {ONE}
    written = {path.parent.name for path in company.paths.artifacts.rglob("manifest.json")}
    assert written <= {"persona_readers_to_exports"}


def test_a_sync_that_was_switched_off_since_is_left_out(company: Company) -> None:
    file = company.paths.config / "destinations.yml"
    file.write_text(file.read_text().replace("kind: file", "kind: file\n    enabled: false"))

    found = _run(company)

    assert ONE not in found
    assert dg.AssetKey(["sync", "runs"]) in found


def test_a_configuration_that_cannot_be_read_has_no_assets(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANDOR_CONFIG", str(company.paths.config))
    assert configured_syncs() == company.syncs
    (company.paths.config / "destinations.yml").write_text("destinations: [")

    assert configured_syncs() == ()
