"""A pull lands whole files or none, whatever ends it, and leaves no row in the data home."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from ingestion import SourcesConfig, load_landing
from ingestion.pull import ColumnChanges, pull_sources
from ingestion.pull.columns import compare_columns, document_columns, remember_columns
from ingestion.pull.state import PullFolder
from tests.conftest import ROOT
from tests.ingestion.conftest import nobody
from tests.ingestion.pull_server import Answer, serving
from tests.ingestion.test_pull_hubspot import BEGIN, NOW, TOKEN, Crm, Hubspot, contact
from warehouse import DuckDBWarehouse

PLANTED = "planted.person@x.example"

KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
import ingestion.pull.land as land
from ingestion import SourcesConfig
from ingestion.pull import pull_sources

land._put_in_place = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
config = SourcesConfig.model_validate_json(sys.argv[1])
folder = Path(sys.argv[2])
pull_sources(config, folder / "landing", folder / "home",
             now=datetime(2026, 11, 24), environ=os.environ)
"""


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[Crm]:
    hubspot = Hubspot([contact(n, BEGIN + timedelta(minutes=n), email=PLANTED) for n in range(5)])
    with serving(hubspot) as api:
        yield Crm(hubspot, api, tmp_path)


def left_in_home(crm: Crm) -> list[str]:
    folder = crm.home / "pull"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_after_a_pull_the_home_holds_its_state_alone_and_nobody_else_may_read_it(
    crm: Crm,
) -> None:
    crm.pull()

    assert left_in_home(crm) == ["crm", "crm/state.json"]
    state = crm.home / "pull" / "crm" / "state.json"
    assert PLANTED not in state.read_text()
    modes = [path.stat().st_mode & 0o777 for path in (state.parent.parent, state.parent, state)]
    assert modes == [0o700, 0o700, 0o600]


def test_a_failed_pull_leaves_nothing_in_the_home(crm: Crm) -> None:
    crm.hubspot.contacts = [contact(n, BEGIN + timedelta(minutes=n)) for n in range(150)]

    def failing(call: Any) -> Answer:
        is_second = call.path.endswith("search") and len(crm.api.calls) > 1
        return Answer(status=403) if is_second else crm.hubspot(call)

    crm.api.judge = failing

    assert crm.pull().failure is not None
    assert left_in_home(crm) == ["crm"]
    assert not crm.landing.exists()


def test_a_pull_killed_before_its_file_has_its_name_is_as_if_it_had_not_been(crm: Crm) -> None:
    config = crm.config().model_dump_json(by_alias=True)
    environment = {**os.environ, "HUBSPOT_TOKEN": TOKEN, "PYTHONPATH": str(ROOT)}
    killed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED, config, str(crm.folder)],
        check=False, env=environment, cwd=crm.folder,
    )  # fmt: skip
    left = left_in_home(crm)

    report = crm.pull()

    assert killed.returncode == -signal.SIGKILL
    assert any(name.endswith(".parquet") for name in left)
    assert (report.rows, report.is_full) == (5, True)
    assert left_in_home(crm) == ["crm", "crm/state.json"]
    warehouse = DuckDBWarehouse.in_memory()
    load_landing(warehouse, crm.config(), crm.landing, now=NOW, is_suppressed=nobody)
    assert warehouse.scalar("select count(*) from raw.person_records") == 5
    assert [path.name for path in crm.landing.rglob("*") if path.is_file()] == [
        Path(name).name for name in report.files
    ]


def test_a_pull_that_ends_between_its_file_and_its_state_asks_again(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(PullFolder, "write", ended)
        with pytest.raises(KeyboardInterrupt):
            crm.pull()

    report = crm.pull(now=NOW + timedelta(hours=1))

    assert (report.rows, report.is_full) == (5, True)
    warehouse = DuckDBWarehouse.in_memory()
    load_landing(warehouse, crm.config(), crm.landing, now=NOW, is_suppressed=nobody)
    assert warehouse.scalar("select count(*) from raw.person_records") == 5


def test_a_broken_state_is_no_reason_to_lose_rows(crm: Crm) -> None:
    crm.pull()
    (crm.home / "pull" / "crm" / "state.json").write_text("{")

    assert crm.pull(now=NOW + timedelta(days=1)).is_full


def test_without_a_pulled_source_nothing_is_made(tmp_path: Path) -> None:
    config = SourcesConfig.model_validate({"sources": {"web": {"kind": "segment", "files": "*"}}})

    reports = pull_sources(config, tmp_path / "l", tmp_path / "h", now=NOW, environ={})

    assert reports == ()
    assert list(tmp_path.iterdir()) == []


def test_dlt_is_not_imported_before_a_pull() -> None:
    code = "import sys, ingestion.pull; sys.exit('dlt' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0


@pytest.mark.parametrize(
    ("source", "says"),
    [
        pytest.param({"pull": {"from": "hubspot", "base_url": "http://x.example"}}, "https",
                     id="token-in-the-clear"),
        pytest.param({"pull": {"from": "hubspot", "token": "abc"}}, "Extra inputs",
                     id="secret-in-the-file"),
        pytest.param({"pull": {"from": "salesforce", "base_url": "https://x.example"}},
                     "write token_env, or", id="no-secret-named"),
        pytest.param({"pull": {"from": "sql", "url_env": "U", "table": "t"}, "files": "a/*"},
                     "the pull writes 'crm/", id="files-that-are-not-read"),
        pytest.param({"pull": {"from": "salesforce", "base_url": "https://x.example",
                               "token_env": "T", "fields": ["Id FROM User --"]}}, "pattern",
                     id="no-name-of-a-field"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_configuration_is_told(source: dict[str, Any], says: str) -> None:
    told = {"kind": "person_records", "id": "id", **source}

    with pytest.raises(ValidationError, match=says):
        SourcesConfig.model_validate({"sources": {"crm": told}})


def test_a_column_that_was_never_filled_is_not_called_changed() -> None:
    first = {"a": "text", "b": "unknown", "c": "number"}
    second = {"a": "number", "b": "text", "c": "unknown"}

    assert compare_columns(first, second, frozenset()) == ColumnChanges(retyped=("a",))
    assert remember_columns(first, second) == {"a": "number", "b": "text", "c": "number"}


def test_mapped_columns_that_no_row_has_are_told() -> None:
    documents = pa.table({"document": ['{"id": 1, "properties": {"email": null, "n": [1]}}']})
    found = document_columns(DuckDBWarehouse.in_memory(), documents)

    wanted = frozenset({"id", "properties.email", "properties.mail"})

    assert found == {"id": "number", "properties.email": "unknown", "properties.n": "list"}
    assert compare_columns(None, found, wanted).missing == ("properties.mail",)
