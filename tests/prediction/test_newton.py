"""Newton's method ends where no step helps, and never at weights that lose more."""

from __future__ import annotations

import numpy as np
import pytest

from prediction import newton
from prediction.dataset import Flags, Floats
from prediction.newton import HALVINGS, minimise


@pytest.fixture
def losses(monkeypatch: pytest.MonkeyPatch) -> list[Floats]:
    """The weights of which a loss is asked; every loss but the first is larger."""
    asked: list[Floats] = []

    def lose(design: Floats, outcomes: Flags, penalty: Floats, weights: Floats) -> float:
        asked.append(weights)
        return float(len(asked))

    monkeypatch.setattr(newton, "_loss", lose)
    return asked


def test_where_no_part_of_a_step_helps_the_weights_stay(losses: list[Floats]) -> None:
    start = np.array([0.5])
    design, outcomes = np.array([[1.0], [2.0], [-1.0]]), np.array([True, True, False])

    found = minimise(design, outcomes, np.ones(1), start)

    assert found.tolist() == start.tolist()
    assert len(losses) == HALVINGS + 1


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_value_that_is_no_number_leaves_weights_that_are() -> None:
    design, outcomes = np.array([[1.0], [np.nan], [-1.0]]), np.array([True, True, False])

    found = minimise(design, outcomes, np.ones(1), np.array([0.5]))

    assert found.tolist() == [0.5]
