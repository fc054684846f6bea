"""The keys of the data home: one for suppressions, versioned, and one that signs receipts."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privacy.errors import MissingKeyError
from privacy.storage import write_private

_SUPPRESSION = re.compile(r"suppression-(v\d+)\.key")
_SIGNING = "receipt-ed25519.key"
# As long as the digest of SHA-256: RFC 2104 section 3 advises no less.
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class SuppressionKey:
    """One version of the key under which identifiers of erased persons are kept."""

    version: str
    secret: bytes

    def __repr__(self) -> str:
        return f"SuppressionKey({self.version!r})"


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys in one folder, which only its owner may read; made on first use."""

    folder: Path

    def suppression_keys(self) -> tuple[SuppressionKey, ...]:
        """Every version, oldest first; the first version is made when there is none.

        Old versions stay for looking up: what was erased cannot be hashed again.
        """
        found = self._found()
        if not found:
            write_private(self.folder / "suppression-v1.key", secrets.token_bytes(_KEY_BYTES))
            found = self._found()
        return tuple(found[number] for number in sorted(found))

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
        """The key that signs receipts."""
        path = self.folder / _SIGNING
        if not path.exists():
            write_private(path, Ed25519PrivateKey.generate().private_bytes_raw())
        return Ed25519PrivateKey.from_private_bytes(path.read_bytes())

    def _found(self) -> dict[int, SuppressionKey]:
        paths = self.folder.glob("suppression-v*.key")
        named = ((path, _SUPPRESSION.fullmatch(path.name)) for path in paths)
        return {
            int(match[1][1:]): SuppressionKey(match[1], path.read_bytes())
            for path, match in named
            if match
        }
