from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from prediction.gates import Evidence, Signals, judge_evidence, judge_model
from prediction.metrics import Interval, Metrics, measure

ENOUGH = Evidence(
    positives=100, negatives=100, judged_positives=20, judged_negatives=20,
    trained_positives=60, missing_days=0, had_model=False,
)  # fmt: skip
GOOD = Metrics(
    people=2_000, positives=120, base_rate=0.06, auc=0.74, auc_interval=Interval(0.69, 0.79),
    log_loss=0.2, brier=0.05, ece=0.015, ece_by_chance=0.012, slope=1.0,
    slope_interval=Interval(0.8, 1.2), lift=2.8, lift_interval=Interval(2.0, 3.6), bins=(),
)  # fmt: skip
EQUAL = measure(np.full(200, 0.1), np.arange(200) % 10 == 0, seed=1)
SIGNALS = Signals(GOOD, Interval(0.01, 0.08), ())


def test_enough_evidence_and_a_good_model_pass() -> None:
    assert judge_evidence(ENOUGH).allowed
    assert judge_model(SIGNALS).allowed
    assert judge_model(replace(SIGNALS, gain_over_rule=None)).allowed


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"positives": 99}, "needs 1 more person who did it", id="few did"),
        pytest.param({"negatives": 60}, "needs 40 more persons who did not", id="few did not"),
        pytest.param({"missing_days": 7}, "needs 7 more days", id="short"),
        pytest.param({"judged_positives": 0}, "later to judge at", id="not judged"),
        pytest.param({"trained_positives": 0}, "earlier to learn from", id="not trained"),
    ],
)
def test_any_lack_of_evidence_is_named(change: dict[str, int], reason: str) -> None:
    verdict = judge_evidence(replace(ENOUGH, **change))

    assert not verdict.allowed
    assert reason in " ".join(verdict.reasons)


def test_a_model_in_use_stays_down_to_eighty_so_that_it_does_not_flap() -> None:
    assert judge_evidence(replace(ENOUGH, positives=85, had_model=True)).allowed
    assert not judge_evidence(replace(ENOUGH, positives=79, had_model=True)).allowed


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"auc_interval": Interval(0.58, 0.8)}, "as low as 0.580", id="ranks badly"),
        pytest.param(
            {"slope": 0.4, "slope_interval": Interval(0.2, 0.6)}, "slope", id="overconfident"
        ),
        pytest.param({"slope": 2.0, "slope_interval": Interval(1.5, 2.5)}, "slope", id="timid"),
        pytest.param({"ece": 0.031}, "calibration error 0.031", id="wrong"),
        pytest.param({"ece": 0.06, "ece_by_chance": 0.055}, "so few judged", id="few judged"),
        pytest.param(
            {"base_rate": 0.02, "ece": 0.015, "ece_by_chance": 0.005}, "beyond chance", id="rare"
        ),
        pytest.param({"lift_interval": Interval(1.4, 4)}, "top tenth's lift", id="flat top"),
    ],
)
def test_any_single_gate_refuses(change: dict[str, object], reason: str) -> None:
    verdict = judge_model(replace(SIGNALS, metrics=replace(GOOD, **change)))

    assert len(verdict.reasons) == 1
    assert reason in verdict.reasons[0]


def test_of_equal_scores_it_is_said_that_nothing_can_be_told_and_no_bound() -> None:
    (reason,) = judge_model(replace(SIGNALS, metrics=EQUAL)).reasons

    assert reason == (
        "all who were judged have the same score, so that it ranks nobody and its calibration slope cannot "
        "be told"
    )


def test_where_most_do_it_half_of_the_lift_that_there_can_be_is_enough() -> None:
    # Where three in four do it a perfect top tenth has a lift of 1.33.
    change = {"base_rate": 0.75, "lift": 1.25, "lift_interval": Interval(1.2, 1.3)}

    assert judge_model(replace(SIGNALS, metrics=replace(GOOD, **change))).allowed


def test_a_slope_that_chance_explains_is_no_reason() -> None:
    metrics = replace(GOOD, slope=0.75, slope_interval=Interval(0.55, 0.95))

    assert judge_model(replace(SIGNALS, metrics=metrics)).allowed


def test_a_model_that_is_not_surely_better_than_the_rule_is_refused() -> None:
    verdict = judge_model(replace(SIGNALS, gain_over_rule=Interval(-0.01, 0.05)))

    assert verdict.reasons == ("it does not rank surely better than the rule",)


def test_all_reasons_are_given_not_the_first() -> None:
    metrics = replace(GOOD, ece=0.2, lift_interval=Interval(1, 2))

    assert len(judge_model(Signals(metrics, Interval(-1, 1), ("it leaks",))).reasons) == 4
