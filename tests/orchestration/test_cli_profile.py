"""``candor profile show`` on a company of two persons, one of whom was two."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from orchestration.company import Company
from settings import Paths
from tests.audiences.contract import create_marts
from tests.command_line import Answer
from tests.conftest import ROOT
from tests.dbt_project.project import moment
from warehouse import TableName, Warehouse

CONFIG = ROOT / "tests" / "fernhill" / "config"
ANN = "ann.lee@mail.example"

Candor = Callable[..., Answer]
Row = Mapping[str, Any]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    paths = Paths.resolve({}, config=CONFIG, home=tmp_path / "home")
    with Company(paths).open_warehouse() as warehouse:
        create_marts(warehouse)  # type: ignore[arg-type]
        for table, rows in company().items():
            _add(warehouse, table, rows)
    return paths.home


def company() -> dict[str, list[Row]]:
    source = {"source": "crm_contacts", "source_record_id": "7"}
    return {
        "marts.profiles": [
            {"person_id": "p_ann", "city": "Lima", "seniority": "head", "session_count": 3},
            {"person_id": "p_bob", "session_count": 0},
        ],
        "marts.current_person": [
            {"person_id": "p_ann", "current_person_id": "p_ann"},
            {"person_id": "p_old", "current_person_id": "p_ann"},
            {"person_id": "p_bob", "current_person_id": "p_bob"},
            {"person_id": "p_gone", "current_person_id": None},
        ],
        "marts.profile_sources": [
            {
                **source, "person_id": "p_ann", "field": "city", "strategy": "most_recent",
                "reason": "most recent record", "candidate_count": 3, "losing_count": 2,
            },
            {**source, "person_id": "p_ann", "field": "account_id", "reason": "only source"},
        ],
        "marts.contact_points": [
            _address("p_ann", ANN), _address("p_ann", "desk@x.example"),
            _address("p_bob", "desk@x.example"),
        ],
        "marts.accounts": [{"account_id": "a1", "name": "Acme"}],
        "marts.account_members": [
            {"account_id": account, "person_id": "p_ann", "basis": "record"}
            for account in ("a1", "a3")
        ],
        "marts.consent_current": [
            {"person_id": "p_ann", "purpose": "advertising", "status": "denied"}
        ],
        "prediction.persona_members": [
            {"person_id": "p_old", "persona_id": "b", "persona_name": "Buyers", "confidence": 0.9,
             "as_of": moment("2026-02-01")},
        ],
        "prediction.account_scores": [
            {"account_id": account, "model_key": "fits", "score": score, "as_of": moment(as_of),
             "person_id": only}
            for account, score, as_of, only in [
                ("a1", 0.9, "2026-01-01", None), ("a1", 0.25, "2026-02-01", "p_ann"),
                ("a2", 0.5, "2026-02-01", None), ("a3", 0.5, "2026-01-01", "p_ann"),
                ("a3", 0.5, "2026-02-01", "p_bob"),
            ]
        ],
        "prediction.propensity_scores": [
            {"person_id": person, "model_key": "buys", "score": score, "source": "model",
             "as_of": moment(as_of)}
            for person, score, as_of in [
                ("p_old", 0.9, "2026-01-01"), ("p_ann", 0.2, "2026-02-01"),
                ("p_bob", 0.5, "2026-02-01"),
            ]
        ],
    }  # fmt: skip


def _address(person_id: str, value: str) -> Row:
    return {"person_id": person_id, "identifier_type": "email", "identifier_value": value}


def _add(warehouse: Warehouse, table: str, rows: list[Row]) -> None:
    names = sorted({name for row in rows for name in row})
    filled = [{name: row.get(name) for name in names} for row in rows]
    warehouse.append(TableName.parse(table), pa.Table.from_pylist(filled))


def show(candor: Candor, home: Path, person: str, *options: str) -> Answer:
    return candor("profile", "show", person, "--config", CONFIG, "--home", home, *options)


def shown(candor: Candor, home: Path, person: str) -> dict[str, Any]:
    answer = show(candor, home, person, "--json")
    assert answer.code == 0, answer.err
    found: dict[str, Any] = json.loads(answer.out)
    return found


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param("p_ann", id="id"),
        pytest.param("p_old", id="an id that was merged"),
        pytest.param(" mailto:Ann.Lee@MAIL.example ", id="address in another writing"),
    ],
)
def test_a_person_is_found_by_any_id_and_by_address(candor: Candor, home: Path, asked: str) -> None:
    assert shown(candor, home, asked)["person_id"] == "p_ann"


def test_a_field_says_which_record_won_and_why(candor: Candor, home: Path) -> None:
    assert shown(candor, home, "p_ann")["fields"] == [
        {
            "field": "city",
            "value": "Lima",
            "source": "crm_contacts",
            "source_record_id": "7",
            "strategy": "most_recent",
            "reason": "most recent record",
            "candidate_count": 3,
            "losing_count": 2,
        }
    ]


def test_traits_are_all_other_columns_of_the_profile(candor: Candor, home: Path) -> None:
    traits = shown(candor, home, "p_ann")["traits"]

    assert (traits["seniority"], traits["session_count"]) == ("head", 3)
    assert not {"person_id", "city", "scores", "persona_name"} & set(traits)


def test_a_contact_point_says_how_many_persons_hold_it(candor: Candor, home: Path) -> None:
    points = shown(candor, home, "p_ann")["contact_points"]

    assert {row["identifier_value"]: row["persons"] for row in points} == {
        ANN: 1,
        "desk@x.example": 2,
    }


def test_an_account_is_shown_with_its_latest_scores(candor: Candor, home: Path) -> None:
    """Without those that were computed from a colleague alone."""
    accounts = shown(candor, home, "p_ann")["accounts"]

    assert {account["account_id"]: (account["name"], account["scores"]) for account in accounts} == {
        "a1": ("Acme", "fits 0.25"), "a3": (None, None),
    }  # fmt: skip


def test_a_purpose_that_was_never_decided_is_unknown(candor: Candor, home: Path) -> None:
    consent = shown(candor, home, "p_ann")["consent"]

    assert {row["purpose"]: row["status"] for row in consent} == {
        "analytics": "unknown",
        "personalization": "unknown",
        "advertising": "denied",
    }


def test_the_latest_score_of_all_who_became_the_person_is_shown(candor: Candor, home: Path) -> None:
    found = shown(candor, home, "p_ann")

    assert [row["score"] for row in found["scores"]] == [0.2]
    assert [row["persona_name"] for row in found["personas"]] == ["Buyers"]


def test_the_terminal_shows_what_is_known_and_where_it_comes_from(
    candor: Candor, home: Path
) -> None:
    answer = show(candor, home, "p_ann")

    assert answer.code == 0
    for said in ("Lima", "crm_contacts 7", "most recent record", "2 of 3 differ", "Acme", "head"):
        assert said in answer.out
    assert "lifetime_value" not in answer.out


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param("p_nobody", "no person has this id", id="id"),
        pytest.param("p_gone", "nothing belongs to it any more", id="an id that was erased"),
        pytest.param("nobody@x.example", "no person has this address", id="address"),
        pytest.param("not an@address", "no person has this address", id="no address"),
        pytest.param("desk@x.example", "2 persons use this address: name one by its id: p_ann, p_bob",
                     id="shared address"),
    ],
)  # fmt: skip
def test_who_is_not_found_is_told_so_without_repeating_the_address(
    candor: Candor, home: Path, asked: str, said: str
) -> None:
    answer = show(candor, home, asked)

    assert answer.code == 3
    assert said in " ".join(answer.err.split())
    assert "@" not in answer.err


def test_before_the_first_run_there_are_no_profiles(candor: Candor, tmp_path: Path) -> None:
    with Company(Paths.resolve({}, config=CONFIG, home=tmp_path / "home")).open_warehouse():
        pass

    answer = show(candor, tmp_path / "home", "p_ann")

    assert answer.code == 3
    assert "`candor run` builds them" in answer.err


def test_neither_the_address_nor_what_was_found_is_written_anywhere(
    candor: Candor, home: Path
) -> None:
    show(candor, home, ANN)

    files = [path for path in home.rglob("*") if path.is_file() and path.suffix != ".duckdb"]
    assert [path.name for path in files if ANN.encode() in path.read_bytes()] == []
