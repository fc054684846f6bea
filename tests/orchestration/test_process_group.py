"""`candor ui` ends with all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestration.process_group import run_to_end

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
# Whoever runs the tests may ignore signals, and hand that on.
OURS = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
from pathlib import Path
from orchestration.process_group import run_to_end
server = [sys.executable, "-S", "-c", sys.argv[1]]
sys.exit(run_to_end(server, cwd=Path(sys.argv[2]), grace_s=float(sys.argv[3])))
"""


def _wait_until(is_so: object, *, most_s: float = 20.0) -> None:
    until = time.monotonic() + most_s
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.02)


def _ours(
    tmp_path: Path, *before: str, grace_s: float = 0.5
) -> tuple[subprocess.Popen[bytes], int]:
    """Our process with the server under it, and the id of the server's child."""
    ours = subprocess.Popen(
        [*before, sys.executable, "-c", OURS, SERVER, str(tmp_path), str(grace_s)],
        stdout=subprocess.DEVNULL,
    )
    _wait_until((tmp_path / "pid").exists)
    return ours, int((tmp_path / "pid").read_text())


def test_a_signal_ends_the_command_and_all_that_it_started(tmp_path: Path) -> None:
    # A signal that `nohup` has us ignore ends nothing.
    ours, child = _ours(tmp_path, "nohup")

    ours.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert _is_alive(child)
    ours.send_signal(signal.SIGTERM)

    assert ours.wait(20) == 128 + signal.SIGTERM
    _wait_until(lambda: not _is_alive(child))


def test_a_second_interruption_ends_it_at_once(tmp_path: Path) -> None:
    ours, child = _ours(tmp_path, grace_s=60)

    ours.send_signal(signal.SIGINT)
    time.sleep(0.3)
    ours.send_signal(signal.SIGINT)

    assert ours.wait(10) == 128 + signal.SIGINT
    _wait_until(lambda: not _is_alive(child))


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a process that its parent died"
)
def test_the_command_is_interrupted_where_we_are_killed(tmp_path: Path) -> None:
    server = (
        "import os, time\nopen('new', 'w').write(str(os.getpid()))\nos.rename('new', 'pid')\n"
        "time.sleep(60)"
    )
    ours = subprocess.Popen([sys.executable, "-c", OURS, server, str(tmp_path), "1"])
    _wait_until((tmp_path / "pid").exists)

    ours.kill()
    ours.wait()

    _wait_until(lambda: not _is_alive(int((tmp_path / "pid").read_text())))


@pytest.mark.parametrize(("ends", "code"), [("exit 3", 3), ("kill -9 $$", 137)])
def test_a_command_that_ends_by_itself_gives_its_exit_code(
    tmp_path: Path, ends: str, code: int
) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    assert run_to_end(["sh", "-c", ends], cwd=tmp_path) == code
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_nobody_whom_we_may_tell_is_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "killpg", refuse)

    assert run_to_end(["true"], cwd=tmp_path) == 0


def _is_alive(pid: int) -> bool:
    """Whether a process works; one that nobody waited for does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"
