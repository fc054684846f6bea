"""Exceptions raised by the identity package.

* IdentityError
  - UnusableModelError
  - TruthFileError
  - UnknownRecordError
  - InvalidDecisionError
  - HeldChangesError
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class IdentityError(Exception):
    """Records could not be resolved into persons."""


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


class TruthFileError(IdentityError, ValueError):
    """A truth file cannot be compared with."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(
            f"the truth file {path} {problem}: give a CSV file with the columns source, "
            "source_record_id and person_id"
        )


class UnknownRecordError(IdentityError, LookupError):
    """Nothing of this name is a record, sign-in, address or device."""

    def __init__(self, source: str) -> None:
        self.source = source
        super().__init__(
            f"no member of source {source!r} has this id: see identity.members, or run "
            "`candor run` if the record is new"
        )


class InvalidDecisionError(IdentityError, ValueError):
    """A decision that cannot hold."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"the decision was not written: {problem}")


class HeldChangesError(IdentityError):
    """More persons would change, for no reason in their records, than a run may publish."""

    def __init__(self, *, changed: int, persons: int, bound: float, causes: Sequence[str]) -> None:
        self.changed, self.persons, self.bound = changed, persons, bound
        self.causes = tuple(causes)
        super().__init__(
            f"{changed:,} of {persons:,} persons ({changed / max(persons, 1):.1%}) would be merged, "
            "split or get another id, with no new record or decision as the reason; "
            f"max_changed_share of identity.yml allows {bound:.1%}. Likely why: "
            f"{'; '.join(self.causes)}. Persons stay as they were, and nothing is sent. "
            "`candor identity plan` shows what would change; accept it with "
            "`candor run --accept-identity-changes`, or undo its cause and run again"
        )
