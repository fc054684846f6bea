"""``candor email``, ``search`` and ``readiness``: on the company of the demo, and with nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.company import Company
from settings import Paths
from tests.command_line import Answer
from tests.conftest import ROOT
from tests.demo.conftest import Demo

Candor = Callable[..., Answer]


@pytest.mark.warehouse
@pytest.mark.timeout(900)
def test_the_demo_has_mailings_searchers_and_a_place_to_start(
    demo: Demo, candor: Candor, tmp_path: Path
) -> None:
    home = ("--home", demo.home)
    (tmp_path / "results.json").write_text('["c1", {"content_id": "c2", "score": 1}]')

    mail = json.loads(candor("email", "preview", "weekly", "--json", *home).out)
    weights = json.loads(candor("search", "weights", "--json", *home).out)
    results = candor("search", "rerank", tmp_path / "results.json", "--query", "q", "--json", *home)
    ready = json.loads(candor("readiness", "--json", *home).out)
    candor("readiness", tmp_path / "ready.html", *home)

    assert {row["arm"] for row in mail["arms"]} >= {"personalised", "business_as_usual", "none"}
    assert {row["slot"] for row in mail["slots"]} == {1, 2, 3}
    assert {row["source"] for row in weights} == {"declared"}
    assert [row["was"] for row in json.loads(results.out)] == [1, 2]
    assert any(row["start"] == 1 for row in ready)
    assert "Start here" in (tmp_path / "ready.html").read_text()
    assert (demo.home / "artifacts" / "reports" / "readiness.html").is_file()


def test_an_empty_home_is_told_what_it_lacks(candor: Candor, tmp_path: Path) -> None:
    home, config = tmp_path / "home", ROOT / "config"
    with Company(Paths.resolve({}, home=home, config=config)).open_warehouse():
        pass

    answer = candor("readiness", "--home", home, "--config", config)
    lacking = candor("readiness", "--json", "--home", home, "--config", config)

    assert answer.code == 0
    assert "no searches arrive" in lacking.out
    assert "Start with: nothing yet" in answer.out


def test_a_block_that_is_not_there_and_a_file_that_is_no_list_are_refused(
    candor: Candor, tmp_path: Path
) -> None:
    home, config = tmp_path / "home", ROOT / "config"
    with Company(Paths.resolve({}, home=home, config=config)).open_warehouse():
        pass
    where = ("--home", home, "--config", config)
    (tmp_path / "results.json").write_text('{"hits": 3}')

    wrong_block = candor("email", "preview", "weakly", *where)
    wrong_file = candor("search", "rerank", tmp_path / "results.json", "--query", "q", *where)

    assert (wrong_block.code, wrong_file.code) == (3, 3)
    assert "there are: weekly" in wrong_block.err
    assert "no list of results" in wrong_file.err


@pytest.mark.parametrize(
    "asked",
    [
        ("predict", "drift", "nope"),
        ("predict", "versions", "nope"),
        ("predict", "history", "nope"),
        ("email", "preview", "weekly", "--person", "nobody"),
        ("search", "profile", "nobody"),
    ],
    ids=" ".join,
)
def test_what_is_not_known_is_no_empty_answer(
    demo: Demo, candor: Candor, asked: tuple[str, ...]
) -> None:
    answer = candor(*asked, "--home", demo.home)

    assert answer.code == 3
    assert answer.out == ""
