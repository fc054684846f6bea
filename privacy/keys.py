"""The keys of the data home: for suppressions, versioned; for receipts, served ids, backups."""

from __future__ import annotations

import hashlib
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
from privacy.storage import sync_folder, write_private

_SUPPRESSION = re.compile(r"suppression-(v\d+)\.key")
_SIGNING = "receipt-ed25519.key"
# Public keys of before, by fingerprint: they check receipts; those that leave, also the seal and the log.
_RETIRED = re.compile(r"receipt-ed25519-([0-9a-f]{16})(\.leaving)?\.pem")
_SERVING = "serving.key"
_BACKUP = "backup.key"
_ASK = (
    "give the file that `candor privacy public-key` prints where the receipt was issued, with "
    "--fingerprint where the receipt names a key of before"
)
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

    def has_signing_key(self) -> bool:
        """Whether there is a key that signs."""
        return (self.folder / _SIGNING).exists()

    def checking_keys(self) -> dict[str, Ed25519PublicKey]:
        """Every key that has signed receipts here, by its fingerprint; the current one is the last."""
        retired = {name: read_public_key(path) for name, path in self._retired().items()}
        current = self.signing_key().public_key()
        # A kill between the two writes of a rotation leaves it among them.
        retired.pop(fingerprint(current), None)
        return {**retired, fingerprint(current): current}

    def key_of(self, name: str) -> Ed25519PublicKey:
        """The key of that fingerprint; the current one where none has it, which then fits nothing."""
        known = self.checking_keys()
        return known.get(name, self.signing_key().public_key())

    def sealing_keys(self) -> tuple[Ed25519PublicKey, ...]:
        """The keys of which the seal and the log beside the backups may be.

        The current one, and that which it is just replacing, until both are signed anew.

        Raises:
            NoSigningKeyError: Nothing was signed here yet, or the key is gone.
        """
        leaving = self.leaving_key()
        return (self.signing_key().public_key(), *([] if leaving is None else [leaving]))

    def leaving_key(self) -> Ed25519PublicKey | None:
        """The key that is being replaced; None where none is."""
        found = [path for path in self._retired().values() if ".leaving" in path.suffixes]
        return read_public_key(found[0]) if found else None

    def begin_new_signing_key(self) -> None:
        """Make another key in place of the one that signs; of that one the public half stays.

        Raises:
            NoSigningKeyError: There is none.
        """
        public = self.signing_key().public_key()
        name = f"receipt-ed25519-{fingerprint(public)}.leaving.pem"
        write_private(self.folder / name, _pem(public))
        write_private(self.folder / _SIGNING, Ed25519PrivateKey.generate().private_bytes_raw())

    def end_new_signing_key(self) -> None:
        """From now on the key of before checks receipts alone."""
        for name, path in self._retired().items():
            path.rename(self.folder / f"receipt-ed25519-{name}.pem")
        sync_folder(self.folder)

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

    def public_key_pem(self, wanted: str | None = None) -> bytes:
        """The key that checks receipts, in PEM: safe to hand to anybody.

        Args:
            wanted: The fingerprint of a key of before; the current one where it is left out.

        Raises:
            NoSigningKeyError: Nothing was signed here yet, or the key is gone.
            ReceiptKeyError: No key of that fingerprint has signed here.
        """
        keys = self.checking_keys()
        name = wanted or list(keys)[-1]
        if name not in keys:
            there = ", ".join(keys)
            raise ReceiptKeyError(f"no key {name} has signed here; there are: {there}")
        return _pem(keys[name])

    def _retired(self) -> dict[str, Path]:
        paths = sorted(self.folder.glob("receipt-ed25519-*.pem"))
        named = ((path, _RETIRED.fullmatch(path.name)) for path in paths)
        return {match[1]: path for path, match in named if match}

    def _found(self) -> dict[int, SuppressionKey]:
        paths = self.folder.glob("suppression-v*.key")
        named = ((path, _SUPPRESSION.fullmatch(path.name)) for path in paths)
        return {
            int(match[1][1:]): SuppressionKey(match[1], path.read_bytes())
            for path, match in named
            if match
        }


def fingerprint(key: Ed25519PublicKey) -> str:
    """The first 16 hex digits of the public key's SHA-256."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


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
