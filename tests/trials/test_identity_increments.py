"""Hundreds of random worlds: resolving what has changed gives what resolving everything gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.identity.test_increment import compare_runs

WORLDS = {"sample": 1, "full": 300}
# Beside the worlds of the quick test.
_FIRST = 1_000


@pytest.mark.slow
@pytest.mark.timeout(7_200)
def test_a_part_of_any_world_is_resolved_as_all_of_it_is(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("identity.increment.MOST_CHANGED", 1.0)

    for seed in range(_FIRST, _FIRST + WORLDS[request.config.getoption("--trials")]):
        print(f"world {seed}")  # noqa: T201 - names the world that fails
        folder = tmp_path / str(seed)
        folder.mkdir()
        compare_runs(seed, folder)
