"""What goes to a file or pipe is not cut to the width of a screen that is not there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
import typer
from orchestration.cli import app as cli
from orchestration.cli.output import print_rows

cli.COMMANDS = ()

@cli.app.command()
def wide():
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


@pytest.mark.parametrize(("columns", "is_cut"), [(None, False), ("80", True)])
def test_a_table_is_cut_only_where_it_is_told_how_wide(columns: str | None, is_cut: bool) -> None:
    clean = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    environment = clean if columns is None else {**clean, "COLUMNS": columns}

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert (max(len(line) for line in done.stdout.splitlines()) <= 80) == is_cut
    assert ("column_8" not in done.stdout) == is_cut
    assert (done.stdout.count("a long value a long value a long value") < 9) == is_cut


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
