"""One demo run that the tests of the whole path share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestration.restore_mark import write_mark
from settings import Paths
from tests.command_line import CANDOR, run_command

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


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo on a small company, run twice; the second time in a home marked as restored.

    Once for a user who lets everybody read and write what they make, once for one who lets nobody.
    """
    home = tmp_path_factory.mktemp("demo") / "home"
    command = [CANDOR, "demo", "--people", str(PEOPLE), "--seed", "7", "--home", str(home)]
    first = run_command(*command, umask=0)
    write_mark(Paths.resolve({}, home=home), "20261129T030000Z", [])
    return Demo(home, first, run_command(*command, umask=0o077))
