from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from prediction.dataset import Examples
from prediction.dates import Role
from prediction.logistic import train
from prediction.metrics import log_loss, loss_gain
from prediction.propensity import Incumbent, Question, _choose, decide
from prediction.registry import Decision, Status, fingerprint
from tests.prediction.conftest import AS_OF, predictions

CONFIG = predictions(rule=None).models["trial"]
USE = np.ones(2, dtype=bool)


def examples(*, seed: int, is_broken: bool = False) -> Examples:
    """Two features tell; ``is_broken``: at the earlier dates the second one was not collected."""
    rng = np.random.default_rng(seed)
    roles = np.repeat([Role.TRAINING, Role.JUDGING], [3_000, 3_000]).astype(str)
    keenness = rng.normal(size=(6_000, 2))
    outcomes = rng.random(6_000) < 1 / (1 + np.exp(2.5 - keenness.sum(axis=1)))
    shown = np.expm1(np.maximum(keenness + 3, 0))
    if is_broken:
        earlier = roles == str(Role.TRAINING)
        shown[earlier, 1] = rng.permutation(shown[earlier, 1])
    return Examples(("first", "second"), shown, outcomes, roles, np.arange(6_000), "data")


def scored(lost: dict[str, float]) -> dict[str, np.ndarray]:
    """Scores of 400 persons, half of whom did it; each kind is so sure of what is right."""
    did = np.arange(400) % 2 == 0
    noise = np.random.default_rng(1).normal(0, 0.1, 400)
    return {
        name: np.clip(
            np.where(did, sure, 1 - sure) + (noise if name == "boosted_trees" else 0), 0.05, 0.95
        )
        for name, sure in lost.items()
    }


@pytest.mark.parametrize(
    ("sure", "people", "best"),
    [
        pytest.param(0.8, 300, "boosted_trees", id="few, surely better"),
        pytest.param(0.715, 300, "sparse_logistic", id="few, perhaps better"),
        pytest.param(0.715, 500, "boosted_trees", id="many, perhaps better"),
        pytest.param(0.6, 500, "sparse_logistic", id="worse"),
    ],
)
def test_trees_that_learnt_from_few_must_be_surely_better(
    sure: float, people: int, best: str
) -> None:
    did = np.arange(400) % 2 == 0
    later = Examples(("x",), np.zeros((400, 1)), did, np.repeat("judging", 400), np.arange(400), "")
    rows = np.arange(people)
    earlier = Examples(
        ("x",), np.zeros((people, 1)), rows >= 0, np.repeat("training", people), rows, ""
    )
    scores = scored({"ridge_logistic": 0.65, "sparse_logistic": 0.7, "boosted_trees": sure})
    rivals = {name: log_loss(found, did) for name, found in scores.items()}

    assert _choose(scores, rivals, earlier, later, seed=1) == best


def test_of_kinds_that_lose_the_same_the_default_goes_on() -> None:
    later = examples(seed=1)
    rivals = {"ridge_logistic": 0.4, "sparse_logistic": 0.4, "boosted_trees": 0.5}

    assert _choose({}, rivals, later, later, seed=1) == "ridge_logistic"


def question(model: object) -> Question:
    before = Decision(
        model_key="trial", model_version="older", status=Status.CHAMPION,
        algorithm="ridge_logistic", reason="it passed", metrics={},
        trained_as_of=AS_OF - dt.timedelta(days=40), data_fingerprint="then",
        config_fingerprint=fingerprint(CONFIG), path="models/trial/older",
    )  # fmt: skip
    return Question("trial", CONFIG, AS_OF, 0, True, 5, Incumbent(before, model))  # type: ignore[arg-type]


def test_a_new_version_that_is_not_worse_takes_over(tmp_path: Path) -> None:
    older = train(examples(seed=1), use=USE, seed=1)

    (found,) = decide(question(older), examples(seed=2), tmp_path)

    assert (found.status, found.model_version != "older") == ("champion", True)


def test_a_new_version_that_is_surely_worse_is_refused_and_the_older_one_stays(
    tmp_path: Path,
) -> None:
    older = train(examples(seed=1), use=USE, seed=1)

    stays, refused = decide(question(older), examples(seed=2, is_broken=True), tmp_path)

    assert (stays.model_version, stays.status, refused.status) == ("older", "champion", "refused")
    assert "more than older, which stays" in refused.reason


def test_the_gain_is_of_the_new_scores_over_the_old() -> None:
    outcomes = np.arange(400) % 2 == 0
    sure, unsure = np.where(outcomes, 0.8, 0.2), np.full(400, 0.5)

    found = loss_gain(unsure, sure, outcomes, seed=1)

    assert found.low == pytest.approx(np.log(0.8 / 0.5))
