from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from measurement import Holdout
from personalization.blocks import BlockRules
from personalization.calibrations import read_judged
from personalization.champion import read_standing
from personalization.half_lives import read_half_life, read_standing_half_life
from personalization.held_out import is_held_out
from tests.personalization.conftest import AS_OF, Company

PLAIN = {"size": 3, "discovery_share": 0}


@pytest.fixture
def library(company: Company) -> Company:
    """Six items on two topics; a1 is the most read, then a2, b1, and so on."""
    company.person("p1", "p2", "p3", "p4")
    for item in ("a1", "a2", "a3"):
        company.item(item, "seo")
    for item in ("b1", "b2", "b3"):
        company.item(item, "privacy")
    company.read("p2", "a1", "a2", "b1")
    company.read("p3", "a1", "a2", "b1", "b2")
    company.read("p4", "a1")
    return company


def test_whoever_read_nothing_gets_what_is_popular(library: Company) -> None:
    library.recommend(home=PLAIN)

    assert library.lists()["p1"] == ["a1", "a2", "b1"]
    assert set(library.lists("reason")["p1"]) == {"popular now"}


def test_readings_fade_with_age(library: Company) -> None:
    library.person("q1", "q2")
    for person in ("q1", "q2", "p2", "p3", "p4"):
        library.read(person, "b3", days_ago=300)

    library.recommend(home=PLAIN, half_life_days=30)

    assert library.lists()["p1"] == ["a1", "a2", "b1"]


def test_a_reader_of_one_topic_gets_more_of_it(library: Company) -> None:
    library.person("fan")
    library.read("fan", "b1", "b2")

    library.recommend(home={"size": 6, "discovery_share": 0})

    reasons = dict(zip(library.lists()["fan"], library.lists("reason")["fan"], strict=True))
    assert list(reasons).index("b3") < list(reasons).index("a3")
    assert reasons["b3"] == "reads about privacy"
    assert reasons["a3"] == "popular now"


def test_what_was_read_is_never_shown(library: Company) -> None:
    library.recommend(home={"size": 6, "discovery_share": 0.5, "pins": ["a1"]})

    for person, read in {"p2": {"a1", "a2", "b1"}, "p4": {"a1"}}.items():
        assert not read & set(library.lists()[person])


def test_reference_material_may_come_again_but_not_as_pin_or_draw(library: Company) -> None:
    block = {"size": 4, "discovery_share": 0.25, "pins": ["b1"], "shows_read": True}

    library.recommend(home=block)

    assert library.lists()["p2"][:3] == ["a1", "a2", "b2"]
    assert library.lists(where="is_discovery")["p2"][0] in {"a3", "b3"}


def test_a_list_never_repeats_an_item_and_ranks_without_gap(library: Company) -> None:
    library.recommend(home={"size": 6, "discovery_share": 0.5})

    for items in library.lists().values():
        assert len(set(items)) == len(items)
    for ranks in library.lists("rank").values():
        assert ranks == list(range(1, len(ranks) + 1))


def test_a_reader_of_everything_gets_nothing(library: Company) -> None:
    library.person("done")
    library.read("done", "a1", "a2", "a3", "b1", "b2", "b3")

    library.recommend(home={"size": 6})

    assert "done" not in library.lists()


@pytest.mark.parametrize(
    ("status", "is_bot"),
    [
        pytest.param(None, False, id="unknown"),
        pytest.param("denied", False, id="denied"),
        pytest.param("granted", True, id="bot"),
    ],
)
def test_only_consenting_people_are_recommended_to(
    library: Company, status: str | None, is_bot: bool
) -> None:
    library.person("other", status=status, is_bot=is_bot)

    library.recommend(home=PLAIN)

    assert "other" not in library.lists()


def test_who_is_held_out_of_everything_gets_ghosts(library: Company) -> None:
    people = [f"n{number:03d}" for number in range(200)]
    library.person(*people)
    holdout = Holdout(share=0.25, salt="2026")

    library.recommend(home=PLAIN, holdout=holdout)

    ghosts = {person for person, flags in library.lists("is_ghost").items() if all(flags)}
    shown = {person for person, flags in library.lists("is_ghost").items() if not any(flags)}
    assert ghosts | shown == {"p1", "p2", "p3", "p4", *people}
    assert ghosts == {person for person in ghosts | shown if is_held_out(person, holdout)}
    assert 30 < len(ghosts) < 75


def test_consent_for_another_purpose_is_not_enough(library: Company) -> None:
    library.person("other", status=None)
    library.warehouse.execute(
        "insert into marts.consent_current values ('other', 'analytics', 'granted')"
    )

    library.recommend(home=PLAIN)

    assert "other" not in library.lists()


def test_people_without_consent_teach_nothing(library: Company) -> None:
    for number in range(9):
        library.person(f"quiet{number}", status="denied")
        library.read(f"quiet{number}", "b3")

    library.recommend(home=PLAIN)

    assert "b3" not in library.lists()["p1"]


def test_withdrawn_consent_takes_the_list_away(library: Company) -> None:
    library.recommend(home=PLAIN)
    library.warehouse.execute(
        "update marts.consent_current set status = 'denied' where person_id = 'p1'"
    )

    library.recommend(home=PLAIN)

    assert "p1" not in library.lists()


def test_pins_come_first_whatever_the_filters_say(library: Company) -> None:
    library.recommend(home={**PLAIN, "topics": ["seo"], "pins": ["b3", "a3"]})

    assert library.lists()["p1"] == ["b3", "a3", "a1"]
    assert library.lists("reason")["p1"][0] == "pinned by the editors"


def test_bans_hold_in_their_block_and_everywhere(library: Company) -> None:
    library.recommend(home={**PLAIN, "bans": ["a1"], "pins": ["b1"]}, bans=["a2", "b1"])

    assert library.lists()["p1"] == ["b2", "a3", "b3"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param({"topics": ["privacy"]}, {"b1", "b2", "b3"}, id="topic"),
        pytest.param({"content_types": ["video"]}, {"v1"}, id="type"),
        pytest.param({"stages": ["decision"]}, {"v1"}, id="stage"),
    ],
)
def test_filters_let_through_only_what_they_name(
    library: Company, filters: dict[str, list[str]], expected: set[str]
) -> None:
    library.item("v1", "seo", content_type="video", stage="decision")

    library.recommend(home={"size": 6, "discovery_share": 0.2, **filters})

    assert set(library.lists()["p1"]) == expected


def test_a_filter_that_fits_nothing_leaves_its_block_empty_and_is_told(library: Company) -> None:
    report = library.recommend(home={"topics": ["seoo"]}, other=PLAIN)

    assert report.empty_blocks == ("home",)
    assert set(library.lists("block")["p1"]) == {"other"}


def test_pins_that_nobody_published_are_told(library: Company) -> None:
    report = library.recommend(home={**PLAIN, "pins": ["gone"]})

    assert report.unknown_ids == ("gone",)


def test_content_that_is_not_published_yet_is_not_shown(library: Company) -> None:
    library.item("soon", days_old=-3)

    library.recommend(home={"size": 9, "discovery_share": 0.3})

    assert "soon" not in library.lists()["p1"]


def test_later_readings_do_not_count(library: Company) -> None:
    library.read("p1", "a1", days_ago=-2)

    library.recommend(home=PLAIN)

    assert library.lists()["p1"][0] == "a1"


def test_the_last_places_are_drawn_from_what_few_have_read(library: Company) -> None:
    library.recommend(home={"size": 3, "discovery_share": 0.34})

    flags = library.lists("is_discovery")["p1"]
    assert flags == [False, False, True]
    assert library.lists()["p1"][2] in {"a3", "b3", "b2"}


def test_each_draw_has_the_probability_that_is_written_beside_it(library: Company) -> None:
    people = [f"n{number:04d}" for number in range(3_000)]
    library.person(*people)

    library.recommend(home={"size": 4, "discovery_share": 0.5})

    rows = library.warehouse.read(
        "select rank, content_id, count(*) as n, min(propensity) as low, max(propensity) as high "
        "from personalization.recommendations "
        "where is_discovery and starts_with(person_id, 'n') group by all"
    ).to_pylist()
    assert len(rows) == 6
    for row in rows:
        assert row["low"] == row["high"]
        assert row["n"] / len(people) == pytest.approx(row["low"], abs=0.03)


@pytest.mark.parametrize(
    ("size", "share"),
    [
        pytest.param(3, 0.15, id="less than one place"),
        pytest.param(4, 0.3, id="one or two"),
        pytest.param(5, 0.5, id="two or three"),
    ],
)
def test_the_share_of_what_is_drawn_is_the_one_that_is_asked_for(
    library: Company, size: int, share: float
) -> None:
    """And each content is in each place as often as is written beside it, drawn or not."""
    people = [f"n{number:04d}" for number in range(4_000)]
    library.person(*people)

    library.recommend(home={"size": size, "discovery_share": share})

    rows = library.warehouse.read(
        "select rank, content_id, count(*) as n, avg(propensity) as chance, "
        "stddev_pop(propensity) as spread, count(*) filter (where is_discovery) as drawn "
        "from personalization.recommendations where starts_with(person_id, 'n') group by all"
    ).to_pylist()
    drawn = sum(row["drawn"] for row in rows) / (size * len(people))
    assert drawn == pytest.approx(share, abs=0.01)
    for row in rows:
        assert row["spread"] == pytest.approx(0, abs=1e-9)
        # Four standard errors.
        error = 4 * (row["chance"] * (1 - row["chance"]) / len(people)) ** 0.5
        assert row["n"] / len(people) == pytest.approx(row["chance"], abs=error + 1e-9)


def test_chosen_places_have_probability_one(library: Company) -> None:
    library.recommend(home=PLAIN)

    assert {p for items in library.lists("propensity").values() for p in items} == {1.0}


def test_the_same_day_gives_the_same_lists_and_the_next_day_others(library: Company) -> None:
    library.person(*(f"n{number}" for number in range(40)))
    block = {"size": 3, "discovery_share": 0.34}

    library.recommend(home=block)
    first = library.lists()
    library.recommend(home=block)
    again = library.lists()
    library.recommend(home=block, as_of=AS_OF + dt.timedelta(days=1))
    tomorrow = library.lists()

    assert first == again
    assert first != tomorrow


def test_another_seed_draws_otherwise(library: Company) -> None:
    library.person(*(f"n{number}" for number in range(40)))
    library.recommend(home={"size": 3}, seed=1)
    first = library.lists()

    library.recommend(home={"size": 3}, seed=2)

    assert library.lists() != first


def test_content_that_its_readers_abandon_is_no_discovery(company: Company) -> None:
    people = [f"p{number}" for number in range(24)]
    company.person(*people, "new")
    for number in range(8):
        company.item(f"i{number}")
        for person in people[number : number + 6]:
            company.read(person, f"i{number}", depth=0.05 if number == 0 else 0.8)

    company.recommend(home={"size": 8, "discovery_share": 0.5})

    drawn = {
        item for items in company.lists("content_id", "is_discovery").values() for item in items
    }
    assert drawn
    assert "i0" not in drawn


def test_new_content_may_be_discovered_at_once(company: Company) -> None:
    company.person("p1", "p2", "p3")
    for number in range(4):
        company.item(f"old{number}")
        company.read("p1", f"old{number}")
    company.item("new", days_old=1)

    company.recommend(home={"size": 2, "discovery_share": 0.5})

    assert company.lists()["p1"] == ["new"]


def test_how_much_is_known_of_a_person_is_recorded(library: Company) -> None:
    report = library.recommend(home=PLAIN)

    levels = {person: set(found) for person, found in library.lists("fallback_level").items()}
    assert levels == {"p1": {"popular"}, "p2": {"personal"}, "p3": {"personal"}, "p4": {"similar"}}
    assert report.by_level == {"popular": 1, "similar": 1, "personal": 2}


def test_scores_are_shares(library: Company) -> None:
    library.recommend(home={"size": 6, "discovery_share": 0})

    assert sum(library.lists("score")["p1"]) == pytest.approx(1.0)


def test_interests_are_used_until_enough_readers_can_judge(library: Company) -> None:
    report = library.recommend(home=PLAIN)

    assert report.backtest.champion == "interests"
    assert read_standing(library.warehouse) is None  # nobody could judge it
    assert report.backtest.reason.startswith("needs 1")
    assert library.backtests() == {"interests": True}


def test_co_reading_is_used_where_it_foretells_better(company: Company) -> None:
    """Four circles read of one topic; only co-reading can tell them apart."""
    rng = np.random.default_rng(5)
    for number in range(20):
        company.item(f"i{number:02d}", "one topic")
    for number in range(300):
        company.person(f"p{number:03d}")
        items = [f"i{item:02d}" for item in rng.permutation(5) + 5 * (number % 4)]
        company.read(f"p{number:03d}", *items[:4], days_ago=90)
        company.read(f"p{number:03d}", items[4], days_ago=10)
    company.person("guest")
    company.read("guest", "i15", "i16")

    report = company.recommend(home={"size": 3, "discovery_share": 0, "calibration": 0.2})

    assert report.backtest.champion == read_standing(company.warehouse) == "groups_and_co_reading"
    used = report.calibrations["home"].used > 0
    assert [_judged(company, asked) for asked in (0.2, 0.3)] == [{"home": used}, {}]
    assert company.backtests()["groups_and_co_reading"]
    assert all(item > "i16" for item in company.lists()["guest"])
    assert set(company.lists("reason")["guest"]) == {"read by those who read the same"}


def _judged(company: Company, asked: float) -> dict[str, bool]:
    nothing = np.zeros(0, dtype=np.int64)
    rules = BlockRules(nothing > 0, nothing, nothing > 0, 3, 0, False, 1, calibration=asked)
    return read_judged(company.warehouse, {"home": rules})


def test_readers_alike_speak_for_who_has_read_little(company: Company) -> None:
    """Whoever reads of a1 also reads of a2: one reading of a1 says so much."""
    rng = np.random.default_rng(3)
    topics = ("a1", "a2", "b1", "b2")
    for number in range(40):
        company.item(f"i{number:02d}", topics[number // 10])
    for number in range(500):
        company.person(f"p{number:03d}")
        half = 20 * (number % 2)
        items = [f"i{item:02d}" for item in rng.choice(20, size=4, replace=False) + half]
        company.read(f"p{number:03d}", *items[:3], days_ago=90)
        company.read(f"p{number:03d}", items[3], days_ago=10)
    company.person("guest")
    company.read("guest", "i00")

    report = company.recommend(home={"size": 19, "discovery_share": 0})

    reasons = dict(zip(company.lists()["guest"], company.lists("reason")["guest"], strict=True))
    assert report.backtest.champion.uses_groups
    assert all(item < "i20" for item in reasons)
    assert reasons["i01"] == "reads about a1"
    assert reasons["i15"] == "liked by readers with like interests"


def test_new_content_is_as_popular_as_it_is_read_in_a_day(company: Company) -> None:
    company.person("p1", *(f"r{number}" for number in range(12)))
    for item in ("old1", "old2"):
        company.item(item)
    company.item("new", days_old=2)
    for number in range(12):
        company.read(f"r{number}", "old1", "old2", days_ago=1 + 7 * number)
    for number in range(4):
        company.read(f"r{number}", "new", days_ago=1)

    company.recommend(home={"size": 1, "discovery_share": 0})

    assert company.lists()["p1"] == ["new"]


def test_what_is_popular_fades_as_fast_as_a_backtest_shows(company: Company) -> None:
    """Nobody reads any more what many read a month before the lists that are judged."""
    people = [f"p{number:03d}" for number in range(180)]
    company.person("guest", *people)
    company.item("last")
    for number in range(10):
        company.item(f"new{number}")
        company.item(f"old{number}")
        company.read_by(people[:40], f"old{number}", days_ago=75)
        company.read_by(people[40:52], f"new{number}", days_ago=33)
        company.read_by(people[60 + 12 * number : 72 + 12 * number], f"new{number}", days_ago=20)
    company.read_by(people[:8], "last", days_ago=1)
    block = {"size": 1, "discovery_share": 0, "calibration": 0}

    fixed = company.recommend(home=block, half_lives_tried=[])
    standing = read_standing_half_life(company.warehouse)
    told = [fixed.half_life.days, standing, company.lists()["guest"] == ["last"]]
    found = company.recommend(home=block)

    assert told == [30.0, None, False]
    assert found.half_life.days == read_half_life(company.warehouse) == 7.0
    assert read_standing_half_life(company.warehouse) == 7.0
    assert company.lists()["guest"] == ["last"]
    assert company.lists("policy")["guest"] == [f"{found.backtest.champion}_v2_half_life_7"]
    assert company.recommend(home=block, half_life_days=7).half_life.days == 7.0
    assert company.lists("policy")["guest"] == [f"{found.backtest.champion}_v2"]


def test_blocks_are_independent(library: Company) -> None:
    library.recommend(home=PLAIN, email={"size": 1, "discovery_share": 0, "topics": ["privacy"]})

    assert library.lists(where="block = 'email'")["p1"] == ["b1"]
    assert library.lists(where="block = 'home'")["p1"] == ["a1", "a2", "b1"]


@pytest.mark.parametrize("missing", ["content_items", "profiles", "content_engagement"])
def test_an_empty_table_is_no_error(library: Company, missing: str) -> None:
    library.warehouse.execute(f"delete from marts.{missing}")

    report = library.recommend(home={"size": 3})

    assert (report.rows > 0) == (missing == "content_engagement")


def test_content_without_topic_or_date_is_shown(company: Company) -> None:
    company.person("p1", "p2")
    company.item("x1", None)
    company.item("x2", None)
    company.warehouse.execute("update marts.content_items set published_at = null")
    company.read("p2", "x1")

    company.recommend(home=PLAIN)

    assert company.lists()["p1"] == ["x1", "x2"]
    assert set(company.lists("reason")["p1"]) == {"popular now"}
