"""Exceptions raised by the identity package.

* IdentityError
  - OversizedClusterError
  - UnusableModelError
"""

from __future__ import annotations


class IdentityError(Exception):
    """Records could not be resolved into persons."""


class OversizedClusterError(IdentityError):
    """One person swallowed more records than a person can plausibly own."""

    def __init__(self, source: str, source_record_id: str, size: int, limit: int) -> None:
        self.source, self.source_record_id = source, source_record_id
        self.size, self.limit = size, limit
        super().__init__(
            f"the person who holds record {source_record_id!r} of {source!r} has {size} records, "
            f"the limit is {limit}: look for a value that its records share (a test e-mail, a "
            "switchboard's phone), add it to blocked_values in identity.yml, or raise "
            "max_records_per_person, then run again"
        )


class UnusableModelError(IdentityError):
    """Training ended with parameters that would link different people."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        self.reasons = reasons
        super().__init__(
            "the trained match parameters are refused: "
            + "; ".join(reasons)
            + ": map more identifying columns in sources.yml (e-mail, phone, birth date), or set "
            "probabilistic to false in identity.yml to link by identifiers alone"
        )
