"""`candor ui` ends with all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

# A server whose child ends by no signal but the last one.
SERVER = """
import os, signal, subprocess, sys, time
stubborn = "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (2, 15)]; time.sleep(60)"
child = subprocess.Popen([sys.executable, "-S", "-c", stubborn])
time.sleep(0.3)
open("pid.new", "w").write(str(child.pid))
os.rename("pid.new", "pid")
time.sleep(60)
"""
OURS = """
import sys
from pathlib import Path
from orchestration.process_group import run_to_end
sys.exit(run_to_end([sys.executable, "-S", "-c", sys.argv[1]], cwd=Path(sys.argv[2]), grace_s=0.5))
"""


def _wait_until(is_so: object, *, most_s: float = 20.0) -> None:
    until = time.monotonic() + most_s
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.02)


def test_a_signal_ends_the_command_and_all_that_it_started(tmp_path: Path) -> None:
    ours = subprocess.Popen([sys.executable, "-c", OURS, SERVER, str(tmp_path)])
    _wait_until((tmp_path / "pid").exists)
    child = int((tmp_path / "pid").read_text())

    ours.send_signal(signal.SIGTERM)

    assert ours.wait(20) == 128 + signal.SIGTERM
    _wait_until(lambda: not _is_alive(child))


def _is_alive(pid: int) -> bool:
    """Whether a process works; one that nobody waited for does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"
