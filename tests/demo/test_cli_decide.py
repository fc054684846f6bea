"""``candor decide`` on the company of the demo, and what it logs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.company import Company
from orchestration.serving import artefact_path, decision_log
from personalization import load_decisions
from settings import Paths
from tests.command_line import Answer
from tests.conftest import ROOT
from tests.demo.conftest import Demo
from warehouse import DuckDBWarehouse

pytestmark = [pytest.mark.warehouse, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def home(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what deciding needs, so that nothing is logged into the demo."""
    copied = tmp_path_factory.mktemp("decide") / "home"
    for name in ("serving", "keys"):
        shutil.copytree(demo.home / name, copied / name)
    shutil.copy(demo.home / "warehouse.duckdb", copied)
    return copied


@pytest.fixture(scope="module")
def reader(home: Path) -> str:
    with DuckDBWarehouse.open(home / "warehouse.duckdb") as warehouse:
        return str(
            warehouse.scalar(
                "select min(person_id) from personalization.recommendations where block = 'home'"
            )
        )


def test_a_person_gets_their_list_and_a_stranger_what_is_popular(
    candor: Callable[..., Answer], home: Path, reader: str
) -> None:
    own = json.loads(candor("decide", "home", "--person", reader, "--json", "--home", home).out)
    known = candor("decide", "home", "--person", reader, "--home", home)
    stranger = candor("decide", "home", "--person", "nobody", "--json", "--home", home)
    other = json.loads(stranger.out)
    shown = candor("decide", "exp_home_hero", "--home", home)

    assert own["inputs"]["situation"]["unit"]["person_id"] == reader
    assert len(own["rows"]) == 12
    assert other["inputs"]["situation"]["unit"] is None
    assert other["inputs"]["facts"]["consent"] == "unknown"
    assert other["arm"] == "contextual"
    assert "control" in shown.out
    assert "no consent" in shown.out
    assert "holds nobody by this id" in stranger.err
    assert "holds nobody" not in known.err + shown.err
    assert not decision_log(_paths(home)).folder.exists()


def test_what_is_logged_is_loaded_by_the_next_run(
    candor: Callable[..., Answer], home: Path, reader: str
) -> None:
    answer = candor("decide", "exp_home_hero", "--person", reader, "--log", "--home", home)

    with DuckDBWarehouse.open(home / "warehouse.duckdb") as warehouse:
        report = load_decisions(warehouse, decision_log(_paths(home)), run_id="r1")
        stored = warehouse.read("select person_id, slot from personalization.decisions").to_pylist()

    assert answer.code == 0
    assert report.loaded == 1
    assert stored == [{"person_id": reader, "slot": "exp_home_hero"}]


def test_what_is_asked_wrongly_is_said_with_what_is_there(
    candor: Callable[..., Answer], home: Path, tmp_path: Path
) -> None:
    unknown = candor("decide", "hone", "--home", home)
    nothing = candor("decide", "home", "--home", tmp_path)
    wrong = candor("decide", "home", "--consent", "maybe", "--home", home)

    assert (unknown.code, nothing.code, wrong.code) == (3, 3, 2)
    assert "exp_home_hero" in unknown.err
    assert "candor run" in nothing.err


def test_the_artefact_is_for_its_owner_alone(home: Path) -> None:
    assert artefact_path(_paths(home)).stat().st_mode & 0o077 == 0


def _paths(home: Path) -> Paths:
    return Paths.resolve({}, config=ROOT / "config", home=home)


def test_policies_are_listed_with_the_reason_where_nothing_can_be_said(
    candor: Callable[..., Answer], tmp_path: Path
) -> None:
    with Company(_paths(tmp_path)).open_warehouse() as warehouse:
        warehouse.execute(
            "insert into personalization.policy_values by name select 'hero' as experiment_key, "
            "'always b' as policy, 'ips' as estimator, 30 as n, 'needs 200' as refusal"
        )

    (row,) = json.loads(candor("lift", "policies", "--json", "--home", tmp_path).out)

    assert (row["policy"], row["value"], row["n"]) == ("always b", None, 30)
    assert row["refused_because"] == "needs 200"
