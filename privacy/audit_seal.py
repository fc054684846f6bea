"""Signed checkpoints of the audit log: what receipts name, and a seal outside the database.

A receipt signs the entry that was last when it was issued. The seal lies beside the keys and is
written after every run of requests and every decision of a person, so that what came after the last
receipt cannot be cut off unseen either.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from cryptography.exceptions import InvalidSignature

from privacy.audit import AuditHead, read_head
from privacy.errors import AuditChainError, NoSigningKeyError, ReceiptError, ReceiptKeyError
from privacy.inventory import AUDIT_LOG
from privacy.keys import KeyRing
from privacy.receipt import read_receipts, verify_receipt
from privacy.signing import SEAL, SIGNED_BY_ANOTHER, signing_key_of, verify_by_any
from privacy.storage import write_private
from warehouse import Warehouse


def seal_audit(warehouse: Warehouse, keys: KeyRing) -> None:
    """Sign the last entry of the log in place of the one that was sealed before.

    Where that one is not in the log any more, or the seal was changed, it is left as it is: the log
    is not whole, and ``anchors_of`` must be able to say so.
    """
    with suppress(AuditChainError):
        before = _sealed(keys)
        if before is None or _is_in(warehouse, before):
            content = json.dumps(asdict(read_head(warehouse)), sort_keys=True)
            signature = base64.b64encode(
                signing_key_of(warehouse, keys).sign(content.encode())
            ).decode()
            sealed = json.dumps({"content": content, "signature": signature})
            write_private(_path(keys), sealed.encode())


def is_sealed(keys: KeyRing) -> bool:
    """Whether a seal lies there: not before the first run that seals, nor once somebody removed it."""
    return _path(keys).exists()


def break_seal(keys: KeyRing) -> None:
    """Forget the seal of a home that was lost: the restored one has the log beside the backups."""
    _path(keys).unlink(missing_ok=True)


def anchors_of(warehouse: Warehouse, keys: KeyRing) -> tuple[AuditHead, ...]:
    """Entries that must be in the log: those that receipts name, and the sealed one, if any.

    Raises:
        AuditChainError: A receipt or the seal was changed, or is signed with another key; all.
    """
    anchors = [head for head in [_sealed(keys)] if head is not None]
    problems = list(_bad_receipts(warehouse, keys))
    if problems:
        raise AuditChainError(tuple(problems))
    return (*(receipt.audit_head for receipt in read_receipts(warehouse)), *anchors)


def _bad_receipts(warehouse: Warehouse, keys: KeyRing) -> Iterator[str]:
    for receipt in read_receipts(warehouse):  # one signature each
        try:
            verify_receipt(receipt, key=keys.key_of(receipt.key_id))
        except (ReceiptError, ReceiptKeyError) as error:
            yield f"receipt of {receipt.subject_request_id}: {error.reason}"


def _sealed(keys: KeyRing) -> AuditHead | None:
    """What the seal names; None where nothing was sealed yet."""
    try:
        seal = json.loads(_path(keys).read_text(encoding="utf-8"))
        signature = base64.b64decode(seal["signature"], validate=True)
        verify_by_any(keys.sealing_keys(), signature, seal["content"].encode())
        return AuditHead(**json.loads(seal["content"]))
    except FileNotFoundError:
        return None
    except NoSigningKeyError as error:
        raise AuditChainError((f"{_path(keys)} was signed with a key that is gone",)) from error
    except (InvalidSignature, AttributeError, KeyError, TypeError, ValueError) as error:
        raise AuditChainError((f"{_path(keys)} was changed, or {SIGNED_BY_ANOTHER}",)) from error


def _is_in(warehouse: Warehouse, head: AuditHead) -> bool:
    if not head.position:
        return True
    return bool(
        warehouse.scalar(
            f"select count(*) from {AUDIT_LOG.name.sql} "
            "where position = $position and entry_hash = $entry_hash",
            asdict(head),
        )
    )


def _path(keys: KeyRing) -> Path:
    return keys.folder / SEAL
