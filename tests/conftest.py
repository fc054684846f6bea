"""What all tests share: a clean environment, the size of the trials, and who runs what first."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling

if TYPE_CHECKING:
    from tests.command_line import Answer

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--trials",
        choices=("sample", "full"),
        default="sample",
        help="how many random moments the long trials try",
    )
    parser.addoption(
        "--kills",
        type=int,
        help="random moments at which an erasure or a sync is killed; else as --trials",
    )


# Folders whose tests share one dear company: each goes to one worker, and before all others.
TOGETHER = ("tests/demo/", "tests/fernhill/", "tests/dbt_project/")


class FolderScheduling(LoadScopeScheduling):
    """Give a worker one file at a time, or a folder whose tests share a company."""

    def _split_scope(self, nodeid: str) -> str:
        return next(
            (folder for folder in TOGETHER if nodeid.startswith(folder)),
            nodeid.split("::", maxsplit=1)[0],
        )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FolderScheduling:
    """Take ours for the one that ``--dist loadscope`` would take."""
    return FolderScheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What may take longest begins first, so that no worker waits for another at the end."""
    longest: dict[str, float] = {}
    for item in items:
        file = item.nodeid.split("::")[0]
        longest[file] = max(longest.get(file, 0.0), _limit(item))
    items.sort(key=lambda item: -longest[item.nodeid.split("::")[0]])


def pytest_collection_finish() -> None:
    """Keep the garbage collector from walking what stays: the modules of dbt, Dagster and us.

    Millions of objects that no test lets go of; walking them was a seventh of the processor time of
    tests that build with dbt.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _limit(item: pytest.Item) -> float:
    """Seconds that a test may take."""
    if item.nodeid.startswith(TOGETHER):
        return float("inf")
    mark = item.get_closest_marker("timeout")
    return float(mark.args[0]) if mark else 0.0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Close with the size of our functions, whose limit a test holds."""
    from tests.test_structure import summary  # noqa: PLC0415 - it imports from here

    terminalreporter.write_line(summary())


@pytest.fixture(autouse=True)
def clean_environment() -> Iterator[None]:
    """No test meets a company of another's, and none leaves one: commands set these for children."""
    clean = without_company(os.environ)
    os.environ.clear()
    os.environ.update(clean, DO_NOT_TRACK="1", GX_ANALYTICS_ENABLED="false")
    yield
    os.environ.clear()
    os.environ.update(clean)


def without_company(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without the variables that name a company's folders."""
    ours = ("CANDOR_", "DAGSTER_HOME", "DBT_")
    return {name: value for name, value in environment.items() if not name.startswith(ours)}


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of independent data sets; in CI its absence is a failure, not a skip."""
    if SHARED_DATA.is_dir():
        return SHARED_DATA
    if os.environ.get("CI"):
        pytest.fail(f"{SHARED_DATA} must be there in CI")
    pytest.skip(f"the independent data sets are not at {SHARED_DATA}")


@pytest.fixture
def candor() -> Callable[..., Answer]:
    """The command line in this process."""
    from tests.command_line import call_candor  # noqa: PLC0415 - it imports from here

    return call_candor
