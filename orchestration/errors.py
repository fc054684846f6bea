"""Exceptions raised by the orchestration package.

* OrchestrationError
  - UnexpectedError
  - MissingHomeError
  - DbtProjectError
  - DbtBuildError
  - RunFailedError
  - ChecksFailedError
  - UnknownJobError
  - UnknownTableError
  - UnsupportedFormatError
  - TargetNotEmptyError
  - FileInTheWayError
  - RequestBlockedError
  - NoReceiptError
  - NothingToPlanError
  - NobodyToEraseError
  - NothingToEvaluateError
  - TrialStagingError
  - NoProfilesError
  - UnknownProfileError
  - SeveralProfilesError
  - UnreadableResultsError
  - NoBackupsError
  - RestoreTargetError
  - RestoreUnfinishedError
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path


class OrchestrationError(Exception):
    """A run or a command cannot be carried out."""


class UnexpectedError(OrchestrationError):
    """Something went wrong that nobody foresaw; its words are left out.

    Attributes:
        kind: The class of the error.
        place: The innermost line of ours that led to it.
    """

    def __init__(self, kind: str, place: str) -> None:
        self.kind, self.place = kind, place
        super().__init__(
            f"{kind} at {place}: what it said is left out, as it may repeat values of rows; report "
            "this line and the stack as a defect, they name nobody"
        )


class MissingHomeError(OrchestrationError, FileNotFoundError):
    """A command reads a data home that is not there."""

    def __init__(self, home: Path) -> None:
        self.home = home
        super().__init__(home)

    def __str__(self) -> str:
        return (
            f"there is no data home at {self.home}: name another with --home (CANDOR_HOME), or "
            "make one with `candor run`"
        )


class DbtProjectError(OrchestrationError):
    """The dbt project does not parse."""

    def __init__(self, project: Path, output: str) -> None:
        super().__init__(f"the dbt project {project} does not parse:\n{output}")


class DbtBuildError(OrchestrationError):
    """A dbt model could not be built, or a dbt test found rows that break it."""

    def __init__(self, failed: tuple[str, ...], log: Path) -> None:
        self.failed, self.log = failed, log
        what = f"dbt failed at {', '.join(failed)}" if failed else "dbt could not begin"
        super().__init__(f"{what}: {log} says why; what depends on it was left as it was")


class RunFailedError(OrchestrationError):
    """A run ended with failures."""

    def __init__(
        self, run_id: str, failures: tuple[str, ...], classes: frozenset[str] = frozenset()
    ) -> None:
        self.run_id, self.failures, self.classes = run_id, failures, classes
        listed = "".join(f"\n  - {failure}" for failure in failures)
        super().__init__(
            f"run {run_id} failed:{listed}\n`candor ui` shows it; the next run goes on from here"
        )


class ChecksFailedError(OrchestrationError):
    """A run went to its end, and something in it wants a person."""

    def __init__(self, checks: Sequence[str], unreadable: Sequence[str]) -> None:
        self.checks = tuple(checks)
        listed = "".join(f"\n  - {check}" for check in checks)
        files = "".join(
            f"\n  - {name} cannot be read: repair or remove it, then run again"
            for name in unreadable
        )
        super().__init__(f"the run is done, but not all is well:{listed}{files}")


class UnknownJobError(OrchestrationError, ValueError):
    """A command names a job that there is not."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no job {name!r}; jobs: {', '.join(known)}")


class UnknownTableError(OrchestrationError, ValueError):
    """A command names a table that the warehouse does not have."""

    def __init__(self, name: str, close: tuple[str, ...]) -> None:
        hint = f"did you mean {', '.join(close)}?" if close else "`candor status` lists tables"
        super().__init__(f"the warehouse has no table {name!r}: {hint}")


class UnsupportedFormatError(OrchestrationError, ValueError):
    """An export or a page is asked for in a format that is not written."""

    def __init__(self, path: Path, *formats: str) -> None:
        wanted = " or ".join(formats or (".csv", ".parquet"))
        super().__init__(f"{path.name}: the suffix says the format; use {wanted}")


class TargetNotEmptyError(OrchestrationError, FileExistsError):
    """A command would write over files that are there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(path)

    def __str__(self) -> str:
        return f"{self.path} is not empty: name another folder, or empty this one first"


class FileInTheWayError(OrchestrationError, FileExistsError):
    """A command would write over a file that somebody may have worked on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(path)

    def __str__(self) -> str:
        return f"{self.path} is there already: name another file, or remove this one first"


class RequestBlockedError(OrchestrationError):
    """Requests of persons cannot go on."""

    def __init__(self, blocked: Mapping[str, Sequence[str]]) -> None:
        self.blocked = blocked
        listed = "".join(
            f"\n  - {request_id}: {reason}"
            for request_id, reasons in blocked.items()
            for reason in reasons
        )
        super().__init__(
            f"not carried out:{listed}\nsettle this, then `candor privacy run` goes on from here"
        )


class NoReceiptError(OrchestrationError, LookupError):
    """A request has no receipt, or none yet."""

    def __init__(self, request_id: str, reasons: Sequence[str]) -> None:
        self.request_id, self.reasons = request_id, tuple(reasons)
        super().__init__(
            f"request {request_id} has no receipt: {'; '.join(reasons)}. An erasure has one once "
            "nothing of the person is left; `candor privacy list` says where each request stands"
        )


class NothingToPlanError(OrchestrationError, LookupError):
    """A plan is asked for of a request that erases nobody, or nobody any more."""

    def __init__(self, request_id: str, request_type: str, status: str) -> None:
        self.request_id = request_id
        why = (
            "its identity lies in no file any more"
            if request_type == "erasure"
            else "it erases nobody"
        )
        super().__init__(
            f"request {request_id} asks for {request_type} and is {status}: there is nothing to plan, as "
            f"{why}; `candor privacy show {request_id}` says what was done"
        )


class NobodyToEraseError(OrchestrationError):
    """The demo finds nobody whom it could erase."""

    def __init__(self) -> None:
        super().__init__(
            "nobody has an e-mail address of their own: load person records with addresses first"
        )


class NothingToEvaluateError(OrchestrationError, ValueError):
    """There are no persons to judge, or no records to make some of."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)


class TrialStagingError(OrchestrationError):
    """dbt could not stage the records of a temporary data home."""

    def __init__(self, failed: tuple[str, ...]) -> None:
        self.failed = failed
        what = f"dbt failed at {', '.join(failed)}" if failed else "dbt could not begin"
        super().__init__(
            f"{what}; the temporary data home is removed: run `candor run` with the same --config "
            "and --landing and a --home of its own, whose dbt log says why"
        )


class NoProfilesError(OrchestrationError, LookupError):
    """A profile, or an audience of them, is asked for and none was built yet."""

    def __init__(self) -> None:
        super().__init__("there are no profiles yet: `candor run` builds them")


class UnknownProfileError(OrchestrationError, LookupError):
    """Nobody has the id or the address that a profile is asked for by."""

    def __init__(self, *, by_address: bool) -> None:
        # What was asked for is not repeated: it may be an address.
        if by_address:
            said = (
                "no person has this address: a value that is no address, an address that was "
                "erased and one that came after the last `candor run` are nobody's"
            )
        else:
            said = (
                "no person has this id, or nothing belongs to it any more; of whoever was erased nothing "
                "stays that would tell their id from a mistaken one: `candor identity explain SOURCE ID` "
                "names the person of a record"
            )
        super().__init__(said)


class SeveralProfilesError(OrchestrationError, LookupError):
    """A profile is asked for by an address that several persons use."""

    def __init__(self, person_ids: Sequence[str]) -> None:
        self.person_ids = tuple(person_ids)
        listed = ", ".join(self.person_ids)
        super().__init__(
            f"{len(self.person_ids)} persons use this address: name one by its id: {listed}"
        )


class UnreadableResultsError(OrchestrationError, ValueError):
    """A file is no list of search results."""

    def __init__(self, file: Path) -> None:
        self.file = file
        super().__init__(
            f"{file} is no list of results: write a JSON array, best first, of content ids or of "
            'objects such as {"content_id": "c1", "score": 7.5}'
        )


class NoBackupsError(OrchestrationError):
    """Backups are asked for, and the configuration does not say where they go."""

    def __init__(self, config: Path) -> None:
        super().__init__(
            f"{config / 'retention.yml'} names no folder of backups: write there "
            "`backups: {folder: /an/absolute/path}`, outside the data home"
        )


class RestoreTargetError(OrchestrationError, ValueError):
    """A backup cannot be restored into, or made from, these folders."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class RestoreUnfinishedError(OrchestrationError):
    """A restored data home still is, in part, what it was at the time of the backup."""

    def __init__(self, home: Path, backup: str, *, is_erased: bool) -> None:
        self.backup = backup
        missing = (
            "profiles do not know of the objections of later yet: run `candor run` first"
            if is_erased
            else f"may still hold persons who were erased since: run `candor backup restore {backup}` "
            "again, or, where `candor privacy list` says what blocks their erasure, mend that and "
            "run `candor privacy run`"
        )
        super().__init__(f"{home} was restored from backup {backup}, and {missing}")
