"""How variants are shared out by segment, when, and with which reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from measurement import Counts, Experiment, ExperimentsConfig, measure_experiments
from personalization import write_variant_policies
from personalization.policies import ArmPolicy, share_out
from tests.measurement.conftest import NOW, Company, company

__all__ = ["company"]


def experiment(**changes: Any) -> Experiment:
    return Experiment.model_validate(
        {
            "exposure": {"event": "Experiment Viewed"},
            "baseline": "control",
            "held_out": "holdout",
            "metrics": {"demo": {"event": "Demo Requested", "within_days": 14}},
            "segments": [{"name": "big"}, {"name": "small"}],
            "variants": {"metric": "demo"},
            **changes,
        }
    )


def shared(
    table: Mapping[str, Mapping[str, Counts]], **changes: Any
) -> dict[tuple[str, str], ArmPolicy]:
    asked = experiment(**changes)
    assert asked.variants is not None
    return {(p.segment, p.arm): p for p in share_out(table, asked, asked.variants)}


CLEAR = {"control": Counts(4000, 200), "b": Counts(4000, 320), "holdout": Counts(900, 40)}


def test_the_better_arm_is_shown_more_and_the_held_out_arm_not_at_all() -> None:
    found = shared({"global": CLEAR, "big": CLEAR})

    assert {arm for _, arm in found} == {"control", "b"}
    assert found["big", "b"].probability > 0.9
    assert found["big", "control"].probability >= 0.05
    assert "the best with" in found["big", "b"].reason


def test_a_segment_that_few_met_leans_on_the_others() -> None:
    few = {"control": Counts(100, 5), "b": Counts(100, 4)}

    found = shared({"global": CLEAR, "big": CLEAR, "small": few})

    assert {policy.fallback_level for policy in found.values()} == {"segment", "global"}
    assert 0.05 < found["small", "b"].probability < found["big", "b"].probability
    assert (found["small", "b"].n, found["small", "b"].converted) == (100, 4)


def test_a_segment_that_met_one_arm_gets_what_holds_for_all() -> None:
    found = shared({"global": CLEAR, "big": CLEAR, "small": {"control": Counts(100, 5)}})

    assert found["small", "b"].fallback_level == "global"
    assert found["small", "b"].probability == found["global", "b"].probability


def test_a_harmful_arm_is_switched_off_where_it_harms() -> None:
    harmed = {"control": Counts(4000, 400), "b": Counts(4000, 200)}
    everybody = {"control": Counts(8000, 600), "b": Counts(8000, 640)}

    found = shared({"global": everybody, "big": CLEAR, "small": harmed})

    assert found["small", "b"].probability == 0
    assert "switched off" in found["small", "b"].reason
    assert found["big", "b"].probability > 0


def test_too_few_people_are_shared_out_alike() -> None:
    few = {"control": Counts(240, 20), "b": Counts(260, 40)}

    found = shared({"global": few}, shares={"control": 0.4, "b": 0.4, "c": 0.1, "holdout": 0.1})

    assert [p.probability for p in found.values()] == pytest.approx([1 / 3] * 9)
    assert {p.fallback_level for p in found.values()} == {"uniform"}
    assert {segment for segment, _ in found} == {"global", "big", "small"}
    assert found["global", "c"].effect is None


def test_an_arm_that_nobody_met_gets_an_equal_share_and_spoils_no_other() -> None:
    found = shared(
        {"global": CLEAR, "big": CLEAR},
        shares={"control": 0.3, "b": 0.3, "fresh": 0.3, "holdout": 0.1},
    )

    assert found["big", "fresh"].probability == pytest.approx(1 / 3)
    assert "nobody has met it yet" in found["big", "fresh"].reason
    assert found["big", "b"].probability > 0.5
    assert sum(found["big", arm].probability for arm in ("control", "b", "fresh")) == pytest.approx(
        1
    )


def test_without_a_baseline_nothing_is_judged() -> None:
    found = shared({"global": {"b": Counts(4000, 320), "c": Counts(4000, 100)}})

    assert {policy.fallback_level for policy in found.values()} == {"uniform"}


def test_a_name_that_only_the_events_know_is_not_shown_where_shares_are_given() -> None:
    table = {"global": {**CLEAR, "undefined": Counts(4000, 800)}}

    found = shared(table, shares={"control": 0.45, "b": 0.45, "holdout": 0.1})

    assert {arm for _, arm in found} == {"control", "b"}


def test_who_met_which_arm_is_not_taken_for_what_the_arms_do() -> None:
    busy = {"control": Counts(900, 180), "b": Counts(100, 20)}
    idle = {"control": Counts(1000, 20), "b": Counts(9000, 180)}
    everybody = {"control": Counts(1900, 200), "b": Counts(9100, 200)}

    found = shared({"global": everybody, "big": busy, "small": idle})

    assert found["global", "b"].effect == pytest.approx(0, abs=0.01)
    assert 0.25 < found["global", "b"].probability < 0.75


def test_whom_the_holdout_from_everything_holds_out_is_no_arm_to_show() -> None:
    found = shared({"global": CLEAR, "big": CLEAR}, held_out=None)

    assert {arm for _, arm in found} == {"control", "b"}


def test_nobody_at_all_is_no_error() -> None:
    assert [p.probability for p in shared({"global": {}}).values()] == [1, 1, 1]


def test_the_metric_must_be_one_of_the_experiment() -> None:
    with pytest.raises(ValidationError, match="must be one of demo"):
        experiment(variants={"metric": "clicks"})


@pytest.mark.parametrize(("unit", "level"), [("person", "global"), ("account", "uniform")])
def test_colleagues_who_do_alike_are_not_as_many_draws(
    company: Company, unit: str, level: str
) -> None:
    """20 companies of 40 persons; of two in each arm all convert."""
    company.warehouse.execute(
        "insert into marts.profiles by name select format('p{}', n) as person_id, "
        "format('a{}', n // 40) as account_id from range(800) as numbers (n)"
    )
    company.warehouse.execute(
        "insert into marts.events by name select format('{}-{}', event, n) as event_id, "
        "format('p{}', n) as person_id, event, timestamp '2026-03-02' as occurred_at, "
        "timestamp '2026-03-02' as received_at, false as is_bot, json_object('experiment_id', "
        "'hero', 'variation_id', case when n // 40 % 2 = 0 then 'b' else 'control' end) as properties "
        "from range(800) as numbers (n), (values ('Experiment Viewed'), ('Demo Requested')) "
        "as events (event) where event = 'Experiment Viewed' or n // 40 < 4"
    )
    asked = ExperimentsConfig(experiments={"hero": experiment(segments=[], unit=unit)})
    measure_experiments(company.warehouse, asked, now=NOW, run_id="r1")

    write_variant_policies(company.warehouse, asked, now=NOW, run_id="r1")

    rows = company.warehouse.read(
        "select n, converted, fallback_level from personalization.variant_policies"
    ).to_pylist()
    assert rows == [{"n": 400, "converted": 80, "fallback_level": level}] * 2


def test_shares_are_stored_with_every_run_and_leave_with_their_experiment(
    company: Company,
) -> None:
    for number in range(30):
        company.saw(f"p{number}", "b" if number % 2 else "control", day=1)
    asked = ExperimentsConfig(experiments={"hero": experiment(segments=[])})
    measure_experiments(company.warehouse, asked, now=NOW, run_id="r1")

    first = write_variant_policies(company.warehouse, asked, now=NOW, run_id="r1")
    again = write_variant_policies(company.warehouse, asked, now=NOW, run_id="r2")
    rows = company.warehouse.read(
        "select arm, probability, n, run_id from personalization.variant_policies order by arm"
    ).to_pylist()
    none = write_variant_policies(company.warehouse, ExperimentsConfig(), now=NOW, run_id="r3")

    assert (first, again, none) == (2, 2, 0)
    assert rows == [
        {"arm": "b", "probability": 0.5, "n": 15, "run_id": "r2"},
        {"arm": "control", "probability": 0.5, "n": 15, "run_id": "r2"},
    ]
