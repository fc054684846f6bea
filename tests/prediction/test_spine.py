from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from identity.inventory import PERSONS
from prediction import MissingRelationError, write_spine
from prediction.inventory import TABLES as PREDICTIONS
from privacy.inventory_people import OBJECTING_PERSONS
from tests.prediction.conftest import AS_OF, START, Company, predictions
from warehouse import DuckDBWarehouse

CONFIG = predictions()
EARLY = START + dt.timedelta(days=1)
JUDGING = AS_OF - dt.timedelta(days=30)


def visit(company: Company, device: str, at: dt.datetime, **changes: object) -> None:
    facts = {
        "event_id": f"{device} {at}", "anonymous_id": device, "visitor_id": device,
        "event": "Content Viewed", "occurred_at": at, "known_at": at, "is_automated": False,
        **changes,
    }  # fmt: skip
    company.add("intermediate.int_events__classified", **{k: [v] for k, v in facts.items()})


def own(
    company: Company, device: str, person: str, since: dt.datetime, until: object = None
) -> None:
    company.add(
        "identity.members_history",
        source=["devices"],
        source_record_id=[device],
        person_id=[person],
        valid_from=[since],
        valid_to=pa.array([until], pa.timestamp("us")),
    )


def spine(company: Company) -> list[tuple[object, ...]]:
    write_spine(company.warehouse, CONFIG, as_of=AS_OF)
    return company.rows("select person_id, as_of, role from prediction.spine order by all")


@pytest.fixture
def offered(company: Company) -> Company:
    """A company where the trial exists: somebody started one early."""
    own(company, "d0", "p0", START)
    visit(company, "d0", START, event="Trial Started")
    return company


def test_it_runs_before_the_marts_exist() -> None:
    warehouse = DuckDBWarehouse.in_memory()

    with pytest.raises(MissingRelationError, match="int_events__classified"):
        write_spine(warehouse, CONFIG, as_of=AS_OF)


def test_a_person_is_asked_about_from_the_first_visit_on(offered: Company) -> None:
    own(offered, "d1", "p1", START)
    visit(offered, "d1", JUDGING - dt.timedelta(days=1))

    assert [row for row in spine(offered) if row[0] == "p1"] == [
        ("p1", JUDGING, "judging"),
        ("p1", AS_OF, "scoring"),
    ]


def test_who_had_done_it_by_then_is_not_asked_about(offered: Company) -> None:
    assert [row for row in spine(offered) if row[0] == "p0"] == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"known_at": AS_OF - dt.timedelta(days=2)}, id="received late"),
        pytest.param({"occurred_at": JUDGING, "known_at": JUDGING}, id="at the very moment"),
    ],
)
def test_what_was_not_known_at_a_date_does_not_count_at_it(
    offered: Company, change: dict[str, object]
) -> None:
    own(offered, "d1", "p1", START)
    visit(offered, "d1", EARLY, **change)

    assert [row[2] for row in spine(offered) if row[0] == "p1"] == ["scoring"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"is_automated": True}, id="program"),
        pytest.param({"visitor_id": None}, id="only e-mail"),
    ],
)
def test_who_never_visited_is_not_asked_about(offered: Company, change: dict[str, object]) -> None:
    own(offered, "d1", "p1", START)
    visit(offered, "d1", EARLY, **change)

    assert [row for row in spine(offered) if row[0] == "p1"] == []


def test_a_date_sees_the_persons_of_that_date(offered: Company) -> None:
    merged = AS_OF - dt.timedelta(days=5)
    own(offered, "d1", "p1", START, merged)
    own(offered, "d1", "p2", merged)
    visit(offered, "d1", EARLY)

    rows = spine(offered)

    assert {row[2] for row in rows if row[0] == "p1"} == {"training", "recent", "judging"}
    assert {row[2] for row in rows if row[0] == "p2"} == {"scoring"}


def test_the_same_input_writes_the_same_spine_also_date_by_date(
    offered: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 30):
        own(offered, f"d{number}", f"p{number}", START)
        visit(offered, f"d{number}", EARLY)

    at_once = spine(offered)
    monkeypatch.setattr("prediction.spine.MOST_AT_ONCE", 1)

    assert len({as_of for _, as_of, _ in at_once}) > 1
    assert spine(offered) == at_once


def test_without_models_everybody_is_wanted_at_scoring_only(
    company: Company, tmp_path: Path
) -> None:
    own(company, "d1", "p1", START)
    visit(company, "d1", EARLY)

    write_spine(company.warehouse, type(CONFIG)(), as_of=AS_OF)

    assert company.rows("select person_id, role from prediction.spine") == [("p1", "scoring")]


def test_who_objects_to_profiling_is_asked_about_at_no_date_and_loses_scores_and_persona(
    offered: Company,
) -> None:
    """Under any id that the person ever had; withdrawn objections and other purposes take nothing."""
    merged = AS_OF - dt.timedelta(days=5)
    own(offered, "d1", "p1_before", START, merged)
    for number in range(1, 4):
        own(offered, f"d{number}", f"p{number}", merged if number == 1 else START)
        visit(offered, f"d{number}", EARLY)
    offered.warehouse.create_missing([OBJECTING_PERSONS, PERSONS, *PREDICTIONS])
    offered.add(
        "privacy.objecting_persons",
        person_id=["p1", "p2", "p3"],
        purpose=["profiling", "profiling", "advertising"],
        withdrawn_at=pa.array([None, AS_OF, None], pa.timestamp("us")),
    )
    offered.add("identity.persons", person_id=["p1_before"], merged_into=["p1"])
    everyone = ["p1", "p1_before", "p2", "p3"]
    for table in ("propensity_scores", "persona_members"):
        offered.add(f"prediction.{table}", person_id=everyone)

    asked = {row[0] for row in spine(offered)}

    assert asked == {"p2", "p3"}
    for table in ("propensity_scores", "persona_members"):
        left = offered.rows(f"select person_id from prediction.{table} order by all")
        assert left == [("p2",), ("p3",)]


def test_a_legal_hold_keeps_scores_and_personas_of_before_but_nothing_new_is_asked(
    offered: Company,
) -> None:
    for number in range(1, 3):
        own(offered, f"d{number}", f"p{number}", START)
        visit(offered, f"d{number}", EARLY)
    offered.warehouse.create_missing([OBJECTING_PERSONS, PERSONS, *PREDICTIONS])
    offered.add("privacy.objecting_persons", person_id=["p1", "p2"], purpose=["profiling"] * 2)
    for table in ("propensity_scores", "persona_members"):
        offered.add(f"prediction.{table}", person_id=["p1", "p2"])

    write_spine(offered.warehouse, CONFIG, as_of=AS_OF, held=["p1"])

    assert offered.rows("select * from prediction.spine") == []
    for table in ("propensity_scores", "persona_members"):
        assert offered.rows(f"select person_id from prediction.{table}") == [("p1",)]
