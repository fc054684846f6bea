"""Backups of a data home in a folder apart: copied whole or not at all, checked before they are used.

Keys are never among them: whoever has the backup alone can neither guess who was erased nor sign.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from privacy.errors import BackupError, UnknownBackupError
from privacy.storage import make_private, sync_folder, write_private

MANIFEST = "manifest.json"
ERASURE_LOG = "erasures.json"  # written beside the backups before the first of them is made
_CONTENT = "home"
_UNFINISHED, _LEAVING = ".new-", ".old-"
_NAME = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup.

    Attributes:
        name: The moment at which it was made, such as 20261129T150000Z.
        made_at: The same, UTC.
        expires_at: When retention removes it, UTC.
        files: How many files it holds.
        size: Their bytes.
    """

    name: str
    made_at: datetime
    expires_at: datetime
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class OldBackups:
    """What became of the backups that are older than they may be.

    Attributes:
        names: Those of which nothing is left, or would be.
        failed: Those that stay, whole or in part, because they cannot be read or removed, each with
            the reason.
    """

    names: tuple[str, ...]
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BackupFolder:
    """Where backups lie, each in a folder of its own, with a manifest of its files' hashes.

    Attributes:
        folder: The folder of all.
        days: How long those are kept that are made from now on.
    """

    folder: Path
    days: int = 30

    def make(self, files: Mapping[str, Path], *, now: datetime) -> Backup:
        """Copy files into a new backup.

        Args:
            files: Where each lies, by its path inside the data home.
            now: Its moment, UTC without a zone.

        Raises:
            BackupError: There is one of this second already, or it cannot be written.
        """
        name = now.strftime(_NAME)
        if (self.folder / name).exists():
            raise BackupError(f"there is a backup {name} already: try again in a second")
        fresh = self.folder / f"{_UNFINISHED}{name}"
        try:
            self._remove_unfinished()  # what stays is told by retention, and hinders no new backup
            make_private(fresh)
            hashes = {
                path: _copy(source, fresh / _CONTENT / path) for path, source in files.items()
            }
            size = sum((fresh / _CONTENT / path).stat().st_size for path in files)
            expires = (now + timedelta(days=self.days)).replace(microsecond=0)
            facts = {"made_at": now.replace(microsecond=0).isoformat(), "size": size,
                     "expires_at": expires.isoformat(), "files": hashes}  # fmt: skip
            write_private(fresh / MANIFEST, json.dumps(facts, indent=1, sort_keys=True).encode())
            fresh.rename(self.folder / name)
            sync_folder(self.folder)
        except OSError as error:
            shutil.rmtree(fresh, ignore_errors=True)
            raise BackupError(
                f"no backup was made: the folder of backups {self.folder} cannot be written "
                f"({error.strerror})"
            ) from error
        return self.find(name)

    def all(self) -> tuple[Backup, ...]:
        """Every backup, the oldest first."""
        manifests = sorted(self.folder.glob(f"[0-9]*/{MANIFEST}"))
        return tuple(self.find(path.parent.name) for path in manifests)

    def find(self, name: str) -> Backup:
        """One backup by its name.

        Raises:
            UnknownBackupError: There is none.
            BackupError: Its manifest cannot be read.
        """
        try:
            facts = self._manifest(name)
            made, expires = (datetime.fromisoformat(facts[at]) for at in ("made_at", "expires_at"))
            return Backup(name, made, expires, len(facts["files"]), int(facts["size"]))
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise BackupError(
                f"{MANIFEST} of backup {name} cannot be read ({type(error).__name__}): bring it back, "
                f"or remove {self.folder / name}"
            ) from error

    def check(self, name: str) -> None:
        """Read every file of a backup and compare it with the manifest.

        Raises:
            UnknownBackupError: There is no such backup.
            BackupError: A file is missing or was changed; none is named, for names can tell.
        """
        content = self.folder / name / _CONTENT
        hashes = self._manifest(name)["files"]
        broken = [path for path, known in hashes.items() if _hash(content / path) != known]
        if broken:
            raise BackupError(f"{len(broken)} files of backup {name} are missing or were changed: "
                              "take another one")  # fmt: skip

    def unpack(self, name: str, home: Path) -> None:
        """Copy a backup into a data home; files of the same names are replaced."""
        for path in self._manifest(name)["files"]:
            _copy(self.folder / name / _CONTENT / path, home / path)

    def take_back(self, name: str, home: Path) -> None:
        """Remove from a data home what a restore that did not end has copied there."""
        for path in self._manifest(name)["files"]:
            (home / path).unlink(missing_ok=True)

    def remove_expired(self, now: datetime, *, dry_run: bool = False) -> OldBackups:
        """Remove the backups that are older than they may be, and what a kill left.

        One that cannot be read or removed stops no other; who is asked about it is a person.

        Args:
            now: The moment from which age is counted, UTC without a zone.
            dry_run: Tell which, and remove nothing.
        """
        if away := self._away():
            return OldBackups((), (away,))
        expired, failed = self._judge(now)
        leaving = {path.name.removeprefix(_LEAVING) for path in self.folder.glob(f"{_LEAVING}*")}
        due = sorted({*expired, *leaving})
        if dry_run:
            return OldBackups(tuple(due), tuple(failed))
        stuck = {name: why for name in expired if (why := self._leaves(name))}
        failed += stuck.values()
        for path, why in self._remove_unfinished().items():
            failed.append(
                f"what is left of backup {path.name.partition('-')[2]} cannot be removed ({why}): remove "
                f"{path}, or let Candor write there"
            )
        gone = (name for name in due if not self._is_there(name))
        return OldBackups(tuple(gone), tuple(failed))

    def _away(self) -> str | None:
        """Why nothing is known of the backups: where a disk is to be mounted is a folder too."""
        if not self.folder.is_dir():
            return f"the folder of backups {self.folder} is not there: mount it"
        signs = (ERASURE_LOG, "[0-9]*", f"{_LEAVING}*")
        if any(next(self.folder.glob(sign), None) for sign in signs):
            return None
        return (
            f"the folder of backups {self.folder} holds neither backups nor their {ERASURE_LOG}: mount "
            "the disk, or make the first one with `candor backup create`"
        )

    def _is_there(self, name: str) -> bool:
        """Whether anything of a backup is there, though it may be none any more."""
        return any((self.folder / f"{prefix}{name}").exists() for prefix in ("", _LEAVING))

    def _judge(self, now: datetime) -> tuple[list[str], list[str]]:
        """The backups that are older than they may be, and why others cannot be judged."""
        expired, failed = [], []
        for path in sorted(self.folder.glob("[0-9]*")):
            try:
                expired += [path.name] if self.find(path.name).expires_at <= now else []
            except (BackupError, UnknownBackupError):
                failed.append(
                    f"backup {path.name} has no {MANIFEST} that can be read, so nobody knows how long "
                    f"it may be kept: bring that back, or remove {path}"
                )
        return expired, failed

    def _leaves(self, name: str) -> str | None:
        """Take a backup away, and say why that could not be done."""
        try:
            # Renamed first: what a kill leaves of it is no backup, and goes the next time.
            (self.folder / name).rename(self.folder / f"{_LEAVING}{name}")
        except OSError as error:
            return f"backup {name} cannot be removed ({error.strerror}): let Candor write there"
        return None

    def _manifest(self, name: str) -> dict[str, Any]:
        path = self.folder / name / MANIFEST
        known = {item.parent.name for item in self.folder.glob(f"[0-9]*/{MANIFEST}")}
        if name not in known:
            raise UnknownBackupError(name, sorted(known))
        return dict(json.loads(path.read_text(encoding="utf-8")))

    def _remove_unfinished(self) -> dict[Path, str]:
        """Remove what a killed process left; return what stays, each with the reason."""
        stays = {}
        for path in sorted(
            (*self.folder.glob(f"{_UNFINISHED}*"), *self.folder.glob(f"{_LEAVING}*"))
        ):
            try:
                shutil.rmtree(path)
            except OSError as error:  # one that stays stops no other
                stays[path] = error.strerror or type(error).__name__
        return stays


def _copy(source: Path, target: Path) -> str:
    """Copy one file, for its owner's eyes alone, and return its hash."""
    make_private(target.parent)
    shutil.copyfile(source, target)
    target.chmod(0o600)
    return _hash(target)


def _hash(path: Path) -> str:
    """Hex SHA-256 of a file; empty where there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
