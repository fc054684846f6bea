"""The key that signs receipts, for whoever is about to sign, or checks what is of this home."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from privacy.inventory import RECEIPTS
from privacy.keys import KeyRing
from warehouse import Warehouse

SEAL = "audit-seal.json"
SIGNED_BY_ANOTHER = (
    "signed with another key: after `candor privacy keys rotate-signing` an older copy of keys/ does "
    "not fit any more, put the newer one there"
)


def signing_key_of(
    warehouse: Warehouse, keys: KeyRing, *, signed: Path | None = None
) -> Ed25519PrivateKey:
    """The key that signs receipts; made where nothing was ever signed here.

    Args:
        warehouse: Holds the receipts.
        keys: Of the data home; the seal of the audit log lies beside them.
        signed: Another file that only this key has signed; it need not exist.

    Raises:
        LostSigningKeyError: There is a receipt, a seal or that file, and the key is gone.
    """
    has_receipts = bool(warehouse.scalar(f"select count(*) from {RECEIPTS.name.sql}"))
    files = [keys.folder / SEAL, *([signed] if signed else [])]
    return keys.make_signing_key(has_signed=has_receipts or any(file.exists() for file in files))


def verify_by_any(keys: Sequence[Ed25519PublicKey], signature: bytes, content: bytes) -> None:
    """Check that one of these keys has signed the content.

    Raises:
        InvalidSignature: None has.
    """
    for key in keys:
        with suppress(InvalidSignature):
            key.verify(signature, content)
            return
    raise InvalidSignature
