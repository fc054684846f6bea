"""What a person reads about requests that wait, and about those that nobody has asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from orchestration import erasure
from orchestration.company import Company, utc_now
from orchestration.erasure import erase_person
from orchestration.privacy_parts import request_folder
from orchestration.requests import asked_before, full_id
from privacy import (
    AmbiguousRequestError,
    AuditHead,
    ErasureTask,
    IdentityType,
    SubjectIdentity,
    SubjectRequest,
    make_request,
    sign_addendum,
)
from privacy.plan import ErasurePlan, PlanStore
from privacy.receipt import sign_receipt
from settings import Paths
from tests.command_line import Answer
from tests.conftest import ROOT

Candor = Callable[..., Answer]
ADDRESS = "nobody.at.all@maple.example"
IDS = [f"5f0d1e5e-0f7c-4c55-9a54-6a2b6c1f000{number}" for number in (1, 2)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which nothing is held of anybody."""
    paths = Paths.resolve({}, config=ROOT / "config", home=tmp_path / "home")
    with Company(paths).open_warehouse():
        return paths.home


def _ask(candor: Candor, home: Path, *, regulation: str = "gdpr") -> None:
    bodies = [
        {
            "regulation": regulation,
            "subject_request_id": request_id,
            "subject_request_type": "erasure",
            "submitted_time": "2026-01-05T10:00:00Z",
            "subject_identities": [
                {"identity_type": "email", "identity_value": ADDRESS, "identity_format": "raw"}
            ],
        }
        for request_id in IDS
    ]
    file = home.with_name("bodies.json")
    file.write_text(json.dumps(bodies))
    assert candor("privacy", "request", file, "--home", home).code == 0


def _body(address: str, request_id: str) -> SubjectRequest:
    identity = SubjectIdentity(
        identity_type=IdentityType.EMAIL, identity_value=address, identity_format="raw"
    )
    request = make_request([identity], "erasure", regulation="gdpr", now=utc_now())
    return request.model_copy(update={"subject_request_id": UUID(request_id)})


def test_a_request_that_waits_in_a_file_is_listed(candor: Candor, home: Path) -> None:
    _ask(candor, home)
    listed = json.loads(candor("privacy", "list", "--json", "--home", home).out)
    shown = candor("privacy", "show", IDS[0], "--home", home)

    assert [(row["request"], row["status"]) for row in listed] == [(id_, "waiting") for id_ in IDS]
    assert {row["due"] for row in listed} == {"2026-02-05"}
    assert shown.code == 0
    assert "no run has read it yet" in shown.out


def test_a_file_that_is_no_request_hides_none(candor: Candor, home: Path) -> None:
    _ask(candor, home)
    candor("privacy", "approve", IDS[0], "--home", home)
    (home / "requests" / "bad.json").write_text("no request\n")
    answer = candor("privacy", "list", "--home", home)

    assert IDS[0] in answer.out
    assert answer.code == 3
    assert "bad.json" in answer.err


def test_the_law_of_california_asks_for_a_confirmation(candor: Candor, home: Path) -> None:
    """Ten business days after Monday, 5 January 2026; the answer 45 days."""
    _ask(candor, home, regulation="ccpa")
    listed = json.loads(candor("privacy", "list", "--json", "--home", home).out)
    shown = candor("privacy", "show", IDS[0], "--home", home)

    assert {row["confirm by"] for row in listed} == {"2026-01-19, overdue"}
    assert {row["due"] for row in listed} == {"2026-02-19"}
    assert "Tell the person by 2026-01-19 that the request came, overdue" in shown.out

    assert candor("privacy", "confirm", IDS[0], "--home", home).code == 0
    confirmed = json.loads(candor("privacy", "list", "--json", "--home", home).out)
    again = candor("privacy", "confirm", IDS[0], "--home", home)

    assert [row["confirm by"] for row in confirmed] == [None, "2026-01-19, overdue"]
    # Deciding about one leaves the other to wait: no command begins what nobody asked it to.
    assert [row["status"] for row in confirmed] == ["in_progress", "waiting"]
    assert confirmed[0]["reasons"] == "it was read and not begun: candor privacy run goes on"
    assert again.code == 3
    assert "confirmed before" in again.err


@pytest.mark.parametrize("command", ["show", "receipt", "approve", "plan"])
@pytest.mark.parametrize("asked", [IDS[0], ADDRESS], ids=["an id", "an address"])
def test_what_nobody_asked_for_is_said_without_a_value(
    candor: Candor, home: Path, command: str, asked: str
) -> None:
    answer = candor("privacy", command, asked, "--home", home)

    assert answer.code == 3
    assert "there is no request" in answer.err
    assert (asked in answer.err) == (asked == IDS[0])


def test_a_receipt_that_is_not_there_yet_says_where_its_request_stands(
    candor: Candor, home: Path
) -> None:
    _ask(candor, home)
    answer = candor("privacy", "receipt", IDS[0], "--home", home)

    assert answer.code == 1
    assert "has no receipt: no run has read it yet" in answer.err


@pytest.mark.parametrize("command", [["plan"], ["erase", "--yes"], ["access"]])
def test_a_request_for_a_person_of_whom_nothing_is_held_is_refused(
    candor: Candor, home: Path, command: list[str]
) -> None:
    answer = candor("privacy", *command, "--email", ADDRESS, "--home", home)

    assert answer.code == 3
    assert "nothing is held here" in answer.err
    assert ADDRESS not in answer.out + answer.err
    assert not (home / "requests").exists()


@pytest.mark.parametrize("command", [["plan"], ["erase", "--yes"], ["access"], ["object"]])
@pytest.mark.parametrize(
    ("option", "code"),
    [(("--phone", "123"), 3), (("--email", "no-address"), 3), (("--email", ""), 2)],
)
def test_what_is_no_address_or_number_is_looked_for_nowhere(
    candor: Candor, home: Path, command: list[str], option: tuple[str, str], code: int
) -> None:
    (home / "artifacts" / "export.csv").write_text("ip\n198.51.100.123\nno-address\n")
    answer = candor("privacy", *command, *option, "--home", home)

    assert answer.code == code
    assert (home / "artifacts" / "export.csv").exists()
    assert not (home / "requests").exists()


def test_a_body_that_names_nobody_is_held_against(candor: Candor, home: Path) -> None:
    (home / "artifacts" / "export.csv").write_text("ip\n198.51.100.123\n")
    body = {
        "regulation": "gdpr", "subject_request_id": IDS[0], "subject_request_type": "erasure",
        "submitted_time": "2026-01-05T10:00:00Z",
        "subject_identities": [
            {"identity_type": "phone", "identity_value": "123", "identity_format": "raw"}
        ],
    }  # fmt: skip
    file = home.with_name("body.json")
    file.write_text(json.dumps(body))
    candor("privacy", "request", file, "--home", home)
    answer = candor("privacy", "plan", "--home", home)

    assert "identity 1 (phone) is none" in " ".join(answer.out.split())
    assert "artifacts" not in answer.out


def test_files_that_several_requests_touch_are_said_to_be_counted_together(
    candor: Candor, home: Path
) -> None:
    (home / "artifacts" / "export.csv").write_text(f"email\n{ADDRESS}\n")
    _ask(candor, home)
    answer = candor("privacy", "plan", "--home", home)
    own, joint = answer.out.split("counted for all 2 requests together:")

    assert "artifacts" in joint
    assert "artifacts" not in own


@pytest.mark.parametrize("command", ["list", "show", "receipt", "plan"])
def test_a_home_that_is_not_there_is_not_made_by_asking(
    candor: Candor, tmp_path: Path, command: str
) -> None:
    given = [IDS[0]] if command in ("show", "receipt") else []
    answer = candor("privacy", command, *given, "--home", tmp_path / "typo")

    assert answer.code == 3
    assert "no data home" in answer.err
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize("command", ["list", "show", "receipt"])
def test_asking_about_a_request_that_waits_makes_no_warehouse(
    candor: Candor, tmp_path: Path, command: str
) -> None:
    """A lost home that is to be restored must have none."""
    home = tmp_path / "home"
    _ask(candor, home)
    given = [] if command == "list" else [IDS[0]]
    answer = candor("privacy", command, *given, "--home", home)

    assert "no run has read it yet" in answer.out + answer.err
    assert not (home / "warehouse.duckdb").exists()


def test_a_search_for_somebody_tells_what_it_saw_and_fails_at_a_trace(
    candor: Candor, home: Path
) -> None:
    clean = candor("privacy", "verify", "--email", ADDRESS, "--home", home)
    _ask(candor, home)
    asked = candor("privacy", "verify", "--email", ADDRESS, "--home", home)

    assert clean.code == 0
    assert "Nothing is held of the person in the data home." in clean.out
    assert "the search proved itself in" in clean.out
    assert asked.code == 1
    assert "Nothing is held" not in asked.out
    assert ADDRESS not in clean.out + clean.err + asked.out + asked.err


def test_an_objection_of_nobody_is_said_to_name_nobody(
    candor: Candor, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be a slip; it holds for whoever comes with the address."""
    monkeypatch.setattr("orchestration.erasure.object_to", lambda _paths, _request: None)
    answer = candor("privacy", "object", "--email", ADDRESS, "--home", home)

    assert answer.code == 0
    assert "nothing is held now" in answer.out
    assert "Destinations are told" not in answer.out


def test_an_audit_log_whose_seal_is_gone_is_said_to_have_none(candor: Candor, home: Path) -> None:
    assert candor("privacy", "keys", "rotate", "--home", home).code == 0
    sealed = candor("privacy", "verify-audit", "--home", home)
    listed = [
        json.loads(candor("privacy", "keys", "list", *which, "--json", "--home", home).out)
        for which in ([], ["--signing"])
    ]
    assert [[row["used for"] for row in rows] for rows in listed] == [["new rows"], ["signing"]]
    (home / "keys" / "audit-seal.json").unlink()
    unsealed = candor("privacy", "verify-audit", "--home", home)

    assert "1 entries hold together, 1 signed checkpoints fit them" in sealed.out
    assert "no seal" not in sealed.out
    assert "no seal lies in" in unsealed.out


def test_a_file_without_a_request_is_refused(candor: Candor, home: Path) -> None:
    file = home.with_name("empty.json")
    file.write_text("")
    empty, gone = (
        candor("privacy", "request", given, "--home", home)
        for given in (file, home.with_name("gone.json"))
    )

    assert (empty.code, gone.code) == (3, 3)
    assert "no request is in it" in empty.err
    assert "gone.json cannot be read as requests: - there is no such file" in " ".join(
        gone.err.split()
    )


def test_a_request_is_named_by_how_its_id_begins(home: Path) -> None:
    paths, own = Paths.resolve({}, config=ROOT / "config", home=home), "7c0d1e5e"
    for request_id in (*IDS, IDS[0].replace("5f0d1e5e", own)):
        request_folder(paths).add(_body(ADDRESS, request_id))

    assert full_id(paths, "7C0D") == IDS[0].replace("5f0d1e5e", own)
    # Less than git asks for, a whole id, and one of nobody: as they are.
    assert [full_id(paths, given) for given in ("7c0", IDS[1], "9999")] == ["7c0", IDS[1], "9999"]
    with pytest.raises(AmbiguousRequestError, match=f"2 requests begin with 5f0d.*{IDS[1]}"):
        full_id(paths, "5f0d")


def test_a_beginning_names_what_a_run_has_read_and_what_waits_alike(
    candor: Candor, home: Path
) -> None:
    _ask(candor, home)
    candor("privacy", "approve", IDS[0], "--home", home)
    answer = candor("privacy", "cancel", "5f0d", "--reason", "asked by mail", "--home", home)
    both = candor("privacy", "plan", IDS[0], "--email", ADDRESS, "--home", home)

    assert (answer.code, both.code) == (3, 2)
    assert "2 requests begin with 5f0d" in answer.err
    assert "not both" in both.err


def _asking(*addresses: str, regulation: str = "gdpr") -> SubjectRequest:
    body = _body(ADDRESS, IDS[1])
    identities = [
        body.subject_identities[0].model_copy(update={"identity_value": value})
        for value in addresses
    ]
    return body.model_copy(
        update={"subject_identities": tuple(identities), "regulation": regulation}
    )


def test_who_waits_to_be_erased_is_not_asked_for_twice(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as somebody under a legal hold, for whom somebody gives the command again."""
    paths = Paths.resolve({}, config=ROOT / "config", home=home)
    request_folder(paths).add(_body(ADDRESS, IDS[0]))
    begun: list[Sequence[str]] = []
    monkeypatch.setattr(erasure, "run_requests", lambda _paths, only: begun.append(only))
    monkeypatch.setattr(erasure, "receipt_of", lambda _paths, request_id: request_id)

    same = erase_person(paths, _asking(ADDRESS.upper()))
    more = erase_person(paths, _asking(ADDRESS, f"x{ADDRESS}"))

    assert (same, more) == (IDS[0], IDS[1])
    assert begun == [[IDS[0]], [IDS[1]]]
    assert len(request_folder(paths).read()) == 2


def test_an_open_request_that_covers_less_is_not_taken_for_another(home: Path) -> None:
    """What became known since its plan was frozen, and another law."""
    paths = Paths.resolve({}, config=ROOT / "config", home=home)
    request_folder(paths).add(_body(ADDRESS, IDS[0]))
    before = [
        asked_before(paths, request)
        for request in (_asking(ADDRESS), _asking(ADDRESS, regulation="ccpa"))
    ]
    PlanStore(home).freeze(ErasurePlan(IDS[0], (("user_id", "of before"),), (), ()))

    assert (before, asked_before(paths, _asking(ADDRESS))) == ([IDS[0], None], None)


def test_a_receipt_to_check_is_found_by_its_request(candor: Candor, home: Path) -> None:
    _ask(candor, home)
    said = [
        candor("privacy", "verify-receipt", given, "--home", home).err
        for given in (IDS[0], UUID(int=7), IDS[0][:4])
    ]

    assert f"request {IDS[0]} has no receipt: no run has read it yet" in said[0]
    assert f"there is no request {UUID(int=7)} here" in said[1]
    assert f"2 requests begin with {IDS[0][:4]}" in said[2]


def test_what_cannot_be_checked_as_a_receipt_is_told_and_makes_no_key(
    candor: Candor, tmp_path: Path
) -> None:
    broken, good, home = tmp_path / "broken.json", tmp_path / "good.json", tmp_path / "home"
    broken.write_text("{")
    key = Ed25519PrivateKey.generate()
    receipt = sign_receipt({"subject_request_id": IDS[0], "version": 2}, key=key, now=utc_now())
    good.write_text(receipt.to_json())
    told = {
        tmp_path / "gone.json": "gone.json cannot be read (No such file or directory)",
        broken: "broken.json holds no receipt",
        good: "has no key that signs receipts",
    }

    for file, said in told.items():
        answer = candor("privacy", "verify-receipt", file, "--home", home)
        assert (answer.code, said in " ".join(answer.err.split())) == (3, True), answer.err
    answer = candor("privacy", "verify-receipt", good, "--key", tmp_path / "no.pem", "--home", home)

    assert answer.code == 3
    assert "no.pem cannot be read" in answer.err
    assert candor("privacy", "public-key", "--home", home).code == 3
    assert not home.exists()


def test_an_addendum_is_checked_with_its_receipt_though_the_key_was_changed_between(
    candor: Candor, tmp_path: Path
) -> None:
    keys, now = [Ed25519PrivateKey.generate() for _ in range(2)], utc_now()
    receipt = sign_receipt({"subject_request_id": IDS[0], "version": 2}, key=keys[0], now=now)
    newer = sign_receipt({"subject_request_id": IDS[0], "version": 9}, key=keys[0], now=now)
    task = ErasureTask(IDS[0], "ads", now, now, now, None)
    addendum = sign_addendum(receipt, [task], head=AuditHead(1, "0"), key=keys[1], now=now)
    given: list[Path | str] = []
    for number, key in enumerate(keys):
        path = tmp_path / f"{number}.pem"
        path.write_bytes(
            key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
        given += ["--key", path]
    files = {name: tmp_path / f"{name}.json" for name in ("receipt", "newer", "addendum", "forged")}
    for name, text in {
        "receipt": receipt.to_json(), "newer": newer.to_json(), "addendum": addendum.to_json(),
        "forged": addendum.to_json().replace('\\"open\\"', '\\"done\\"'),
    }.items():  # fmt: skip
        files[name].write_text(text)

    def check(file: str, *more: Path | str) -> tuple[int, str]:
        home = tmp_path / "home"
        answer = candor("privacy", "verify-receipt", files[file], *more, "--home", home)
        return answer.code, " ".join((answer.out + answer.err).split())

    together = check("receipt", "--addendum", files["addendum"], *given)
    assert together[0] == 0
    assert "still to be asked: ads" in together[1]
    assert check("addendum", *given)[0] == 0
    assert check("receipt", "--addendum", files["addendum"], *given[:2])[0] == 3
    assert check("forged", *given)[0] == 1
    unknown = check("newer", *given)
    assert (unknown[0], "version" in unknown[1]) == (1, True)
