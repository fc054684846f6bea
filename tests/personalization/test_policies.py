"""How variants are shared out by segment, when, and with which reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from measurement import (
    Counts,
    Experiment,
    ExperimentsConfig,
    Guard,
    WithheldArm,
    measure_experiments,
)
from personalization import policies, read_variants, read_withheld, write_variant_policies
from personalization.pauses import History, Standing
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


# Of the small segment harm is probable by itself, and not proven.
DOUBTED = {
    "global": {"control": Counts(4150, 230), "b": Counts(4150, 337)},
    "big": CLEAR,
    "small": {"control": Counts(150, 30), "b": Counts(150, 17)},
}


def guarded(bar: float, **changes: Any) -> dict[str, Any]:
    guard = {"harm_probability": bar, **changes}
    return {"variants": {"metric": "demo", "guard": guard}}


def test_probable_harm_pauses_an_arm_there_and_says_that_it_is_no_proof() -> None:
    found = shared(DOUBTED, **guarded(0.8))

    paused = found["small", "b"]
    assert paused.p_harmful is not None
    assert paused.p_harmful_alone is not None
    assert paused.p_harmful < 0.975
    # Others are helped, so all together doubt it less than those who met it.
    assert paused.p_harmful < paused.p_harmful_alone
    # Whoever is left to find out that it is wrong: other policies can be judged from the log.
    assert (paused.state, paused.probability) == ("paused", 0.02)
    told = f"paused: probably harmful ({paused.p_harmful_alone:.0%} by who met it), a precaution"
    assert told in paused.reason
    assert "until that falls below 64%, here" in paused.reason
    assert found["small", "control"].probability == pytest.approx(0.98)
    assert {found[segment, "b"].state for segment in ("big", "global")} == {"shown"}
    # Nothing else is believed of it.
    proof = shared(DOUBTED, **guarded(1.0))["small", "b"]
    assert (proof.state, proof.p_harmful, proof.effect) == (
        "shown",
        paused.p_harmful,
        paused.effect,
    )
    assert proof.probability >= 0.05


def test_a_pause_does_not_flap() -> None:
    believed = shared(DOUBTED)["small", "b"].p_harmful_alone
    assert believed is not None

    def state(bar: float, paused: Collection[tuple[str, str]] = ()) -> str:
        asked = experiment(**guarded(bar))
        assert asked.variants is not None
        before = History(standings=dict.fromkeys(paused, Standing("paused")))
        found = share_out(DOUBTED, asked, asked.variants, history=before)
        return next(p.state for p in found if (p.segment, p.arm) == ("small", "b"))

    bar = believed + 0.01
    assert state(bar) == "shown"
    assert state(bar, {("small", "b")}) == "paused"
    assert state(bar, {("big", "b")}) == "shown"


# Beside these few, four people who do nothing look harmful with 97 %, taking noise for normal.
FOUR = {"control": Counts(60, 18), "b": Counts(4, 0)}
ALIKE = {"control": Counts(4000, 1200), "b": Counts(4000, 1240)}


@pytest.mark.parametrize("few", [FOUR, {"control": Counts(60, 18), "b": Counts(49, 5)}])
def test_fewer_than_fifty_in_an_arm_pause_nothing_and_no_percentage_tells_of_them(
    few: Mapping[str, Counts],
) -> None:
    table = {"global": _sum(ALIKE, few), "big": ALIKE, "small": few}

    found = shared(table, **guarded(0.6))
    enough = shared({**table, "small": {"control": Counts(60, 18), "b": Counts(50, 7)}})

    assert found["small", "b"].p_harmful_alone is None
    assert found["small", "b"].state != "paused"
    assert not any("%" in p.reason and "97.5%" not in p.reason for p in _of("small", found))
    # The exact comparison of two flat priors.
    assert enough["small", "b"].p_harmful_alone == pytest.approx(0.9757, abs=5e-4)
    assert "(98% by who met it)" in enough["small", "b"].reason


def test_whom_no_segment_fits_pauses_nothing_in_a_segment_that_nobody_met() -> None:
    others = {"control": Counts(300, 90), "b": Counts(300, 66)}

    found = shared({"global": _sum(ALIKE, others), "big": ALIKE})

    assert found["global", "b"].state == "paused"
    assert found["global", "b"].reason.endswith("of people in no segment")
    assert found["small", "b"].state == "shown"
    assert found["small", "b"].p_harmful_alone is None
    assert found["small", "b"].reason.endswith(
        "of all segments together, as fewer than two arms were met here"
    )


@pytest.mark.parametrize(
    ("segments", "said"),
    [([], "of everybody"),
     ([{"name": "big"}], "of all segments together, as everybody who counts is in one")],
)  # fmt: skip
def test_whom_the_row_for_all_is_of_is_told_truly(
    segments: Collection[Mapping[str, str]], said: str
) -> None:
    table = {"global": CLEAR, **{str(one["name"]): CLEAR for one in segments}}

    found = shared(table, segments=segments)["global", "b"]

    assert (found.n, found.reason.split(", ", 1)[1]) == (4000, said)


def test_without_a_guard_nothing_is_paused_and_what_was_is_forgotten() -> None:
    asked = experiment(variants={"metric": "demo", "guard": None})
    assert asked.variants is not None

    before = History(standings={("small", "b"): Standing("paused", NOW, NOW, 3)})
    found = share_out(DOUBTED, asked, asked.variants, history=before)

    assert {policy.standing for policy in found} == {Standing()}


def stood(
    table: Mapping[str, Mapping[str, Counts]],
    standings: Mapping[tuple[str, str], Standing],
    **changes: Any,
) -> dict[tuple[str, str], ArmPolicy]:
    asked = experiment(**changes)
    assert asked.variants is not None
    history = History(NOW, standings)
    return {(p.segment, p.arm): p for p in share_out(table, asked, asked.variants, history=history)}


def test_an_arm_stays_paused_where_too_few_are_left_to_judge_by() -> None:
    few = {"control": Counts(60, 12), "b": Counts(49, 8)}
    paused = Standing("paused", NOW, pauses=1)

    found = stood({**DOUBTED, "small": few}, {("small", "b"): paused})["small", "b"]

    assert (found.standing, found.probability) == (paused, 0.02)
    assert "too few are counted to judge by, to be tried again on 2026-07-27" in found.reason


NOBODY: Mapping[str, Counts] = {}
FEW = {"control": Counts(240, 20), "b": Counts(240, 20)}


@pytest.mark.parametrize("counts", [NOBODY, FEW])
@pytest.mark.parametrize("shares", [{}, {"control": 0.5, "b": 0.5}])
def test_what_was_withheld_is_so_where_nothing_is_counted_any_more(
    counts: Mapping[str, Counts], shares: Mapping[str, float]
) -> None:
    standings = {
        ("global", "b"): Standing("switched_off", NOW - dt.timedelta(days=9), None, 1),
        ("big", "b"): Standing("on_trial", NOW, NOW, 1),
        ("small", "b"): Standing("paused", NOW, NOW, 3),
    }

    found = stood({"global": counts}, standings, shares=shares)

    assert found["small", "b"].standing == standings["small", "b"]
    assert found["big", "b"].standing == standings["big", "b"]
    assert found["global", "b"].standing == Standing("paused", NOW, None, 2)
    assert [found[s, "b"].probability for s in ("global", "big", "small")] == [0.02, 0.25, 0.02]
    assert found["small", "control"].probability == pytest.approx(0.98)
    assert found["small", "b"].reason == (
        "paused: too few are counted since 2026-06-01 to judge by, to be tried again on 2027-01-11"
    )
    assert "fewer than two arms" in found["small", "control"].reason


def test_pauses_are_counted_on_where_nothing_is_counted_or_an_arm_is_hardly_met() -> None:
    shown = Standing(judged_from=NOW, pauses=3)
    paused = Standing("paused", NOW, NOW, 2)
    table = {"global": {**CLEAR, "c": Counts(40, 4)}, "big": {**CLEAR, "c": Counts(40, 4)}}

    nothing = stood({"global": NOBODY}, {("big", "b"): shown})
    fresh = stood(table, {("big", "c"): paused})

    assert nothing["big", "b"].standing == shown
    assert nothing["big", "b"].probability == 0.5
    assert (fresh["big", "c"].standing, fresh["big", "c"].probability) == (paused, 0.02)
    assert sum(fresh["big", arm].probability for arm in ("control", "b", "c")) == pytest.approx(1)
    assert fresh["global", "c"].probability == pytest.approx(1 / 3)


def test_beside_a_new_arm_a_trial_a_pause_and_the_floor_are_what_was_asked() -> None:
    standings = {("small", "b"): Standing("on_trial", NOW, pauses=1)}
    shares = {"control": 0.4, "b": 0.4, "c": 0.2}
    since = History(NOW, standings, {("small", "b"): NOBODY})
    asked = experiment(shares=shares, **guarded(0.8, trial_share=0.33))
    assert asked.variants is not None

    tried = share_out(DOUBTED, asked, asked.variants, history=since)
    paused = shared(DOUBTED, shares=shares, **guarded(0.8))

    share = {(p.segment, p.arm): p.probability for p in tried}
    assert share["small", "b"] >= 0.33
    assert sum(share["small", arm] for arm in shares) == pytest.approx(1)
    assert paused["small", "b"].probability == 0.02
    assert paused["big", "control"].probability >= 0.05


def test_an_arm_that_becomes_the_baseline_is_paused_no_more() -> None:
    paused = {("small", "b"): Standing("paused", NOW, pauses=1)}

    found = stood(DOUBTED, paused, baseline="b")["small", "b"]

    assert found.standing == Standing(pauses=1)


def test_a_trial_counts_those_alone_who_came_since() -> None:
    asked = experiment()
    assert asked.variants is not None
    cell, trial = ("small", "b"), Standing("on_trial", NOW, NOW, 1)

    def tried(since: Mapping[str, Counts]) -> ArmPolicy:
        history = History(NOW, {cell: trial}, {cell: since})
        found = share_out(DOUBTED, asked, asked.variants, history=history)
        return next(p for p in found if (p.segment, p.arm) == cell)

    few = tried({"control": Counts(60, 6), "b": Counts(20, 0)})
    worse = tried({"control": Counts(60, 20), "b": Counts(60, 6)})
    alike = tried({"control": Counts(60, 10), "b": Counts(60, 10)})

    assert (few.state, few.p_harmful_alone) == ("on_trial", None)
    assert few.probability >= 0.25
    assert "tried again: judged by those who met it since 2026-06-01" in few.reason
    assert (worse.state, worse.standing.pauses, worse.probability) == ("paused", 2, 0.02)
    assert "to be tried again on 2026-09-21" in worse.reason
    assert (alike.state, alike.standing.judged_from) == ("shown", NOW)
    assert alike.p_harmful_alone == pytest.approx(0.5, abs=0.01)


def test_a_pause_at_a_low_bar_ends_where_harm_is_no_more_probable_than_not() -> None:
    assert Guard(harm_probability=0.6).ends_below == 0.5
    assert Guard(harm_probability=0.8).ends_below == pytest.approx(0.64)


def _sum(*tables: Mapping[str, Counts]) -> dict[str, Counts]:
    return {
        arm: Counts(sum(t[arm].n for t in tables), sum(t[arm].converted for t in tables))
        for arm in ("control", "b")
    }


def _of(segment: str, found: Mapping[tuple[str, str], ArmPolicy]) -> list[ArmPolicy]:
    return [policy for (where, _), policy in found.items() if where == segment]


def test_a_pause_never_shows_an_arm_more_than_the_floor_or_the_baseline_less() -> None:
    settings = {
        "metric": "demo",
        "floor": 0.01,
        "guard": {"harm_probability": 0.8, "paused_share": 0.1},
    }
    found = shared(DOUBTED, variants=settings)

    assert found["small", "b"].probability == 0.01
    assert found["small", "control"].probability == pytest.approx(0.99)


def test_too_few_people_are_shared_out_as_declared_else_alike() -> None:
    few = {"control": Counts(240, 20), "b": Counts(260, 40)}

    found = shared({"global": few}, shares={"control": 0.4, "b": 0.4, "c": 0.1, "holdout": 0.1})

    by_shares = {"control": 4 / 9, "b": 4 / 9, "c": 1 / 9}
    assert all(p.probability == pytest.approx(by_shares[p.arm]) for p in found.values())
    assert len(found) == 9
    assert found["big", "c"].reason.endswith("each is shown as often as shares says")
    alike = shared({"global": few})
    assert [p.probability for p in alike.values()] == [0.5] * 6
    assert alike["big", "b"].reason.endswith("all are shown alike")
    assert {p.fallback_level for p in found.values()} == {"uniform"}
    assert {segment for segment, _ in found} == {"global", "big", "small"}
    assert found["global", "c"].effect is None


@pytest.mark.parametrize("few", [Counts(0, 0), Counts(10, 3), Counts(49, 20)])
def test_an_arm_that_hardly_anybody_met_gets_an_equal_share_and_spoils_no_other(
    few: Counts,
) -> None:
    found = shared(
        {"global": {**CLEAR, "fresh": few}, "big": {**CLEAR, "fresh": few}},
        shares={"control": 0.3, "b": 0.3, "fresh": 0.3, "holdout": 0.1},
    )

    assert found["big", "fresh"].probability == pytest.approx(1 / 3)
    assert "fewer than 50 people have met it yet" in found["big", "fresh"].reason
    assert (found["big", "fresh"].n, found["big", "fresh"].p_best) == (few.n, None)
    assert found["big", "b"].probability > 0.5
    assert sum(found["big", arm].probability for arm in ("control", "b", "fresh")) == pytest.approx(
        1
    )


def test_an_arm_that_hardly_anybody_met_gets_its_declared_share() -> None:
    found = shared({"global": CLEAR, "big": CLEAR}, shares={"control": 0.5, "b": 0.4, "c": 0.1})

    assert found["big", "c"].probability == pytest.approx(0.1)
    assert found["big", "c"].reason.endswith("its share in shares finds out")
    assert found["big", "control"].probability + found["big", "b"].probability == pytest.approx(0.9)


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
    with pytest.raises(ValidationError, match="metrics: demo"):
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


def test_a_pause_is_remembered_told_in_plain_words_and_ends_with_its_experiment(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "read_counts", lambda *_, **__: DOUBTED)
    asked = ExperimentsConfig(experiments={"hero": experiment(**guarded(0.8))})
    later = NOW + dt.timedelta(days=7)

    for now in (NOW, later):
        write_variant_policies(company.warehouse, asked, now=now, run_id="r1")
    told = read_withheld(company.warehouse, asked)
    write_variant_policies(company.warehouse, ExperimentsConfig(), now=later, run_id="r2")

    (arm,) = told
    assert (arm.segment, arm.arm, arm.is_paused, arm.since) == ("small", "b", True, NOW)
    assert arm.sentence.startswith("b is paused for small, since 2026-06-01, as a precaution: ")
    assert "About 2 of 100 are still shown it" in arm.sentence
    assert "less probable than 64%, or is tried again on 2026-07-27" in arm.sentence
    assert read_withheld(company.warehouse, asked) == ()


def test_since_when_is_of_the_state_that_it_is_in_and_older_rows_say_theirs(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, later = company.warehouse, NOW + dt.timedelta(days=60)
    worse = {"control": Counts(900, 270), "b": Counts(900, 180)}
    asked = ExperimentsConfig(experiments={"hero": experiment()})

    def told(counts: Mapping[str, Counts], now: dt.datetime) -> WithheldArm:
        table = {"global": _sum(ALIKE, counts), "big": ALIKE, "small": counts}
        monkeypatch.setattr(policies, "read_counts", lambda *_, **__: table)
        write_variant_policies(warehouse, asked, now=now, run_id="r1")
        (arm,) = read_withheld(warehouse, asked)
        return arm

    paused, off = told({"control": Counts(300, 90), "b": Counts(300, 70)}, NOW), told(worse, later)
    older = "update personalization.variant_policies set state = null, withheld_since = null"
    warehouse.execute(older)
    (old,) = read_withheld(warehouse, asked)
    state = {
        one.arm: one.state for one in read_variants(warehouse, asked) if one.segment == "small"
    }

    assert (paused.is_paused, paused.since) == (True, NOW)
    assert (off.is_paused, off.since) == (False, later)
    assert "more than 99.9% sure" in off.sentence
    assert (old.is_paused, old.since) == (False, later)
    assert state == {"b": "switched_off", "control": "shown"}
    assert told(worse, later + dt.timedelta(days=7)).since == later


def test_page_and_variants_hide_the_same_and_what_is_withheld_knows_its_verdict(
    company: Company,
) -> None:
    cells = {
        ("A", "control"): (500, 40), ("B", "control"): (50, 10), ("C", "control"): (5, 1),
        ("", "control"): (30, 3), ("A", "b"): (500, 50), ("B", "b"): (20, 5), ("C", "b"): (40, 8),
        ("", "b"): (5, 2), ("D", "control"): (200, 50), ("D", "b"): (200, 25),
    }  # fmt: skip
    rows = [
        {"segment": segment, "arm": arm, "n": n, "converted": converted}
        for (segment, arm), (n, converted) in cells.items()
    ]
    with company.warehouse.view("cells", pa.Table.from_pylist(rows)):
        company.warehouse.execute(_PEOPLE)
    segments = [{"name": n, "when": [{"trait": "country", "is": n}]} for n in "ABCD"]
    asked = ExperimentsConfig(
        experiments={"hero": experiment(segments=segments, shares={}, held_out=None)}
    )
    reports = measure_experiments(company.warehouse, asked, now=NOW, run_id="r1")
    write_variant_policies(company.warehouse, asked, now=NOW, run_id="r1")

    told = {(t.segment, t.arm): t.n for t in read_variants(company.warehouse, asked)}
    page = {f.segment for f in reports[0].findings if f.is_told}
    (withheld,) = read_withheld(company.warehouse, asked)

    # Of `b`, everybody less A, D and those 40 of C leaves 25: B and the five in no segment.
    assert (told["C", "b"], told["B", "b"], told["B", "control"]) == (40, None, 50)
    assert page == {"global", "A", "D"}
    assert (withheld.segment, withheld.verdict) == ("D", "harmed")


_PEOPLE = """
    create temp table people as
        select segment, arm, i < converted as has, format('{}{}{}', segment, arm, i) as person_id
        from cells, unnest(range(n)) as numbers (i);
    insert into marts.profiles by name select person_id, segment as country from people;
    insert into marts.events by name
        select format('{}{}', event, person_id) as event_id, person_id, event,
            timestamp '2026-03-02' as occurred_at, timestamp '2026-03-02' as received_at,
            json_object('experiment_id', 'hero', 'variation_id', arm) as properties, false as is_bot
        from people, (values ('Experiment Viewed'), ('Demo Requested')) as events (event)
        where has or event = 'Experiment Viewed'
"""


def test_figures_of_fewer_than_ten_people_are_not_told_nor_do_they_follow(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"control": Counts(9, 3), "b": Counts(40, 2)}
    next_smallest = {"control": Counts(60, 5), "b": Counts(50, 5)}
    everybody = {"control": Counts(4069, 208), "b": Counts(4090, 327)}
    table = {"global": everybody, "big": CLEAR, "small": few, "middle": next_smallest}
    monkeypatch.setattr(policies, "read_counts", lambda *_, **__: table)
    segments = [{"name": name} for name in ("big", "small", "middle")]
    asked = ExperimentsConfig(experiments={"hero": experiment(segments=segments)})
    write_variant_policies(company.warehouse, asked, now=NOW, run_id="r1")

    told = {(one.segment, one.arm): one for one in read_variants(company.warehouse, asked)}

    assert (told["small", "control"].n, told["small", "control"].converted) == (None, None)
    assert "fewer than 10 people" in told["small", "control"].reason
    # Everybody less the others would be the nine.
    assert told["middle", "control"].n is None
    assert told["big", "control"].n == 4000
    assert told["small", "control"].share > 0


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
