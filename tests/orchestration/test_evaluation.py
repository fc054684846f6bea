"""``candor identity evaluate`` on files, in a data home that is gone afterwards."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_line import Answer

pytestmark = pytest.mark.warehouse

Candor = Callable[..., Answer]

SOURCES = """\
sources:
  contacts:
    kind: person_records
    files: contacts.csv
    id: Id
    map: {first_name: Name, last_name: Surname, email: Email}
"""
CONTACTS = """\
Id,Name,Surname,Email
1,Ann,Lee,ann@lee.example
2,Ann,Lee,ann@lee.example
3,Bob,Ray,bob@ray.example
4,Bob,Ray,
"""
TRUTH = (
    "source,source_record_id,cluster_id\ncontacts,1,A\ncontacts,2,A\ncontacts,3,B\ncontacts,4,B\n"
)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with config, landing, truth and a place of its own for temporary homes."""
    for name in ("config", "landing", "temporary"):
        (tmp_path / name).mkdir()
    (tmp_path / "config" / "sources.yml").write_text(SOURCES)
    (tmp_path / "landing" / "contacts.csv").write_text(CONTACTS)
    (tmp_path / "truth.csv").write_text(TRUTH)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evaluate(candor: Candor, *more: object) -> Answer:
    return candor(*("identity", "evaluate", "--config", "config", "--landing", "landing"), *more)


def seen(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_files_are_judged_and_nothing_else_is_touched(candor: Candor, files: Path) -> None:
    before = seen(files)

    answer = evaluate(candor, "--truth", "truth.csv", "--report", "report.html", "--json")

    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    assert (found["true_pairs"], found["found_pairs"], found["right_pairs"]) == (2, 1, 1)
    assert (found["bcubed_precision"], found["bcubed_recall"]) == (1, 0.75)
    assert found["misses"] == [{"cause": "compared, and no rule links them", "pairs": 1}]
    assert "members" not in found["most_split"][0]
    assert {"load", "stage", "cluster"} <= found["seconds"].keys()
    report = files / "report.html"
    assert report.stat().st_mode & 0o777 == 0o600
    assert "ann@lee.example" not in report.read_text()
    report.unlink()
    assert seen(files) == before


def test_files_without_a_truth_are_judged_by_what_needs_none(candor: Candor, files: Path) -> None:
    answer = evaluate(candor)

    assert answer.code == 0, answer.err
    assert "3 persons with source records" in answer.out
    assert list((files / "temporary").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "text", "more", "said"),
    [
        pytest.param("config/sources.yml", SOURCES.replace("person_records", "accounts").replace("map: {first_name: Name, last_name: Surname, email: Email}", "map: {name: Name}"), [], "maps no person records", id="no-identity"),
        pytest.param("landing/contacts.csv", "Id,Name,Surname,Email\n", [], "hold no row", id="empty"),
        pytest.param("landing/contacts.csv", None, [], "no file matches", id="no-file"),
        pytest.param("landing/old.csv.candor-rewriting", "", [], "erasure", id="erasure"),
        pytest.param("truth.csv", "source,id\n", ["--truth", "truth.csv"], "has no column person_id", id="truth"),
        pytest.param("truth.csv", TRUTH, ["--report", "nowhere/x.html"], "no folder", id="report"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_and_the_temporary_home_is_removed(
    candor: Candor, files: Path, name: str, text: str | None, more: list[str], said: str
) -> None:
    if text is None:
        (files / name).unlink()
    else:
        (files / name).write_text(text)

    answer = evaluate(candor, *more)

    assert answer.code in {2, 3}
    assert said in " ".join(answer.err.split())
    assert list((files / "temporary").iterdir()) == []


def test_a_home_that_nobody_made_is_not_made_by_looking(candor: Candor, files: Path) -> None:
    answers = [
        candor("identity", "evaluate", "--home", "nowhere"),
        candor("identity", "explain", "crm", "1", "--home", "nowhere"),
    ]

    assert [answer.code for answer in answers] == [3, 3]
    assert all("no data home" in answer.err for answer in answers)
    assert not (files / "nowhere").exists()
