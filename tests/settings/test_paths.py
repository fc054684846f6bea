from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from settings import MissingSecretError, Paths, read_secret


def test_an_option_wins_over_its_variable(tmp_path: Path) -> None:
    paths = Paths.resolve({"CANDOR_HOME": "/elsewhere"}, home=tmp_path)

    assert paths.home == tmp_path


def test_landing_lies_in_the_home_unless_said_otherwise(tmp_path: Path) -> None:
    assert Paths.resolve({}, home=tmp_path).landing == tmp_path / "landing"
    assert Paths.resolve({"CANDOR_LANDING": "/in"}, home=tmp_path).landing == Path("/in")


def test_the_home_is_private_under_any_umask(tmp_path: Path) -> None:
    paths = Paths.resolve({}, home=tmp_path / "home")
    before = os.umask(0)
    try:
        paths.make_home()
    finally:
        os.umask(before)

    modes = {stat.S_IMODE(folder.stat().st_mode) for folder in (paths.home, paths.keys)}
    assert modes == {0o700}


def test_a_secret_does_not_show_itself() -> None:
    secret = read_secret({"TOKEN": "hush"}, "TOKEN", purpose="the webhook")

    assert "hush" not in repr(secret)
    assert secret.get_secret_value() == "hush"


def test_a_missing_secret_names_its_variable_and_its_use() -> None:
    with pytest.raises(MissingSecretError, match=r"the webhook needs .* TOKEN"):
        read_secret({"TOKEN": ""}, "TOKEN", purpose="the webhook")
