"""Back a data home up, and restore it without bringing anybody back who was erased since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestration.company import Company, utc_now
from orchestration.erasure import run_requests
from orchestration.errors import NoBackupsError, RestoreTargetError, RestoreUnfinishedError
from orchestration.privacy_parts import (
    backup_folder,
    declared_tables,
    refresh_objections,
    request_files,
    request_folder,
)
from orchestration.restore_mark import read_mark, refuse_unfinished_restore, write_mark
from orchestration.run_lock import hold_run_lock
from privacy import (
    AuditEntry,
    Backup,
    BackupError,
    BackupFolder,
    ErasureLog,
    KeyRing,
    RequestDesk,
    SubjectRequest,
    break_seal,
    catch_up,
    impersonal,
    read_standing,
    returned_requests,
)
from settings import Paths
from warehouse import Warehouse

# Keys belong apart from what they keep secret; the others are made anew by the next run, and nothing
# of the time of the backup is served before it.
LEFT_OUT = ("keys", "dagster", "dbt", "serving/decisions.sqlite")
_PASSING = (".lock", ".holder", ".new", ".tmp", ".compacting")


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did: of which backup, and how many requests were carried out anew."""

    backup: Backup
    repeated: int


def make_backup(paths: Paths) -> Backup:
    """Copy the data home into the folder of backups, and write the log of erasures beside it.

    Raises:
        NoBackupsError: retention.yml names no folder.
        RestoreTargetError: The folder lies inside the data home or the landing folder.
        BackupError: It cannot be made or written, or the log in it is of another home.
    """
    company = Company(paths)
    company.check_home()
    folder, now = _folder(company), utc_now()
    with hold_run_lock(paths.home):
        refuse_unfinished_restore(paths)
        _make_folder(folder.folder)
        with company.open_warehouse() as warehouse:
            if reasons := _log(company, folder).carry(warehouse, now=now):
                raise BackupError(f"no backup was made: {'; '.join(reasons)}")
        with company.lend_warehouse_file():
            return folder.make(_files(paths), now=now)


def read_backups(paths: Paths) -> tuple[Backup, ...]:
    """Every backup, the oldest first.

    Raises:
        NoBackupsError: retention.yml names no folder.
    """
    return _folder(Company(paths)).all()


def restore_backup(paths: Paths, name: str, *, by: str) -> Restored:
    """Put a backup into an empty data home, and erase in it whoever was erased since.

    The keys must be in the home already. Where an erasure is blocked, nothing else runs in the home
    until it is done; where this is interrupted, it begins anew.

    Args:
        paths: Where the company is to be.
        name: The backup.
        by: Who restores it, as the audit log is to name them.

    Raises:
        PersonalNoteError: The name of who restores it tells an address or telephone.
        RestoreTargetError: The home has a warehouse already, or no keys.
        MissingKeyError: A key is missing under which somebody is named.
        ErasureLogError: It cannot be known who was erased since.
        RequestBlockedError: An erasure could not be carried out.
    """
    company = Company(paths)
    by = impersonal("by", by, default_region=company.sources.default_region)
    folder, log = _folder(company), _log(company, _folder(company))
    backup = folder.find(name)
    paths.make_home()
    with hold_run_lock(paths.home):
        interrupted = read_mark(paths)
        _check_target(paths, name)
        logged = log.read()
        log.require_keys(logged)
        write_mark(paths, name, None)  # before the long part: what is killed now lets nothing run
        folder.check(name)
        paths.warehouse.unlink(missing_ok=True)
        if interrupted is not None:
            folder.take_back(interrupted["backup"], paths.home)
        folder.unpack(name, paths.home)
        with company.open_warehouse() as warehouse:
            entry = AuditEntry("restored", name, {"by": by})
            catch_up(warehouse, logged, paths.home, entry=entry, now=utc_now())
            break_seal(KeyRing(paths.keys))
            _settle_closed(company, warehouse)
            refresh_objections(company, warehouse, now=utc_now())
            repeated = _repeat_erasures(company, warehouse, name, by=by)
        write_mark(paths, name, [request.request_id for request in repeated])
    if repeated:
        run_requests(paths, only=[request.request_id for request in repeated])
    finish_restore(company)
    return Restored(backup, len(repeated))


def finish_restore(company: Company) -> None:
    """Let a restored home be refreshed, once all that had to be erased anew is gone."""
    mark = read_mark(company.paths)
    if mark is None or mark["request_ids"] is None:
        return
    with company.open_warehouse() as warehouse:
        open_ones = {case.subject_request_id for case in read_standing(warehouse) if case.is_open}
    if not open_ones.intersection(mark["request_ids"]):
        write_mark(company.paths, mark["backup"], [])


def _settle_closed(company: Company, warehouse: Warehouse) -> None:
    """Take the identities out of requests that ended after the backup, so that none begins again."""
    closed = [case.subject_request_id for case in read_standing(warehouse) if not case.is_open]
    for file in request_files(company):
        file.settle(closed)
    request_folder(company.paths).settle(closed)


def _repeat_erasures(
    company: Company, warehouse: Warehouse, backup: str, *, by: str
) -> Sequence[SubjectRequest]:
    """Ask anew for every erasure whose persons the backup brought back, and approve it."""
    paths, now = company.paths, utc_now()
    returned = returned_requests(
        warehouse, KeyRing(paths.keys), declared_tables(paths), backup=backup, now=now
    )
    desk = RequestDesk(warehouse, paths.home, now, by, company.sources.default_region)
    desk.receive(list(returned.values()))
    for original, request in returned.items():
        desk.repeat(request.request_id, of=original, backup=backup)
        request_folder(paths).add(request)
    return list(returned.values())


def _check_target(paths: Paths, name: str) -> None:
    mark = read_mark(paths)
    if mark is None and paths.warehouse.exists():
        raise RestoreTargetError(
            f"{paths.home} holds a warehouse: move the folder away, make a new one with its keys/ "
            "in it, or name another with --home"
        )
    if mark is not None and mark["backup"] != name and mark["request_ids"] is not None:
        raise RestoreUnfinishedError(paths.home, mark["backup"], is_erased=False)
    if not any(paths.keys.glob("*.key")):
        raise RestoreTargetError(
            f"{paths.keys} holds no keys: put those of the lost home there; without them nobody "
            "knows who was erased"
        )


def _folder(company: Company) -> BackupFolder:
    found = backup_folder(company)
    if found is None:
        raise NoBackupsError(company.paths.config)
    for ours in (company.paths.home, company.paths.landing):
        if found.folder.resolve().is_relative_to(ours):
            raise RestoreTargetError(
                f"the folder of backups {found.folder} lies inside {ours}: an erasure would search "
                "it; name another in retention.yml"
            )
    return found


def _make_folder(folder: Path) -> None:
    """Make the folder where it is not there; the one above it may be a disk that is not mounted."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise BackupError(
            f"the folder of backups {folder}, which retention.yml names, cannot be made "
            f"({error.strerror}): make {folder.parent} or mount it, or name another folder"
        ) from error


def _log(company: Company, folder: BackupFolder) -> ErasureLog:
    return ErasureLog(folder.folder, KeyRing(company.paths.keys))


def _files(paths: Paths) -> dict[str, Path]:
    """What a backup holds, by its path inside the data home."""
    found = {
        str(path.relative_to(paths.home)): path
        for path in sorted(paths.home.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
    return {
        name: path
        for name, path in found.items()
        if not name.startswith(LEFT_OUT)
        and not name.startswith(".")
        and path.suffix not in _PASSING
    }
