"""``candor lift`` on the company of the demo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import run_candor
from tests.demo.conftest import Demo

pytestmark = [pytest.mark.warehouse, pytest.mark.timeout(900)]


def test_what_experiments_say_is_shown_and_written(demo: Demo, tmp_path: Path) -> None:
    home = ("--home", str(demo.home))

    shown = json.loads(run_candor("lift", "show", "--json", *home))
    run_candor("lift", "report", str(tmp_path / "lift.html"), *home)
    shared = json.loads(run_candor("lift", "variants", "--json", *home))

    assert {"helped", "harmed", "cannot_tell"} >= {row["verdict"] for row in shown}
    assert {row["segment"] for row in shown} >= {"global"}
    assert "exp_home_hero" in (tmp_path / "lift.html").read_text()
    by_segment: dict[str, float] = {}
    for row in shared:
        by_segment[row["segment"]] = by_segment.get(row["segment"], 0) + row["share"]
    assert all(total == pytest.approx(1, abs=0.01) for total in by_segment.values())
    assert "global" in by_segment
