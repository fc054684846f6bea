"""An erasure that is killed at any moment goes on where it was and ends the same."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.trials.test_kill import JOURNALS, _candor, _kill_after, _tables
from warehouse import DuckDBWarehouse

# A whole erasure of a company this small takes seconds, most of them to start Python.
KILLS = {"sample": 1, "full": 25}
# In a company of a few people an erasure takes a second: every durable act, and many moments.
ACTS = {"sample": 4, "full": 10_000}
MOMENTS = {"sample": 2, "full": 200}
REQUEST_ID = "5f0d1e5e-0f7c-4c55-9a54-6a2b6c1f0001"
# Moments and the keys of a data home, which two homes cannot share.
OWN_FACTS = {"received_at", "proven_at", "audit", "subject"}


@pytest.mark.warehouse
@pytest.mark.timeout(3_000)
def test_a_killed_erasure_goes_on_and_ends_the_same(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    config, base = _configuration(tmp_path), tmp_path / "base"
    _candor("sample", "--people", "600", "--seed", "12", "--out", str(base / "landing"),
            "--truth", str(tmp_path / "truth"))  # fmt: skip
    _candor("run", "--home", str(base), "--config", str(config))
    _ask(base, tmp_path / "request.json", config)
    run = ("privacy", "run", "--config", str(config), "--home")
    undisturbed = _copy(base, tmp_path / "undisturbed")
    began = time.monotonic()
    _candor(*run, str(undisturbed))
    seconds = time.monotonic() - began
    moments = random.Random(5)

    for number in range(KILLS[request.config.getoption("--trials")]):
        home = _copy(base, tmp_path / f"killed-{number}")
        moment = moments.uniform(0.2, 1.0) * seconds
        _kill_after(moment, *run, str(home))
        _candor(*run, str(home))

        assert _end(home) == _end(undisturbed), f"killed after {moment:.1f} of {seconds:.1f} s"
        shutil.rmtree(home)


@pytest.mark.timeout(6_000)
def test_a_kill_at_any_durable_act_or_moment_changes_nothing(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The same rows, files and receipts; every destination is told, under one key."""
    trials = request.config.getoption("--trials")
    moments = request.config.getoption("--kills")
    if moments is None:
        moments = MOMENTS[trials]
    command = [sys.executable, "-W", "ignore", "-m", "tests.trials.erasure_kills", str(tmp_path)]

    done = subprocess.run(
        [*command, str(ACTS[trials]), str(moments)], check=True, capture_output=True, text=True,
        cwd=ROOT,
    )  # fmt: skip

    found = json.loads(done.stdout.splitlines()[-1])
    assert found["wrong"] == []
    assert found["killed_at_acts"] == min(ACTS[trials], found["acts"])
    assert found["moments"] == moments


def _configuration(folder: Path) -> Path:
    """The sample's configuration; the requests in its files are left for other tests."""
    config = folder / "config"
    shutil.copytree(ROOT / "config", config)
    consent = (config / "consent.yml").read_text()
    (config / "consent.yml").write_text(consent.replace("[privacy/dsr_requests.jsonl]", "[]"))
    return config


def _ask(home: Path, body: Path, config: Path) -> None:
    """Put a request for somebody with many records into the drop folder."""
    with DuckDBWarehouse.open(home / "warehouse.duckdb") as warehouse:
        address = warehouse.scalar(
            """
            select identifier_value
            from identity.identifiers inner join identity.members using (source, source_record_id)
            where identifier_type = 'email'
            group by identifier_value
            having count(distinct person_id) = 1 and not bool_or(is_shared)
            order by count(distinct source) desc, identifier_value limit 1
            """
        )
    identity = {"identity_type": "email", "identity_value": address, "identity_format": "raw"}
    body.write_text(
        json.dumps(
            {
                "regulation": "gdpr",
                "subject_request_id": REQUEST_ID,
                "subject_request_type": "erasure",
                "submitted_time": "2026-01-05T10:00:00Z",
                "subject_identities": [identity],
            }
        )
    )
    _candor("privacy", "request", str(body), "--home", str(home), "--config", str(config))


def _copy(base: Path, home: Path) -> Path:
    shutil.copytree(base, home)
    return home


def _end(home: Path) -> dict[str, object]:
    """Everything that an erasure leaves: rows, landing files, and what the receipt says."""
    with DuckDBWarehouse.open(home / "warehouse.duckdb") as warehouse:
        receipt = str(warehouse.scalar("select content from privacy.receipts"))
    content = json.loads(
        re.sub(r'"key_fingerprint": ?"[0-9a-f]+"', '"key_fingerprint": ""', receipt)
    )
    rows = {name: rows for name, rows in _tables(home).items() if not name.startswith("privacy.")}
    landing = home / "landing"
    files = {
        str(path.relative_to(landing)): path.read_bytes()
        for path in landing.rglob("*")
        if path.is_file()
    }
    content["scan"].pop("files")  # a killed run leaves its log, which is searched too
    facts = {name: value for name, value in content.items() if name not in OWN_FACTS}
    kept = {name: rows[name] for name in rows if name not in JOURNALS}
    left = [path.name for path in (home / "requests").iterdir()]
    return {"rows": kept, "files": files, "facts": facts, "left": left}
