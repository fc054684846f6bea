"""Exceptions raised by the identity package.

* IdentityError
  - UnusableModelError
  - TruthFileError
  - UnknownRecordError
  - InvalidDecisionError
    - ContradictionError
  - UnknownDecisionError
  - UnknownPersonError
  - ReviewFileError
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

    def __init__(self, source: str, sources: Sequence[str]) -> None:
        self.source = source
        if source in sources:
            said = (
                f"no member of source {source!r} has this id: see identity.members, or run "
                "`candor run` if the record is new"
            )
        else:
            said = (
                f"no record comes from a source {source!r}: known: {', '.join(sources) or 'none'}"
            )
        super().__init__(said)


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
            f"{'; '.join(self.causes)}. Persons stay as they were, and nothing is sent "
            "but removals of who withdrew a consent. "
            "`candor identity plan` shows what would change; accept it with "
            "`candor run --accept-identity-changes`, or undo its cause and run again"
        )


class ContradictionError(InvalidDecisionError):
    """Must-links would join what a cannot-link keeps apart."""

    def __init__(self, acts: tuple[str | None, ...]) -> None:
        self.acts = tuple(act for act in acts if act)
        named = ", ".join(self.acts)
        super().__init__(
            "a must-link, over other records or directly, joins two that a cannot-link keeps "
            "apart: "
            + (
                f"revoke one side first (`candor identity decisions revoke`): {named}"
                if named
                else "drop one of the two"
            )
        )


class UnknownDecisionError(IdentityError, LookupError):
    """Nothing that was decided has this id."""

    def __init__(self, decision_id: str) -> None:
        self.decision_id = decision_id
        super().__init__(
            f"no decision {decision_id!r}: see `candor identity decisions list` for their ids"
        )


class UnknownPersonError(IdentityError, LookupError):
    """No active person has this id."""

    def __init__(self, person_id: str, *, became: str | None = None, was: bool = False) -> None:
        self.person_id, self.became = person_id, became
        if became:
            said = f"{person_id} became {became}: name that one"
        elif was:
            said = f"nothing belongs to {person_id} any more: its records are gone"
        else:
            said = (
                f"no person {person_id}: see `candor identity explain` for the person of a record"
            )
        super().__init__(said)


class ReviewFileError(IdentityError, ValueError):
    """A review file cannot be taken over; nothing of it was."""

    def __init__(self, path: Path, problems: tuple[str, ...]) -> None:
        self.path, self.problems = path, problems
        super().__init__(
            f"nothing of {path} was taken over: "
            + "; ".join(problems)
            + ": mend the file and import it again"
        )
