"""OpenDSR request bodies are read strictly and never shown."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from privacy import IdentityType, InvalidRequestError, RequestFile, SubjectIdentity, request_erasure
from privacy.requests import deadline
from tests.privacy.company import NOW

BODY = {
    "regulation": "ccpa",
    "subject_request_id": "a7551968-d5d6-44b2-9831-815ac9017798",
    "subject_request_type": "erasure",
    "submitted_time": "2018-10-02T15:00:00+02:00",
    "subject_identities": [
        {
            "identity_type": "email",
            "identity_value": "JohnDoe@example.com",
            "identity_format": "raw",
        }
    ],
    "api_version": "2.0",
    "status_callback_urls": ["https://controller.example/opendsr/callbacks"],
    "extensions": {"example-processor.com": {"property_id": "123456"}},
}


def _file(tmp_path: Path, *bodies: object) -> RequestFile:
    path = tmp_path / "requests.jsonl"
    path.write_text(
        "".join(f"{body if isinstance(body, str) else json.dumps(body)}\n" for body in bodies)
    )
    return RequestFile(path, "requests.jsonl")


def test_a_body_of_the_specification_is_read(tmp_path: Path) -> None:
    (request,) = _file(tmp_path, BODY).read()

    assert request.subject_identities[0].normalised == "johndoe@example.com"
    assert request.submitted_at == datetime.fromisoformat("2018-10-02T13:00")


def test_every_bad_line_is_named_without_its_values(tmp_path: Path) -> None:
    bad = {
        **BODY,
        "subject_identities": [{"identity_type": "ssn", "identity_value": "078-05-1120"}],
    }

    with pytest.raises(InvalidRequestError) as caught:
        _file(tmp_path, BODY, bad, "{", "[]").read()

    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "line 2",
        "line 3",
        "line 4",
    ]
    assert "078-05" not in str(caught.value)


def test_the_identity_does_not_show_in_a_repr(tmp_path: Path) -> None:
    (request,) = _file(tmp_path, BODY).read()

    assert "johndoe" not in repr(request).lower()


def test_a_file_that_is_not_there_holds_no_request(tmp_path: Path) -> None:
    assert RequestFile(tmp_path / "none.jsonl", "none").read() == ()


def test_a_request_of_the_command_line_is_read_back(tmp_path: Path) -> None:
    identity = SubjectIdentity(
        identity_type=IdentityType.EMAIL, identity_value="a.b@maple.example", identity_format="raw"
    )
    inbox = RequestFile(tmp_path / "privacy" / "inbox.jsonl", "inbox")
    request = request_erasure([identity], regulation="gdpr", now=NOW)

    inbox.replace([request])

    assert inbox.read() == (request,)
    assert inbox.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("regulation", "submitted", "due"),
    [
        pytest.param(
            "gdpr",
            datetime.fromisoformat("2026-01-31"),
            datetime.fromisoformat("2026-02-28"),
            id="short-month",
        ),
        pytest.param(
            "gdpr",
            datetime.fromisoformat("2028-01-31"),
            datetime.fromisoformat("2028-02-29"),
            id="leap-year",
        ),
        pytest.param(
            "gdpr",
            datetime.fromisoformat("2026-12-15"),
            datetime.fromisoformat("2027-01-15"),
            id="new-year",
        ),
        pytest.param(
            "gdpr",
            datetime.fromisoformat("2026-11-30"),
            datetime.fromisoformat("2026-12-30"),
            id="december",
        ),
        pytest.param(
            "ccpa",
            datetime.fromisoformat("2026-01-01"),
            datetime.fromisoformat("2026-02-15"),
            id="45-days",
        ),
    ],
)
def test_the_answer_is_due_by_law(regulation: str, submitted: datetime, due: datetime) -> None:
    assert deadline(regulation, submitted) == due
