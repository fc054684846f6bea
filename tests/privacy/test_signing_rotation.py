"""Another key signs from some day on; what was signed before is checked as ever."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from privacy import (
    AuditChainError,
    KeyRing,
    NoSigningKeyError,
    PersonalNoteError,
    anchors_of,
    read_receipts,
    read_signing_keys,
    rotate_signing_key,
    seal_audit,
    signing_rotation,
    verify_audit,
    verify_receipt,
)
from privacy.backups import ERASURE_LOG
from privacy.erasure_log import ErasureLog
from privacy.errors import ErasureLogError, ReceiptKeyError
from privacy.keys import fingerprint, read_public_key
from privacy.signing import SEAL
from tests.privacy.company import ANN, NOW, Company


def _rotate(company: Company, **given: Any) -> str:
    given = {"log": None, "by": "the officer", "now": NOW, **given}
    return rotate_signing_key(company.warehouse, company.suppressions.keys, **given)


def _erase(company: Company, *addresses: str) -> None:
    company.ask(*(("email", address, "raw") for address in addresses))
    company.erase()
    seal_audit(company.warehouse, company.suppressions.keys)


def test_receipts_of_either_key_are_checked_with_their_own(
    company: Company, tmp_path: Path
) -> None:
    keys = company.suppressions.keys
    _erase(company, ANN)
    (old,) = read_receipts(company.warehouse)
    current = _rotate(company)

    known = keys.checking_keys()
    verify_receipt(old, key=known[old.key_id])
    with pytest.raises(ReceiptKeyError, match=f"{old.key_id}.*{current}"):
        verify_receipt(old, key=known[current])
    assert list(known) == [old.key_id, current]
    (tmp_path / "old.pem").write_bytes(keys.public_key_pem(old.key_id))
    assert fingerprint(read_public_key(tmp_path / "old.pem")) == old.key_id
    assert keys.public_key_pem() == keys.public_key_pem(current) != keys.public_key_pem(old.key_id)
    assert [(k.fingerprint, k.is_current, k.receipts) for k in
            read_signing_keys(company.warehouse, keys)] == [
        (old.key_id, False, 1), (current, True, 0)]  # fmt: skip
    assert verify_audit(company.warehouse, anchors=anchors_of(company.warehouse, keys))


def test_the_old_key_can_sign_nothing_more(company: Company, tmp_path: Path) -> None:
    """Whoever has taken it along cannot seal the audit log, nor write the log beside the backups."""
    keys = company.suppressions.keys
    _erase(company, ANN)
    stolen = KeyRing(tmp_path / "stolen")
    shutil.copytree(keys.folder, stolen.folder)
    (tmp_path / "backups").mkdir()
    log = ErasureLog(tmp_path / "backups", keys)
    log.write(company.warehouse, now=NOW)
    of_the_old = (tmp_path / "backups" / ERASURE_LOG).read_bytes()
    current = _rotate(company, log=log)
    seal_audit(company.warehouse, stolen)
    assert (log.read() != {}, len(anchors_of(company.warehouse, keys))) == (True, 2)

    shutil.copy(stolen.folder / SEAL, keys.folder / SEAL)
    (tmp_path / "backups" / ERASURE_LOG).write_bytes(of_the_old)

    with pytest.raises(AuditChainError, match="signed with another key"):
        anchors_of(company.warehouse, keys)
    with pytest.raises(ErasureLogError, match="signed with another key"):
        log.read()
    assert sorted(path.suffix for path in keys.folder.glob("receipt-*")) == [".key", ".pem"]
    assert fingerprint(keys.signing_key().public_key()) == current


@pytest.mark.parametrize("killed_in", ["append_audit", "seal_audit", "begin", "end"])
def test_a_rotation_that_was_killed_is_ended_by_the_next(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_in: str
) -> None:
    _erase(company, ANN)
    keys = company.suppressions.keys
    (tmp_path / "backups").mkdir()
    log = ErasureLog(tmp_path / "backups", keys)
    log.write(company.warehouse, now=NOW)

    def kill(*_given: Any, **_named: Any) -> None:
        raise KeyboardInterrupt

    owner: Any = KeyRing if killed_in in ("begin", "end") else signing_rotation
    name = f"{killed_in}_new_signing_key" if owner is KeyRing else killed_in
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, kill)
        with pytest.raises(KeyboardInterrupt):
            _rotate(company, log=log)
    # Meanwhile nothing is in doubt, and an erasure goes on.
    assert anchors_of(company.warehouse, keys)
    assert log.read()
    current = _rotate(company, log=log)

    assert list(keys.checking_keys())[-1] == current
    assert (len(keys.checking_keys()), keys.leaving_key()) == (2, None)
    assert len(anchors_of(company.warehouse, keys)) == 2
    assert log.read()


def test_the_key_that_signs_is_the_last_also_between_the_two_writes_of_a_rotation(
    tmp_path: Path,
) -> None:
    """Fingerprints have no order: several keys, so that the current one is not the last by chance."""
    keys = KeyRing(tmp_path / "keys")
    keys.make_signing_key(has_signed=False)
    for _ in range(8):
        keys.begin_new_signing_key()
        keys.end_new_signing_key()
        before = (keys.folder / "receipt-ed25519.key").read_bytes()
        keys.begin_new_signing_key()
        (keys.folder / "receipt-ed25519.key").write_bytes(before)
        current = fingerprint(keys.signing_key().public_key())

        assert list(keys.checking_keys())[-1] == current
        assert keys.public_key_pem() == keys.public_key_pem(current)
        assert fingerprint(keys.key_of("0" * 16)) == current


def test_a_changed_receipt_is_not_signed_over(company: Company) -> None:
    _erase(company, ANN)
    company.warehouse.execute("update privacy.receipts set content = replace(content, '1', '2')")

    with pytest.raises(AuditChainError, match="receipt of"):
        _rotate(company)
    assert len(company.suppressions.keys.checking_keys()) == 1


def test_before_anything_was_signed_there_is_no_key_to_replace(company: Company) -> None:
    with pytest.raises(PersonalNoteError, match="--by"):  # first: it would stay for ever
        _rotate(company, by=ANN)
    with pytest.raises(NoSigningKeyError):
        _rotate(company)
    assert read_signing_keys(company.warehouse, company.suppressions.keys) == ()
