"""``candor identity review``, ``split``, ``merge`` and ``decisions`` on a company in a file."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_line import Answer
from tests.identity.conftest import Company as SmallCompany

Candor = Callable[..., Answer]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two persons of two records each; one pair of records waits for review."""
    home = tmp_path / "home"
    home.mkdir()
    company = SmallCompany(tmp_path / "artifacts")
    for number, email in (("1", "a"), ("2", "a"), ("3", "b"), ("4", "b")):
        company.record("crm", number, email=f"{email}@secret.example", first_name="Ann")
    company.resolve()
    company.warehouse.execute(
        "insert into identity.review_queue values ('crm', '1', 'crm', '3', 0.7, '{\"first_name\": 3}')"
    )
    company.saved(home / "warehouse.duckdb")
    return home


def persons(candor: Candor, home: Path) -> list[str]:
    return [
        str(
            re.search(
                r"p_\w{26}", candor("identity", "explain", "crm", number, "--home", home).out
            )[0]
        )  # type: ignore[index]
        for number in "13"
    ]


def decided(candor: Candor, home: Path) -> list[dict[str, str]]:
    return list(json.loads(candor("identity", "decisions", "list", "--json", "--home", home).out))


def test_records_of_a_person_are_named_by_an_option_that_their_table_tells(
    candor: Candor, home: Path
) -> None:
    without = candor("identity", "explain", "crm", "1", "--home", home).out
    named = candor("identity", "explain", "crm", "1", "--show-ids", "--home", home).out

    assert "Records (--show-ids names each by its id)" in without
    assert "source_record_id" not in without
    assert "--show-ids" not in named


def test_a_review_goes_out_and_comes_back(candor: Candor, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    out = candor("identity", "review", "export", file, "--home", home)
    text = file.read_text()
    file.write_text(text.replace('"first name for",""', '"first name for","must_link"'))
    back = candor("identity", "review", "import", file, "--home", home)
    again = candor("identity", "review", "export", file, "--home", home)

    assert (out.code, back.code, again.code) == (0, 0, 3)
    assert "secret" not in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [(row["origin"], row["state"]) for row in decided(candor, home)] == [
        ("review", "in force")
    ]
    assert "is there already" in again.err


def test_values_are_given_on_demand_with_a_warning(
    candor: Candor, home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "pairs.csv"
    answer = candor("identity", "review", "export", file, "--show-values", "--home", home)

    assert "a@secret.example" in file.read_text()
    assert "delete it after the review" in answer.out
    assert "secret" not in answer.out


def test_a_refused_file_says_lines_and_no_values(
    candor: Candor, home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "pairs.csv"
    file.write_text(
        "left_source,left_record_id,right_source,right_record_id,decision\ncrm,1,crm,hidden,x\n"
    )

    answer = candor("identity", "review", "import", file, "--home", home)

    assert answer.code == 3
    told = " ".join(answer.err.split())
    assert "line 2: decision is none of" in told
    assert "line 2: names a record" in told
    assert "hidden" not in told
    assert decided(candor, home) == []


def test_a_split_is_written_by_source_and_id_or_by_number_and_taken_back(
    candor: Candor, home: Path
) -> None:
    person = persons(candor, home)[0]
    split = candor("identity", "split", person, "--record", "crm:2", "--home", home)
    number = candor("identity", "split", person, "--record", "1", "--home", home)
    act_id = decided(candor, home)[-1]["act_id"]
    revoked = candor("identity", "decisions", "revoke", act_id, "--home", home)
    twice = candor("identity", "decisions", "revoke", act_id, "--home", home)

    assert (split.code, number.code, revoked.code, twice.code) == (0, 0, 0, 3)
    assert f"decisions revoke {act_id}" in split.out.replace("\n", "")
    assert "revoked already" in twice.err
    assert [row["decision"] for row in decided(candor, home)] == ["cannot_link", "cannot_link"]


def test_without_records_the_weakest_link_is_shown_and_asked_about(
    candor: Candor, home: Path
) -> None:
    person = persons(candor, home)[0]

    answer = candor("identity", "split", person, "--yes", "--home", home)

    assert answer.code == 0
    assert "weakest link that holds the two sides together: same email" in answer.out
    assert len(decided(candor, home)) == 1


def test_a_merge_is_written(candor: Candor, home: Path) -> None:
    answer = candor("identity", "merge", *persons(candor, home), "--home", home)

    assert answer.code == 0
    assert {row["origin"] for row in decided(candor, home)} == {"merge"}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        pytest.param(("split", "p_no"), "no person p_no", id="person"),
        pytest.param(("merge", "p_no", "p_no"), "the same person", id="same"),
        pytest.param(("decisions", "revoke", "none"), "no decision 'none'", id="decision"),
        pytest.param(("decisions", "must-link", "crm", "1", "crm", "99"), "no member of source", id="record"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_message_and_no_decision(
    candor: Candor, home: Path, command: tuple[str, ...], said: str
) -> None:
    answer = candor("identity", *command, "--home", home)

    assert answer.code == 3
    assert said in answer.err
    assert decided(candor, home) == []


def test_a_record_of_another_person_is_not_split_off(candor: Candor, home: Path) -> None:
    answer = candor("identity", "split", persons(candor, home)[0], "--record", "crm:3", "--home", home)  # fmt: skip

    assert answer.code == 3
    assert "a record of source crm is not one of" in answer.err
