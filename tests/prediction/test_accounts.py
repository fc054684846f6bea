"""Accounts as what a model asks about: by who were members then, and only those who may count."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from identity.inventory import PERSONS
from prediction import (
    Moment,
    SharedScores,
    UnknownGroupError,
    predict_all,
    read_cards,
    write_spine,
)
from prediction.account_rows import OWN_FEATURES, together
from prediction.company_rows import NAMED_PER_KEPT
from prediction.config import PredictionsConfig
from prediction.dataset import known_features, read_asked, read_examples
from prediction.outcomes import read_matured
from prediction.predict import ScoreReport
from prediction.states import TRAINERS
from prediction.units import ACCOUNT
from privacy.inventory_people import OBJECTING_PERSONS
from tests.conftest import ROOT
from tests.prediction.conftest import (
    AS_OF,
    START,
    Company,
    People,
    add_events,
    add_features,
    erase,
    grant,
    hazard,
    predictions,
)

CONFIG = predictions(unit="account")
MODEL = CONFIG.models["trial"]
JUDGING = AS_OF - dt.timedelta(days=30)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Accounts:
    """Planted accounts: of each its members, its keenness, and when one of them starts a trial."""

    people: People
    of: np.ndarray
    keenness: np.ndarray


def at(moment: dt.datetime | None, n: int = 1) -> pa.Array:
    return pa.array([moment] * n, pa.timestamp("us"))


def employ(company: Company, people: list[str], accounts: list[str], **dates: object) -> None:
    """Each person has a record of its own that names the account."""
    n = len(people)
    dated = {name: at(dates.get(name), n) for name in ("valid_to", "known_from", "known_to")}
    since = at(dates.get("valid_from", START), n)
    records = pa.array([f"r-{person}-{of}" for person, of in zip(people, accounts, strict=True)])
    own(company, "crm", records, people)
    company.add(
        "marts.account_members_history",
        person_id=pa.array(people), account_id=pa.array(accounts), basis=pa.array(["record"] * n),
        source=pa.array(["crm"] * n), source_record_id=records, valid_from=since, **dated,
    )  # fmt: skip


def own(company: Company, source: str, nodes: pa.Array, people: list[str]) -> None:
    company.add(
        "identity.members_history",
        source=pa.array([source] * len(people)), source_record_id=nodes,
        person_id=pa.array(people), valid_from=at(START, len(people)),
    )  # fmt: skip


def exist(company: Company, people: list[str]) -> None:
    ids = pa.array(people)
    company.add("marts.current_person", person_id=ids, current_person_id=ids)
    company.add("marts.profiles", person_id=ids, is_bot=pa.array([False] * len(people)))


def plant_accounts(company: Company, n: int, *, seed: int, rate: float = 1.0) -> Accounts:
    """n accounts of one to three members, whose downloads and sessions tell how keen they are."""
    rng = np.random.default_rng(seed)
    keenness = rng.normal(size=n)
    of = np.repeat(np.arange(n), rng.integers(1, 4, n))
    trial_day = np.full(len(of), np.inf)
    first = np.flatnonzero(np.diff(of, prepend=-1))
    trial_day[first] = 20 + rng.exponential(1 / (rate * hazard(1.6 * keenness)))
    people = People([f"p{number:05}" for number in range(len(of))], keenness[of], trial_day)
    accounts = [f"a{number:05}" for number in range(n)]
    own(company, "devices", pa.array([f"d{p[1:]}" for p in people.ids]), people.ids)
    employ(company, people.ids, [accounts[number] for number in of])
    exist(company, people.ids)
    add_events(company, people, rng)
    add_features(company, people.ids, keenness[of], rng)
    grant(company, people.ids)
    company.add("marts.accounts", account_id=accounts, country=["DE", "FR"] * (n // 2))
    return Accounts(people, of, keenness)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Company, Accounts, ScoreReport]:
    """A company with a published model of accounts; read it, or change a copy of it."""
    company = Company(tmp_path_factory.mktemp("accounts"))
    accounts = plant_accounts(company, 1_600, seed=2)
    return company, accounts, company.predict(planted_config())


def planted_config() -> PredictionsConfig:
    return predictions(unit="account", groups=["country"])


@pytest.fixture
def small(company: Company) -> Company:
    """Two accounts, of two members and of one; the trial exists."""
    three_visit(company)
    company.add("marts.accounts", account_id=["acme", "beta"])
    own(company, "devices", pa.array(["d-old"]), ["old"])
    do(company, "old", "Trial Started", START)
    return company


def three_visit(company: Company) -> None:
    """Ann and Bob of acme and Cem of beta grant all that is asked, and visit once."""
    people = ["ann", "bob", "cem"]
    own(company, "devices", pa.array([f"d-{person}" for person in people]), people)
    employ(company, people, ["acme", "acme", "beta"])
    exist(company, people)
    know(company, people)
    grant(company, people)
    for person in people:
        do(company, person, "Content Viewed", START)


def know(company: Company, people: list[str]) -> None:
    """What is known of each at the dates that are looked at: little."""
    for date in (JUDGING, AS_OF):
        company.add(
            "marts.features_as_of", person_id=people, as_of=at(date, len(people)),
            downloads_30d=[1.0] * len(people), days_since_last_seen=[9.0] * len(people),
        )  # fmt: skip


def do(
    company: Company, person: str, event: str, when: dt.datetime, *, known: object = None
) -> None:
    facts = {"event_id": [f"{person} {event} {when}"], "event": [event], "occurred_at": at(when)}
    device = [f"d-{person}"]
    company.add(
        "intermediate.int_events__classified", **facts, anonymous_id=device, visitor_id=device,
        known_at=at(known or when), is_automated=[False],
    )  # fmt: skip
    company.add("marts.events", **facts, person_id=[person], received_at=at(known or when))


def examples(company: Company, config: PredictionsConfig = CONFIG) -> dict[str, object]:
    """Of the accounts at the judging date, in order: outcome and number of members."""
    write_spine(company.warehouse, config, as_of=AS_OF)
    found = read_examples(company.warehouse, "trial", config.models["trial"], as_of=AS_OF)
    judged = found.where(found.roles == "judging")
    members = judged.select(["member_count"])[:, 0].tolist()
    return {"outcomes": judged.outcomes.tolist(), "members": members}


def features(company: Company) -> dict[str, dict[str, float]]:
    """Of each account that is scored its features."""
    write_spine(company.warehouse, CONFIG, as_of=AS_OF)
    asked = read_asked(company.warehouse, "trial", MODEL, as_of=AS_OF)
    rows = [dict(zip(asked.features, row, strict=True)) for row in asked.values.tolist()]
    return dict(zip(asked.ids.to_pylist(), rows, strict=True))


def test_a_planted_signal_of_accounts_is_found_and_published(
    planted: tuple[Company, Accounts, ScoreReport],
) -> None:
    company, accounts, report = planted

    rows = company.rows("select account_id, score, lower, upper from prediction.account_scores")

    numbers = [int(str(account)[1:]) for account, *_ in rows]
    scores = np.array([score for _, score, _, _ in rows], dtype=float)
    assert (report.answering.algorithm in TRAINERS, report.unit) == (True, "accounts")
    assert report.scored == len(rows) > 300
    assert np.corrcoef(np.log(scores), accounts.keenness[numbers])[0, 1] > 0.65
    assert all(low <= score <= high for _, score, low, high in rows)  # type: ignore[operator]
    assert company.rows("select * from prediction.propensity_scores") == []


def test_reasons_deciles_and_card_are_of_accounts(
    planted: tuple[Company, Accounts, ScoreReport],
) -> None:
    company, _, _ = planted

    ((reasons,),) = company.rows(
        "select reasons from prediction.account_scores order by score desc limit 1"
    )
    (card,) = read_cards(company.warehouse, company.artifacts, "trial")

    assert {"downloads_30d", "sessions_30d"} & {r["feature"] for r in json.loads(str(reasons))}
    assert company.rows("select min(decile), max(decile) from prediction.account_scores") == [
        (1, 10)
    ]
    assert card["unit"] == "account"
    assert card["data"]["accounts"] == card["data"]["positives"] + card["metrics"]["negatives"]
    assert {group["name"] for group in card["groups"]["country"]} == {"DE", "FR"}


def test_only_a_score_of_one_member_names_that_member(
    planted: tuple[Company, Accounts, ScoreReport],
) -> None:
    company, accounts, _ = planted

    named = dict(company.rows("select account_id, person_id from prediction.account_scores"))

    sizes = np.bincount(accounts.of)
    assert {sizes[int(str(a)[1:])] for a, person in named.items() if person} == {1}
    assert {sizes[int(str(a)[1:])] for a, person in named.items() if not person} == {2, 3}


def test_of_accounts_every_member_is_who_was_learnt_from(
    planted: tuple[Company, Accounts, ScoreReport],
) -> None:
    company, accounts, report = planted

    ((teachers,),) = company.rows("select count(*) from prediction.learnt_from")

    taught = int(report.answering.metrics["positives"]) + int(report.answering.metrics["negatives"])
    assert taught < teachers <= len(accounts.of)


def test_an_erasure_takes_the_scores_of_an_only_member_and_moves_no_other(
    planted: tuple[Company, Accounts, ScoreReport], tmp_path: Path
) -> None:
    company = planted[0].copy(tmp_path)
    others = "select * from prediction.account_scores where person_id is distinct from '{}'"
    ((alone,),) = company.rows(
        "select person_id from prediction.account_scores "
        "where person_id is not null order by all limit 1"
    )
    before = company.rows(f"{others.format(alone)} order by all")

    erase(company, str(alone))
    company.predict(planted_config())

    assert company.rows("select * from prediction.account_scores order by all") == before


def test_an_erasure_takes_at_once_what_was_computed_from_others_too(small: Company) -> None:
    scores = "select account_id, person_id from prediction.account_scores order by all"
    members = "select account_id, person_id from prediction.account_score_members order by all"
    small.predict(CONFIG)
    before = (small.rows(scores), small.rows(members))

    erase(small, "bob")
    at_once = small.rows(scores)
    small.predict(CONFIG)

    alone, several = ("beta", "cem"), [("acme", "ann"), ("acme", "bob")]
    assert before == ([("acme", None), alone], [*several, alone])
    assert at_once == [alone]
    assert small.rows(scores) == small.rows(members) == [("acme", "ann"), alone]


def test_drift_is_told_of_accounts_and_what_came_of_old_scores(
    planted: tuple[Company, Accounts, ScoreReport], tmp_path: Path
) -> None:
    """Also of an account that goes by another id since."""
    company, version = planted[0].copy(tmp_path), planted[2].answering.model_version
    company.warehouse.execute(
        "update prediction.account_scores set as_of = as_of - interval 40 day; "
        "update prediction.account_scores set account_id = 'old' where account_id = 'a00007'"
    )
    company.add("identity.accounts", account_id=["old"], merged_into=["a00007"])
    member = np.flatnonzero(planted[1].of == 7)[0]
    do(company, f"p{member:05}", "Trial Started", JUDGING)

    matured = read_matured(company.warehouse, "trial", MODEL, version, as_of=AS_OF)

    kinds = {row[0] for row in company.rows("select distinct kind from prediction.drift")}
    assert kinds == {"feature", "score"}
    assert matured is not None
    assert (matured.outcomes.sum(), len(matured.scores)) == (1, planted[2].scored)


def test_members_are_put_together_by_what_a_column_is(small: Company) -> None:
    for name, values in {
        "sessions_30d": (2, 3), "days_since_last_seen": (40, 5), "days_since_first_seen": (90, 10),
        "mean_scroll_depth": (0.2, 0.4), "device_count": (1, 2), "is_known": (1, 0),
        "distinct_topics": (4, 2),
    }.items():  # fmt: skip
        for person, value in zip(("ann", "bob"), values, strict=True):
            small.warehouse.execute(
                f"update marts.features_as_of set {name} = {value} where person_id = '{person}'"
            )

    found = features(small)["acme"]

    told = {
        "sessions_30d": 5, "days_since_last_seen": 5, "days_since_first_seen": 90,
        "mean_scroll_depth": 0.3, "device_count": 3, "is_known": 1, "distinct_topics": 4,
        "member_count": 2, "active_member_count_30d": 1,
    }  # fmt: skip
    assert {name: found[name] for name in told} == told


def test_every_column_that_is_no_count_is_put_together_as_such(company: Company) -> None:
    """Whoever adds a feature to the mart looks here at what becomes of it in an account."""
    own_features = set(known_features(company.warehouse, ACCOUNT)) - set(OWN_FEATURES)
    summed = {
        name for name in own_features if "sum(" in together(name) and "/" not in together(name)
    }

    assert own_features - summed == {
        "days_since_first_seen", "days_since_last_seen", "days_since_last_content",
        "days_since_last_intent", "days_since_last_other_track", "distinct_topics",
        "distinct_track_events", "distinct_content_items", "topic_entropy", "top_topic_share",
        "consideration_share", "decision_share", "mean_scroll_depth", "mean_time_on_page_s",
        "mean_scroll_depth_30d", "is_known", "has_company", "has_industry", "has_customer_record",
        "has_crm_record", "days_since_first_record", "employee_count_log",
        "has_job_title", "is_executive", "is_director", "is_manager",
        *(
            name for name in own_features
            if name.startswith(("company_over_", "sector_", "works_in_"))
        ),
    }  # fmt: skip


def test_the_company_is_known_by_its_records_of_that_time(small: Company) -> None:
    small.add("identity.account_records", source=["crm"], account_record_id=["7"],
              account_id=["acme"])  # fmt: skip
    for employees, since, until in ((99, None, AS_OF - DAY), (999, AS_OF - DAY, None)):
        small.add(
            "staging.stg_raw__account_versions", source=["crm"], account_id=["7"],
            industry=["Retail"], employee_count=[employees], annual_revenue=[0.0],
            record_created_at=at(AS_OF - 10 * DAY), known_from=at(since), known_to=at(until),
        )  # fmt: skip

    small.add("intermediate.int_industries__read", industry=["Retail"], sector_retail=[1],
              sector_media=[0])  # fmt: skip
    small.warehouse.execute("update marts.features_as_of set sector_media = 1")

    found = features(small)

    assert found["acme"]["employee_count_log"] == round(np.log(1000), 6)
    assert (found["acme"]["sector_retail"], found["acme"]["sector_media"]) == (1, 0)
    assert (found["acme"]["company_over_500"], found["acme"]["company_over_1000"]) == (1, 0)
    assert found["acme"]["days_since_account_record"] == 10
    assert np.isnan(found["beta"]["days_since_account_record"])


def test_what_a_company_is_like_comes_from_a_source_that_no_person_names(small: Company) -> None:
    """As profiles have it: a firmographic list before a CRM, whose value stands where it says nothing."""
    small.add("identity.account_records", source=["crm", "list"], account_record_id=["7", "acme"],
              account_id=["acme", "acme"])  # fmt: skip
    small.add(
        "staging.stg_raw__account_versions", source=["crm", "list"], account_id=["7", "acme"],
        employee_count=[999, 99], annual_revenue=[9.0, None],
    )  # fmt: skip
    small.add("staging.stg_raw__person_record_versions", account_id=["7"], known_from=at(AS_OF))
    before = "update staging.stg_raw__person_record_versions set known_from = known_from + {}"

    found = features(small)["acme"]
    small.warehouse.execute(before.format("interval 1 day"))

    assert found["employee_count_log"] == round(np.log(100), 6)
    assert found["annual_revenue_log"] == round(np.log(10), 6)
    # That persons name it was not known yet.
    assert features(small)["acme"]["employee_count_log"] == round(np.log(1000), 6)


@pytest.mark.parametrize(("others", "employees"), [(8, 999), (9, 999), (10, 99)])
def test_a_list_whose_ids_are_named_by_chance_is_still_a_list(
    small: Company, others: int, employees: int
) -> None:
    """Of the named accounts one is the list's: it counts as one that nobody names below one in ten."""
    small.add("identity.account_records", source=["list", "crm"], account_record_id=["7", "c1"],
              account_id=["acme", "acme"])  # fmt: skip
    named = ["7", *(f"c{number}" for number in range(1, others + 1))]
    small.add(
        "staging.stg_raw__account_versions", source=["list", *["crm"] * others], account_id=named,
        employee_count=[99, *[999] * others],
    )  # fmt: skip
    small.add("staging.stg_raw__person_record_versions", account_id=named)

    found = features(small)["acme"]

    assert found["employee_count_log"] == round(np.log(1 + employees), 6)
    macro = ROOT / "dbt_project" / "macros" / "keeps_accounts.sql"
    assert f"* {NAMED_PER_KEPT} >= {{{{ named_count }}}}" in macro.read_text(encoding="utf-8")


def test_what_the_company_does_not_say_is_unknown_or_what_its_members_say(small: Company) -> None:
    small.add("identity.account_records", source=["crm"], account_record_id=["7"],
              account_id=["acme"])  # fmt: skip
    small.add("staging.stg_raw__account_versions", source=["crm"], account_id=["7"])
    small.warehouse.execute(
        "update marts.features_as_of set employee_count_log = 3, has_industry = 1, "
        "company_over_10 = 1, company_over_50 = 0, sector_retail = 1"
    )

    found = features(small)["acme"]

    assert (found["employee_count_log"], found["has_industry"]) == (3, 1)
    assert found["sector_retail"] == 1
    assert (found["company_over_10"], found["company_over_50"]) == (1, 0)
    assert np.isnan(found["annual_revenue_log"])


def test_members_are_those_of_that_time(small: Company) -> None:
    later = ["dan", "eve"]
    own(small, "devices", pa.array(["d-dan", "d-eve"]), later)
    exist(small, later)
    grant(small, later)
    know(small, later)
    for person in later:
        do(small, person, "Content Viewed", START)
    employ(small, ["dan"], ["acme"], valid_from=JUDGING + DAY)
    employ(small, ["eve"], ["acme"], valid_from=START, known_from=JUDGING + DAY)

    assert examples(small)["members"] == [2, 1]
    assert features(small)["acme"]["member_count"] == 4


def test_who_left_counts_until_it_is_known(small: Company) -> None:
    small.warehouse.execute(
        f"update marts.account_members_history set valid_to = timestamp '{START + DAY}', "
        f"known_to = timestamp '{JUDGING + DAY}' where person_id = 'bob'"
    )

    assert examples(small)["members"] == [2, 1]
    assert features(small)["acme"]["member_count"] == 1


@pytest.mark.parametrize("who", ["ann", "bob"])
def test_what_any_member_does_counts_for_the_account(small: Company, who: str) -> None:
    do(small, who, "Trial Started", JUDGING + DAY)

    assert examples(small)["outcomes"] == [True, False]


def test_who_was_not_known_as_a_member_yet_counts_for_the_outcome(small: Company) -> None:
    """A lead's record is often made after the trial has begun."""
    own(small, "devices", pa.array(["d-dan"]), ["dan"])
    exist(small, ["dan"])
    grant(small, ["dan"])
    do(small, "dan", "Trial Started", JUDGING + DAY)
    employ(small, ["dan"], ["acme"], valid_from=JUDGING + 2 * DAY)

    assert examples(small) == {"outcomes": [True, False], "members": [2, 1]}


def test_who_changes_companies_counts_for_where_it_was_done(small: Company) -> None:
    small.warehouse.execute(
        f"update marts.account_members_history set valid_to = timestamp '{JUDGING + 2 * DAY}', "
        f"known_to = timestamp '{JUDGING + 2 * DAY}' where person_id = 'bob'"
    )
    employ(small, ["bob"], ["beta"], valid_from=JUDGING + 2 * DAY)
    do(small, "bob", "Trial Started", JUDGING + DAY)

    assert examples(small)["outcomes"] == [True, False]


def test_an_account_of_whose_members_one_had_done_it_is_not_asked_about(small: Company) -> None:
    do(small, "bob", "Trial Started", START + DAY)

    assert examples(small)["members"] == [1]
    assert set(features(small)) == {"beta"}


@pytest.mark.parametrize(
    "denial",
    [
        pytest.param("update marts.consent_history set status = 'denied' where person_id = 'bob'",
                     id="denied"),
        pytest.param("delete from marts.consent_history where person_id = 'bob'", id="unknown"),
    ],
)  # fmt: skip
def test_who_gave_no_consent_contributes_nothing(small: Company, denial: str) -> None:
    do(small, "bob", "Trial Started", JUDGING + DAY)
    small.warehouse.execute(denial)

    assert examples(small) == {"outcomes": [False, False], "members": [1, 1]}
    assert features(small)["acme"]["member_count"] == 1


def test_who_objects_contributes_nothing_and_takes_along_what_others_were_counted_for_too(
    small: Company,
) -> None:
    small.predict(CONFIG)
    do(small, "bob", "Trial Started", JUDGING + DAY)
    small.warehouse.create_missing([OBJECTING_PERSONS, PERSONS])
    small.add("privacy.objecting_persons", person_id=["bob", "cem"], purpose=["profiling"] * 2,
              withdrawn_at=at(None, 2))  # fmt: skip

    assert examples(small) == {"outcomes": [False], "members": [1]}
    for table in ("account_scores", "account_score_members"):
        assert small.rows(f"select account_id from prediction.{table}") == []


def test_withdrawals_remove_what_nobody_grants_any_more(small: Company) -> None:
    """Of any date, also what was computed from others too; today's is computed anew from these."""
    add_third_account(small)
    small.predict(CONFIG)
    for table in ("account_scores", "account_score_members"):
        small.warehouse.execute(f"update prediction.{table} set as_of = as_of - interval 1 day")
    small.warehouse.execute("delete from marts.consent_history where person_id in ('ann', 'cem')")

    small.predict(CONFIG)

    left = "select account_id, as_of, person_id from prediction.{} order by all"
    assert small.rows(left.format("account_scores")) == [
        ("acme", AS_OF, "bob"), ("cord", AS_OF - DAY, "dan"), ("cord", AS_OF, "dan"),
    ]  # fmt: skip
    assert small.rows(left.format("account_score_members")) == small.rows(
        left.format("account_scores")
    )


def add_third_account(company: Company) -> None:
    own(company, "devices", pa.array(["d-dan"]), ["dan"])
    employ(company, ["dan"], ["cord"])
    exist(company, ["dan"])
    know(company, ["dan"])
    grant(company, ["dan"])
    do(company, "dan", "Content Viewed", START)


def test_of_whom_a_score_was_computed_must_be_known_where_nothing_else_changed_too(
    small: Company,
) -> None:
    small.predict(CONFIG)
    small.warehouse.execute(
        "insert into prediction.account_scores select * replace (null as person_id, "
        "as_of - interval 1 day as as_of) from prediction.account_scores"
    )

    report = small.predict(CONFIG)

    assert report.written == 0
    assert small.rows("select account_id from prediction.account_scores order by 1") == [
        ("acme",), ("beta",),
    ]  # fmt: skip


def leave(company: Company) -> list[tuple[object, ...]]:
    """Of the accounts with scores, those that stay in a run without the model."""
    moment = Moment(as_of=AS_OF, now=AS_OF, seed=7)
    predict_all(company.warehouse, PredictionsConfig(), artifacts=company.artifacts, moment=moment)
    return company.rows("select account_id from prediction.account_scores order by all")


def test_scores_of_a_model_that_is_configured_no_more_go_with_what_they_were_granted_for(
    small: Company,
) -> None:
    small.predict(CONFIG)
    kept = leave(small)
    small.warehouse.execute("delete from marts.consent_history where person_id = 'ann'")
    withdrawn = leave(small)
    small.warehouse.execute("update prediction.models set purpose = null")

    assert (kept, withdrawn) == ([("acme",), ("beta",)], [("beta",)])
    assert leave(small) == small.rows("select * from prediction.account_score_members") == []


def test_a_score_of_nobody_knows_whom_goes_with_anybody_and_in_the_next_run(small: Company) -> None:
    small.predict(CONFIG)
    small.warehouse.execute("delete from prediction.account_score_members")
    place, keys = SharedScores(small.warehouse), pa.table({"kind": ["person_id"], "value": ["cem"]})
    sought = [trace.rows for trace in place.find(keys)]

    erased = [trace.rows for trace in place.erase(keys)]

    # The score of Beta is Cem's alone, and is counted where it stands.
    assert sought == erased == [1]
    assert small.rows("select account_id from prediction.account_scores") == [("beta",)]
    assert leave(small) == []


def test_who_was_only_written_to_does_not_hide_whose_doings_a_score_is_made_of(
    small: Company,
) -> None:
    small.warehouse.execute(
        "update marts.features_as_of set days_since_last_seen = null where person_id = 'bob'"
    )

    small.predict(CONFIG)
    named = small.rows("select account_id, person_id from prediction.account_scores order by all")
    erase(small, "bob")

    assert named == [("acme", "ann"), ("beta", "cem")]
    assert small.rows("select account_id from prediction.account_scores") == [("beta",)]


def test_scores_of_accounts_all_of_whose_members_object_are_removed(small: Company) -> None:
    """Whoever objects to profiling may have granted the purpose of the model; it does not count."""
    small.predict(CONFIG)
    small.warehouse.create_missing([OBJECTING_PERSONS, PERSONS])
    small.add("privacy.objecting_persons", person_id=["ann", "bob"], purpose=["profiling"] * 2,
              withdrawn_at=at(None, 2))  # fmt: skip
    small.warehouse.execute("update prediction.account_scores set as_of = as_of - interval 1 day")

    small.predict(CONFIG)

    assert small.rows("select distinct account_id from prediction.account_scores") == [("beta",)]


def test_a_model_that_asks_about_persons_now_leaves_no_score_of_accounts(small: Company) -> None:
    small.predict(CONFIG)

    small.predict(predictions())

    assert small.rows("select * from prediction.account_scores") == []
    assert len(small.rows("select * from prediction.propensity_scores")) == 3


def test_few_accounts_get_the_rule_and_are_told_how_many_more(small: Company) -> None:
    report = small.predict(CONFIG)

    assert report.answering.algorithm == "rule"
    assert "more accounts who did not" in report.answering.reason
    assert small.rows("select distinct source from prediction.account_scores") == [("rule",)]


def test_all_accounts_cannot_be_scored_regardless_of_consent() -> None:
    with pytest.raises(ValidationError, match="write scored: consented"):
        predictions(unit="account", scored="all")


def test_groups_are_columns_of_accounts(small: Company) -> None:
    with pytest.raises(UnknownGroupError, match=r"marts\.accounts does not have"):
        small.predict(predictions(unit="account", groups=["persona_name"]))
