"""A process that is killed between intent and acknowledgement has no second effect."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.audiences.publisher import PEOPLE, publish
from tests.audiences.receiver import Receiver

ROOT = Path(__file__).parents[2]


def _kill_on(receiver: Receiver, moment: str, request: int, child: subprocess.Popen[bytes]) -> None:
    def kill() -> None:
        if len(receiver.requests) == request:
            child.send_signal(signal.SIGKILL)
            child.wait()

    setattr(receiver, moment, kill)


@pytest.mark.parametrize("request_number", [1, 2])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_killed_run_is_resumed_without_a_second_effect(
    tmp_path: Path, moment: str, request_number: int
) -> None:
    file = tmp_path / "warehouse.duckdb"
    with Receiver() as receiver:
        command = [sys.executable, "-m", "tests.audiences.publisher", file, receiver.url, "r1"]
        child = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONWARNINGS": "ignore"})
        _kill_on(receiver, moment, request_number, child)
        assert child.wait(timeout=120) == -signal.SIGKILL
        receiver.before = receiver.after = lambda: None

        publish(file, receiver.url, run_id="r2")
        sent = len(receiver.requests)
        again = publish(file, receiver.url, run_id="r3")

    assert Counter(receiver.effects) == Counter((row, "add") for row in receiver.members)
    assert len(receiver.members) == PEOPLE
    assert (again.added, again.changed, again.removed) == (0, 0, 0)
    assert len(receiver.requests) == sent
