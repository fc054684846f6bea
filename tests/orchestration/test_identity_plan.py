"""A change of identity.yml on a company of forty: planned, held, accepted, withdrawn."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from identity import UnusableModelError
from orchestration.cli import main
from orchestration.home_copy import remove_abandoned_copies
from tests.command_line import Answer
from warehouse import DuckDBWarehouse

pytestmark = [pytest.mark.warehouse, pytest.mark.timeout(900)]

PEOPLE, BLOCKED = 40, 10
SOURCES = """\
sources:
  crm: {kind: person_records, files: crm.csv, id: Id, map: {email: Email, first_name: First}}
  billing: {kind: person_records, files: billing.csv, id: Id, map: {email: Email, first_name: First}}
  consent:
    kind: consent_events
    files: consent.csv
    map: {subject_email: Email, purpose: Purpose, status: Status, occurred_at: At}
"""
CONSENT = "purposes: {marketing: {description: Send offers.}}\n"
AUDIENCE = """\
key: everyone
name: Everyone
purposes: [marketing]
include: {trait: is_known, is: true}
"""
DESTINATIONS = """\
destinations:
  files: {kind: file, folder: out, legal_basis: inside the company}
syncs:
  everyone_to_files: {audience: everyone, destination: files, identifiers: [{type: person_id, form: raw}]}
"""
LOOSE = "min_changed_persons: 5\n"
CAREFUL = f"{LOOSE}blocked_values: [{', '.join(f'p{n}@shop.example' for n in range(BLOCKED))}]\n"

Candor = Callable[..., Answer]


class Home:
    """A configuration, landing files and a data home in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home, self.config = folder / "home", folder / "config"
        self.options = ("--home", self.home, "--config", self.config)

    @property
    def run_options(self) -> tuple[object, ...]:
        return (*self.options, "--landing", self.folder / "landing")

    def make(self) -> None:
        """Two sources of forty people each, ten of whose addresses are blocked."""
        (self.config / "audiences").mkdir(parents=True)
        (self.config / "sources.yml").write_text(SOURCES)
        (self.config / "consent.yml").write_text(CONSENT)
        (self.config / "audiences" / "everyone.yml").write_text(AUDIENCE)
        (self.config / "destinations.yml").write_text(DESTINATIONS)
        self.configure(CAREFUL)
        landing = self.folder / "landing"
        landing.mkdir()
        records = [f"{n},p{n}@shop.example,First{n}" for n in range(PEOPLE)]
        grants = [
            f"p{n}@shop.example,marketing,granted,2026-01-01T00:00:00Z" for n in range(PEOPLE)
        ]
        for name in ("crm", "billing"):
            (landing / f"{name}.csv").write_text("\n".join(["Id,Email,First", *records, ""]))
        (landing / "consent.csv").write_text("\n".join(["Email,Purpose,Status,At", *grants, ""]))

    def configure(self, identity: str) -> None:
        (self.config / "identity.yml").write_text(identity)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with DuckDBWarehouse.open(self.home / "warehouse.duckdb") as warehouse:
            rows: list[dict[str, Any]] = warehouse.read(sql).to_pylist()
        return rows

    def members(self) -> list[dict[str, Any]]:
        return self.rows("select source, source_record_id, person_id from identity.members order by all")  # fmt: skip

    def sends(self) -> int:
        """How many runs have sent anything, or looked for more than withdrawals to send."""
        return len(
            self.rows(
                "select distinct run_id from sync.runs "
                "where status <> 'held' or added + changed + removed > 0"
            )
        )

    def checksums(self) -> dict[str, str]:
        files = sorted(path for path in self.home.rglob("*") if path.is_file())
        return {
            str(path.relative_to(self.home)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        }


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A company that has run once."""
    company = Home(tmp_path_factory.mktemp("published"))
    company.make()
    before = dict(os.environ)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["candor", "run", *map(str, company.run_options)])
        with pytest.raises(SystemExit) as end:
            main()
    assert end.value.code == 0
    os.environ.clear()
    os.environ.update(before)
    return company


@pytest.fixture
def company(published: Home, tmp_path: Path) -> Home:
    """A copy of that company to work on."""
    shutil.copytree(published.folder, tmp_path / "company")
    return Home(tmp_path / "company")


@pytest.fixture
def loose(tmp_path: Path) -> Path:
    """An identity.yml by itself that blocks no address."""
    path = tmp_path / "loose.yml"
    path.write_text(LOOSE)
    return path


def plan(candor: Candor, company: Home, *options: object) -> dict[str, Any]:
    answer = candor("identity", "plan", "--home", company.home, *options, "--json")
    assert answer.code == 0, answer.err
    found: dict[str, Any] = json.loads(answer.out)
    return found


def test_a_plan_follows_a_folder_from_persons_to_rows_and_writes_nothing(
    candor: Candor, company: Home
) -> None:
    company.configure(LOOSE)
    before = company.checksums()

    found = plan(candor, company, "--config", company.config)

    assert (found["merges"], found["splits"]) == (2 * BLOCKED, 0)
    assert found["would_be_held"] is True
    assert {row["source"]: row["persons"] for row in found["sources"]} == dict.fromkeys(
        ("billing", "crm", "emails"), BLOCKED
    )
    (audience,) = found["audiences"]
    (sync,) = found["syncs"]
    assert audience["before"] + audience["added"] - audience["removed"] == audience["after"]
    assert audience["after"] == PEOPLE
    assert (sync["added"], sync["removed"]) == (audience["added"], audience["removed"])
    assert audience["added"] + audience["removed"] > 0
    assert "changes" not in found
    assert company.checksums() == before
    assert [path.name for path in company.home.glob(".*")] == []


def test_a_plan_is_what_an_accepted_run_then_does_and_nothing_is_sent_before_unless_undone(
    candor: Candor, company: Home
) -> None:
    company.configure(LOOSE)
    planned = plan(candor, company, "--config", company.config, "--show-ids")
    before = company.members()

    answer = candor("run", *company.run_options)
    assert answer.code == 1
    assert "blocked_values of identity.yml changed" in " ".join(answer.err.split())
    refused = candor("sync", "run", *company.options)
    assert refused.code == 1
    assert "--accept-identity-changes" in refused.err
    assert company.members() == before
    assert company.sends() == 1

    company.configure(CAREFUL)  # who undoes the change has the persons of before, who are sent
    assert candor("run", *company.run_options).code == 0
    assert company.members() == before
    assert company.sends() == 2

    company.configure(LOOSE)
    assert candor("run", *company.run_options, "--accept-identity-changes").code == 0

    assert company.sends() == 3
    (counts,) = company.rows("select * from identity.churn where status = 'accepted'")
    assert {name: counts[name] for name in planned["persons"]} == planned["persons"]
    done = company.rows(
        "select change_type as change, person_id, other_person_id, cause "
        f"from identity.changes where run_id = '{counts['run_id']}' order by all"
    )
    assert done == planned["changes"]
    (sent,) = company.rows(f"select added, removed from sync.runs where run_id = '{counts['run_id']}'")  # fmt: skip
    assert sent == {name: planned["syncs"][0][name] for name in ("added", "removed")}


def test_a_plan_of_the_configuration_that_holds_changes_nothing(
    candor: Candor, company: Home
) -> None:
    found = plan(candor, company, "--config", company.config)

    assert found["persons"]["changed"] == found["merges"] == 0
    assert found["would_be_held"] is False
    assert [row["added"] + row["removed"] for row in found["audiences"]] == [0]


def test_a_plan_for_a_person_gives_ids_only_when_asked(
    candor: Candor, company: Home, loose: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANDOR_CONFIG", str(company.config))
    command = ("identity", "plan", "--home", company.home, "--config", loose)

    without, with_ids = candor(*command), candor(*command, "--show-ids")

    assert without.code == with_ids.code == 0
    assert "A run would hold this" in without.out
    assert "p_" not in without.out.replace("p_to", "")
    assert with_ids.out.count(" p_") == 2 * 2 * BLOCKED


def test_a_configuration_that_is_wrong_is_refused_before_anything_is_copied(
    candor: Candor, company: Home
) -> None:
    company.configure("max_changed_shares: 0.1\n")

    answer = candor("identity", "plan", *company.options)

    assert answer.code == 3
    assert "did you mean 'max_changed_share'" in answer.err


def test_a_plan_that_fails_leaves_no_copy(
    candor: Candor, company: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UnusableModelError(("first names that differ count for a match",))

    monkeypatch.setattr("orchestration.identity_plan.plan_changes", refuse)
    before = company.checksums()

    answer = candor("identity", "plan", *company.options)

    assert answer.code == 1
    assert "set probabilistic to false" in " ".join(answer.err.split())
    assert company.checksums() == before


def test_a_plan_without_a_home_says_so(candor: Candor, company: Home, tmp_path: Path) -> None:
    answer = candor("identity", "plan", "--home", tmp_path / "typo", "--config", company.config)

    assert answer.code == 3
    assert not (tmp_path / "typo").exists()


def test_the_copy_of_a_killed_plan_is_removed(tmp_path: Path) -> None:
    left = tmp_path / ".copy-abc"
    left.mkdir()
    (left / "warehouse.duckdb").write_text("somebody")

    remove_abandoned_copies(tmp_path)

    assert not left.exists()


def test_changes_can_only_be_accepted_where_identities_are_resolved(
    candor: Candor, company: Home
) -> None:
    answer = candor("run", *company.run_options, "--job", "retrain", "--accept-identity-changes")

    assert answer.code == 2
