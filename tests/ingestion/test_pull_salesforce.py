"""Salesforce is asked in SOQL for what changed, deleted records too."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingestion import SourcesConfig
from ingestion.pull import PullReport, pull_sources
from tests.ingestion.pull_server import Answer, Api, Call, serving

NOW = datetime.fromisoformat("2026-11-24T12:00")
QUERY = "/services/data/v62.0/queryAll"
FIELDS = "Account.Name, Email, Id, IsDeleted, SystemModstamp"
SECRETS = {"SF_ID": "the-id", "SF_SECRET": "the-secret"}


@dataclass
class Salesforce:
    """Judges queries; gives pages of two records."""

    records: list[dict[str, Any]] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def __call__(self, call: Call) -> Answer:
        if call.path == "/services/oauth2/token":
            assert call.body == {
                "grant_type": "client_credentials",
                "client_id": "the-id",
                "client_secret": "the-secret",
            }
            return Answer({"access_token": "a-token", "token_type": "Bearer"})
        assert call.token == "Bearer a-token"
        if call.path == QUERY:
            self.queries.append(call.query["q"])
            return self.page(0)
        assert call.query == {}, "the query was sent with the link to the next page"
        assert call.path not in self.used
        self.used.add(call.path)
        return self.page(int(call.path.rpartition("-")[2]))

    def page(self, begin: int) -> Answer:
        following = begin + 2
        body = {
            "totalSize": len(self.records),
            "done": following >= len(self.records),
            "records": self.records[begin:following],
        }
        if not body["done"]:
            cursor = f"01g{len(self.queries)}-{following}"
            body["nextRecordsUrl"] = f"/services/data/v62.0/query/{cursor}"
        return Answer(body)


def record(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "attributes": {"type": "Contact", "url": f"/services/data/v62.0/sobjects/{number}"},
        "Id": f"003{number}", "Email": f"p{number}@x.example", "IsDeleted": False,
        "SystemModstamp": f"2026-11-01T10:00:0{number}.000+0000",
        "Account": {"attributes": {"type": "Account"}, "Name": "Acme"}, **fields,
    }  # fmt: skip


@dataclass
class Crm:
    """A company that pulls its contacts from the server."""

    salesforce: Salesforce
    api: Api
    folder: Path

    def pull(self, now: datetime = NOW, **pull: Any) -> PullReport:
        told = {"client_id_env": "SF_ID", "client_secret_env": "SF_SECRET", **pull}
        source = {
            "kind": "person_records",
            "id": "Id",
            "map": {"email": "Email", "company_name": "Account.Name"},
            "pull": {"from": "salesforce", "base_url": self.api.url, **told},
        }
        config = SourcesConfig.model_validate({"sources": {"crm": source}})
        [report] = pull_sources(
            config, self.folder / "landing", self.folder / "home", now=now, environ=SECRETS
        )
        return report

    def rows(self, report: PullReport) -> list[dict[str, Any]]:
        return [
            json.loads(line)
            for name in report.files
            for line in gzip.decompress((self.folder / "landing" / name).read_bytes()).splitlines()
        ]


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[Crm]:
    salesforce = Salesforce([record(n) for n in range(5)])
    with serving(salesforce) as api:
        yield Crm(salesforce, api, tmp_path)


def test_records_of_every_page_land_without_what_the_api_says_of_itself(crm: Crm) -> None:
    crm.salesforce.records[3]["IsDeleted"] = True

    report = crm.pull()

    assert report.failure is None
    rows = crm.rows(report)
    assert [row["Id"] for row in rows] == ["0030", "0031", "0032", "0033", "0034"]
    assert [row["IsDeleted"] for row in rows] == [False, False, False, True, False]
    assert rows[0]["Account"] == {"Name": "Acme"}


def test_the_first_query_asks_for_all_and_the_second_for_what_changed(crm: Crm) -> None:
    crm.pull()
    crm.pull(now=NOW + timedelta(days=1))

    order = "ORDER BY SystemModstamp ASC, Id ASC"
    since = "SystemModstamp >= 2026-11-01T09:55:04.000Z"
    assert crm.salesforce.queries == [
        f"SELECT {FIELDS} FROM Contact {order}",
        f"SELECT {FIELDS} FROM Contact WHERE {since} {order}",
    ]


def test_a_field_that_is_new_is_reported_by_name(crm: Crm) -> None:
    crm.pull(fields=["Phone"])
    crm.salesforce.records = [record(6, Phone="+1 555", Score=1)]

    report = crm.pull(now=NOW + timedelta(days=1), fields=["Phone"])

    assert report.changes.added == ("Phone", "Score")
    assert "555" not in repr(report)


def test_a_login_that_is_refused_names_its_variables_and_not_what_is_in_them(crm: Crm) -> None:
    crm.api.upset = [Answer({"error": "invalid_client the-secret"}, status=401)]

    report = crm.pull()

    assert report.failure is not None
    assert "SF_ID and SF_SECRET" in report.failure
    assert "the-secret" not in report.failure
