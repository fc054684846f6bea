"""OpenDSR request bodies are read strictly and never shown."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from privacy import (
    IdentityType,
    InvalidRequestError,
    RequestFile,
    SubjectIdentity,
    SubjectRequest,
    make_request,
)
from privacy.deadlines import deadline, extended_deadline
from tests.privacy.company import NOW
from warehouse import DuckDBWarehouse

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

    assert request.subject_identities[0].normalised("US") == "johndoe@example.com"
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


def test_every_identity_that_the_specification_names_is_read(tmp_path: Path) -> None:
    """OpenDSR 2.0 section 5: eleven types in four formats each."""
    types = [
        "controller_customer_id",
        "android_advertising_id",
        "android_id",
        "email",
        "fire_advertising_id",
        "ios_advertising_id",
        "ios_vendor_id",
        "microsoft_advertising_id",
        "microsoft_publisher_id",
        "roku_publisher_id",
        "roku_advertising_id",
    ]
    identities = [
        {"identity_type": kind, "identity_value": "a@x.example", "identity_format": form}
        for kind in types
        for form in ("raw", "sha1", "md5", "sha256")
    ]
    requests = _file(
        tmp_path,
        *(
            {**BODY, "subject_request_type": kind, "regulation": law, "subject_identities": [one]}
            for kind in ("access", "portability", "erasure")
            for law in ("gdpr", "ccpa")
            for one in identities
        ),
    ).read()

    assert len(requests) == 3 * 2 * 44


def test_every_part_that_the_specification_requires_is_asked_for(tmp_path: Path) -> None:
    """But for the regulation, which the specification's own example lacks."""
    identity = BODY["subject_identities"][0]  # type: ignore[index]
    required = (
        "subject_request_id",
        "subject_request_type",
        "submitted_time",
        "subject_identities",
    )
    broken = {name: {key: BODY[key] for key in BODY if key != name} for name in required}
    for name in identity:
        part = {key: identity[key] for key in identity if key != name}
        broken[f"subject_identities.0.{name}"] = {**BODY, "subject_identities": [part]}
    others = {"subject_request_id": "17", "submitted_time": "2018-10-02T15:00:00",
              "subject_request_type": "forget", "regulation": "lgpd"}  # fmt: skip

    for name, body in broken.items():
        with pytest.raises(InvalidRequestError, match=f"line 1: {name} is missing or not allowed"):
            _file(tmp_path, body).read()
    for name, value in others.items():
        with pytest.raises(InvalidRequestError, match=f"line 1: {name} is missing or not allowed"):
            _file(tmp_path, {**BODY, name: value}).read()
    without = {key: BODY[key] for key in BODY if key != "regulation"}
    assert _file(tmp_path, without).read()[0].regulation == "gdpr"


def test_a_body_as_mparticle_sends_it_is_read_and_redacted(tmp_path: Path) -> None:
    """Its third version: identities by type, and fields that the specification does not have."""
    identities = {
        "controller_customer_id": {"value": "c-17", "encoding": "raw"},
        "email": {"value": "JohnDoe@example.com", "encoding": "raw"},
    }
    extensions = {"opendsr.mparticle.com": {"skip_waiting_period": True}}
    body = {**BODY, "api_version": "3.0", "group_id": "g1", "extensions": extensions}
    file = _file(tmp_path, {**body, "subject_identities": identities})

    (request,) = file.read()
    file.settle([request.request_id])

    assert [(one.identity_type, one.normalised("US")) for one in request.subject_identities] == [
        ("controller_customer_id", "c-17"), ("email", "johndoe@example.com"),
    ]  # fmt: skip
    assert (file.read(), "johndoe" in file.path.read_text().lower()) == ((), False)
    for wrong in ({}, {"email": {"value": "x"}}, {"email": "x"}, {"email": {"encoding": "raw"}}):
        with pytest.raises(InvalidRequestError, match="line 1: subject_identities"):
            _file(tmp_path, {**body, "subject_identities": wrong}).read()


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
    request = make_request([identity], "erasure", regulation="gdpr", now=NOW)

    inbox.replace([request])

    assert inbox.read() == (request,)
    assert inbox.path.stat().st_mode & 0o777 == 0o600


def test_answers_are_due_by_law_whatever_the_day_on_which_somebody_asks() -> None:
    """Six years, a leap year among them: months by the engine, business days by NumPy."""
    days = (
        DuckDBWarehouse.in_memory()
        .read(
            "select day, day + interval 1 month as gdpr, day + interval 3 month as gdpr_extended, "
            "day + interval 45 day as ccpa, day + interval 90 day as ccpa_extended "
            "from range(timestamp '2023-01-01', timestamp '2029-01-01', interval 1 day) as days(day)"
        )
        .to_pylist()
    )

    for row in days:
        day = row["day"]
        counted = np.busday_offset(day.date(), 15, roll="backward").item()

        assert deadline("gdpr", day) == row["gdpr"]
        assert extended_deadline("gdpr", day) == row["gdpr_extended"]
        assert deadline("ccpa", day) == row["ccpa"]
        assert extended_deadline("ccpa", day) == row["ccpa_extended"]
        assert _opt_out(day).due_at.date() == counted
    assert len(days) == 2_192


def _opt_out(day: datetime) -> SubjectRequest:
    identity = SubjectIdentity(
        identity_type=IdentityType.EMAIL, identity_value="a@x.example", identity_format="raw"
    )
    return make_request([identity], "do_not_sell_or_share", regulation="ccpa", now=day)


@pytest.mark.parametrize("extensions", [None, "text", []])
def test_extensions_that_are_no_object_are_refused(tmp_path: Path, extensions: object) -> None:
    with pytest.raises(InvalidRequestError, match="line 1: extensions"):
        _file(tmp_path, {**BODY, "extensions": extensions}).read()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param(b'{"a": "\xffjohndoe"}', "line 2: not UTF-8", id="not-utf-8"),
        pytest.param(b"[" * 100_000, "line 2: not JSON", id="too-deep"),
        pytest.param(
            json.dumps(BODY).replace("{", '{"subject_request_type": "access", ', 1).encode(),
            "line 2: a key stands twice in it",
            id="key-twice",
        ),
        pytest.param(
            json.dumps({**BODY, "submitted_time": "9999-12-31T00:00:00Z"}).encode(),
            "line 2: submitted_time is missing or not allowed",
            id="no-deadline",
        ),
    ],
)
def test_bytes_that_are_no_json_are_named_by_their_line(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    file = _file(tmp_path, BODY)
    file.path.write_bytes(file.path.read_bytes() + line + b"\n")

    with pytest.raises(InvalidRequestError) as caught:
        file.read()

    assert caught.value.problems == (reason,)
    assert "johndoe" not in str(caught.value)


def test_a_line_ends_at_a_line_feed_only(tmp_path: Path) -> None:
    """U+2028 may stand inside a text of JSON."""
    file = _file(tmp_path, json.dumps({**BODY, "api_version": "2\u2028.0"}, ensure_ascii=False))

    assert len(file.read()) == 1


def test_bytes_that_are_no_text_stay_where_another_line_is_rewritten(tmp_path: Path) -> None:
    file = _file(tmp_path, BODY)
    file.path.write_bytes(file.path.read_bytes() + b"\xff\n")

    file.settle({str(BODY["subject_request_id"])})

    assert file.path.read_bytes().endswith(b"}\n\xff\n")


def test_a_settled_request_keeps_no_field_that_we_do_not_know(tmp_path: Path) -> None:
    file = _file(tmp_path, {**BODY, "note": "JohnDoe@example.com wrote in"})

    file.settle({str(BODY["subject_request_id"])})

    assert "johndoe" not in file.path.read_text().lower()
    assert file.is_spent()
    assert file.fingerprint() is None


def test_a_body_that_only_says_it_is_redacted_is_read(tmp_path: Path) -> None:
    assert _file(tmp_path, {**BODY, "extensions": {"candor": {"is_redacted": True}}}).read()


def test_a_phone_is_read_as_one_of_the_companys_country() -> None:
    identity = SubjectIdentity(
        identity_type=IdentityType.PHONE, identity_value="020 7946 0018", identity_format="raw"
    )

    assert identity.normalised("GB") == "+442079460018"


def test_a_request_file_behind_a_link_is_rewritten_where_it_lies(tmp_path: Path) -> None:
    file = _file(tmp_path, BODY)
    link = tmp_path / "link.jsonl"
    link.symlink_to(file.path)

    RequestFile(link, "link").settle({str(BODY["subject_request_id"])})

    assert link.is_symlink()
    assert "johndoe" not in file.path.read_text().lower()
