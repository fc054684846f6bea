"""Intervals of policies that are judged from the logs of another hold the truth as often as they say."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from measurement import LoggedDecisions, expect_rewards, judge_policy

# By segment and arm: what converts, how the arms were drawn, how the judged policy draws them.
RATES = np.array([[0.04, 0.06, 0.05], [0.05, 0.03, 0.08], [0.02, 0.02, 0.03], [0.10, 0.12, 0.06]])
LOGGED = np.array([[0.3, 0.4, 0.3], [0.2, 0.1, 0.7], [0.34, 0.33, 0.33], [0.05, 0.9, 0.05]])
WANTED = np.array([[0.05, 0.9, 0.05], [0.05, 0.05, 0.9], [0.1, 0.1, 0.8], [0.1, 0.6, 0.3]])
SHARES = np.array([0.4, 0.3, 0.2, 0.1])


@pytest.mark.parametrize(
    ("decisions", "scale"),
    [
        pytest.param(3_000, 1.0, id="some"),
        pytest.param(10_000, 0.3, id="rare"),
        pytest.param(2_000, 0.5, id="few"),
    ],
)
def test_intervals_hold_the_truth(
    request: pytest.FixtureRequest, decisions: int, scale: float
) -> None:
    is_full = request.config.getoption("--trials") == "full"
    runs = 500 if is_full else 40
    truth = float((SHARES[:, None] * WANTED * RATES * scale).sum())
    held: dict[str, list[bool]] = defaultdict(list)
    for seed in range(runs):
        chance = np.random.default_rng(seed)
        cells = chance.choice(4, size=decisions, p=SHARES)
        drawn = chance.random(decisions)[:, None] > LOGGED[cells].cumsum(axis=1)
        actions = drawn.sum(axis=1).clip(0, 2)
        rewards = (chance.random(decisions) < scale * RATES[cells, actions]).astype(float)
        logged = LoggedDecisions(rewards, LOGGED[cells, actions], WANTED[cells, actions])
        for value in judge_policy(logged, expect_rewards(cells, actions, rewards, WANTED[cells])):
            if value.refusal is None and value.interval is not None:
                held[value.estimator].append(value.interval.low <= truth <= value.interval.high)

    assert held.keys() == {"ips", "snips", "doubly_robust"}
    for estimator, hits in held.items():
        assert len(hits) > 0.9 * runs, estimator
        assert np.mean(hits) >= (0.93 if is_full else 0.82), estimator
