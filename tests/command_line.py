"""The command line, in a process of its own and in this one."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from orchestration.cli import main
from orchestration.cli.output import console
from tests.conftest import ROOT

CANDOR = str(Path(sys.executable).with_name("candor"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str


def run_command(*command: str, umask: int = -1) -> str:
    """Run a command to its good end and return what it printed; -1 leaves the umask as it is."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**clean, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        umask=umask,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def run_candor(*arguments: str) -> str:
    """Run ``candor`` in this process to its good end and return what it printed."""
    answer = call_candor(*arguments)
    assert answer.code == 0, f"{answer.out[-3000:]}\n{answer.err[-3000:]}"
    return answer.out


def call_candor(*arguments: object, width: int = 200) -> Answer:
    """Run ``candor`` in this process; arguments and environment are put back afterwards."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    environment, argv = dict(os.environ), sys.argv
    console.width, os.environ["COLUMNS"] = width, str(width)
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
