"""States as what a model predicts: as they were known at each date, and at the end of the horizon."""

from __future__ import annotations

import datetime as dt

import pytest
from pydantic import ValidationError

from prediction import (
    PredictionsConfig,
    SensitiveTargetError,
    UnknownTraitError,
    without_sensitive,
    write_spine,
)
from prediction.dataset import read_asked, read_examples
from prediction.learnt import remember_teachers
from prediction.outcomes import read_matured
from privacy.inventory_people import OBJECTING_PERSONS
from tests.prediction.conftest import AS_OF, START, Company, predictions
from tests.prediction.test_accounts import (
    DAY,
    JUDGING,
    at,
    employ,
    exist,
    grant,
    three_visit,
)

BUYS = {"state": {"trait": "lifecycle_stage", "any_of": ["Customer", "Evangelist"]}}


def config(*, in_state: bool | None = False, **changes: object) -> PredictionsConfig:
    return predictions(target=BUYS, eligible={"in_state": in_state}, rule=None, **changes)


def hold(
    company: Company, person: str, value: str, since: dt.datetime, until: dt.datetime | None = None
) -> None:
    """A stage of the profile, as the history of traits has it."""
    company.add(
        "marts.traits_history", person_id=[person], trait=["lifecycle_stage"], value=[value],
        valid_from=at(since), valid_to=at(until),
    )  # fmt: skip


@pytest.fixture
def leads(company: Company) -> Company:
    """Ann and Bob of acme and Cem of beta, who visited once and are leads since the beginning."""
    three_visit(company)
    return company


def outcomes(company: Company, config: PredictionsConfig) -> list[bool]:
    """Of who is asked about at the judging date, in order of ids."""
    write_spine(company.warehouse, config, as_of=AS_OF)
    found = read_examples(company.warehouse, "trial", config.models["trial"], as_of=AS_OF)
    return [bool(outcome) for outcome in found.outcomes[found.roles == "judging"]]


def scored(company: Company, config: PredictionsConfig) -> list[str]:
    write_spine(company.warehouse, config, as_of=AS_OF)
    asked = read_asked(company.warehouse, "trial", config.models["trial"], as_of=AS_OF)
    return [str(one) for one in asked.ids.to_pylist()]


def test_a_state_counts_where_it_is_held_when_the_horizon_is_over(leads: Company) -> None:
    """Whatever it was between: Bob was a customer for a while, and is none at the end."""
    for person in ("ann", "bob", "cem"):
        hold(leads, person, "Lead", START, JUDGING + 5 * DAY)
    hold(leads, "ann", "EVANGELIST", JUDGING + 5 * DAY)
    hold(leads, "bob", "Customer", JUDGING + 5 * DAY, AS_OF)
    hold(leads, "cem", "customer", AS_OF + DAY)

    assert outcomes(leads, config()) == [True, False, False]
    assert outcomes(leads, config(unit="account")) == [True, False]


def test_the_horizon_ends_after_the_gap(leads: Company) -> None:
    hold(leads, "ann", "Lead", START, AS_OF - DAY)
    hold(leads, "ann", "Customer", AS_OF - DAY)
    leads.warehouse.execute(
        f"update marts.features_as_of set as_of = as_of - interval 3 day where as_of < '{AS_OF}'"
    )

    assert outcomes(leads, config(horizon_days=30, gap_days=3)) == [True, False, False]
    assert outcomes(leads, config(horizon_days=33)) == [True, False, False]


@pytest.mark.parametrize(
    ("in_state", "asked"),
    [
        pytest.param(False, ["bob", "cem"], id="not in it yet"),
        pytest.param(True, ["ann"], id="in it"),
        pytest.param(None, ["ann", "bob", "cem"], id="both"),
    ],
)
def test_who_is_in_the_state_at_the_date_is_asked_about_as_the_configuration_says(
    leads: Company, in_state: bool | None, asked: list[str]
) -> None:
    hold(leads, "ann", "Customer", START)
    accounts = {False: ["beta"], True: ["acme"], None: ["acme", "beta"]}[in_state]

    assert len(outcomes(leads, config(in_state=in_state))) == len(asked)
    assert scored(leads, config(in_state=in_state)) == asked
    assert scored(leads, config(in_state=in_state, unit="account")) == accounts


def test_what_became_known_after_a_date_does_not_count_at_it(leads: Company) -> None:
    """Nor is a date looked at before the history of the trait begins: nobody's state is known."""
    hold(leads, "ann", "Customer", JUDGING + DAY)

    assert outcomes(leads, config(in_state=None)) == []
    hold(leads, "bob", "Lead", JUDGING)
    assert outcomes(leads, config()) == [True, False, False]
    assert scored(leads, config()) == ["bob", "cem"]


@pytest.mark.parametrize("unit", ["person", "account"])
def test_at_a_date_a_state_is_that_of_the_person_of_then_and_at_the_end_that_of_today(
    leads: Company, unit: str
) -> None:
    """A merge of today neither takes anybody out of the past, nor puts anybody in."""
    hold(leads, "old", "Customer", START, AS_OF)
    hold(leads, "cem", "Customer", AS_OF)
    leads.add("marts.current_person", person_id=["old"], current_person_id=["cem"])
    others = {"person": ["ann", "bob"], "account": ["acme"]}[unit]

    assert outcomes(leads, config(unit=unit)) == [*(False for _ in others), True]
    assert outcomes(leads, config(unit=unit, in_state=True)) == []
    assert scored(leads, config(unit=unit)) == others


@pytest.mark.parametrize("granted", [START, JUDGING + DAY], ids=["before", "after the date"])
def test_a_company_is_in_the_state_by_a_contact_who_never_visits(
    leads: Company, granted: dt.datetime
) -> None:
    """Customers of a CRM need no event; nothing changes by who was one all the time."""
    employ(leads, ["dan"], ["beta"])
    exist(leads, ["dan"])
    hold(leads, "dan", "Customer", START)
    grant(leads, ["dan"])
    leads.warehouse.execute(
        f"update marts.consent_history set valid_from = '{granted}' where person_id = 'dan'"
    )
    may_count = granted == START

    assert outcomes(leads, config(unit="account")) == ([False] if may_count else [False, False])
    asked = config(unit="account")
    remember_teachers(leads.warehouse, "trial", asked.models["trial"], "of these", as_of=AS_OF)
    teachers = leads.rows("select person_id from prediction.learnt_from order by all")
    assert teachers == [("ann",), ("bob",), ("cem",)][: 2 if may_count else 3]
    assert outcomes(leads, config(unit="account", in_state=True)) == [True] * may_count
    assert scored(leads, config(unit="account")) == ["acme"]
    assert scored(leads, config(unit="account", in_state=True)) == ["beta"]


def test_the_state_of_what_is_no_person_is_not_that_of_a_company(leads: Company) -> None:
    hold(leads, "cem", "Lead", START)
    hold(leads, "bob", "Customer", JUDGING + DAY)
    leads.warehouse.execute("update marts.profiles set is_bot = true where person_id = 'bob'")

    assert outcomes(leads, config(unit="account")) == [False, False]


@pytest.mark.parametrize("who", ["denied", "objects"])
def test_of_an_account_the_state_of_who_may_not_count_is_not_looked_at(
    leads: Company, who: str
) -> None:
    hold(leads, "cem", "Lead", START)
    hold(leads, "bob", "Customer", JUDGING + DAY)
    before = outcomes(leads, config(unit="account"))
    if who == "denied":
        leads.warehouse.execute(
            "update marts.consent_history set status = 'denied' where person_id = 'bob'"
        )
    else:
        leads.warehouse.create_missing([OBJECTING_PERSONS])
        leads.warehouse.execute(
            "create table identity.persons (person_id varchar, merged_into varchar)"
        )
        leads.add("privacy.objecting_persons", person_id=["bob"], purpose=["profiling"],
                  withdrawn_at=at(None))  # fmt: skip

    assert (before, outcomes(leads, config(unit="account"))) == ([True, False], [False, False])


@pytest.mark.parametrize("unit", ["person", "account"])
def test_old_scores_are_held_against_the_state_that_came(leads: Company, unit: str) -> None:
    hold(leads, "cem", "Lead", START)
    table = {"person": "propensity_scores", "account": "account_scores"}[unit]
    leads.predict(config(unit=unit))
    leads.warehouse.execute(
        f"update prediction.{table} set as_of = as_of - interval 30 day, source = 'model', score = .5"
    )
    ((version,),) = leads.rows(f"select distinct model_version from prediction.{table}")
    hold(leads, "ann", "Customer", JUDGING + DAY)
    model = config(unit=unit).models["trial"]

    matured = read_matured(leads.warehouse, "trial", model, str(version), as_of=AS_OF)

    assert matured is not None
    assert int(matured.outcomes.sum()) == 1


def test_too_short_a_history_of_the_trait_is_told_in_days(leads: Company) -> None:
    hold(leads, "ann", "Lead", AS_OF - 10 * DAY)

    reason = leads.predict(config()).answering.reason

    assert "35 more days" in reason


@pytest.mark.parametrize(
    "target",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"events": ["Trial Started"], **BUYS}, id="both"),
        pytest.param({"state": {"trait": "lifecycle_stage", "any_of": []}}, id="no value"),
    ],
)
def test_a_target_is_either_events_or_a_state(target: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"either events|at least 1"):
        predictions(target=target)


def test_a_trait_that_is_not_there_is_refused_with_those_that_have_a_history(
    leads: Company,
) -> None:
    hold(leads, "ann", "Lead", START)
    wrong = predictions(target={"state": {"trait": "stage", "any_of": ["x"]}})

    with pytest.raises(UnknownTraitError, match=r"'stage'.*: lifecycle_stage$"):
        leads.predict(wrong)


def test_a_trait_of_which_no_history_is_kept_is_refused_before_it_is_called_sensitive() -> None:
    misspelt = predictions(target={"state": {"trait": "lifecycle_stge", "any_of": ["x"]}})
    cannot_be_traced = {"lifecycle_stge": ("it cannot be traced",)}

    with pytest.raises(UnknownTraitError, match=r"'lifecycle_stge'.*: city, lifecycle_stage$"):
        without_sensitive(misspelt, {}, cannot_be_traced, kept={"lifecycle_stage", "city"})
    assert without_sensitive(config(), {}, kept={"lifecycle_stage"}) == config()


def test_values_are_compared_as_texts() -> None:
    """YAML reads 1 as a number and true as yes-or-no; neither is the other."""
    state = {"trait": "plan", "any_of": [1, True, "Basic"]}

    target = predictions(target={"state": state}).models["trial"].target

    assert target.state is not None
    assert target.state.told == ("1", "true", "basic")


def test_a_sensitive_trait_is_predicted_only_where_its_use_is_named() -> None:
    origins = {"lifecycle_stage": ("raw.notes.text",)}
    named = config(sensitive={"lifecycle_stage": "the care that patients asked for"})

    assert without_sensitive(named, {}, origins) == named
    with pytest.raises(SensitiveTargetError, match=r"raw\.notes\.text"):
        without_sensitive(config(), {}, origins)
