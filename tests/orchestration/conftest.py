"""One demo run that the tests of the whole path share, and the command line in this process."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestration.cli import main
from orchestration.restore_mark import write_mark
from settings import Paths
from tests.conftest import ROOT

CANDOR = str(Path(sys.executable).with_name("candor"))
PEOPLE = 800


@dataclass(frozen=True, slots=True)
class Demo:
    """What ``candor demo`` printed, and where it worked."""

    home: Path
    output: str
    second_output: str

    @property
    def truth(self) -> Path:
        return self.home.with_name(f"{self.home.name}.truth")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo on a small company, run twice; the second time in a home marked as restored."""
    home = tmp_path_factory.mktemp("demo") / "home"
    command = [CANDOR, "demo", "--people", str(PEOPLE), "--seed", "7", "--home", str(home)]
    first = run_command(*command)
    write_mark(Paths.resolve({}, home=home), "20261129T030000Z", [])
    return Demo(home, first, run_command(*command))


def run_command(*command: str) -> str:
    """Run a command to its good end and return what it printed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**clean, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def run_candor(*arguments: str) -> str:
    """Run ``candor`` in this process to its good end and return what it printed."""
    answer = call_candor(*arguments)
    assert answer.code == 0, f"{answer.out[-3000:]}\n{answer.err[-3000:]}"
    return answer.out


def call_candor(*arguments: object) -> Answer:
    """Run ``candor`` in this process; arguments and environment are put back afterwards."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    environment, argv = dict(os.environ), sys.argv
    os.environ["COLUMNS"] = "200"
    sys.argv = ["candor", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.argv = argv
        os.environ.clear()
        os.environ.update(environment)
    return Answer(code, out.getvalue(), err.getvalue())


@pytest.fixture
def candor() -> Callable[..., Answer]:
    """The command line in this process."""
    return call_candor
