from __future__ import annotations

import numpy as np
import pytest

from prediction.dataset import Examples
from prediction.leakage import Leak, find_leaks

N = 3_000
USE = np.ones(4, dtype=bool)


def examples(pull: tuple[float, float, float], *, seed: int, is_copied: bool = False) -> Examples:
    """Three features that tell as much as they pull, and one that tells nothing or copies the first."""
    rng = np.random.default_rng(seed)
    told = rng.normal(size=(N, 3))
    outcomes = rng.random(N) < 1 / (1 + np.exp(2 - told @ np.array(pull)))
    fourth = told[:, 0] + 0.05 * rng.normal(size=N) if is_copied else rng.normal(size=N)
    values = np.expm1(np.maximum(np.column_stack([told, fourth]) + 4, 0))
    return Examples(("a", "b", "c", "d"), values, outcomes, np.repeat("x", N), np.arange(N), "")


def found(
    pull: tuple[float, float, float], *, is_copied: bool = False, **more: object
) -> list[str]:
    earlier, later = (examples(pull, seed=seed, is_copied=is_copied) for seed in (1, 2))
    return [leak.feature for leak in find_leaks(earlier, later, USE, seed=1, **more)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pull", "leaks"),
    [
        pytest.param((0.8, 0.8, 0.8), [], id="each-a-little"),
        pytest.param((1.0, 0.0, 0.0), [], id="one-a-little"),
        pytest.param((2.5, 0.4, 0.4), ["a"], id="one-more-than-all"),
        pytest.param((2.5, 2.5, 0.4), [], id="two-alike"),
        pytest.param((12.0, 0.0, 0.0), ["a"], id="nearly-the-outcome"),
    ],
)
def test_a_feature_that_tells_more_than_all_others_together_is_suspected(
    pull: tuple[float, float, float], leaks: list[str]
) -> None:
    assert found(pull) == leaks


def test_a_copy_of_a_leak_does_not_hide_it() -> None:
    assert found((2.5, 0.4, 0.4), is_copied=True) == ["a", "d"]


def test_somebody_who_knows_can_say_that_a_feature_is_honest() -> None:
    assert found((2.5, 0.4, 0.4), trusted=["a"]) == []
    assert found((12.0, 0.0, 0.0), trusted=["a"]) == ["a"]


def test_a_feature_that_is_left_out_is_not_looked_into() -> None:
    earlier, later = (examples((2.5, 0.4, 0.4), seed=seed) for seed in (1, 2))

    assert find_leaks(earlier, later, np.array([False, True, True, True]), seed=1) == ()


def test_the_reason_leads_with_what_to_do_about_an_honest_feature() -> None:
    reason = Leak("pages", 0.863, 0.75).reason

    assert reason.startswith("look into pages: put it under trusted in predictions.yml if you know")
