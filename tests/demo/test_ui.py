"""Dagster's UI as a person meets it: the graph is there, and one asset can be materialised."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.command_line import CANDOR
from tests.conftest import ROOT
from tests.demo.conftest import Demo

pytestmark = [pytest.mark.warehouse, pytest.mark.timeout(600)]

START_S = 120
RUN_S = 240
REPOSITORY = {
    "repositoryName": "__repository__",
    "repositoryLocationName": "orchestration.definitions",
}
LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  }
}
"""
STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"


@pytest.fixture(scope="module")
def ui(demo: Demo) -> Iterator[str]:
    """The address of a UI on the demo's home; ended with everything it started."""
    port = _free_port()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")}
    process = subprocess.Popen(
        [CANDOR, "ui", "--home", str(demo.home), "--port", str(port)],
        cwd=ROOT, env=clean, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_up(address)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_the_asset_graph_is_drawn_in_a_browser(ui: str, tmp_path: Path) -> None:
    page = _page(f"{ui}/asset-groups", tmp_path)

    missing = [group for group in ("identity", "marts", "prediction", "sync") if group not in page]

    assert missing == []


def test_one_asset_is_materialised_from_the_ui(ui: str) -> None:
    params = {
        "selector": {
            **REPOSITORY,
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": ["marts", "orders"]}],
            "assetCheckSelection": [],
        },
        "runConfigData": {},
        "mode": "default",
    }

    launched = _ask(ui, LAUNCH, {"params": params})["launchPipelineExecution"]

    assert launched["__typename"] == "LaunchRunSuccess", launched
    assert _end_of(ui, launched["run"]["runId"]) == "SUCCESS"


def _page(address: str, profile: Path) -> str:
    """The page as a browser has drawn it."""
    browser = shutil.which("chromium")
    if browser is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium must be there in CI")
        pytest.skip("Chromium is not installed")
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
         "--window-size=1600,1200", "--virtual-time-budget=30000", "--dump-dom", address],
        capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    return done.stdout


def _end_of(address: str, run_id: str) -> str:
    ends = time.monotonic() + RUN_S
    while time.monotonic() < ends:
        status = str(_ask(address, STATUS, {"id": run_id})["runOrError"]["status"])
        if status in {"SUCCESS", "FAILURE", "CANCELED"}:
            return status
        time.sleep(1)
    return "still running"


def _ask(address: str, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    body = {"query": query, "variables": variables}
    answer = httpx.post(f"{address}/graphql", json=body, timeout=60).json()
    assert "errors" not in answer, answer
    return dict(answer["data"])


def _wait_until_up(address: str) -> None:
    """Until the web server answers and has loaded the code location."""
    query = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"
    ends = time.monotonic() + START_S
    while time.monotonic() < ends:
        try:
            if _ask(address, query, {})["repositoriesOrError"].get("nodes"):
                return
        except (httpx.HTTPError, ValueError):
            pass
        time.sleep(1)
    pytest.fail(f"the UI was not up after {START_S} s")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
