from __future__ import annotations

import datetime as dt
import json
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pytest

from measurement import Holdout
from personalization import (
    ContentConfig,
    SearchReport,
    describe_results,
    read_rerank_rules,
    read_search_profile,
    write_search_profiles,
)
from personalization.held_out import is_held_out
from personalization.search_config import Search
from personalization.search_learning import Pairs, choose_weights
from tests.personalization.conftest import AS_OF, Company

EVENTS = """
create table marts.events (
    event_id varchar, person_id varchar, event varchar, occurred_at timestamp,
    received_at timestamp, properties varchar, is_bot boolean
);
alter table marts.content_items add column title varchar;
alter table marts.content_items add column url varchar;
"""


def _write(company: Company, holdout: Holdout | None = None, **search: Any) -> SearchReport:
    content = ContentConfig.model_validate({"search": search})
    return write_search_profiles(
        company.warehouse, content, as_of=AS_OF, run_id="r1", holdout=holdout
    )


@pytest.fixture
def library(company: Company) -> Company:
    """Two topics that all read alike, but for one fan of privacy."""
    company.warehouse.execute(EVENTS)
    company.person("fan", "reader")
    for number in range(4):
        company.item(f"a{number}", "seo")
        company.item(f"b{number}", "privacy")
    company.read("reader", "a0", "a1", "b0", "b1")
    company.read("fan", "b0", "b1", "b2", "b3")
    return company


def test_an_affinity_is_what_the_person_reads_more_of_times_the_evidence(
    library: Company,
) -> None:
    _write(library, evidence=4.0)

    profile = read_search_profile(library.warehouse, "fan")

    assert profile
    n = 4 * 0.5 ** (5 / 180)
    assert profile.readings == pytest.approx(n)
    assert profile.affinities == {"topic": {"privacy": pytest.approx((1 - 0.75) * n / (n + 4))}}


@pytest.mark.parametrize(
    ("status", "is_bot"), [(None, False), ("denied", False), ("granted", True)]
)
def test_of_who_has_not_agreed_nothing_is_known(
    library: Company, status: str | None, is_bot: bool
) -> None:
    library.person("other", status=status, is_bot=is_bot)
    library.read("other", "a0", "a1", "a2")
    before = _profile_of_fan(library)

    _write(library)

    assert read_search_profile(library.warehouse, "other") is None
    assert _profile_of_fan(library) == before


def _profile_of_fan(library: Company) -> object:
    _write(library)
    return read_search_profile(library.warehouse, "fan")


def test_withdrawn_consent_takes_the_profile_away(library: Company) -> None:
    _write(library)
    library.warehouse.execute("update marts.consent_current set status = 'denied'")

    _write(library)

    assert read_search_profile(library.warehouse, "fan") is None


@pytest.mark.parametrize("unit", ["person", "account"])
def test_who_is_held_out_of_everything_is_not_reranked(
    library: Company, unit: Literal["person", "account"]
) -> None:
    library.warehouse.execute("alter table marts.profiles add column account_id varchar")
    fans = [f"fan{number}" for number in range(20)]
    library.person(*fans)
    library.warehouse.execute(
        "update marts.profiles set account_id = 'acme' where person_id > 'fan4'"
    )
    for fan in fans:
        library.read(fan, "b0", "b1", "b2", "b3")
    holdout = Holdout(share=0.5, salt="2026", unit=unit)
    rows = library.warehouse.read("select person_id, account_id from marts.profiles").to_pylist()
    accounts = {row["person_id"]: row["account_id"] for row in rows}

    _write(library, holdout)

    profiled = {fan for fan in fans if read_search_profile(library.warehouse, fan)}
    by_account = unit == "account"
    drawn = {fan: (by_account and accounts[fan]) or fan for fan in fans}
    assert profiled == {fan for fan in fans if not is_held_out(drawn[fan], holdout)}
    assert 0 < len(profiled) < len(fans)


def test_later_readings_do_not_count(library: Company) -> None:
    before = _profile_of_fan(library)
    library.read("fan", "a0", "a1", "a2", days_ago=-1)

    assert _profile_of_fan(library) == before


def test_an_empty_company_has_no_profiles_and_declared_weights(company: Company) -> None:
    company.warehouse.execute(EVENTS)

    report = _write(company)

    assert (report.persons, report.rows) == (0, 0)
    assert report.learnt.reason.startswith("declared: needs 1,000 more clicked queries")
    assert read_rerank_rules(company.warehouse, Search()).weights["topic"] == 0.6


def _pairs(queries: int, *, right: float, seed: int = 4) -> Pairs:
    """Preferences for the type that the person likes; ``right`` of them, and never for the topic."""
    rng = np.random.default_rng(seed)
    affinities = np.zeros((queries, 3))
    affinities[:, 1] = np.where(rng.random(queries) < right, 0.3, -0.3)
    affinities[:, 0] = rng.normal(0, 0.2, queries)
    return Pairs(np.arange(queries, dtype=float), rng.normal(-0.02, 0.01, queries), affinities)


def test_below_a_thousand_clicked_queries_the_declared_weights_hold() -> None:
    found = choose_weights(_pairs(957, right=0.9), Search())

    assert found.source == "declared"
    assert found.weights == Search().weights.by_facet
    assert "needs 43 more clicked queries" in found.reason


def test_from_a_thousand_clicked_queries_the_weights_are_learnt() -> None:
    found = choose_weights(_pairs(1_000, right=0.9), Search())

    assert (found.source, found.clicked_queries) == ("learned", 1_000)
    assert found.weights["content_type"] > 0.75
    assert sum(found.weights.values()) == pytest.approx(1)


def test_weights_that_later_clicks_do_not_bear_out_are_not_taken() -> None:
    early, late = _pairs(1_400, right=0.9), _pairs(600, right=0.1, seed=5)
    joined = Pairs(
        np.arange(2_000, dtype=float),
        np.concatenate([early.engine, late.engine]),
        np.concatenate([early.affinities, late.affinities]),
    )

    found = choose_weights(joined, Search())

    assert found.source == "declared"
    assert "on later clicks" in found.reason


def test_clicks_in_the_events_teach_the_weights(library: Company) -> None:
    """Readers of one type click on that type, wherever it stands."""
    rng = np.random.default_rng(6)
    for number in range(6):
        library.item(f"v{number}", "data", content_type="video")
        library.item(f"g{number}", "data", content_type="guide")
    library.person(*(f"n{number}" for number in range(40)))
    for number in range(40):
        kind = "v" if number % 2 else "g"
        library.read(f"n{number}", f"{kind}0", f"{kind}1", f"{kind}2", days_ago=60)
    _insert_clicks(library, rng, searches=1_010)

    report = _write(library)

    assert report.learnt.clicked_queries == 1_010
    assert report.learnt.source == "learned"
    assert report.learnt.weights["content_type"] > 0.9
    assert read_rerank_rules(library.warehouse, Search()).weights == report.learnt.weights


def _insert_clicks(library: Company, rng: np.random.Generator, *, searches: int) -> None:
    rows = []
    for number in range(searches):
        reader = int(rng.integers(40))
        shown = rng.permutation(["v3", "v4", "v5", "g3", "g4", "g5"]).tolist()
        liked = "v" if reader % 2 else "g"
        if rng.random() < 0.1:
            liked = "g" if liked == "v" else "v"
        clicked = next(item for item in shown if item.startswith(liked))
        properties = {"query": "data", "content_id": clicked, "results": shown}
        at = AS_OF - dt.timedelta(days=30) + dt.timedelta(minutes=number)
        rows.append({
            "event_id": f"e{number}", "person_id": f"n{reader}", "event": "Search Result Clicked",
            "occurred_at": at, "received_at": at, "properties": json.dumps(properties),
            "is_bot": False,
        })  # fmt: skip
    with library.warehouse.view("fresh", pa.Table.from_pylist(rows)):
        library.warehouse.execute("insert into marts.events by name select * from fresh")


def test_clicks_without_the_list_that_was_shown_teach_nothing(library: Company) -> None:
    _insert_clicks(library, np.random.default_rng(6), searches=20)
    library.warehouse.execute(
        'update marts.events set properties = \'{"query": "data", "content_id": "v3", "results": 6}\''
    )

    assert _write(library).learnt.clicked_queries == 0


def test_results_get_what_the_catalogue_knows(library: Company) -> None:
    library.warehouse.execute(
        "update marts.content_items set title = 'Cookies', url = null where content_id = 'b0'"
    )

    found = describe_results(library.warehouse, ["b0", "unknown"], [2.0, None])

    assert (found[0].title, found[0].topic, found[0].score) == ("Cookies", "privacy", 2.0)
    assert (found[1].content_id, found[1].topic, found[1].url) == ("unknown", "", "")


def test_weights_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="add up to 1"):
        ContentConfig.model_validate({"search": {"weights": {"topic": 0.9}}})
