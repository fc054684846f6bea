"""Exceptions raised by the privacy package.

* PrivacyError
  - InvalidRequestError
  - UnknownRequestError
  - AmbiguousRequestError
  - UnusableIdentityError
  - SharedIdentityError
  - NothingHeldError
  - MissingKeyError
  - NoSigningKeyError
    - LostSigningKeyError
  - LostServingKeyError
  - MissingPlanError
  - MissingArchiveError
  - ArchiveTargetError
  - RequestActError
  - TaskError
  - PersonalNoteError
  - HoldError
  - DropFileError
  - ScannerRecallError
  - ReceiptError
  - ReceiptKeyError
  - ReceiptFileError
  - AuditChainError
  - RetentionRuleError
  - BackupError
  - UnknownBackupError
  - ErasureLogError
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID


class PrivacyError(Exception):
    """Anything that keeps a promise to a person from being kept."""


class InvalidRequestError(PrivacyError, ValueError):
    """Some lines of a request file are no OpenDSR 2.0 request."""

    def __init__(self, path: Path, problems: tuple[str, ...]) -> None:
        self.path, self.problems = path, problems
        listed = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"{path} cannot be read as requests:{listed}")


class UnknownRequestError(PrivacyError, LookupError):
    """Nobody has asked for a request of this id here."""

    def __init__(self, subject_request_id: str) -> None:
        self.subject_request_id = subject_request_id
        # Whoever mistakes an address for an id must not find it in a log.
        named = f" {subject_request_id}" if _is_uuid(subject_request_id) else " of that id"
        super().__init__(
            f"there is no request{named} here: `candor privacy list` shows all requests"
        )


class AmbiguousRequestError(PrivacyError, LookupError):
    """Several requests have ids that begin with what was given."""

    def __init__(self, beginning: str, request_ids: Sequence[str]) -> None:
        self.beginning, self.request_ids = beginning, tuple(request_ids)
        shown = ", ".join(self.request_ids[:5])
        super().__init__(
            f"{len(self.request_ids)} requests begin with {beginning}: give more of the id ({shown})"
        )


class UnusableIdentityError(PrivacyError, ValueError):
    """What was given of a person is no e-mail address or telephone number."""

    def __init__(self, identity_type: str) -> None:
        self.identity_type = identity_type
        super().__init__(
            f"what was given as {identity_type} is none, and nothing was looked for: check how it is "
            "written; a telephone number is safest with its country, such as +44 20 7946 0018"
        )


class SharedIdentityError(PrivacyError, ValueError):
    """All that was given of a person is shared, so that it names nobody."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self.kinds = tuple(kinds)
        super().__init__(
            f"what was given as {' and '.join(self.kinds)} is shared by several persons, so that it names "
            "nobody, and nothing was searched: give an identifier that is the person's alone"
        )


class NothingHeldError(PrivacyError, LookupError):
    """Nothing is held of the person whom somebody asks about."""

    def __init__(self) -> None:
        super().__init__(
            "nothing is held here of the person whom the options name: check how they are spelled, "
            "or try another identifier; with --unknown the request is carried out all the same, and an "
            "erasure then keeps them out from now on"
        )


class MissingKeyError(PrivacyError):
    """A key that older rows were made with is gone."""

    def __init__(self, folder: Path, version: str) -> None:
        self.folder, self.version = folder, version
        super().__init__(
            f"{folder} has no key {version}, but the warehouse holds entries made with it: "
            "restore the key from a backup; without it nobody who was erased can be kept out"
        )


class NoSigningKeyError(PrivacyError, LookupError):
    """Receipts are to be signed or checked with the key of a data home that has none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"{folder} has no key that signs receipts: the first run of requests makes one. Name the data "
            "home that issued the receipt with --home, or the public key of whoever issued it with --key; "
            "a key that was lost comes back from its backup alone"
        )


class LostSigningKeyError(NoSigningKeyError):
    """The key that signed receipts, the seal or the log beside the backups is gone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        PrivacyError.__init__(
            self,
            f"{folder}/receipt-ed25519.key is gone, but it has signed what is here: restore it from the "
            "backup of the keys. No other is made in its place, since nobody could check with that one what "
            "was signed before; where it is lost for good, see 'The key that signs' in "
            "docs/how-to/erase-a-person.md",
        )


class LostServingKeyError(PrivacyError, LookupError):
    """The key under which ids stand in the artefact and the log of decisions is gone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"{folder}/serving.key is gone, but decisions were published or logged under it: restore it from "
            "the backup of the keys; without it nobody's browsers are found among them. Where it is lost for "
            "good, remove the folder serving/ of the data home and the rows of personalization.decisions"
        )


class MissingPlanError(PrivacyError):
    """An erasure was under way and its frozen plan is gone."""

    def __init__(self, subject_request_id: str) -> None:
        self.subject_request_id = subject_request_id
        super().__init__(
            f"request {subject_request_id} was planned and its plan is gone before it was "
            "completed: ask the controller to send the request again under a new id"
        )


class MissingArchiveError(PrivacyError):
    """There is no archive of a request to hand out."""

    def __init__(self, subject_request_id: str) -> None:
        self.subject_request_id = subject_request_id
        super().__init__(
            f"request {subject_request_id} has no archive here: it is not completed, or its archive "
            "was handed out or has expired; `candor privacy list` says where it stands"
        )


class ArchiveTargetError(PrivacyError, ValueError):
    """An archive cannot be put where it was asked for."""

    def __init__(self, out: Path, problem: str) -> None:
        self.out, self.problem = out, problem
        super().__init__(
            f"{out} {problem}: name a new file outside the data home; the archive waits where it is"
        )


class RequestActError(PrivacyError, ValueError):
    """A request cannot be approved, extended or called off."""

    def __init__(self, subject_request_id: str, act: str, reason: str) -> None:
        self.subject_request_id, self.act, self.reason = subject_request_id, act, reason
        super().__init__(
            f"request {subject_request_id} cannot be {act}: {reason}; `candor privacy list` shows "
            "all requests"
        )


class TaskError(PrivacyError, ValueError):
    """It cannot be noted that a task of an erasure was done, or that it was not."""

    def __init__(self, subject_request_id: str, destination: str | None, reason: str) -> None:
        self.subject_request_id, self.reason = subject_request_id, reason
        self.destination = destination
        where = f" at {destination}" if destination else ""
        super().__init__(
            f"nothing was noted about the task of request {subject_request_id}{where}: {reason}; "
            "`candor privacy task list --all` shows all tasks"
        )


class PersonalNoteError(PrivacyError, ValueError):
    """A note that is to be kept for ever tells an address or telephone, is empty or too long."""

    def __init__(self, what: str, reason: str) -> None:
        self.what, self.reason = what, reason
        super().__init__(f"nothing was noted: --{what} {reason}")


class HoldError(PrivacyError, ValueError):
    """A legal hold cannot be placed or released."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"the legal hold was not changed: {reason}; `candor privacy hold list` shows all holds"
        )


class DropFileError(PrivacyError, ValueError):
    """A file is no download of California's deletion platform."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(
            f"{name} is no list of DROP, nothing was read: {reason}; give the ZIP as it was "
            "downloaded, or one CSV of it under its own name"
        )


class ScannerRecallError(PrivacyError):
    """The scanner missed a value that it had hidden itself, so its word is worth nothing."""

    def __init__(self, missed: tuple[str, ...]) -> None:
        self.missed = missed
        super().__init__(
            f"the scanner did not find its own probes in: {', '.join(missed)}; "
            "no erasure is completed until it does"
        )


class ReceiptError(PrivacyError, ValueError):
    """A receipt does not carry a signature of ours over its content."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the receipt is not valid: {reason}")


class ReceiptKeyError(PrivacyError, ValueError):
    """A receipt cannot be checked with the key that was given; nothing is said about the receipt."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the receipt was not checked: {reason}")


class ReceiptFileError(PrivacyError, ValueError):
    """A file that is to be checked is no receipt, or cannot be read."""

    def __init__(self, path: Path | None, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(
            f"{path or 'the file'} {reason}, nothing was checked: give the file as `candor privacy receipt "
            "ID --out FILE` wrote it"
        )


class AuditChainError(PrivacyError):
    """The audit log was changed after it was written."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__(f"the audit log does not hold together: {'; '.join(problems)}")


class RetentionRuleError(PrivacyError, ValueError):
    """retention.yml names tables or columns that cannot be aged."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        listed = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"retention.yml cannot be carried out, nothing was deleted:{listed}")


class BackupError(PrivacyError):
    """A backup cannot be made, or not be restored."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class UnknownBackupError(PrivacyError, LookupError):
    """There is no backup of a name."""

    def __init__(self, name: str, known: list[str]) -> None:
        self.name, self.known = name, known
        there = (
            f"there are: {', '.join(known[-5:])}" if known else "`candor backup create` makes one"
        )
        super().__init__(f"there is no backup {name!r}; {there}")


class ErasureLogError(PrivacyError, ValueError):
    """The log of erasures beside the backups cannot be trusted, or not be written over."""

    def __init__(self, folder: Path | None, reason: str) -> None:
        self.reason = reason
        where = f" in {folder}" if folder else ""
        super().__init__(
            f"the log of erasures{where} was left as it is, and nothing was restored: {reason}. "
            "Without it a backup would bring erased persons back"
        )


def _is_uuid(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False
