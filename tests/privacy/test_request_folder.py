"""Requests wait in files that only their owner reads, and that are gone once they are served."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from privacy import InvalidRequestError, RequestFolder, SubjectRequest, read_bodies
from tests.privacy.company import ANN, BEN, Company

BODY = """{
  "regulation": "gdpr",
  "subject_request_id": "00000000-0000-4000-8000-000000000001",
  "subject_request_type": "erasure",
  "submitted_time": "2026-11-20T10:00:00Z",
  "subject_identities": [
    {"identity_type": "email", "identity_value": "ann.lee@maple.example", "identity_format": "raw"}
  ]
}"""


def _request(*, number: int = 1, address: str = ANN) -> SubjectRequest:
    body = BODY.replace(ANN, address).replace("8000-000000000001", f"8000-{number:012}")
    return SubjectRequest.model_validate_json(body)


@pytest.fixture
def folder(tmp_path: Path) -> RequestFolder:
    return RequestFolder(tmp_path / "requests")


def test_a_waiting_request_is_its_owners_alone(folder: RequestFolder) -> None:
    folder.add(_request())

    (path,) = folder.folder.iterdir()
    assert (path.stat().st_mode & 0o777, folder.folder.stat().st_mode & 0o777) == (0o600, 0o700)


def test_what_was_put_in_is_read_again(folder: RequestFolder) -> None:
    folder.add(_request())
    folder.add(_request(number=2, address=BEN))
    folder.add(_request())

    assert folder.read() == (_request(), _request(number=2, address=BEN))


def test_the_file_of_an_erased_person_is_removed_and_the_others_stay(
    folder: RequestFolder,
) -> None:
    folder.add(_request())
    folder.add(_request(number=2, address=BEN))

    (trace,) = folder.erase(pa.table({"kind": ["email"], "value": [ANN]}))

    assert trace.rows == 1
    assert folder.read() == (_request(number=2, address=BEN),)
    assert len(list(folder.folder.iterdir())) == 1


def test_a_settled_request_is_removed_though_it_names_nobody_we_know(
    folder: RequestFolder,
) -> None:
    folder.add(_request())

    folder.settle({_request().request_id})

    assert list(folder.folder.iterdir()) == []


def test_what_a_kill_left_half_written_is_removed(folder: RequestFolder) -> None:
    folder.add(_request())
    (folder.folder / "half.jsonl.new").write_text(BODY[:200])

    folder.erase(pa.table({"kind": ["email"], "value": [ANN]}))

    assert list(folder.folder.iterdir()) == []


def test_what_a_kill_left_overwritten_is_no_request_and_is_removed(
    folder: RequestFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.add(_request())
    with monkeypatch.context() as killing:
        killing.setattr(Path, "unlink", _killed)
        with pytest.raises(KeyboardInterrupt):
            folder.settle([_request().request_id])

    left = folder.read()
    folder.settle([])

    assert left == ()
    assert list(folder.folder.iterdir()) == []


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_the_name_of_a_file_does_not_reach_the_receipt(folder: RequestFolder) -> None:
    folder.add(_request())
    (path,) = folder.folder.iterdir()
    path.rename(path.with_name(f"{ANN}.jsonl"))

    (trace,) = folder.find(pa.table({"kind": ["email"], "value": [ANN]}))

    assert (trace.location, trace.rows) == ("requests", 1)


def test_the_fingerprint_changes_when_a_request_comes(folder: RequestFolder) -> None:
    before = folder.fingerprint()
    folder.add(_request())
    one = folder.fingerprint()
    folder.add(_request(number=2))

    assert before is None
    assert len({before, one, folder.fingerprint()}) == 3


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(BODY, id="one over many lines"),
        pytest.param(f"[{BODY}]", id="a list"),
        pytest.param(BODY.replace("\n", " ") + "\n\n", id="one per line"),
    ],
)
def test_bodies_are_read_in_any_usual_layout(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bodies.json"
    path.write_text(text)

    assert read_bodies(path) == (_request(),)


def test_a_body_that_is_no_request_is_refused_without_its_values(tmp_path: Path) -> None:
    path = tmp_path / "bodies.json"
    path.write_text(BODY.replace("erasure", "oblivion"))

    with pytest.raises(InvalidRequestError) as caught:
        read_bodies(path)

    assert "subject_request_type" in str(caught.value)
    assert ANN not in str(caught.value)


def test_a_person_can_be_erased_from_a_folder_of_requests(company: Company) -> None:
    folder = RequestFolder(company.home / "requests")
    folder.add(_request())

    receipt = company.erase_all(folder.read(), request_places=[folder]).receipts[0]

    assert receipt.facts["scan"]["hits"] == 0
    assert list(folder.folder.iterdir()) == []
