"""Run a command with all that it starts, and leave none of it behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

# What a terminal and a service manager end a process by.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# systemd gives a service 90 s by itself.
GRACE_S = 20.0

# Runs in the new process before the command, and becomes it. Whoever kills us at once leaves us no
# time to tell it: there Linux does. An interruption that we were started to ignore is ours alone.
_BECOME = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp(sys.argv[2], sys.argv[2:])
"""


def run_to_end(command: Sequence[str], *, cwd: Path, grace_s: float = GRACE_S) -> int:
    """Run a command in a process group of its own until it ends or this process is told to end.

    A signal is handed on to the whole group, as a terminal does, as the interruption that a program
    cleans up after; whoever is still there after a while, or at a second Ctrl+C, is killed. A signal
    that this process was started to ignore, as ``nohup`` does, stays ignored.

    Where this process is killed at once (SIGKILL), Linux interrupts the command, which then has to
    end what it started; elsewhere the group goes on.

    Args:
        command: Program and arguments.
        cwd: The folder that it runs in.
        grace_s: How long the group may take to end, in seconds.

    Returns:
        The exit code: the command's own, or as shells write it 128 and the number of the signal.
    """
    signals: list[int] = []
    become = [sys.executable, "-I", "-S", "-c", _BECOME, str(os.getpid()), *command]
    with _noting(signals):
        # A session of its own: Ctrl+C reaches us alone, and the group once, from us.
        process = subprocess.Popen(become, cwd=cwd, start_new_session=True)  # noqa: S603 - ours
        try:
            while not signals and process.poll() is None:
                time.sleep(0.1)
        finally:
            _end_group(process, grace_s, signals)
    if signals:
        return 128 + signals[0]
    return process.returncode if process.returncode >= 0 else 128 - process.returncode


@contextmanager
def _noting(signals: list[int]) -> Iterator[None]:
    def note(number: int, _: FrameType | None) -> None:
        signals.append(number)

    # None: not set by Python, and not to be set again by it.
    heard = [n for n in ENDING if signal.getsignal(n) not in (signal.SIG_IGN, None)]
    before = {number: signal.signal(number, note) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_group(process: subprocess.Popen[bytes], grace_s: float, signals: list[int]) -> None:
    if not _send(process.pid, signal.SIGINT):
        return
    until, is_alone = time.monotonic() + grace_s, False
    # A terminal that closes and a service manager may send two signals at once: those do not hurry.
    while time.monotonic() < until and signal.SIGINT not in signals[1:]:
        # A child that nobody waits for counts as one of the group.
        if process.poll() is not None and not is_alone:
            is_alone = True  # Dagster's servers of code outlive the one that started them
            _send(process.pid, signal.SIGTERM)
        if not _send(process.pid, 0):
            return
        time.sleep(0.05)
    _send(process.pid, signal.SIGKILL)
    process.wait()


def _send(group: int, number: int) -> bool:
    """Whether anybody was there whom we may tell."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
