"""CONTRIBUTING.md, followed to the letter on a copy of the project."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from audiences.catalogue import PROFILES, ValueKind, read_catalogue
from orchestration.inventory import dbt_tables
from orchestration.manifest import ParsedProject, Workplace, load_manifest, run_dbt
from tests.conftest import ROOT, without_company
from tests.test_structure import PACKAGES
from warehouse import DuckDBWarehouse, Pii

pytestmark = pytest.mark.warehouse

TEXT = (ROOT / "CONTRIBUTING.md").read_text()
FILE = re.compile(r"^(At the end of )?`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SOURCES = """\
default_region: US
sources:
  web_events:
    kind: segment
    files: events/*.jsonl
"""


@dataclass(frozen=True, slots=True)
class Copy:
    """The project in another folder, with a company of one visitor in its data home."""

    folder: Path
    printed: dict[str, str] = field(default_factory=dict)

    def follow(self, section: str) -> None:
        """Write every file that a section of CONTRIBUTING.md shows, where it says."""
        for appended, name, text in FILE.findall(section):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a" if appended else "x") as file:
                file.write(text)

    def run(self, command: str) -> None:
        """Run a command of the text once, in the folder of the copy."""
        if command in self.printed:
            return
        name, *arguments = shlex.split(command)
        done = subprocess.run(
            [str(Path(sys.executable).with_name(name)), *arguments],
            cwd=self.folder,
            env=without_company(os.environ)
            | {"PYTHONPATH": str(self.folder), "COLUMNS": "200"}
            | self.folders,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        self.printed[command] = done.stdout

    @property
    def folders(self) -> dict[str, str]:
        return {"CANDOR_HOME": str(self.home), "CANDOR_LANDING": str(self.folder / "landing")}

    @property
    def home(self) -> Path:
        return self.folder / ".candor"

    @property
    def parsed(self) -> ParsedProject:
        project = self.folder / "dbt_project"
        return ParsedProject(project, project / "target" / "parsed")

    def read(self, sql: str) -> list[dict[str, Any]]:
        with DuckDBWarehouse.open(self.home / "warehouse.duckdb") as warehouse:
            rows: list[dict[str, Any]] = warehouse.read(sql).to_pylist()
        return rows


def section(title: str) -> str:
    """What stands under a heading."""
    return TEXT.split(f"## {title}\n")[1].split("\n## ")[0]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The copy after both texts were followed: all their files, then all their commands."""
    copy = Copy(tmp_path_factory.mktemp("copy"))
    for name in (*PACKAGES, "dbt_project", "config"):
        left_out = shutil.ignore_patterns(
            "__pycache__", "target", "audiences" if name == "config" else ""
        )
        shutil.copytree(ROOT / name, copy.folder / name, ignore=left_out)
    (copy.folder / "config" / "sources.yml").write_text(SOURCES)
    for other in (
        "predictions.yml",
        "destinations.yml",
        "experiments.yml",
        "content.yml",
        "retention.yml",
    ):
        (copy.folder / "config" / other).unlink()
    (copy.folder / "landing" / "events").mkdir(parents=True)
    lines = [json.dumps(_page(number, name)) for number, name in enumerate(["autumn", "spring"])]
    (copy.folder / "landing" / "events" / "web.jsonl").write_text("\n".join(lines) + "\n")
    sections = [section("Add a trait"), section("Add a source")]
    for text in sections:
        copy.follow(text)
    for text in sections:
        for command in "".join(COMMANDS.findall(text)).splitlines():
            copy.run(command)
    return copy


def _page(number: int, campaign: str) -> dict[str, Any]:
    at = f"2026-02-1{number}T10:00:00Z"
    return {
        "type": "page", "messageId": f"m{number}", "anonymousId": "d1", "timestamp": at,
        "receivedAt": at, "sentAt": at, "originalTimestamp": at, "name": "Home",
        "context": {"campaign": {"name": campaign, "source": "mail", "medium": "email"},
                    "traits": {"email": "ada@acme.example"}},
    }  # fmt: skip


def test_a_trait_that_was_added_is_in_every_profile(followed: Copy) -> None:
    profiles = followed.read("select campaign_count, last_campaign from marts.profiles")

    assert sorted(profiles, key=str) == [
        {"campaign_count": 0, "last_campaign": None},
        {"campaign_count": 2, "last_campaign": "spring"},
    ]


def test_a_trait_that_was_added_has_a_history(followed: Copy) -> None:
    kept = followed.read(
        "select distinct trait, value from marts.traits_history where trait like '%campaign%'"
    )

    assert kept == [{"trait": "last_campaign", "value": "spring"}]


def test_a_trait_that_was_added_is_shown_with_the_person(followed: Copy) -> None:
    shown = followed.printed["candor profile show ada@acme.example"]

    assert re.search(r"last_campaign\W+spring", shown)
    assert re.search(r"seniority\W+head", shown)


def test_the_rows_of_a_source_that_was_added_are_loaded(followed: Copy) -> None:
    with (followed.folder / "records.csv").open() as file:
        exported = {row["source_record_id"]: row for row in csv.DictReader(file)}

    assert {record["source"] for record in exported.values()} == {"webinar_guests"}
    assert exported["101"]["file"] == "webinars/2026-02.csv"
    assert json.loads(exported["102"]["attributes"]) == {"Seat": "A2"}
    assert followed.read("select * from raw.quarantine") == []


def test_audiences_and_erasure_know_a_trait_that_was_added(followed: Copy) -> None:
    declared = {table.name: table for table in dbt_tables(followed.parsed.manifest)}
    with DuckDBWarehouse.open(followed.home / "warehouse.duckdb") as warehouse:
        nameable = read_catalogue(warehouse).of(PROFILES)

    classified = {column.name: column.pii for column in declared[PROFILES].columns}
    assert classified["last_campaign"] == Pii.NONE
    assert nameable["last_campaign"] == ValueKind.TEXT


def test_an_audience_of_a_trait_that_was_added_counts_its_member(followed: Copy) -> None:
    shown = followed.printed["candor audience preview spring_visitors"]

    assert re.search(r"meet the rules\W+1\b", shown), shown


def test_the_records_of_a_source_that_was_added_make_profiles(followed: Copy) -> None:
    with (followed.folder / "profile_sources.csv").open() as file:
        won = {(row["source_record_id"], row["field"]) for row in csv.DictReader(file)}

    assert {("101", "job_title"), ("102", "first_name")} <= won


def test_the_unit_test_of_the_text_passes(followed: Copy) -> None:
    target = followed.folder / "target"
    place = Workplace(followed.parsed.project, followed.home / "warehouse.duckdb", target)

    done = run_dbt(
        ["test", "--select", "int_persons__campaigned,test_type:unit"],
        place,
        manifest=load_manifest(followed.parsed),
    )

    assert [str(result.status) for result in done.result] == ["pass"]
