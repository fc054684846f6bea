"""The landing files as a place to erase from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from ingestion.accounting import forget_rows
from ingestion.config import SourcesConfig
from ingestion.errors import ReadOnlyLandingError, UnreadableFileError, WrongColumnError
from ingestion.files import describe_file, name_of, source_files
from ingestion.inventory import LOADS, QUARANTINE, TABLES, table_of
from ingestion.landing_search import FOUND, KEYS, Found, Search, literals_of
from ingestion.rewrite import Spans, finish_rewrites, put_in_place, write_without
from warehouse import Trace, Warehouse

# Files with the names of the sources that declare each.
Declared = Mapping[Path, Sequence[str]]


@dataclass(frozen=True, slots=True)
class LandingLocation:
    """Every landing file of one company; a warehouse ``Location``.

    A person's rows leave their files, the tables that they were loaded into, and ``raw.loads``,
    so that the files give the same tables again. Other rows keep their bytes and their line. List
    it before the raw tables: what they no longer hold cannot be told from a copy any more.
    """

    warehouse: Warehouse
    config: SourcesConfig
    landing: Path
    # What was found of whom in which file: a file is read again only when it has changed, though
    # an erasure asks several times.
    _found_before: dict[object, Found] = field(default_factory=dict, repr=False, compare=False)
    # Files that all sources could read in full: whoever is sought, nothing stands against them.
    _fitting: set[object] = field(default_factory=set, repr=False, compare=False)

    @property
    def name(self) -> str:
        """What the place is called in plans and receipts."""
        return "landing"

    @property
    def files(self) -> frozenset[Path]:
        """The files that may speak of persons, as they lie now."""
        return frozenset(self._declared())

    def refusals(self, keys: pa.Table) -> Sequence[str]:
        """Why an erasure cannot be carried out.

        Files are not ours to write, cannot be read, do not fit their mapping, or were loaded once and
        are named in sources.yml no more.
        """
        declared = self._declared()
        whys = {path: self._why_kept(path, names) for path, names in declared.items()}
        kept = {path: why for path, why in whys.items() if why is not None}
        holding = self._holding(keys, {path: declared[path] for path in kept})
        return (
            *(kept[path] for path in holding),
            *self._doubts(keys, declared),
            *self._undeclared(declared),
        )

    def find(self, keys: pa.Table) -> Sequence[Trace]:
        """Count the persons' rows, by file."""
        return self._traces(self._holding(keys, self._declared()))

    def count_shared(self, keys: pa.Table, others: pa.Table) -> int:
        """Count the lines of the persons that also name one of the others: a line goes whole."""
        theirs = self._holding(keys, self._declared())
        if not theirs:  # to look for the others is to read all files once more
            return 0
        also = self._holding(others, self._declared())
        return sum(
            len(set(rows["line"].to_pylist()) & set(also[path]["line"].to_pylist()))
            for path, rows in theirs.items()
            if path in also
        )

    def erase(self, keys: pa.Table) -> Sequence[Trace]:
        """Rewrite the files that hold the persons; running it again finds nothing.

        Raises:
            ReadOnlyLandingError: A file that holds them may not be written.
        """
        finish_rewrites(self.warehouse, self.landing)
        declared = self._declared()
        holding = self._holding(keys, declared)
        hashes = {
            path: self._write(path, declared[path][0], rows) for path, rows in holding.items()
        }
        forget_rows(self.warehouse, holding, hashes)
        for path in holding:
            put_in_place(path)
        return self._traces(holding)

    def _declared(self) -> Declared:
        """The files that may speak of persons."""
        declared: dict[Path, list[str]] = {}
        for name, source in self.config.sources.items():
            if table_of(source.kind).subjects:
                lenient = source.model_copy(update={"optional": True})
                for path in source_files(name, lenient, self.landing):
                    declared.setdefault(path, []).append(name)
        return dict(sorted(declared.items()))

    def _holding(self, keys: pa.Table, declared: Declared) -> Mapping[Path, pa.Table]:
        """The files that hold rows of the persons, with these rows."""
        self.warehouse.create_missing(TABLES)
        persons = _persons_of(keys)
        states = {path: (persons, path, _state_of(path)) for path in declared}
        unknown = [path for path, state in states.items() if state not in self._found_before]
        with self.warehouse.view(KEYS, keys.select(["kind", "value"])):
            search = Search(self.warehouse, self.config, literals_of(keys))
            search.prepare_needles()
            for path in unknown:
                self._found_before[states[path]] = self._found(search, path, declared[path])
        found = {path: self._found_before[state].rows for path, state in states.items()}
        return {path: rows for path, rows in found.items() if rows.num_rows}

    def _found(self, search: Search, path: Path, names: Sequence[str]) -> Found:
        """The persons' rows of a file; none where it cannot be read, which is told as a doubt."""
        try:
            found = search.find([describe_file(name, path, self.landing) for name in names])
        except (UnreadableFileError, WrongColumnError) as error:
            return Found(FOUND.empty_table(), is_misfit=True, doubts=(str(error),))
        if not found.is_misfit:
            self._fitting.add((path, _state_of(path)))
        return found

    def _doubts(self, keys: pa.Table, declared: Declared) -> Sequence[str]:
        """Why files may hold rows of the persons that are not found."""
        refused = {
            file: f"{file} cannot be read, so it cannot be searched: repair or remove it, then run again"
            for file in self._unreadable(declared)
        }
        unsure = {
            path: names
            for path, names in declared.items()
            if self._name_of(path) not in refused and (path, _state_of(path)) not in self._fitting
        }
        self._holding(keys, unsure)
        persons = _persons_of(keys)
        doubts = [
            why
            for path in unsure
            for why in self._found_before[persons, path, _state_of(path)].doubts
        ]
        return (*refused.values(), *doubts)

    def _undeclared(self, declared: Declared) -> Sequence[str]:
        """Files about persons that were loaded, are still there, and that no source names now."""
        loads = self.warehouse.read(
            f"select file, max(source) as source, list(distinct kind) as kinds from {LOADS.name.sql} "
            "group by file order by file"
        ).to_pylist()
        named = set(map(self._name_of, declared))
        return [
            f"{load['file']} was loaded as one of source {load['source']!r}, and no source of persons "
            "in sources.yml names it now, so it cannot be searched: name it there again (a source, "
            "its `files`), or remove it from the landing folder, then run again"
            for load in loads
            if load["file"] not in named
            and any(table_of(kind).subjects for kind in load["kinds"])
            and (self.landing / load["file"]).is_file()
        ]

    def _traces(self, holding: Mapping[Path, pa.Table]) -> Sequence[Trace]:
        return tuple(
            Trace(f"{self.name}/{self._name_of(path)}", Spans.of(rows).count)
            for path, rows in holding.items()
        )

    def _name_of(self, path: Path) -> str:
        return name_of(path, self.landing)

    def _why_kept(self, path: Path, names: Sequence[str]) -> str | None:
        """Why a file will not be rewritten; None where it will."""
        reporting = [name for name in names if self.config.sources[name].erase == "report"]
        if reporting:
            return (
                f"source {reporting[0]!r} declares `erase: report`: remove the person's rows from "
                f"{self._name_of(path)} yourself, then run again"
            )
        if path.is_symlink():
            return (
                f"{self._name_of(path)} is a link, and rewriting it would leave what it points to: "
                "put the file itself there, then run again"
            )
        if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
            return None
        return str(ReadOnlyLandingError(self._name_of(path)))

    def unreadable_files(self) -> Sequence[str]:
        """Names of files that a load could not read and that are still there as they were."""
        return self._unreadable(self._declared())

    def _unreadable(self, declared: Declared) -> Sequence[str]:
        self.warehouse.create_missing(TABLES)
        rows = self.warehouse.read(
            f"select distinct file, file_hash from {LOADS.name.sql} semi join "
            f"(select load_id from {QUARANTINE.name.sql} where code = 'unreadable_file') as refused "
            "using (load_id)"
        ).to_pylist()
        refused = {(row["file"], row["file_hash"]) for row in rows}
        names = {self._name_of(path): path for path in declared}
        return sorted(
            name
            for name, _ in refused
            if name in names
            and (name, describe_file("", names[name], self.landing).digest) in refused
        )

    def _write(self, path: Path, source: str, rows: pa.Table) -> str:
        file = describe_file(source, path, self.landing)
        try:
            return write_without(file, Spans.of(rows))
        except PermissionError as error:
            raise ReadOnlyLandingError(file.name) from error


def _persons_of(keys: pa.Table) -> frozenset[tuple[str, str]]:
    return frozenset(zip(keys["kind"].to_pylist(), keys["value"].to_pylist(), strict=True))


def _state_of(path: Path) -> tuple[int, int, int, int]:
    """Differs when the file was changed or replaced."""
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
