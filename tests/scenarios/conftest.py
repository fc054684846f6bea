"""The companies in which the stories happen, built once each."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.identity.conftest import Company
from tests.scenarios.crowd import crowd
from tests.scenarios.stories import LIKENESS, STORIES
from tests.scenarios.world import World

Build = Callable[[str, str], World]
# Enough people for a model; that it decides is tested.
FAMILIES = 140


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Give the company decided by ``rules`` or a ``model``, built in ``increments`` or at ``once``."""

    @cache
    def built(decider: str, way: str) -> World:
        folder: Path = tmp_path_factory.mktemp(f"{decider}-{way}")
        is_model = decider == "model"
        world = World.begin(
            folder,
            STORIES + LIKENESS if is_model else STORIES,
            crowd(FAMILIES) if is_model else None,
        )
        return world.in_increments() if way == "increments" else world.at_once()

    return built


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """A company of its own, empty."""
    return Company(tmp_path)
