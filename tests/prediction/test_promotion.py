from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest

from prediction import (
    BrokenModelError,
    NoEarlierVersionError,
    Order,
    RefusedVersionError,
    UnfitVersionError,
    UnknownModelError,
    UnknownVersionError,
    promote,
    read_cards,
    roll_back,
)
from prediction.files import read_state, write_folder
from prediction.predict import ScoreReport
from prediction.promotion import read_changes
from tests.prediction.conftest import AS_OF, NOW, Company, People, predictions

CONFIG = predictions()
MODEL = CONFIG.models["trial"]


def order(why: str = "it ranks worse", *, minutes: int = 1) -> Order:
    return Order("Ana", why, AS_OF, NOW + dt.timedelta(minutes=minutes))


def answering(company: Company) -> str:
    ((version,),) = company.rows(
        "select distinct model_version from prediction.propensity_scores "
        "where as_of = (select max(as_of) from prediction.propensity_scores)"
    )
    return str(version)


def forget_most(company: Company) -> None:
    """Leave too few to learn from: deciding takes no time then."""
    company.warehouse.execute("delete from marts.consent_history where person_id >= 'p00100'")


@pytest.fixture(scope="module")
def trained(
    planted: tuple[Company, People, ScoreReport], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Company, str, str]:
    """A model is published, and trained anew from fewer persons; copy it to change it."""
    company = planted[0].copy(tmp_path_factory.mktemp("trained"))
    first = answering(company)
    company.warehouse.execute("delete from marts.consent_history where person_id >= 'p03995'")
    company.predict(CONFIG, retrain=True)
    return company, first, answering(company)


@pytest.fixture
def company(trained: tuple[Company, str, str], tmp_path: Path) -> Company:
    return trained[0].copy(tmp_path / "company")


@pytest.fixture
def versions(trained: tuple[Company, str, str]) -> tuple[str, str]:
    return trained[1:]


def test_a_walk_from_one_version_to_the_next_and_back(
    company: Company, versions: tuple[str, str]
) -> None:
    first, second = versions
    assert first != second
    assert not second.startswith("rule")

    roll_back(
        company.warehouse, company.artifacts, "trial", None, order("v2 ranks worse"), config=MODEL
    )
    back = company.predict(CONFIG)
    again = company.predict(CONFIG)
    promote(
        company.warehouse,
        company.artifacts,
        "trial",
        second,
        order("mended", minutes=2),
        config=MODEL,
    )
    forth = company.predict(CONFIG)

    assert (back.answering.model_version, back.is_new) == (first, False)
    assert back.written == back.scored > 0
    assert (again.written, again.is_new) == (0, False)
    assert (forth.answering.model_version, answering(company)) == (second, second)
    told = read_changes(company.warehouse, "trial").to_pylist()
    assert [(row["action"], row["version"], row["reason"]) for row in told][:2] == [
        ("promoted", second, "mended"),
        ("rolled_back", first, "v2 ranks worse"),
    ]
    assert [row["changed_by"] for row in told] == ["Ana", "Ana", "candor", "candor"]


def test_what_a_person_put_in_force_holds_against_the_configuration_until_its_time_is_over(
    company: Company, versions: tuple[str, str]
) -> None:
    roll_back(company.warehouse, company.artifacts, "trial", versions[0], order(), config=MODEL)
    company.warehouse.execute(
        "update prediction.models set config_fingerprint = 'older' where status = 'champion'"
    )

    soon = company.predict(CONFIG)
    company.warehouse.execute(
        "update prediction.models set in_force_from = in_force_from - interval 31 day, "
        "trained_as_of = trained_as_of - interval 31 day"
    )
    late = company.predict(CONFIG)

    assert soon.answering.model_version == versions[0]
    assert late.why == ("it answers for 31 days",)


def test_there_is_nothing_before_the_first_version(published: Company) -> None:
    with pytest.raises(NoEarlierVersionError, match="nothing answered for model 'trial' before"):
        roll_back(published.warehouse, published.artifacts, "trial", None, order(), config=MODEL)


@pytest.mark.parametrize(
    ("key", "version", "error"),
    [
        pytest.param("trail", "v", UnknownModelError, id="model"),
        pytest.param("trial", "v", UnknownVersionError, id="version"),
    ],
)
def test_what_is_not_there_is_named(
    published: Company, key: str, version: str, error: type[Exception]
) -> None:
    with pytest.raises(error, match="trial"):
        promote(published.warehouse, published.artifacts, key, version, order(), config=MODEL)


def test_a_version_that_failed_its_gates_is_not_put_in_force(
    company: Company, versions: tuple[str, str]
) -> None:
    company.warehouse.execute(
        f"update prediction.models set is_passed = false, reason = 'it ranked badly' "
        f"where model_version = '{versions[0]}'"
    )

    with pytest.raises(RefusedVersionError, match="it ranked badly"):
        promote(company.warehouse, company.artifacts, "trial", versions[0], order(), config=MODEL)


def test_a_version_whose_file_is_gone_is_not_put_in_force(
    company: Company, versions: tuple[str, str], tmp_path: Path
) -> None:
    with pytest.raises(BrokenModelError, match="missing"):
        promote(company.warehouse, tmp_path / "empty", "trial", versions[0], order(), config=MODEL)

    assert company.rows("select count(*) from prediction.model_changes") == [(2,)]


def test_a_file_that_was_changed_scores_nobody_until_it_is_trained_anew(
    company: Company, versions: tuple[str, str]
) -> None:
    folder = company.artifacts / "models/trial" / versions[1]
    whole = (folder / "reference.json").read_bytes()
    (folder / "reference.json").write_bytes(whole + b" ")
    forget_most(company)
    with pytest.raises(
        BrokenModelError, match=r"reference\.json is not the file that was recorded"
    ):
        company.predict(CONFIG)
    (folder / "reference.json").write_bytes(whole)
    (folder / "card.json").write_bytes(b"{}")
    with pytest.raises(BrokenModelError, match=r"card\.json is not the file"):
        read_cards(company.warehouse, company.artifacts, "trial")
    state = {**read_state(folder), "intercept": 9.0}
    write_folder(folder, state, {})

    with pytest.raises(BrokenModelError, match=r"model\.skops is not the file that was recorded"):
        company.predict(CONFIG)
    with pytest.raises(BrokenModelError, match="who changed it"):
        promote(company.warehouse, company.artifacts, "trial", versions[1], order(), config=MODEL)
    roll_back(company.warehouse, company.artifacts, "trial", versions[0], order(), config=MODEL)
    assert company.predict(CONFIG).answering.model_version == versions[0]
    company.warehouse.execute(  # as an earlier Candor recorded it
        f"update prediction.models set file_digests = null where model_version = '{versions[1]}'"
    )
    later = order(minutes=2)
    promote(company.warehouse, company.artifacts, "trial", versions[1], later, config=MODEL)
    assert company.predict(CONFIG).answering.model_version == versions[1]
    shutil.rmtree(folder)
    assert company.predict(CONFIG).why == ("no model answers",)


def test_a_version_whose_feature_is_gone_is_replaced_and_not_put_in_force_again(
    published: Company,
) -> None:
    first = answering(published)
    forget_most(published)
    published.warehouse.execute("alter table marts.features_as_of drop column tickets_90d")

    report = published.predict(CONFIG)

    assert report.why == ("features that it learnt from are gone: tickets_90d",)
    assert report.written == report.scored > 0
    assert report.answering.algorithm == "rule"
    with pytest.raises(UnfitVersionError, match="gone: tickets_90d; choose another"):
        promote(published.warehouse, published.artifacts, "trial", first, order(), config=MODEL)


def test_a_rule_that_a_person_chose_answers_no_more_once_it_is_deleted(published: Company) -> None:
    forget_most(published)
    published.warehouse.execute(
        "update prediction.models set algorithm = 'rule', path = null, is_chosen = true"
    )
    (version,), without = (
        published.rows("select model_version from prediction.models")[0],
        predictions(rule=None),
    )

    with pytest.raises(UnfitVersionError, match="no rule for it any more"):
        promote(
            published.warehouse, published.artifacts, "trial", str(version), order(),
            config=without.models["trial"],
        )  # fmt: skip
    report = published.predict(without)

    assert report.why == ("predictions.yml has no rule for it any more",)
    assert report.answering.algorithm == "none"


def test_a_chosen_version_that_uses_what_must_be_left_out_since_answers_no_more(
    published: Company,
) -> None:
    forget_most(published)
    published.warehouse.execute("update prediction.models set is_chosen = true")
    config = predictions(leave_out=["sessions_30d"])

    with pytest.raises(UnfitVersionError, match="uses what must be left out: sessions_30d;"):
        promote(
            published.warehouse, published.artifacts, "trial", answering(published), order(),
            config=config.models["trial"],
        )  # fmt: skip
    report = published.predict(config)

    assert report.why == ("it uses what must be left out: sessions_30d",)
    assert report.answering.algorithm == "rule"
