from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from prediction import TrainedModels, UnknownFeatureError, read_cards
from prediction.dataset import read_examples
from prediction.metrics import auc, expected_calibration_error
from prediction.predict import ScoreReport
from prediction.states import TRAINERS
from tests.prediction.conftest import (
    AS_OF,
    START,
    Company,
    People,
    erase,
    plant_people,
    predictions,
)

CONFIG = predictions()


def scores_of(company: Company, people: People) -> tuple[np.ndarray, np.ndarray]:
    found = dict(company.rows("select person_id, score from prediction.propensity_scores"))
    asked = np.array([person in found for person in people.ids])
    scores = np.array([found[person] for person in people.ids if person in found], dtype=float)
    return scores, asked


def test_a_planted_signal_is_found_and_published(
    planted: tuple[Company, People, ScoreReport],
) -> None:
    company, people, report = planted

    scores, asked = scores_of(company, people)

    assert report.answering.algorithm in TRAINERS
    assert np.corrcoef(scores, people.probability[asked])[0, 1] > 0.65
    assert company.rows("select distinct source from prediction.propensity_scores") == [("model",)]


def test_published_probabilities_mean_what_they_say(
    planted: tuple[Company, People, ScoreReport],
) -> None:
    company, people, _ = planted
    scores, asked = scores_of(company, people)
    later = np.random.default_rng(0).random(asked.sum()) < people.probability[asked]

    assert expected_calibration_error(scores, later) < 0.02
    assert auc(scores, later) > 0.65


def test_intervals_hold_the_score_and_deciles_follow_it(
    planted: tuple[Company, People, ScoreReport],
) -> None:
    company, _, _ = planted

    assert company.rows(
        "select count(*) from prediction.propensity_scores where not (lower <= score and "
        "score <= upper and lower > 0 and upper < 1)"
    ) == [(0,)]
    assert company.rows(
        "select bool_and(best >= next_best) from (select min(score) as best, "
        "lead(max(score)) over (order by decile) as next_best "
        "from prediction.propensity_scores group by decile)"
    ) == [(True,)]


def test_the_reasons_name_what_was_planted(planted: tuple[Company, People, ScoreReport]) -> None:
    company, _, _ = planted

    ((reasons,),) = company.rows(
        "select reasons from prediction.propensity_scores order by score desc limit 1"
    )

    assert {reason["feature"] for reason in json.loads(str(reasons))[:2]} == {
        "downloads_30d",
        "sessions_30d",
    }


def test_the_card_says_what_it_learnt_from_and_names_nobody(
    planted: tuple[Company, People, ScoreReport],
) -> None:
    company, people, report = planted

    (card,) = read_cards(company.warehouse, company.artifacts, "trial")
    texts = [file.read_bytes() for file in company.artifacts.rglob("*") if file.is_file()]

    assert card["data"]["positives"] == report.answering.metrics["positives"]
    assert card["metrics"]["auc"] > 0.6
    assert not any(person.encode() in text for person in people.ids[:500] for text in texts)
    assert not list(company.artifacts.rglob("*.pkl"))


def test_it_is_known_which_versions_learnt_from_whom(
    planted: tuple[Company, People, ScoreReport],
) -> None:
    company, people, report = planted
    answering, config = report.answering, CONFIG.models["trial"]
    examples = read_examples(company.warehouse, "trial", config, as_of=AS_OF)
    models = TrainedModels(company.warehouse, company.artifacts)

    found = models.learnt_from({"r1": [people.ids[7], "p_merged"], "r2": ["nobody"]})

    ((teachers,),) = company.rows("select count(*) from prediction.learnt_from")
    assert teachers == len(np.unique(examples.persons))
    assert [(item.model_version, item.status) for item in found["r1"]] == [
        (answering.model_version, "champion")
    ]
    assert found["r2"] == []
    assert models.has_file("trial", answering.model_version)
    assert not models.has_file("trial", "another")


def test_running_it_again_with_nothing_new_writes_nothing(
    planted: tuple[Company, People, ScoreReport],
) -> None:
    company, _, _ = planted
    before = company.contents()
    files = {file: file.stat().st_mtime_ns for file in company.artifacts.rglob("*")}

    again = company.predict(CONFIG)

    assert (again.is_new, again.written) == (False, 0)
    assert company.contents() == before
    assert {file: file.stat().st_mtime_ns for file in company.artifacts.rglob("*")} == files


def test_a_rebuild_from_nothing_gives_the_same_scores(
    planted: tuple[Company, People, ScoreReport], tmp_path: Path
) -> None:
    company, _, _ = planted
    other = Company(tmp_path)
    plant_people(other, 4_000, seed=3)

    other.predict(CONFIG)

    assert other.contents()["propensity_scores"] == company.contents()["propensity_scores"]


def test_noise_is_refused_and_the_rule_answers(company: Company) -> None:
    plant_people(company, 3_000, seed=4, signal=False)

    report = company.predict(CONFIG)

    rule, refused = report.decisions
    assert (rule.algorithm, rule.status, refused.status) == ("rule", "champion", "refused")
    assert "AUC" in refused.reason
    assert company.rows("select distinct source from prediction.propensity_scores") == [("rule",)]


def test_a_sparse_company_gets_rule_scores_and_is_told_what_is_missing(company: Company) -> None:
    people = plant_people(company, 400, seed=5)

    report = company.predict(CONFIG)

    done = int(((people.trial_day > 20) & (people.trial_day < 150)).sum())
    missing = 100 - report.answering.metrics["positives"]
    assert 0 < report.answering.metrics["positives"] <= done
    assert f"needs {missing} more persons who did it" in report.answering.reason
    assert company.rows(
        "select distinct source, lower from prediction.propensity_scores where score between 0 and 1"
    ) == [("rule", None)]


def test_without_a_rule_nothing_answers_and_the_score_is_unknown(company: Company) -> None:
    plant_people(company, 300, seed=5)

    report = company.predict(predictions(rule=None))

    assert report.answering.status == "insufficient"
    assert company.rows("select distinct source, score from prediction.propensity_scores") == [
        ("insufficient", None)
    ]


def test_who_gave_no_consent_is_not_learnt_from(company: Company) -> None:
    plant_people(company, 600, seed=6)
    company.predict(CONFIG)
    learnt = len(read_examples(company.warehouse, "trial", CONFIG.models["trial"], as_of=AS_OF))
    company.warehouse.execute("delete from marts.consent_history where person_id >= 'p00300'")

    left = read_examples(company.warehouse, "trial", CONFIG.models["trial"], as_of=AS_OF)

    assert 0.4 * learnt < len(left) < 0.6 * learnt
    assert left.persons.max() <= 300


@pytest.mark.parametrize(
    "withdrawal",
    [
        pytest.param("set valid_from = timestamp '2026-05-20'", id="granted only later"),
        pytest.param("set valid_to = timestamp '2026-05-20'", id="withdrawn since"),
        pytest.param("set status = 'denied'", id="denied"),
        pytest.param("set purpose = 'advertising'", id="for something else"),
    ],
)
def test_consent_must_hold_at_the_date_and_now(company: Company, withdrawal: str) -> None:
    plant_people(company, 300, seed=6)
    company.predict(CONFIG)
    company.warehouse.execute(f"update marts.consent_history {withdrawal}")

    found = read_examples(company.warehouse, "trial", CONFIG.models["trial"], as_of=AS_OF)

    assert len(found) == 0


def test_a_withdrawal_removes_the_scores_of_every_date(company: Company) -> None:
    plant_people(company, 400, seed=5)
    company.predict(CONFIG)
    company.warehouse.execute(
        "update prediction.propensity_scores set as_of = as_of - interval 1 day "
        "where person_id < 'p00010'"
    )
    company.warehouse.execute(
        "update marts.consent_history set status = 'denied' where person_id < 'p00020'"
    )

    company.predict(CONFIG)

    assert company.rows(
        "select count(*) from prediction.propensity_scores where person_id < 'p00020'"
    ) == [(0,)]


def test_all_are_scored_where_the_configuration_says_so(company: Company) -> None:
    plant_people(company, 400, seed=5)
    company.warehouse.execute("delete from marts.consent_history where person_id < 'p00100'")

    report = company.predict(predictions(scored="all"))

    asked = company.rows("select count(*) from prediction.spine where role = 'scoring'")
    assert [(report.scored,)] == asked


def test_what_is_done_later_changes_nothing_that_was_learnt_before(company: Company) -> None:
    plant_people(company, 500, seed=8)
    model = CONFIG.models["trial"]
    company.predict(CONFIG)
    before = read_examples(company.warehouse, "trial", model, as_of=AS_OF)
    spine = company.contents()["spine"]

    for delay in (0, 10):  # after as_of, and before it but received after it
        at = AS_OF + dt.timedelta(days=1 - delay)
        late = AS_OF + dt.timedelta(days=1)
        facts = {"event_id": [f"late {delay}"], "event": ["Trial Started"], "occurred_at": [at]}
        company.add("marts.events", **facts, person_id=["p00001"], received_at=[late])
        company.add(
            "intermediate.int_events__classified", **facts, anonymous_id=["d00001"],
            visitor_id=["d00001"], known_at=[late], is_automated=[False],
        )  # fmt: skip
    company.predict(CONFIG)

    assert company.contents()["spine"] == spine
    assert (
        read_examples(company.warehouse, "trial", model, as_of=AS_OF).fingerprint
        == before.fingerprint
    )


def test_a_feature_that_gives_the_outcome_away_is_refused(company: Company) -> None:
    people = plant_people(company, 1_200, seed=9)
    started = pa.table({"person_id": people.ids, "day": people.trial_day})
    with company.warehouse.view("started", started):
        company.warehouse.execute(
            "update marts.features_as_of set tickets_90d = 99 from started "
            "where started.person_id = features_as_of.person_id and day < 1000 and "
            f"date_diff('day', timestamp '{START}', as_of) between day - 30 and day"
        )

    report = company.predict(CONFIG)

    assert report.answering.algorithm == "rule"
    assert "tickets_90d alone tells the outcome" in report.answering.reason


def test_a_feature_may_be_left_out(published: Company) -> None:
    report = published.predict(predictions(leave_out=["downloads_30d"]))

    cards = read_cards(published.warehouse, published.artifacts, "trial")
    assert report.decisions
    assert all(card["features"].get("downloads_30d", 0) == 0 for card in cards if card["path"])


def test_a_feature_that_does_not_exist_is_named(company: Company) -> None:
    plant_people(company, 50, seed=1)

    with pytest.raises(UnknownFeatureError, match="downlods_30d"):
        company.predict(predictions(leave_out=["downlods_30d"]))


def test_a_published_model_is_kept_for_some_days_and_then_trained_anew(
    planted: tuple[Company, People, ScoreReport], published: Company
) -> None:
    company, first = published, planted[2]
    for days in (10, 40):
        company.warehouse.execute(
            f"insert into marts.features_as_of select * replace (as_of + to_days({days}) as as_of) "
            f"from marts.features_as_of where as_of = timestamp '{AS_OF}'"
        )

    soon = company.predict(CONFIG, as_of=AS_OF + dt.timedelta(days=10))
    late = company.predict(CONFIG, as_of=AS_OF + dt.timedelta(days=40))

    assert soon.answering.model_version == first.answering.model_version
    assert soon.written == soon.scored > 0
    assert late.is_new


def test_a_model_that_is_not_configured_any_more_is_retired(company: Company) -> None:
    plant_people(company, 300, seed=5)
    company.predict(CONFIG)
    other = type(CONFIG).model_validate(
        {"models": {"other": CONFIG.models["trial"].model_dump(exclude_unset=True)}}
    )

    company.predict(other)

    assert company.rows("select model_key, status from prediction.models order by all") == [
        ("other", "champion"),
        ("trial", "retired"),
    ]


def test_when_somebody_is_erased_nobody_elses_score_moves(published: Company) -> None:
    company = published
    others = "select * from prediction.propensity_scores where person_id <> 'p00007' order by all"
    before = company.rows(others)
    erase(company, "p00007")

    again = company.predict(CONFIG)

    assert not again.is_new
    assert again.written == len(before) > 1_000
    assert company.rows("select * from prediction.propensity_scores order by all") == before


def test_a_forced_training_decides_anew_even_where_the_model_is_young(company: Company) -> None:
    plant_people(company, 400, seed=5)
    company.predict(CONFIG)

    assert company.predict(CONFIG, retrain=True).is_new
