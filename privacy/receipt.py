"""The signed proof of an erasure: what was there, what is left, who was told, what was searched.

A receipt names no person: the subject appears as an HMAC that only the key holder can recompute.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from privacy.audit import AuditHead
from privacy.errors import ReceiptError, ReceiptFileError, ReceiptKeyError
from privacy.inventory import RECEIPTS
from privacy.keys import fingerprint as key_id
from warehouse import Warehouse

# 2: names the key under which the person is kept out.
# 3: tells what destinations answered, which models learnt from the person, and which search it was.
# 4: tells which destinations could only remove the person from what was sent.
VERSION = 4


@dataclass(frozen=True, slots=True)
class Receipt:
    """One signed receipt.

    Attributes:
        subject_request_id: The request.
        content: Canonical JSON: sorted keys, no spaces, UTF-8.
        signature: Base64 of the Ed25519 signature of the content (RFC 8032).
        key_id: Which public key checks it.
        issued_at: When, UTC.
    """

    subject_request_id: str
    content: str
    signature: str
    key_id: str
    issued_at: datetime

    @property
    def facts(self) -> dict[str, Any]:
        """The content, read."""
        return dict(json.loads(self.content))

    @property
    def audit_head(self) -> AuditHead:
        """The entry of the audit log that was last when the receipt was issued."""
        return AuditHead(**self.facts["audit"])

    def to_json(self) -> str:
        """The receipt as one JSON object, to be kept or handed over as a file."""
        fields = {name: getattr(self, name) for name in RECEIPTS.column_names}
        return json.dumps({**fields, "issued_at": self.issued_at.isoformat()}, indent=2)

    @classmethod
    def from_json(cls, text: str, path: Path | None = None) -> Receipt:
        """Read a receipt from the text of a file.

        Raises:
            ReceiptFileError: The text is no receipt.
        """
        try:
            given = [(str(name), str(value)) for name, value in _pairs(text)]
            fields = dict(given)
            issued_at = datetime.fromisoformat(fields.pop("issued_at"))
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise ReceiptFileError(path, "holds no receipt") from error
        # What nobody signed, and what other programs read otherwise, must not be read with it.
        if sorted(name for name, _ in given) != sorted(RECEIPTS.column_names):
            raise ReceiptFileError(path, "has other fields than a receipt, or one of them twice")
        return cls(**fields, issued_at=issued_at)

    @classmethod
    def from_file(cls, path: Path) -> Receipt:
        """Read a receipt from a file.

        Raises:
            ReceiptFileError: It cannot be read, or holds no receipt.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ReceiptFileError(path, f"cannot be read ({error.strerror})") from error
        return cls.from_json(content.decode(errors="replace"), path)


def sign_receipt(facts: Mapping[str, Any], *, key: Ed25519PrivateKey, now: datetime) -> Receipt:
    """Sign the facts of one request, with the time of issue as ``proven_at``."""
    signed = {**facts, "proven_at": now.isoformat()}
    content = json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    signature = base64.b64encode(key.sign(content.encode())).decode()
    request_id = str(facts["subject_request_id"])
    return Receipt(request_id, content, signature, key_id(key.public_key()), now)


def verify_receipt(receipt: Receipt, *, key: Ed25519PublicKey) -> None:
    """Check that we signed exactly this content, for exactly this request.

    Raises:
        ReceiptError: We did not.
        ReceiptKeyError: It names another key as its own, so this one cannot check it.
    """
    if receipt.key_id != key_id(key):
        raise ReceiptKeyError(
            f"it says that it was signed by another key, fingerprint {receipt.key_id}; you gave "
            f"{key_id(key)}. Take the key of that fingerprint with --key, and only from whoever "
            f"issued the receipt (there `candor privacy public-key --fingerprint {receipt.key_id}` prints it)"
        )
    try:
        key.verify(base64.b64decode(receipt.signature, validate=True), receipt.content.encode())
    except (InvalidSignature, ValueError) as error:
        raise ReceiptError("the signature does not fit the content") from error
    if receipt.facts.get("subject_request_id") != receipt.subject_request_id:
        raise ReceiptError("it belongs to another request")
    # An addendum proves nothing anew: it has the time of issue under its own name.
    signed_at = "issued_at" if "addendum" in receipt.facts else "proven_at"
    if receipt.facts.get(signed_at) != receipt.issued_at.isoformat():
        raise ReceiptError("it says another time of issue than the one that was signed")


def _pairs(text: str) -> list[tuple[str, Any]]:
    """The fields of a JSON object as they are written, those that come twice included."""
    return list(json.JSONDecoder(object_pairs_hook=list).decode(text))


def write_receipts(warehouse: Warehouse, receipts: Sequence[Receipt]) -> None:
    """Store receipts in place of earlier ones of the same requests."""
    rows = [{name: getattr(item, name) for name in RECEIPTS.column_names} for item in receipts]
    warehouse.replace_where(
        RECEIPTS.name,
        "list_contains($request_ids::varchar[], subject_request_id)",
        pa.Table.from_pylist(rows),
        {"request_ids": [item.subject_request_id for item in receipts]},
    )


def read_receipts(warehouse: Warehouse) -> tuple[Receipt, ...]:
    """Every receipt, in order of its request."""
    rows: pa.Table = warehouse.read(
        f"select * from {RECEIPTS.name.sql} order by subject_request_id"
    )
    return tuple(Receipt(**row) for row in rows.to_pylist())
