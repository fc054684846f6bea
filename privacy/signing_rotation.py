"""Another key that signs: what the old one has signed is checked as ever, and it signs nothing more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from privacy.audit import AuditEntry, append_audit
from privacy.audit_seal import anchors_of, seal_audit
from privacy.erasure_log import ErasureLog
from privacy.errors import BackupError
from privacy.keys import KeyRing, fingerprint
from privacy.notes import impersonal
from privacy.receipt import read_receipts
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class SigningKeyUse:
    """One key that signs or has signed.

    Attributes:
        fingerprint: As receipts name it.
        is_current: Whether it signs what comes.
        receipts: Stored receipts that it has signed.
    """

    fingerprint: str
    is_current: bool
    receipts: int


def rotate_signing_key(
    warehouse: Warehouse, keys: KeyRing, *, log: ErasureLog | None, by: str, now: datetime
) -> str:
    """Make another key, sign the seal and the log beside the backups with it; return its fingerprint.

    Killed at any moment, a second call ends what the first one began.

    Args:
        warehouse: The engine.
        keys: Of the data home.
        log: The log beside the backups; None where none are made.
        by: Who does it, for the audit log.
        now: Time to record, UTC without a zone.

    Raises:
        NoSigningKeyError: Nothing was signed here yet, or the key is gone.
        AuditChainError: A receipt or the seal was changed: another key must not sign over it.
        PersonalNoteError: The name of who does it tells an address or telephone.
        BackupError: The log cannot be read or written; nothing was begun, or it is to be ended.
    """
    named = impersonal("by", by, default_region="US")  # a number in full is known in any country
    current = fingerprint(keys.signing_key().public_key())
    anchors_of(warehouse, keys)
    if log is not None and (against := log.refusals(warehouse)):
        raise BackupError("; ".join(against))
    leaving = keys.leaving_key()
    if leaving is None or fingerprint(leaving) == current:
        keys.begin_new_signing_key()
        before, current = current, fingerprint(keys.signing_key().public_key())
    else:
        before = fingerprint(leaving)
    detail = {"by": named, "before": before}
    append_audit(warehouse, [AuditEntry("signing_key_rotated", current, detail)], now=now)
    seal_audit(warehouse, keys)
    if log is not None:
        log.must_carry(warehouse, now=now)
    keys.end_new_signing_key()
    return current


def read_signing_keys(warehouse: Warehouse, keys: KeyRing) -> tuple[SigningKeyUse, ...]:
    """Every key that signs or has signed here, the current one last; none where none was made."""
    if not keys.has_signing_key():
        return ()
    signed = [receipt.key_id for receipt in read_receipts(warehouse)]
    known = list(keys.checking_keys())
    return tuple(SigningKeyUse(name, name == known[-1], signed.count(name)) for name in known)
