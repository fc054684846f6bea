"""The review queue goes out, answers come back: all of a file or nothing of it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv as arrow_csv

from identity import (
    ContradictionError,
    RecordName,
    ReviewFileError,
    Verdict,
    add_decision,
    export_queue,
    import_answers,
    revoke_decision,
)
from identity.calibrate import LEAST_REVIEWS, Reviews, expected_right
from identity.inventory import REVIEW_QUEUE
from tests.identity.conftest import NOW, Company

HEADER = "left_source,left_record_id,right_source,right_record_id,probability,decision\n"


@pytest.fixture
def waiting(company: Company) -> Company:
    """Four persons; two pairs of them wait for review."""
    for number in "1234":
        company.record("crm", number, email=f"{number}@x.example", first_name="=Ann")
    company.resolve()
    rows = [
        {"left_source": "crm", "left_record_id": one, "right_source": "crm",
         "right_record_id": other, "probability": probability, "evidence": evidence}
        for one, other, probability, evidence in (
            ("1", "2", 0.6, '{"last_name": 1.5, "phone": null}'),
            ("3", "4", 0.8, '{"first_name": 3.1, "birth_date": -8.0, "email": null}'),
        )
    ]  # fmt: skip
    company.warehouse.append(REVIEW_QUEUE.name, pa.Table.from_pylist(rows))
    return company


def answered(path: Path, *lines: str) -> Path:
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return path


def test_the_queue_goes_out_surest_first_with_evidence_in_words_and_ids_alone(
    waiting: Company,
) -> None:
    rows = export_queue(waiting.warehouse).to_pylist()

    assert [row["evidence"] for row in rows] == [
        "birth date strongly against; first name for", "last name weakly for",
    ]  # fmt: skip
    assert {row["decision"] for row in rows} == {""}
    assert "left_email" not in rows[0]


def test_values_stand_side_by_side_on_demand_and_are_no_formula(waiting: Company) -> None:
    row = export_queue(waiting.warehouse, with_values=True).to_pylist()[0]

    assert (row["left_email"], row["right_email"]) == ("3@x.example", "4@x.example")
    assert row["left_first_name"] == "'=Ann"


def test_an_exported_file_without_answers_decides_nothing(waiting: Company, tmp_path: Path) -> None:
    arrow_csv.write_csv(export_queue(waiting.warehouse, with_values=True), tmp_path / "out.csv")

    done = import_answers(waiting.warehouse, tmp_path / "out.csv", now=NOW)

    assert (done.rows, done.written, done.open, done.act_id) == (2, 0, 2, None)


def test_answers_hold_from_the_next_run_on_and_can_be_revoked_as_one(
    waiting: Company, tmp_path: Path
) -> None:
    path = answered(tmp_path / "a.csv", "crm,2,crm,1,0.6,Must_Link", "crm,3,crm,4,0.8,cannot_link")
    before = waiting.members()
    done = import_answers(waiting.warehouse, path, now=NOW)
    waiting.resolve()
    joined = waiting.are_one(("crm", "1"), ("crm", "2"))
    revoke_decision(waiting.warehouse, str(done.act_id), now=NOW)
    waiting.resolve()

    assert (done.written, joined) == (2, True)
    assert waiting.members() == before


def test_a_file_imported_twice_changes_nothing(waiting: Company, tmp_path: Path) -> None:
    path = answered(tmp_path / "a.csv", "crm,1,crm,2,0.6,must_link", "crm,3,crm,4,0.8,")
    import_answers(waiting.warehouse, path, now=NOW)
    before = waiting.rows("identity.decisions")

    done = import_answers(waiting.warehouse, path, now=NOW)

    assert (done.written, done.known, done.open) == (0, 1, 1)
    assert waiting.rows("identity.decisions") == before


def test_semicolons_and_a_byte_order_mark_are_read(waiting: Company, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    text = (HEADER + "crm,1,crm,2,0.6,must_link\n").replace(",", ";")
    path.write_text(text, encoding="utf-8-sig")

    assert import_answers(waiting.warehouse, path, now=NOW).written == 1


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        pytest.param(("crm,1,crm,2,,maybe",), "line 2: decision is none of", id="verdict"),
        pytest.param(("crm,1,crm,2,,", "crm,1,crm,secret,,must_link"), "line 3: names a record", id="record"),
        pytest.param(("crm,1,crm,2,,must_link", "crm,2,crm,1,,must_link"), "line 2, 3: repeats", id="twice"),
        pytest.param(
            ("crm,1,crm,2,,must_link", "crm,2,crm,1,,cannot_link"), "line 2, 3: contradicts", id="both"
        ),
        pytest.param(("crm,1,crm,1,,must_link",), "line 2: names one record twice", id="same"),
        pytest.param(('"crm\n",1',), "line 2: 2 cells", id="short"),
    ],
)  # fmt: skip
def test_a_wrong_line_refuses_the_whole_file_without_values(
    waiting: Company, tmp_path: Path, lines: tuple[str, ...], said: str
) -> None:
    path = answered(tmp_path / "a.csv", "crm,3,crm,4,0.8,must_link", *lines)
    path.write_text(path.read_text().replace("crm,3,crm,4,0.8,must_link\n", ""))
    path.write_text(path.read_text() + "crm,3,crm,4,0.8,must_link\n")

    with pytest.raises(ReviewFileError, match=said) as refused:
        import_answers(waiting.warehouse, path, now=NOW)

    assert "secret" not in str(refused.value)
    assert waiting.rows("identity.decisions") == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"left_source,decision\n", "no column left_record_id", id="column"),
        pytest.param(b"", "no column", id="empty"),
        pytest.param(HEADER.encode() + b"\xff\xfe", "UTF-8", id="encoding"),
    ],
)
def test_what_is_no_review_file_is_said(
    waiting: Company, tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)

    with pytest.raises(ReviewFileError, match=said):
        import_answers(waiting.warehouse, path, now=NOW)


def test_answers_that_contradict_earlier_ones_over_others_are_refused(
    waiting: Company, tmp_path: Path
) -> None:
    names = [RecordName("crm", number) for number in "123"]
    add_decision(waiting.warehouse, Verdict.MUST_LINK, *names[:2], reason=None, now=NOW)
    add_decision(waiting.warehouse, Verdict.CANNOT_LINK, *names[::2], reason=None, now=NOW)
    path = answered(tmp_path / "a.csv", "crm,2,crm,3,,must_link")

    with pytest.raises(ContradictionError, match="revoke one side"):
        import_answers(waiting.warehouse, path, now=NOW)
    assert len(waiting.rows("identity.decisions")) == 2


def test_a_written_file_can_be_read_by_csv_tools(waiting: Company, tmp_path: Path) -> None:
    arrow_csv.write_csv(export_queue(waiting.warehouse), tmp_path / "out.csv")

    with (tmp_path / "out.csv").open(newline="") as stream:
        assert [row["left_record_id"] for row in csv.DictReader(stream)] == ["3", "1"]


PROBABILITIES = np.array([0.55, 0.58, 0.65, 0.95])


def reviews(count: int, *, right: int, probability: float = 0.56) -> Reviews:
    return Reviews(np.full(count, probability), np.arange(count) < right)


def test_enough_answers_speak_for_their_own_band_only() -> None:
    expected = expected_right(PROBABILITIES, reviews(40, right=40))

    assert expected[:2] == pytest.approx((0.56 * 10 + 40) / 50)
    assert expected[2:] == pytest.approx(PROBABILITIES[2:])


def test_few_answers_change_nothing() -> None:
    few = reviews(LEAST_REVIEWS - 1, right=0)

    assert expected_right(PROBABILITIES, few) == pytest.approx(PROBABILITIES)


def test_answers_that_bear_the_model_out_leave_its_account_as_it_is() -> None:
    borne_out = reviews(50, right=28)

    assert expected_right(PROBABILITIES[:2], borne_out) == pytest.approx(0.56)
