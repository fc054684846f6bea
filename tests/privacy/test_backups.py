"""A backup that is restored brings nobody back who was erased since."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from privacy import (
    AuditEntry,
    BackupError,
    BackupFolder,
    ErasureLog,
    ErasureLogError,
    KeyRing,
    MissingKeyError,
    OldBackups,
    RequestDesk,
    SubjectRequest,
    UnknownBackupError,
    catch_up,
    read_receipts,
    read_standing,
    returned_requests,
    rotate_key,
    verify_audit,
)
from tests.privacy.company import ALL_TABLES, ANN, ANN_DEVICE, BEN, NOW, Company
from warehouse import DuckDBWarehouse

LATER = NOW + timedelta(days=3)
NAME = "20261124T120000Z"
RESTORED = AuditEntry("restored", NAME, {"by": "somebody"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "backups"
    made.mkdir()
    return made


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("one", "two"):
        (source / name).write_text(name)
    return {"one": source / "one", "deep/two": source / "two"}


def _log(company: Company, folder: Path) -> ErasureLog:
    return ErasureLog(folder, company.suppressions.keys)


def _restored(company: Company, copy: Path, folder: Path) -> dict[str, SubjectRequest]:
    """Catch up in a copy of before, and say whose erasure must be repeated."""
    keys = KeyRing(company.home / "keys")
    with DuckDBWarehouse.open(copy / "warehouse.duckdb") as warehouse:
        logged = ErasureLog(folder, keys).read()
        catch_up(warehouse, logged, copy, entry=RESTORED, now=LATER)
        found = returned_requests(warehouse, keys, ALL_TABLES, backup=NAME, now=LATER)
        anchors = [receipt.audit_head for receipt in read_receipts(warehouse)]
        assert verify_audit(warehouse, anchors=anchors) > 0
        assert {case.status for case in read_standing(warehouse)} <= {"completed"}
    return found


def test_whom_a_backup_brings_back_is_asked_for_anew(
    company: Company, founded: Path, folder: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(founded, tmp_path / "copy"))
    company.ask(("email", ANN, "raw"))
    company.erase(backups=BackupFolder(folder))
    _log(company, folder).write(company.warehouse, now=NOW)

    found = _restored(company, copy, folder)

    (request,) = found.values()
    named = {identity.identity_value for identity in request.subject_identities}
    assert {ANN, ANN_DEVICE, "crm|ann-record-1"} <= named
    assert BEN not in named
    assert list(found) != [request.request_id]


def test_a_restore_that_begins_anew_asks_again_though_its_erasure_was_completed(
    company: Company, founded: Path, folder: Path, tmp_path: Path
) -> None:
    """The files of before come back once more, and with them the person; it is one person still."""
    company.ask(("email", ANN, "raw"))
    company.erase(backups=BackupFolder(folder))
    ids = []
    for name in ("first", "second", "third"):
        copy = Path(shutil.copytree(founded, tmp_path / name))
        shutil.copytree(company.home / "keys", copy / "keys", dirs_exist_ok=True)
        ((original, request),) = _restored(company, copy, folder).items()
        with DuckDBWarehouse.open(copy / "warehouse.duckdb") as warehouse:
            restored = Company(warehouse, copy)
            desk = RequestDesk(warehouse, copy, LATER, "somebody")
            desk.receive([request])
            desk.repeat(request.request_id, of=original, backup=NAME)
            restored.erase_all([request], backups=BackupFolder(folder))
            assert "p_ann_00001" not in str(restored.rows("marts.profiles"))
            if name == "second":  # else it is known of no more than that it began
                _log(restored, folder).write(warehouse, now=LATER)
        ids.append(request.request_id)

    assert ids[0] == ids[1] != ids[2]


def test_a_backup_of_after_the_erasure_brings_nobody_back(
    company: Company, folder: Path, tmp_path: Path
) -> None:
    company.ask(("email", ANN, "raw"))
    company.erase(backups=BackupFolder(folder))
    _log(company, folder).write(company.warehouse, now=NOW)
    company.warehouse.execute("checkpoint")
    copy = Path(shutil.copytree(company.home, tmp_path / "copy"))

    assert _restored(company, copy, folder) == {}


def test_the_log_names_nobody(company: Company, folder: Path) -> None:
    company.ask(("email", ANN, "raw"))
    company.erase(backups=BackupFolder(folder))
    _log(company, folder).write(company.warehouse, now=NOW)

    content = b"".join(path.read_bytes() for path in folder.iterdir())
    tables = "".join(str(rows.to_pylist()) for rows in _log(company, folder).read().values())

    for value in (ANN, ANN_DEVICE, "p_ann_00001", "ann-record-1"):
        assert value.encode() not in content
        assert value not in tables


def test_objections_and_holds_of_later_hold_in_a_restored_home(
    company: Company, founded: Path, folder: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(founded, tmp_path / "copy"))
    company.warehouse.execute(
        "insert into privacy.objections (kind, regulation, purpose, email, objected_at, recorded_at) "
        "values ('objection', 'gdpr', 'advertising', $email, $now, $now)",
        {"email": BEN, "now": NOW},
    )
    company.warehouse.execute(
        "insert into privacy.hold_records values ('hold-1', 'crm', 'ben-record-1')"
    )
    _log(company, folder).write(company.warehouse, now=NOW)
    _restored(company, copy, folder)
    content = b"".join(path.read_bytes() for path in folder.iterdir())

    with DuckDBWarehouse.open(copy / "warehouse.duckdb") as warehouse:
        restored = Company(warehouse, copy)
        assert restored.rows("privacy.objections") == company.rows("privacy.objections")
        assert restored.rows("privacy.hold_records") == company.rows("privacy.hold_records")
    assert BEN.encode() not in content


def test_an_erasure_waits_for_the_folder_of_backups(company: Company, folder: Path) -> None:
    company.ask(("email", ANN, "raw"))
    lost = company.erase(backups=BackupFolder(folder / "unmounted"))
    found = company.erase(backups=BackupFolder(folder))

    assert "mount it" in str(lost.blocked)
    assert len(found.receipts) == 1
    assert _log(company, folder).read()


def test_an_erasure_does_not_begin_the_log_anew_where_its_disk_is_not_mounted(
    company: Company, folder: Path, tmp_path: Path
) -> None:
    _log(company, folder).must_carry(company.warehouse, now=NOW)
    disk = folder.rename(tmp_path / "disk")
    folder.mkdir()  # what is left of a disk that is not mounted
    (folder / ".keep").touch()
    company.ask(("email", ANN, "raw"))

    lost = company.erase(backups=BackupFolder(folder))
    with pytest.raises(BackupError, match="mount the disk"):
        _log(company, folder).must_carry(company.warehouse, now=NOW)

    assert "mount the disk" in str(lost.blocked)
    assert [path.name for path in folder.iterdir()] == [".keep"]
    (folder / ".keep").unlink()
    folder.rmdir()
    disk.rename(folder)
    assert len(company.erase(backups=BackupFolder(folder)).receipts) == 1
    assert _restored_chain(company, folder) == 1


def _restored_chain(company: Company, folder: Path) -> int:
    """How often the log says that it was begun; what is restored by it goes on from there."""
    _log(company, folder).must_carry(company.warehouse, now=NOW)
    logged = _log(company, folder).read()
    (acts,) = (rows for table, rows in logged.items() if table.name.name == "audit_log")
    assert acts.num_rows == len(company.rows("privacy.audit_log"))
    return acts["action"].to_pylist().count("erasure_log_begun")


def test_the_receipt_names_the_backups_that_may_hold_the_person(
    company: Company, folder: Path, files: dict[str, Path]
) -> None:
    BackupFolder(folder).make(files, now=NOW)
    company.ask(("email", ANN, "raw"))
    (receipt,) = company.erase(backups=BackupFolder(folder)).receipts

    assert receipt.facts["backups"] == [{"name": NAME, "expires_at": "2026-12-24T12:00:00"}]


@pytest.mark.parametrize("kind", ["index", "parquet", "gone", "other key"])
def test_a_log_that_was_changed_is_refused(company: Company, folder: Path, kind: str) -> None:
    log = _log(company, folder)
    log.write(company.warehouse, now=NOW)
    index, parquet = folder / "erasures.json", next(folder.glob("suppressions-*.parquet"))
    if kind == "index":
        index.write_text(index.read_text().replace("written_at", "written_On"))
    elif kind == "parquet":
        parquet.write_bytes(next(folder.glob("audit_log-*.parquet")).read_bytes())
    elif kind == "gone":
        parquet.unlink()
    else:
        (company.home / "keys" / "receipt-ed25519.key").unlink()

    with pytest.raises(ErasureLogError, match="nothing was restored"):
        log.read()


def test_a_backup_of_another_line_is_refused(company: Company, folder: Path) -> None:
    company.ask(("email", ANN, "raw"))
    _log(company, folder).write(company.warehouse, now=NOW)
    company.erase()  # without the folder: the log stays behind

    with pytest.raises(ErasureLogError, match="does not go on"):
        catch_up(
            company.warehouse, _log(company, folder).read(), company.home, entry=RESTORED, now=LATER
        )


def test_an_older_copy_does_not_make_the_log_forget(
    company: Company, founded: Path, folder: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(founded, tmp_path / "copy"))
    company.ask(("email", ANN, "raw"))
    company.erase(backups=BackupFolder(folder))
    before = (folder / "erasures.json").read_text()
    shutil.copytree(company.home / "keys", copy / "keys", dirs_exist_ok=True)

    with DuckDBWarehouse.open(copy / "warehouse.duckdb") as warehouse:
        older = Company(warehouse, copy)
        older.ask(("email", BEN, "raw"), number=2)
        report = older.erase(backups=BackupFolder(folder))

    assert "an older copy" in str(report.blocked)
    assert (folder / "erasures.json").read_text() == before


def test_a_key_that_is_missing_is_named_before_anything_is_restored(
    company: Company, folder: Path
) -> None:
    rotate_key(company.warehouse, company.suppressions.keys, by="somebody", now=NOW)
    rotate_key(company.warehouse, company.suppressions.keys, by="somebody", now=NOW)
    company.ask(("email", ANN, "raw"))
    company.erase(backups=BackupFolder(folder))
    (company.home / "keys" / "suppression-v2.key").unlink()
    log = _log(company, folder)

    with pytest.raises(MissingKeyError, match="v2"):
        log.require_keys(log.read())


def test_who_called_an_erasure_off_is_not_erased_by_a_restore(
    company: Company, founded: Path, folder: Path, tmp_path: Path
) -> None:
    company.ask(("email", BEN, "raw"))
    desk = RequestDesk(company.warehouse, company.home, NOW, "somebody")
    desk.receive(company.request_file.read())
    company.warehouse.execute("checkpoint")
    copy = Path(shutil.copytree(company.home, tmp_path / "copy"))
    desk.cancel("00000000-0000-4000-8000-000000000001", reason="asked to")
    _log(company, folder).write(company.warehouse, now=NOW)

    with DuckDBWarehouse.open(copy / "warehouse.duckdb") as warehouse:
        logged = ErasureLog(folder, company.suppressions.keys).read()
        catch_up(warehouse, logged, copy, entry=RESTORED, now=LATER)
        restored = Company(warehouse, copy)
        report = restored.erase()

        assert [case.status for case in read_standing(warehouse)] == ["cancelled"]
        assert report.receipts == ()
        assert "p_ben_00001" in str(restored.rows("marts.profiles"))


def test_an_unreadable_manifest_blocks_an_erasure_before_it_begins(
    company: Company, folder: Path, files: dict[str, Path]
) -> None:
    BackupFolder(folder).make(files, now=NOW)
    (folder / NAME / "manifest.json").write_text("{")
    company.ask(("email", ANN, "raw"))
    report = company.erase(backups=BackupFolder(folder))

    assert "manifest.json of backup" in str(report.blocked)
    assert company.rows("privacy.suppressions") == []


def test_what_a_kill_leaves_of_an_expired_backup_goes_the_next_time(
    folder: Path, files: dict[str, Path]
) -> None:
    backups = BackupFolder(folder)
    backups.make(files, now=NOW)
    (folder / NAME).rename(folder / f".old-{NAME}")
    (folder / f".old-{NAME}" / "manifest.json").unlink()

    assert backups.remove_expired(NOW, dry_run=True) == OldBackups((NAME,), ())
    assert backups.remove_expired(NOW) == OldBackups((NAME,), ())
    assert list(folder.iterdir()) == []


def test_a_backup_of_which_something_is_left_has_not_gone_and_stops_no_other(
    folder: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    backups, later = BackupFolder(folder), NOW + timedelta(days=60)
    names = [backups.make(files, now=NOW + timedelta(days=day)).name for day in range(2)]
    remove = shutil.rmtree

    def locked(path: Path) -> None:
        if path.name == f".old-{names[0]}":
            raise PermissionError(13, "Permission denied")
        remove(path)

    with monkeypatch.context() as patch:
        patch.setattr("privacy.backups.shutil.rmtree", locked)
        old = backups.remove_expired(later)
        made = backups.make(files, now=later)
    then = backups.remove_expired(later)

    assert (old.names, len(old.failed)) == ((names[1],), 1)
    assert (
        f"what is left of backup {names[0]} cannot be removed (Permission denied)" in old.failed[0]
    )
    assert then == OldBackups((names[0],), ())
    assert [path.name for path in folder.iterdir()] == [made.name]


def test_a_backup_comes_back_as_it_was(
    folder: Path, files: dict[str, Path], tmp_path: Path
) -> None:
    backups = BackupFolder(folder)
    made = backups.make(files, now=NOW)
    backups.check(NAME)
    backups.unpack(NAME, tmp_path / "home")

    assert made == backups.all()[0] == backups.find(NAME)
    assert (made.files, made.size) == (2, 6)
    assert (tmp_path / "home" / "deep" / "two").read_text() == "two"
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "home").rglob("*"))
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.rglob("*"))


def test_a_broken_backup_is_refused(folder: Path, files: dict[str, Path]) -> None:
    backups = BackupFolder(folder)
    backups.make(files, now=NOW)
    (folder / NAME / "home" / "one").write_text("other")

    with pytest.raises(BackupError, match="1 files of backup"):
        backups.check(NAME)
    with pytest.raises(UnknownBackupError, match=NAME):
        backups.find("../escape")


def test_what_a_kill_left_is_no_backup(folder: Path, files: dict[str, Path]) -> None:
    left = folder / ".new-20261123T120000Z"
    left.mkdir()
    backups = BackupFolder(folder)
    before = backups.all()
    backups.make(files, now=NOW)

    assert before == ()
    assert not left.exists()


def test_expired_backups_go(folder: Path, files: dict[str, Path]) -> None:
    backups = BackupFolder(folder)
    backups.make(files, now=NOW)
    backups.make(files, now=NOW + timedelta(days=1))

    later = NOW + timedelta(days=30)
    assert backups.remove_expired(later, dry_run=True) == OldBackups((NAME,), ())
    assert len(backups.all()) == 2
    assert backups.remove_expired(later) == OldBackups((NAME,), ())
    assert [backup.made_at for backup in backups.all()] == [NOW + timedelta(days=1)]


def test_a_backup_that_cannot_be_judged_or_removed_is_named_and_stops_no_other(
    folder: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    backups, later = BackupFolder(folder), NOW + timedelta(days=60)
    names = [backups.make(files, now=NOW + timedelta(days=day)).name for day in range(3)]
    (folder / names[0] / "manifest.json").write_text("{")
    rename = Path.rename

    def locked(path: Path, target: Path) -> Path:
        if path.name == names[1]:
            raise PermissionError(13, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", locked)
    old = backups.remove_expired(later)

    assert old.names == (names[2],)
    assert [name in why for name, why in zip(names, old.failed, strict=False)] == [True, True]


@pytest.mark.parametrize(
    ("name", "why"), [("away", "is not there: mount it"), ("", "mount the disk")]
)
def test_a_folder_of_backups_that_is_not_mounted_is_never_passed_over(
    company: Company, folder: Path, name: str, why: str
) -> None:
    old = BackupFolder(folder / name).remove_expired(NOW)
    _log(company, folder).write(company.warehouse, now=NOW)

    assert (old.names, len(old.failed)) == ((), 1)
    assert why in old.failed[0]
    assert BackupFolder(folder).remove_expired(NOW) == OldBackups((), ())
