"""Versions of the key under which identifiers are kept: the current one, and how a new one begins.

Old versions look up old rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from privacy.audit import AuditEntry, append_audit
from privacy.inventory import DROP_ITEMS, HOLD_IDENTIFIERS, OBJECTION_HASHES, SUPPRESSIONS
from privacy.keys import KeyRing, SuppressionKey
from privacy.notes import impersonal
from warehouse import Warehouse

# Every table with digests; what was erased cannot be hashed again, so their versions must stay.
KEYED = (SUPPRESSIONS, HOLD_IDENTIFIERS, OBJECTION_HASHES, DROP_ITEMS)


@dataclass(frozen=True, slots=True)
class KeyUse:
    """One version of the key.

    Attributes:
        version: Such as v1.
        is_current: Whether new rows are made with it.
        is_here: Whether its file is in the data home.
        rows: Stored rows that were made with it.
        fingerprint: What receipts call it by; None where its file is missing.
    """

    version: str
    is_current: bool
    is_here: bool
    rows: int
    fingerprint: str | None = None


def current_key(warehouse: Warehouse, keys: KeyRing) -> SuppressionKey:
    """The key for new rows; the first version is made where no stored row ever needed one.

    Raises:
        MissingKeyError: A version that stored rows need is gone. A new one in its place would find
            none of them, and nobody would notice.
    """
    keys.require_versions(list(_rows_by_version(warehouse)))
    if not keys.suppression_keys():
        keys.add_suppression_key()
    return keys.suppression_keys()[-1]


def rotate_key(warehouse: Warehouse, keys: KeyRing, *, by: str, now: datetime) -> str:
    """Make the next version, under which everything is kept from now on; return its name.

    Raises:
        MissingKeyError: A version that stored rows need is gone: restore it first.
        PersonalNoteError: The name of who does it tells an address or telephone.
    """
    named = impersonal("by", by, default_region="US")  # a number in full is known in any country
    before = read_key_uses(warehouse, keys)
    keys.require_versions([use.version for use in before if use.rows])
    version = keys.add_suppression_key()
    append_audit(warehouse, [AuditEntry("key_rotated", version, {"by": named})], now=now)
    return version


def read_key_uses(warehouse: Warehouse, keys: KeyRing) -> tuple[KeyUse, ...]:
    """Every version that is here or that rows need, the oldest first; none is made."""
    here = {key.version: key.fingerprint for key in keys.suppression_keys()}
    rows = _rows_by_version(warehouse)
    versions = sorted({*here, *rows}, key=lambda version: int(version[1:]))
    current = list(here)[-1:]
    return tuple(
        KeyUse(version, version in current, version in here, rows.get(version, 0),
               here.get(version))
        for version in versions
    )  # fmt: skip


def _rows_by_version(warehouse: Warehouse) -> dict[str, int]:
    arms = " union all ".join(f"select key_version from {table.name.sql}" for table in KEYED)
    counted = warehouse.read(
        f"select key_version, count(*) as n from ({arms}) where key_version is not null group by all"
    )
    return dict(zip(counted["key_version"].to_pylist(), counted["n"].to_pylist(), strict=True))
