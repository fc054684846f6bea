"""What all tests share: a clean environment and the size of the trials."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--trials",
        choices=("sample", "full"),
        default="sample",
        help="how many random moments the long trials try",
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Close with the size of our functions, whose limit a test holds."""
    from tests.test_structure import summary  # noqa: PLC0415 - it imports from here

    terminalreporter.write_line(summary())


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        name for name in os.environ if name.startswith(("CANDOR_", "DAGSTER_HOME", "DBT_"))
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    monkeypatch.setenv("GX_ANALYTICS_ENABLED", "false")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of independent data sets; in CI its absence is a failure, not a skip."""
    if SHARED_DATA.is_dir():
        return SHARED_DATA
    if os.environ.get("CI"):
        pytest.fail(f"{SHARED_DATA} must be there in CI")
    pytest.skip(f"the independent data sets are not at {SHARED_DATA}")
