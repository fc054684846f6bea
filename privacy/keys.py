"""The keys of the data home: for suppressions, versioned; for receipts, served ids, backups."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from privacy.errors import LostSigningKeyError, MissingKeyError, NoSigningKeyError, ReceiptKeyError
from privacy.storage import write_private

_SUPPRESSION = re.compile(r"suppression-(v\d+)\.key")
_SIGNING = "receipt-ed25519.key"
_SERVING = "serving.key"
_BACKUP = "backup.key"
_ASK = "give the file that `candor privacy public-key` prints where the receipt was issued"
# As long as the digest of SHA-256: RFC 2104 section 3 advises no less.
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class SuppressionKey:
    """One version of the key under which identifiers of erased persons are kept."""

    version: str
    secret: bytes

    def __repr__(self) -> str:
        return f"SuppressionKey({self.version!r})"

    @property
    def fingerprint(self) -> str:
        """Tells this key from any other, and nothing of it: 16 hex digits of an HMAC under it."""
        return hmac.digest(self.secret, b"candor key fingerprint", "sha256").hex()[:16]


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys in one folder, which only its owner may read."""

    folder: Path

    def suppression_keys(self) -> tuple[SuppressionKey, ...]:
        """Every version that is here, oldest first; none is made.

        Old versions stay for looking up: what was erased cannot be hashed again.
        """
        found = self._found()
        return tuple(found[number] for number in sorted(found))

    def add_suppression_key(self) -> str:
        """Make the next version, the one that is used from now on; return its name.

        Whoever calls must know that no stored row needs a version that is gone.
        """
        last = max((0, *(int(key.version[1:]) for key in self.suppression_keys())))
        version = f"v{last + 1}"
        write_private(self.folder / f"suppression-{version}.key", secrets.token_bytes(_KEY_BYTES))
        return version

    def require_versions(self, versions: list[str]) -> None:
        """Check that every version that rows were made with is still here.

        Raises:
            MissingKeyError: One is not.
        """
        present = {key.version for key in self._found().values()}
        for version in versions:
            if version not in present:
                raise MissingKeyError(self.folder, version)

    def signing_key(self) -> Ed25519PrivateKey:
        """The key that signs receipts; none is made.

        Raises:
            NoSigningKeyError: Nothing was signed here yet, or the key is gone.
        """
        try:
            content = (self.folder / _SIGNING).read_bytes()
        except FileNotFoundError:
            raise NoSigningKeyError(self.folder) from None
        return Ed25519PrivateKey.from_private_bytes(content)

    def make_signing_key(self, *, has_signed: bool) -> Ed25519PrivateKey:
        """The key that signs receipts, made where there is none: for whoever is about to sign.

        Args:
            has_signed: Whether there is anything that only the key of this home can have signed.

        Raises:
            LostSigningKeyError: It is gone: with another one all that it signed could not be checked.
        """
        path = self.folder / _SIGNING
        if not path.exists():
            if has_signed:
                raise LostSigningKeyError(self.folder)
            write_private(path, Ed25519PrivateKey.generate().private_bytes_raw())
        return self.signing_key()

    def serving_key(self) -> bytes | None:
        """The secret under which ids stand in the artefact that decisions are taken from.

        None before anything was published; none is made.
        """
        path = self.folder / _SERVING
        return path.read_bytes() if path.exists() else None

    def make_serving_key(self) -> bytes:
        """The same secret, made where there is none: for whoever is about to publish."""
        known = self.serving_key()
        if known is not None:
            return known
        secret = secrets.token_bytes(_KEY_BYTES)
        write_private(self.folder / _SERVING, secret)
        return secret

    def backup_cipher(self) -> Fernet | None:
        """Hides what the log beside the backups says of persons; None without its key."""
        path = self.folder / _BACKUP
        return Fernet(path.read_bytes()) if path.exists() else None

    def make_backup_cipher(self) -> Fernet:
        """The same, with a key that is made where there is none: for whoever is about to hide."""
        if (known := self.backup_cipher()) is not None:
            return known
        key = Fernet.generate_key()
        write_private(self.folder / _BACKUP, key)
        return Fernet(key)

    def public_key_pem(self) -> bytes:
        """The key that checks receipts, in PEM: safe to hand to anybody.

        Raises:
            NoSigningKeyError: Nothing was signed here yet, or the key is gone.
        """
        public = self.signing_key().public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def _found(self) -> dict[int, SuppressionKey]:
        paths = self.folder.glob("suppression-v*.key")
        named = ((path, _SUPPRESSION.fullmatch(path.name)) for path in paths)
        return {
            int(match[1][1:]): SuppressionKey(match[1], path.read_bytes())
            for path, match in named
            if match
        }


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key that checks receipts from a PEM file.

    Raises:
        ReceiptKeyError: The file is no such key.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise ReceiptKeyError(f"{path} cannot be read ({error.strerror}): {_ASK}") from error
    except ValueError as error:
        raise ReceiptKeyError(f"{path} is no public key in PEM: {_ASK}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ReceiptKeyError(f"{path} holds a key that does not check receipts (Ed25519)")
    return key
