"""Prove that nothing is left: scan bytes and decoded values, after showing that the scan sees.

A plain search lies. DuckDB compresses strings (DICT_FSST) so that a value is invisible in its
file while it is there, and keeps deleted text in freed blocks where no query reaches it. So both
layers are searched, and each run first finds values that it hid itself.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from privacy.bytescan import ByteScanner
from privacy.errors import ScannerRecallError
from privacy.needles import Needles
from privacy.probes import PROBES, plant
from privacy.scan_files import (
    FileFinding,
    FileScanner,
    count_beside,
    files_below,
)
from privacy.stored_rows import is_sqlite, take_in_log, take_out_deleted, warehouse_contents
from warehouse import Trace, Warehouse

# Raised when the search learns to see more, so that a receipt tells what its search could see.
# 2: escapes of JSON, HTML, URLs and mails; accents apart; values have an end in text.
# 3: octal escapes; addresses that were read in some text made others in any bytes none.
# 4: what files may be named by is in doubt again; bytes of rows are told by a copy of the rows.
VERIFIER = 4
# A longer address that nobody here has may look like a trace; whoever looks at it knows better.
_WAY_OUT = (
    "take out what holds them (of a SQLite file that must stay, what was deleted in it: `sqlite3 FILE "
    "VACUUM`); where it is only a longer address of somebody else, load that one as a contact of theirs"
)
_AGAIN = "see to that, then run the erasure again"


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a scan saw; names places, never values.

    Attributes:
        probes: Hiding places in which the scan proved that it finds.
        files: Files read.
        values: Values that were sought.
        traces: Places that hold traces, with how many.
        undecoded: Places of which a layer could not be read, with the reason.
        kept: Of files that hold traces, why what was deleted in them could not be taken out.
    """

    probes: int
    files: int
    values: int
    traces: tuple[Trace, ...]
    undecoded: tuple[str, ...]
    kept: Mapping[str, str]

    @property
    def is_clean(self) -> bool:
        """Whether everything was read and nothing found."""
        return not self.traces and not self.undecoded

    @property
    def reasons(self) -> list[str]:
        """What stands against saying that nothing is left, and what to do about it."""
        found = [
            f"{trace.rows} traces in {trace.location}: {self._way_out(trace.location)}"
            for trace in self.traces
        ]
        return [*found, *(f"could not be searched: {place}" for place in self.undecoded)]

    def _way_out(self, place: str) -> str:
        if place in self.kept:
            return f"what was deleted in it could not be taken out ({self.kept[place]}): {_AGAIN}"
        return _WAY_OUT


def scan_home(
    warehouse: Warehouse,
    roots: Sequence[Path],
    needles: Needles,
    *,
    warehouse_file: Path | None,
    databases: Sequence[Path] = (),
    exempt: Sequence[Path] = (),
) -> ScanReport:
    """Search the warehouse and every file for traces of the values.

    A SQLite file of ours that holds a trace, but in its rows none, is laid out anew and searched
    again: what was deleted in it is gone then.

    Args:
        warehouse: The open warehouse, compacted.
        roots: Folders to search, each once.
        needles: What to look for.
        warehouse_file: The file that ``warehouse`` has open; it is decoded through it.
        databases: Folders whose SQLite files are ours, but for those that are only linked there.
        exempt: Folders that are destroyed after the scan, such as that of a frozen plan.

    Raises:
        ScannerRecallError: The scan missed a probe.
    """
    probes = prove_recall()
    scanner = ByteScanner.of(needles)
    counted: dict[str, int] = {}
    undecoded: list[str] = []
    kept: dict[str, str] = {}
    files = 0
    for table, content in warehouse_contents(warehouse):
        counted[table] = counted.get(table, 0) + scanner.count(content)
    is_in_rows = any(counted.values())
    searched = _files(FileScanner(scanner), roots, warehouse_file, exempt, databases)
    for path, place, finding in searched:
        files += 1
        hits = finding.hits
        if path == warehouse_file and hits and not is_in_rows:
            with warehouse.fresh_copy() as fresh:
                hits = count_beside(scanner, path, fresh)
        counted[place] = counted.get(place, 0) + hits
        if finding.undecoded:
            undecoded.append(f"{place} ({finding.undecoded})")
        if finding.kept and hits:
            kept[place] = finding.kept
    traces = tuple(Trace(place, hits) for place, hits in sorted(counted.items()) if hits)
    return ScanReport(probes, files, len(needles.values), traces, tuple(sorted(undecoded)), kept)


def prove_recall() -> int:
    """Hide a value in every place that is known to hide values, and find it in each.

    Returns:
        The number of hiding places.

    Raises:
        ScannerRecallError: It was not found in one of them.
    """
    scanner = FileScanner(ByteScanner.of(Needles(PROBES)))
    with TemporaryDirectory() as folder:
        planted = plant(Path(folder))
        missed = [
            place
            for place, path in planted.items()
            if not scanner.scan(path, Path(folder), raw_only="deleted" in place).hits
        ]
    if missed:
        raise ScannerRecallError(tuple(missed))
    return len(planted)


def _files(
    scanner: FileScanner,
    roots: Sequence[Path],
    warehouse_file: Path | None,
    exempt: Sequence[Path],
    databases: Sequence[Path],
) -> Iterator[tuple[Path, str, FileFinding]]:
    seen, left_out = set[Path](), frozenset(exempt)
    for root in roots:
        for path in files_below(root):
            is_new = path.resolve() not in seen
            if is_new and left_out.isdisjoint(path.parents):
                seen.add(path.resolve())
                finding, where = scanner.scan(path, root, raw_only=path == warehouse_file), path
                database = path.with_name(path.name.removesuffix("-wal"))
                if finding.hits and _is_ours(database, databases):
                    finding, where = _laid_out_anew(scanner, path, database, root), database
                yield path, _place(scanner, where, root), finding


def _is_ours(database: Path, folders: Sequence[Path]) -> bool:
    """Whether a file is a SQLite database of ours; what is elsewhere, and only linked here, is not."""
    if not (database.is_file() and is_sqlite(database)):
        return False
    return any(database.resolve().is_relative_to(folder.resolve()) for folder in folders)


def _laid_out_anew(scanner: FileScanner, path: Path, database: Path, root: Path) -> FileFinding:
    """What is left in a SQLite file, or in the log of one, without what was deleted.

    While its rows hold a trace it stays as it is: nothing would be gained, and others would wait.
    """
    kept = take_in_log(database)
    # What stood in the log alone stands in the file now, which may have been searched before.
    left = _both(scanner, {database, path}, root)
    if kept is None and left.hits and not left.in_rows:
        kept = take_out_deleted(database)
        left = _both(scanner, {database, path}, root)
    return replace(left, kept=kept)


def _both(scanner: FileScanner, files: Collection[Path], root: Path) -> FileFinding:
    found = [scanner.scan(path, root) for path in sorted(files)]
    return FileFinding(
        sum(each.hits for each in found),
        next((each.undecoded for each in found if each.undecoded), None),
        sum(each.in_rows for each in found),
    )


def _place(scanner: FileScanner, path: Path, root: Path) -> str:
    """The file's name below its root, unless the name itself gives the person away."""
    name = str(path.relative_to(root))
    if scanner.scanner.count(os.fsencode(name)):
        return f"{root.name}: a file or folder whose name holds the value"
    return f"{root.name}/{name}"
