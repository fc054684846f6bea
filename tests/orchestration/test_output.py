"""Texts that go to a file or pipe are not cut; tables there are as wide as a page."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from audiences.sync.dry_run import SyncPlan
from orchestration.cli import output
from orchestration.cli.run import show_empty_files, show_outcome
from orchestration.cli.sync import _in_words
from orchestration.company import Company
from orchestration.run import RunOutcome
from orchestration.status import Status
from settings import Paths
from tests.command_line import call_candor
from tests.conftest import ROOT

PROGRAM = """
import sys
import typer
from orchestration.cli import app as cli
from orchestration.cli.output import console, print_rows

cli.COMMANDS = ()

@cli.app.command()
def wide():
    console.print("a text " * 50)
    print_rows("Sent", [{f"column_{n}": "a long value " * 3 for n in range(9)}])

@cli.app.command()
def other():
    pass

sys.argv = ["candor", "wide"]
cli.main()
"""


def test_a_command_ends_as_it_would_where_its_reader_stops() -> None:
    much = PROGRAM.replace("for n in range(9)}]", "for n in range(9)}] * 500")
    command = [sys.executable, "-W", "ignore", "-c", much]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        said = running.stderr.read()

    assert (running.returncode, said) == (0, b"")


@pytest.mark.parametrize(("refused", "is_said"), [(0, False), (1_200, True)])
def test_a_run_ends_with_how_many_rows_are_refused(
    refused: int, is_said: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    show_outcome(RunOutcome("r", 45, 148, (), ()), refused_rows=refused)

    assert ("1,200 rows" in capsys.readouterr().out) == is_said


def test_a_status_shows_the_tables_that_hold_rows_and_are_not_between_others() -> None:
    names = ["intermediate.steps", "marts.profiles", "privacy.requests"]
    status = Status(None, pa.table({}), pa.table({"table": names, "rows": [9, 5, 0]}), 0)

    assert status.filled_tables.to_pylist() == [{"table": "marts.profiles", "rows": 5}]


@pytest.mark.parametrize("columns", [None, "80", "300"])
def test_a_table_is_as_wide_as_it_is_told_and_no_name_in_it_is_broken(columns: str | None) -> None:
    clean = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    environment = clean if columns is None else {**clean, "COLUMNS": columns}

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip

    texts, _, rows = done.stdout.partition("Sent")
    lines = rows.splitlines()
    assert max(map(len, lines)) <= int(columns or 100)
    assert (len(texts.splitlines()) == 1) == (columns is None)
    assert all(f"column_{number}" in done.stdout for number in range(9))
    # Side by side where nine names have room, else one below another.
    assert any("column_0" in line and "column_8" in line for line in lines) == (columns != "80")


def test_a_long_text_leaves_the_ids_beside_it_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output.console, "width", 80)
    ids = ", ".join(f"p_{number:026}" for number in range(4))

    output.print_rows("Persons", [{"source": "crm", "why": "alike in name " * 9, "persons": ids}])

    said = capsys.readouterr().out
    assert all(f"p_{number:026}" in said for number in range(4))
    assert max(map(len, said.splitlines())) <= 80
    assert "persons" in said.splitlines()[2]  # side by side


def test_a_plan_of_sending_names_what_is_not_nothing() -> None:
    plan = SyncPlan("to_ads", "ads", "buyers", 1_200, 0, 3, 0, 0, None, 0, 40, 5, 0, 0)

    assert _in_words(asdict(plan)) == {
        "sync": "to_ads",
        "to": "ads",
        "would be sent": "1,200 added, 3 removed",
        "left out": "40 held out, 5 without consent",
    }


HELP = """
import sys

sys.argv = ["candor", "--help"]
from orchestration.cli import main

try:
    main()
finally:
    print(*{name.split(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def test_help_is_given_without_loading_what_commands_work_with() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HELP], capture_output=True, text=True, check=True
    )

    assert "identity" in done.stdout
    assert {"dagster", "dbt", "duckdb", "scipy", "sklearn", "splink", "sqlglot"}.isdisjoint(
        done.stderr.split()
    )


def test_the_release_is_told() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert call_candor("--version").out == f"candor {declared}\n"


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [("", 2, "--yes goes on without a question"), ("n\n", 1, "Aborted"), ("y\n", 0, "gone")],
)
def test_what_asks_names_the_way_to_go_on_where_nobody_answers(
    given: str, code: int, said: str
) -> None:
    asking = typer.Typer()

    @asking.command()
    def erase() -> None:
        output.ask_or_abort("Sure?")
        typer.echo("gone")

    result = CliRunner().invoke(asking, [], input=given, env={"COLUMNS": "200"})

    assert result.exit_code == code
    assert said in result.output


def test_a_landing_file_without_a_byte_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, empty = (
        ROOT / "tests" / "fernhill" / "config",
        tmp_path / "crm" / "hubspot_contacts.csv",
    )
    empty.parent.mkdir()
    empty.touch()

    show_empty_files(Company(Paths.resolve({}, config=config, home=tmp_path, landing=tmp_path)))

    assert "crm/hubspot_contacts.csv is empty" in capsys.readouterr().out


LONG = "too few yet: hero_b has 3 and needs 10 people with the outcome, control has 4 and needs 10"
LIFT = [
    {
        "experiment": "exp_home_hero", "metric": "demo_within_14_days", "look": "",
        "segment": segment, "arm": arm, "against": "control", "effect": "+0.2 points",
        "verdict": verdict, "reason": f"{segment}: {LONG}",
    }
    for segment, arm, verdict in (("everybody", "hero_b", "cannot_tell"), ("smb", "hero_c", "helped"))
]  # fmt: skip


@pytest.mark.parametrize("width", [40, 60, 80])
def test_rows_that_have_no_room_beside_each_other_lose_no_value(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output.console, "width", width)

    output.print_rows("Lift", LIFT)

    said = capsys.readouterr().out
    lines, words = said.splitlines(), " ".join(said.split())
    assert max(map(len, lines)) <= width
    assert "each of them: experiment: exp_home_hero; metric: demo_within_14_days; look: -" in words
    assert [
        word for word in ("everybody", "hero_c", "cannot_tell", "helped") if word not in said
    ] == []
    assert ("reason: smb" in words) == (width == 40)  # where it has no room beside the others
    if width > 40:
        assert any({"segment", "arm"} <= set(line.split()) for line in lines)
        assert f"smb: {LONG}" in words


def test_a_row_for_which_nothing_has_room_is_a_list_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output.console, "width", 30)
    ids = [f"p_{number:024}" for number in range(2)]

    output.print_rows("Pairs", [{"one": ids[0], "other": ids[1]}, {"one": ids[1], "other": ids[0]}])

    said = capsys.readouterr().out
    assert said.split() == ["Pairs", "1", "of", "2", "one:", ids[0], "other:", ids[1],
                            "2", "of", "2", "one:", ids[1], "other:", ids[0]]  # fmt: skip
