from __future__ import annotations

import datetime as dt
import json

import pytest

from prediction import read_drift
from prediction.drift import Tier
from prediction.outcomes import read_matured
from prediction.predict import ScoreReport
from tests.prediction.conftest import AS_OF, Company, predictions

CONFIG = predictions()
LATER = {days: AS_OF + dt.timedelta(days=days) for days in (8, 9, 16, 40)}


@pytest.fixture
def company(published: Company) -> Company:
    """A model is published; who is scored later is as who is scored now."""
    for date in LATER.values():
        published.warehouse.execute(
            f"insert into marts.features_as_of select * replace (timestamp '{date}' as as_of) "
            f"from marts.features_as_of where as_of = timestamp '{AS_OF}'"
        )
    return published


def raise_alarm(company: Company, days: int) -> None:
    """The scores of the version that answers moved."""
    company.warehouse.execute(
        "insert into prediction.drift by name select model_key, model_version, 'score' as kind, "
        "'score' as subject, 'moved' as status, 'ticket' as tier, "
        f"timestamp '{LATER[days]}' as as_of from prediction.models"
    )


def predict(company: Company, days: int) -> ScoreReport:
    return company.predict(CONFIG, as_of=LATER[days])


def test_drift_is_looked_at_in_every_run_and_a_drifting_model_is_trained_anew_after_a_cooldown(
    company: Company,
) -> None:
    quiet = predict(company, 8)
    company.warehouse.execute(
        "update marts.features_as_of set downloads_30d = 4 * downloads_30d + 9, "
        f"sessions_30d = 2 * sessions_30d + 9 where as_of >= timestamp '{LATER[9]}'"
    )
    moved = predict(company, 9)
    anew = predict(company, 16)

    assert (quiet.is_new, quiet.drift.get(Tier.TICKET)) == (False, None)
    assert (moved.is_new, moved.drift[Tier.TICKET]) == (False, ("score",))
    assert {"downloads_30d", "sessions_30d"} <= set(moved.drift[Tier.INFORMATION])
    assert moved.asks_for_training
    assert anew.why == ("drift: score moved",)


def test_an_alarm_of_a_version_that_answers_no_more_asks_for_no_training(company: Company) -> None:
    raise_alarm(company, 9)
    company.warehouse.execute("delete from marts.consent_history where person_id >= 'p00100'")

    report = predict(company, 9)

    assert (report.why, report.answering.algorithm) == (("drift: score moved",), "rule")
    assert (report.asks_for_training, report.drift) == (False, {})


@pytest.mark.parametrize("status", ["champion", "retired", "refused"])
def test_what_is_shown_is_of_versions_that_answer(company: Company, status: str) -> None:
    raise_alarm(company, 9)
    company.warehouse.execute("update prediction.models set status = $now", {"now": status})

    shown = read_drift(company.warehouse).num_rows

    assert shown == (1 if status == "champion" else 0)


def test_probabilities_that_do_not_come_true_page(company: Company) -> None:
    company.warehouse.execute(
        "insert into marts.events by name select 'late ' || person_id as event_id, person_id, "
        f"'Trial Started' as event, timestamp '{AS_OF}' + interval 3 day as occurred_at "
        "from prediction.propensity_scores where hash(person_id) % 3 = 0"
    )

    # It took over late, so that it still answers when its first scores can be judged.
    company.warehouse.execute(f"update prediction.models set in_force_from = '{LATER[16]}'")

    report = predict(company, 40)

    (page,) = [row for row in read_drift(company.warehouse).to_pylist() if row["tier"] == "page"
               and row["kind"] == "labels"]  # fmt: skip
    assert "labels" in report.drift[Tier.PAGE]
    assert page["value"] > page["lower"] > 1.25


def test_what_nobody_consents_to_is_not_looked_at(company: Company) -> None:
    company.warehouse.execute("update marts.consent_history set status = 'denied'")

    model = CONFIG.models["trial"]

    version = company.rows("select model_version from prediction.models")[0][0]

    assert read_matured(company.warehouse, "trial", model, str(version), as_of=LATER[40]) is None


def test_what_is_kept_to_tell_drift_by_is_shares_of_people(company: Company) -> None:
    (file,) = company.artifacts.rglob("reference.json")
    found = json.loads(file.read_text())

    assert set(found) == {"score", "features"}
    assert all(
        len(spread["edges"]) <= 30 and sum(spread["shares"]) == pytest.approx(1)
        for spread in [found["score"], *found["features"].values()]
    )


def test_a_model_of_an_older_candor_without_a_reference_is_still_used(company: Company) -> None:
    (file,) = company.artifacts.rglob("reference.json")
    file.unlink()
    company.warehouse.execute("update prediction.models set file_digests = null")

    report = predict(company, 8)

    assert report.written == report.scored > 0
    assert company.rows(f"select * from prediction.drift where as_of = '{LATER[8]}'") == []
