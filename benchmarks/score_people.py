"""Score people by a regression, against scikit-learn's pipeline of the same steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from benchmarks.measured import SEED, Ratio
from prediction.dataset import Examples, Floats
from prediction.logistic import train

FEATURES, LEARNT_FROM, SCORED_PER_PERSON = 94, 10_000, 20


def measure(_folder: Path, *, people: int) -> Ratio:
    """Probabilities of twenty times as many people; processor time, so that a busy machine counts less."""
    rng = np.random.default_rng(SEED)
    learnt = _values(rng, LEARNT_FROM)
    outcomes = rng.random(LEARNT_FROM) < 1 / (1 + np.exp(3 - np.nan_to_num(learnt[:, 0])))
    names = tuple(f"feature_{number}" for number in range(FEATURES))
    numbers = np.arange(LEARNT_FROM)
    ours = train(
        Examples(names, learnt, outcomes, np.full(LEARNT_FROM, "training"), numbers, ""),
        use=np.ones(FEATURES, dtype=np.bool_), seed=SEED,
    )  # fmt: skip
    theirs = make_pipeline(
        SimpleImputer(add_indicator=True), FunctionTransformer(np.log1p), StandardScaler(),
        LogisticRegression(max_iter=1_000),
    ).fit(learnt, outcomes)  # fmt: skip
    asked = _values(rng, SCORED_PER_PERSON * people)
    return Ratio(
        f"{len(asked):,} people scored, processor time", _seconds(lambda: ours.predict(asked)),
        "scikit-learn's pipeline", _seconds(lambda: theirs.predict_proba(asked)), budget=3.0,
    )  # fmt: skip


def _values(rng: np.random.Generator, n: int) -> Floats:
    """Counts, of which the last ten columns are unknown for a third."""
    values = rng.poisson(2.0, (n, FEATURES)).astype(np.float64)
    values[:, -10:][rng.random((n, 10)) < 1 / 3] = np.nan
    return values


def _seconds(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began
