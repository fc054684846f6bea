"""`candor pull` and the asset do the same, and tell neither a row nor a secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from orchestration.defs.pull import pulled_files
from orchestration.resources import CandorResource
from tests.command_line import Answer
from tests.ingestion.pull_server import Answer as Said
from tests.ingestion.pull_server import Api, serving
from tests.ingestion.test_pull_hubspot import BEGIN, TOKEN, Hubspot, contact

Candor = Callable[..., Answer]

SOURCES = """
sources:
  crm:
    kind: person_records
    id: id
    map: {{email: properties.email}}
    pull: {{from: hubspot, base_url: "{url}"}}
"""


@dataclass
class Company:
    """A company with one pulled source."""

    api: Api
    folder: Path

    @property
    def folders(self) -> list[str]:
        return ["--config", str(self.folder / "config"), "--home", str(self.folder / "home")]


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    hubspot = Hubspot([contact(n, BEGIN + timedelta(minutes=n)) for n in range(5)])
    monkeypatch.setenv("HUBSPOT_TOKEN", TOKEN)
    with serving(hubspot) as api:
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "sources.yml").write_text(SOURCES.format(url=api.url))
        yield Company(api, tmp_path)


def test_the_command_pulls_what_is_new_and_anew_pulls_all(candor: Candor, company: Company) -> None:
    told = [
        json.loads(candor("pull", *anew, "crm", "--json", *company.folders).out)[0]
        for anew in ([], [], ["--anew"])
    ]

    assert [row["read"] for row in told] == ["all", "what is new", "all"]
    assert [row["rows"] for row in told] == [5, 5, 5]


def test_the_command_tells_whole_names_below_its_table(candor: Candor, company: Company) -> None:
    long = [f"a_long_name_of_a_property_{number}" for number in range(4)]
    mapped = ", ".join(f"{field}: properties.{name}"
                       for field, name in zip(("city", "state", "street", "phone"), long, strict=True))  # fmt: skip
    path = company.folder / "config" / "sources.yml"
    path.write_text(path.read_text().replace("map: {", f"map: {{{mapped}, "))

    answer = candor("pull", *company.folders)

    listed = ", ".join(f"properties.{name}" for name in long)
    assert f"crm, missing: {listed}" in answer.out


def test_the_command_fails_where_a_source_does_and_says_why(
    candor: Candor, company: Company
) -> None:
    company.api.upset = [Said({"message": "p1@x.example"}, status=401)]

    answer = candor("pull", *company.folders)

    assert answer.code == 1
    assert "HUBSPOT_TOKEN is not accepted" in " ".join(answer.out.split())
    assert "p1@x.example" not in answer.out + answer.err
    assert TOKEN not in answer.out + answer.err


def test_the_command_knows_which_sources_are_pulled(candor: Candor, company: Company) -> None:
    answer = candor("pull", "shop", *company.folders)

    assert answer.code == 2
    assert "crm" in answer.err


@pytest.mark.parametrize("fails", [False, True])
def test_the_asset_tells_counts_and_names_and_lets_the_run_go_on(
    company: Company, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    monkeypatch.setenv("CANDOR_CONFIG", str(company.folder / "config"))
    monkeypatch.setenv("CANDOR_HOME", str(company.folder / "home"))
    company.api.upset = [Said({"message": "p1@x.example"}, status=401)] if fails else []

    result = dg.materialize([pulled_files], resources={"candor": CandorResource()})

    assert result.success
    [check] = result.get_asset_check_evaluations()
    [step] = result.asset_materializations_for_node("landing__pulled_files")
    assert check.passed is not fails
    assert step.metadata["rows"].value == (0 if fails else 5)
    log = repr([event.event_specific_data for event in result.all_events])
    assert "x.example" not in log
    assert TOKEN not in log
