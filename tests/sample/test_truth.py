"""What is planted can be found again, and the truth agrees with the files."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.metrics import roc_auc_score

from sample import make_sample
from sample.experiment import HERO_EFFECT, SEGMENTS
from sample.personas import PERSONAS, topic_weights
from tests.sample.conftest import Made, read_csv


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("large")
    landing, truth = folder / "landing", folder / "truth"
    return Made(landing, truth, make_sample(people=12_000, seed=5, out=landing, truth=truth))


def numbers(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.float64()).to_numpy()


def test_the_planted_effect_is_within_reach_of_the_realised_one(large: Made) -> None:
    table = large.truth_table("experiment")

    planted, realised, error = (
        numbers(table[name])
        for name in ("true_abs_effect", "realised_difference", "standard_error")
    )
    assert (abs(realised - planted) < 4 * error).all()
    strong = abs(planted) > 3 * error
    assert strong.sum() >= 2
    assert (np.sign(realised) == np.sign(planted))[strong].all()


def test_the_effect_by_segment_is_the_one_that_the_code_states(large: Made) -> None:
    table = large.truth_table("experiment")

    told = dict(zip(table["segment"].to_pylist(), numbers(table["true_abs_effect"]), strict=True))
    for segment, effect in zip(SEGMENTS, HERO_EFFECT, strict=True):
        assert told[segment] == pytest.approx(effect, abs=0.03)


def test_arms_are_drawn_without_regard_to_the_person(large: Made) -> None:
    units = large.truth_table("experiment_units")

    for segment in SEGMENTS:
        arms = units.filter(pc.equal(units["segment"], segment))["first_arm"]
        share = pc.mean(pc.equal(arms, "control").cast(pa.float64())).as_py()
        assert share == pytest.approx(0.45, abs=4 * np.sqrt(0.45 * 0.55 / len(arms)))


def test_the_units_give_the_realised_difference(large: Made) -> None:
    units, table = large.truth_table("experiment_units"), large.truth_table("experiment")

    success = numbers(units["demo_within_14d"])
    is_b, is_control = (
        pc.equal(units["first_arm"], arm).to_numpy() for arm in ("hero_b", "control")
    )
    difference = success[is_b].mean() - success[is_control].mean()
    assert difference == pytest.approx(numbers(table["realised_difference"])[-1], abs=1e-4)


def test_the_true_chance_of_a_trial_ranks_the_outcomes_as_well_as_stated(large: Made) -> None:
    table = large.truth_table("propensity")
    last = table.filter(
        pc.equal(table["cutoff"], (large.landing / "as_of.txt").read_text().strip())
    )

    chance, outcome = numbers(last["p_true"]), numbers(last["outcome_30d"])

    assert 0.77 < roc_auc_score(outcome, chance) < 0.85
    assert chance.mean() == pytest.approx(outcome.mean(), abs=0.01)


def test_readers_of_a_persona_read_its_topics(large: Made) -> None:
    interests = large.truth_table("interests").join(large.truth_table("personas"), "person_id")
    topics = interests.column_names[1 : 1 + topic_weights().shape[1]]
    shares = np.stack([numbers(interests[topic]) for topic in topics], axis=1)

    guess = np.argmax(np.log(topic_weights() + 1e-9) @ shares.T, axis=0)

    truth = [next(place for place, kind in enumerate(PERSONAS) if kind.name == name)
             for name in interests["persona"].to_pylist()]  # fmt: skip
    assert (guess == truth).mean() > 0.9


def test_the_final_consent_is_the_latest_decision_of_a_person(made: Made) -> None:
    devices = {row["anonymous_id"]: row for row in made.truth_table("devices").to_pylist()}
    lines = (made.landing / "privacy/consent_events.jsonl").read_text().splitlines()
    final = {
        (row["subject_id"], row["purpose"]): row["status"]
        for row in made.truth_table("consent_final").to_pylist()
    }

    changed = [json.loads(line) for line in lines if "preference_center" in line]
    latest: dict[tuple[str, str], str] = {}
    for event in map(json.loads, lines):
        device = devices.get(event["subject"].get("anonymous_id", ""))
        if device and not device["shared_kind"]:
            latest[device["person_id"], event["purpose"]] = event["status"]
    agreed = [final[key] == status for key, status in latest.items() if key in final]

    assert changed
    assert len(agreed) > 1_000
    assert np.mean(agreed) > 0.97  # the others changed their mind later, by e-mail


def test_readings_to_come_are_of_published_content(made: Made) -> None:
    content = set(made.table("content/content.csv")["content_id"].to_pylist())
    table = made.truth_table("recommendations")

    assert set(table["content_id"].to_pylist()) <= content
    assert set(table["seen_before"].to_pylist()) == {"0", "1"}


def test_requests_expect_the_records_of_the_people_who_asked(made: Made) -> None:
    lines = (made.landing / "privacy/dsr_requests.jsonl").read_text().splitlines()
    expected = read_csv(made.truth / "dsr_expected.csv")

    asked = {json.loads(line)["subject_request_id"] for line in lines}
    assert set(expected["subject_request_id"].to_pylist()) == asked
