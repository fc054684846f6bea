"""A new version of the key; what was kept under the old ones is found as before."""

from __future__ import annotations

import json
from collections.abc import Callable

import pyarrow as pa
import pytest

from privacy import (
    KeyRing,
    KeyUse,
    MissingKeyError,
    PersonalNoteError,
    read_key_uses,
    rotate_key,
    verify_audit,
)
from privacy.key_rotation import current_key
from tests.privacy.company import ANN, BEN, NOW, Company
from tests.privacy.test_holds import _hold, _holds

CONTACTS = pa.table({"kind": ["email", "email"], "value": [ANN, BEN]})


def _suppress(company: Company, value: str, number: int) -> None:
    keys = pa.table(
        {
            "subject_request_id": [f"00000000-0000-4000-8000-{number:012}"],
            "kind": ["email"],
            "value": [value],
        }
    )
    company.suppressions.add(keys, now=NOW)


def _rotate(company: Company, *, by: str = "admin") -> str:
    return rotate_key(company.warehouse, company.suppressions.keys, by=by, now=NOW)


def test_who_was_suppressed_under_any_version_stays_out(company: Company) -> None:
    _suppress(company, ANN, 1)
    version = _rotate(company)
    _suppress(company, BEN, 2)

    found = company.suppressions.suppressed(CONTACTS)

    assert version == "v2"
    assert sorted(found["value"].to_pylist()) == sorted([ANN, BEN])
    assert {row[2] for row in company.rows("privacy.suppressions")} == {"v1", "v2"}


def test_who_is_held_under_an_old_version_stays_held(company: Company) -> None:
    hold = _hold(company)
    _rotate(company)
    asked = pa.table({"subject_request_id": ["r"], "kind": ["email"], "value": [ANN]})

    assert hold.hold_id in str(_holds(company).against(asked))


def test_versions_are_listed_with_what_needs_them(company: Company) -> None:
    _suppress(company, ANN, 1)
    _rotate(company)
    ring = company.suppressions.keys

    one, two = (key.fingerprint for key in ring.suppression_keys())
    assert read_key_uses(company.warehouse, ring) == (
        KeyUse("v1", is_current=False, is_here=True, rows=1, fingerprint=one),
        KeyUse("v2", is_current=True, is_here=True, rows=0, fingerprint=two),
    )
    assert one != two
    (ring.folder / "suppression-v1.key").unlink()
    assert not read_key_uses(company.warehouse, ring)[0].is_here


def test_a_lost_version_stops_a_rotation(company: Company) -> None:
    _suppress(company, ANN, 1)
    _rotate(company)
    (company.suppressions.keys.folder / "suppression-v1.key").unlink()

    with pytest.raises(MissingKeyError, match="no key v1"):
        _rotate(company)


def _lose_keys(company: Company) -> None:
    for path in company.suppressions.keys.folder.glob("suppression-*.key"):
        path.unlink()


def test_to_list_versions_makes_none_in_the_place_of_a_lost_one(company: Company) -> None:
    _suppress(company, ANN, 1)
    _lose_keys(company)

    uses = read_key_uses(company.warehouse, company.suppressions.keys)

    assert uses == (KeyUse("v1", is_current=False, is_here=False, rows=1),)
    with pytest.raises(MissingKeyError, match="no key v1"):
        company.suppressions.suppressed(CONTACTS)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(_hold, id="hold"),
        pytest.param(_rotate, id="rotate"),
        pytest.param(lambda company: _suppress(company, BEN, 2), id="suppress"),
        pytest.param(
            lambda company: current_key(company.warehouse, company.suppressions.keys), id="drop"
        ),
    ],
)
def test_nothing_is_kept_under_a_key_that_takes_the_place_of_a_lost_one(
    company: Company, act: Callable[[Company], object]
) -> None:
    _suppress(company, ANN, 1)
    _lose_keys(company)

    with pytest.raises(MissingKeyError, match="no key v1"):
        act(company)

    assert company.suppressions.keys.suppression_keys() == ()


def test_before_the_first_entry_no_version_is_there(company: Company) -> None:
    ring = company.suppressions.keys

    assert read_key_uses(company.warehouse, ring) == ()
    assert current_key(company.warehouse, ring).version == "v1"


def test_a_rotation_is_in_the_audit_log_and_its_file_its_owners_alone(company: Company) -> None:
    with pytest.raises(PersonalNoteError, match="--by"):  # an address would stay in it for ever
        _rotate(company, by=ANN)
    version = _rotate(company)

    (entry,) = company.warehouse.read("select * from privacy.audit_log").to_pylist()
    path = company.home / "keys" / f"suppression-{version}.key"
    assert (entry["action"], entry["subject"]) == ("key_rotated", version)
    assert json.loads(entry["detail"]) == {"by": "admin"}
    assert verify_audit(company.warehouse) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyRing(company.home / "keys").suppression_keys()[-1].version == version


def test_a_receipt_says_under_which_key_the_person_is_kept_out(company: Company) -> None:
    """Also where the key was rotated between the suppression and the proof."""
    company.ask(("email", ANN, "raw"))
    with pytest.raises(KeyboardInterrupt):
        company.erase(progress=_stop_at("erased: 1 requests"))
    _rotate(company)

    (receipt,) = company.erase().receipts

    first, second = company.suppressions.keys.suppression_keys()
    (kept,) = receipt.facts["suppressed"]
    assert (kept["key_version"], kept["key_fingerprint"]) == ("v1", first.fingerprint)
    assert kept["identifiers"] == len(company.rows("privacy.suppressions"))
    told = json.loads(
        company.warehouse.scalar(
            "select detail from privacy.request_steps where step = 'suppressed'"
        )
    )
    assert told == {
        "identifiers": kept["identifiers"],
        "own_ids": receipt.facts["identifiers"]["person_id"],
    }
    assert sum(receipt.facts["identifiers"].values()) == sum(told.values())
    assert receipt.facts["subject_key"]["key_fingerprint"] == second.fingerprint


def test_a_fingerprint_tells_a_key_that_was_made_anew_and_nothing_of_it(company: Company) -> None:
    _suppress(company, ANN, 1)
    (before,) = company.suppressions.keys.suppression_keys()
    (company.suppressions.keys.folder / "suppression-v1.key").unlink()
    company.suppressions.keys.add_suppression_key()
    (after,) = company.suppressions.keys.suppression_keys()

    assert before.version == after.version
    assert before.fingerprint != after.fingerprint
    assert before.fingerprint not in before.secret.hex()


def _stop_at(wanted: str) -> Callable[[str], None]:
    def progress(message: str) -> None:
        if message == wanted:
            raise KeyboardInterrupt

    return progress
