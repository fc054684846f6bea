"""Whatever a file holds, loading it neither crashes nor loses a row, and its neighbours load."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from ingestion import IngestionError
from ingestion.formats import FORMATS
from ingestion.inventory import table_of
from tests.ingestion.conftest import Landing
from tests.trials.ingestion_bad_files import (
    ANY,
    CSV_FILES,
    HEAVY,
    JSON_FILES,
    PARQUET_FILES,
    Spoiled,
    SpoilFile,
)
from tests.trials.ingestion_bad_lines import BYTES, JSON
from tests.trials.ingestion_bad_rows import ROWS, STREAM
from tests.trials.ingestion_good import EVENT_LINES, RECORDS

SEED = 20261124
# Spoiled lines of a class for each format or kind, and spoiled files of a class.
LINES = {"sample": 2, "full": 20}
FILES = {"sample": 1, "full": 2}
# Kinds of records that a full trial tries with each class; all formats of events are tried with all.
KINDS_OF_A_CLASS = 4
ROWS_OF_A_FILE = 6
FILES_OF_A_SAMPLE = 30


@dataclass(frozen=True, slots=True)
class Trial:
    """One file to load and what must become of it.

    Attributes:
        source: The format or kind and the form, as in ``orders_csv``.
        name: Its path below the landing folder.
        way: The class of what was done to it.
        spoiled: Its content, its rows and how many of them are good.
        inputs: Spoiled things in it.
    """

    source: str
    name: str
    way: str
    spoiled: Spoiled
    inputs: int


@dataclass(slots=True)
class Tally:
    """What became of the inputs of one class."""

    inputs: int = 0
    files: int = 0
    stopped: int = 0
    rows: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Maker:
    """Makes the trials of one run."""

    size: str
    chance: Random = field(default_factory=lambda: Random(SEED))
    number: int = 0

    def trials(self) -> Sequence[Trial]:
        lines, files = list(self._lines()), list(self._files())
        if self.size == "full":
            return lines + files
        quick = [trial for trial in files if trial.way not in HEAVY]
        few = _together([trial for trial in lines if trial.way not in HEAVY])
        return [*few, *self.chance.sample(quick, FILES_OF_A_SAMPLE)]

    def _lines(self) -> Iterator[Trial]:
        for ways, sources in ((BYTES, LINE_SOURCES), (JSON, JSON_SOURCES), (STREAM, ["snowplow"])):
            for way, spoil in ways.items():
                for source in self._some(sources):
                    yield self._mixed(way, source, partial(self._bad_line, spoil, source))
        for way, spoil_row in ROWS.items():
            for source in self._some(CSV_SOURCES):
                kind = RECORDS[source.removesuffix("_csv")]
                bad = partial(self._bad_row, spoil_row, kind)
                yield self._mixed(way, source, bad, [kind.csv_header])

    def _mixed(self, way: str, source: str, bad: Any, head: list[bytes] | None = None) -> Trial:
        """Bad lines between good ones."""
        lines, count = list(head or [self._line(source, f"good-{source}-{way}")]), LINES[self.size]
        for number in range(count):
            lines += [
                bad(f"bad-{source}-{way}-{number}"),
                self._line(source, f"good-{source}-{way}-{number}"),
            ]
        content = b"\n".join(lines) + b"\n"
        # A row of CSV may go over several lines; by construction each is one row.
        rows = 2 * count if head else sum(line not in {b"", b"\r"} for line in content.split(b"\n"))
        return Trial(source, _name(source, way, 0), way, Spoiled(content, None, rows, count), count)

    def _files(self) -> Iterator[Trial]:
        kinds = ((ANY, LINE_SOURCES), (JSON_FILES, JSON_SOURCES), (ANY | CSV_FILES, CSV_SOURCES))
        for ways, sources in kinds:
            for way, spoil in ways.items():
                for source in self._some(sources):
                    for number in range(1 if way in HEAVY else FILES[self.size]):
                        yield self._file(way, spoil, source, number)
        for way, spoil_table in PARQUET_FILES.items():
            for source in self._some(PARQUET_SOURCES):
                for number in range(1 if way in HEAVY else FILES[self.size]):
                    made = spoil_table(self.chance, self._table(source))
                    yield Trial(source, _name(source, way, number), way, made, 1)

    def _file(self, way: str, spoil: SpoilFile, source: str, number: int) -> Trial:
        good = [
            self._line(source, f"good-{source}-{way}-{number}-{n}") for n in range(ROWS_OF_A_FILE)
        ]
        head = [RECORDS[source.removesuffix("_csv")].csv_header] if source in CSV_SOURCES else []
        made = spoil(self.chance, head + good)
        if head and way in ANY and made.good:
            made = replace(made, rows=ROWS_OF_A_FILE, good=ROWS_OF_A_FILE)
        if source == "mparticle" and way in DOCUMENT_FILES:
            made = replace(made, rows=ROWS_OF_A_FILE, good=ROWS_OF_A_FILE)
        return Trial(source, _name(source, way, number) + (made.ending or ""), way, made, 1)

    def _bad_line(self, spoil: Any, source: str, key: str) -> bytes:
        return bytes(spoil(self.chance, self._line(source, key)))

    def _bad_row(self, spoil: Any, kind: Any, key: str) -> bytes:
        return bytes(spoil(self.chance, kind.values(self.chance, key, self._next())))

    def _line(self, source: str, key: str) -> bytes:
        if source in EVENT_LINES:
            return EVENT_LINES[source](self.chance, key)
        kind, _, form = source.rpartition("_")
        write = RECORDS[kind].csv_line if form == "csv" else RECORDS[kind].json_line
        return write(self.chance, key, self._next())

    def _table(self, source: str) -> pa.Table:
        kind = RECORDS[source.removesuffix("_parquet")]
        rows = [
            kind.values(self.chance, f"good-{self._next()}", self._next())
            for _ in range(ROWS_OF_A_FILE)
        ]
        return pa.table(dict(zip(kind.columns, map(list, zip(*rows, strict=True)), strict=True)))

    def _some(self, sources: list[str]) -> list[str]:
        if self.size == "sample":
            return [self.chance.choice(sources)]
        kinds = [source for source in sources if source not in FORMATS]
        chosen = self.chance.sample(kinds, min(KINDS_OF_A_CLASS, len(kinds)))
        return [source for source in sources if source in FORMATS] + chosen

    def _next(self) -> int:
        self.number += 1
        return self.number


def _together(trials: Sequence[Trial]) -> Iterator[Trial]:
    """The lines of all classes in one file for each source, which takes a tenth of the time."""
    for source in dict.fromkeys(trial.source for trial in trials):
        mine = [trial for trial in trials if trial.source == source]
        parts = [trial.spoiled.content for trial in mine]
        if source in CSV_SOURCES:
            parts[1:] = [part.partition(b"\n")[2] for part in parts[1:]]
        rows = [trial.spoiled.rows or 0 for trial in mine]
        good = [trial.spoiled.good for trial in mine]
        whole = Spoiled(b"".join(parts), None, sum(rows), sum(good))
        inputs = sum(trial.inputs for trial in mine)
        yield Trial(source, _name(source, "lines", 0), "all lines", whole, inputs)


JSON_SOURCES = ["segment", "rudderstack", "mparticle", *(f"{kind}_jsonl" for kind in RECORDS)]
LINE_SOURCES = [*JSON_SOURCES, "snowplow"]
CSV_SOURCES = [f"{kind}_csv" for kind in RECORDS]
PARQUET_SOURCES = [f"{kind}_parquet" for kind in RECORDS]
# Files of batches need not be lines: these are read like any other.
DOCUMENT_FILES = {
    "file_json_array", "file_json_array_over_lines", "file_json_printed_wide", "file_lone_cr",
    "file_objects_without_line_ends",
}  # fmt: skip


def _name(source: str, way: str, number: int) -> str:
    form = {"snowplow": "tsv"}.get(
        source, "jsonl" if source in FORMATS else source.rpartition("_")[2]
    )
    return f"{source}/{way}-{number}.{form}"


def test_every_event_format_is_tried() -> None:
    assert set(FORMATS) <= set(EVENT_LINES)


@pytest.mark.timeout(1_200)
def test_no_input_crashes_or_loses_a_row(
    tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    size = request.config.getoption("--trials")
    began, tallies = time.monotonic(), {}
    waiting: dict[str, list[Trial]] = {}
    wrong: list[object] = []
    for trial in Maker(size).trials():
        tally = tallies.setdefault(trial.way, Tally())
        tally.inputs += trial.inputs
        tally.files += 1
        if trial.spoiled.stops is None:
            waiting.setdefault(trial.source, []).append(trial)
        else:
            tally.stopped += 1
            wrong += _not_stopped(tmp_path / "stops" / trial.name, trial)

    landing = _landing(
        tmp_path / "together", [one for trials in waiting.values() for one in trials]
    )
    landing.load()
    for source, trials in waiting.items():
        wrong += _not_kept(landing, source, trials, tallies)
        wrong += _differing_tables(landing, source)
    assert wrong == []

    if size == "full":
        assert len(tallies) >= 40
        assert sum(tally.inputs for tally in tallies.values()) >= 10_000
        with capsys.disabled():
            print(_printed(tallies, time.monotonic() - began))  # noqa: T201


def _landing(folder: Path, trials: list[Trial]) -> Landing:
    made = Landing(folder)
    made.sources = {trial.source: _declared(trial.source) for trial in trials}
    for trial in trials:
        path = folder / trial.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(trial.spoiled.content)
    return made


def _declared(source: str) -> dict[str, Any]:
    files = f"{source}/**/*"
    if source in FORMATS:
        return {"kind": source, "files": files, "optional": True}
    return RECORDS[_kind(source)].source(files)


def _kind(source: str) -> str:
    return source if source in FORMATS else source.rpartition("_")[0]


def _not_stopped(folder: Path, trial: Trial) -> Iterator[object]:
    """The load ends with the error that the documentation names, and nothing is stored."""
    landing = _landing(folder, [trial])
    ended = "nothing"
    try:
        landing.load()
    except IngestionError as error:
        ended = type(error).__name__
    if ended != trial.spoiled.stops or landing.counts():
        yield trial.name, ended, landing.counts(), trial.spoiled.content[:300]


def _not_kept(
    landing: Landing, source: str, trials: list[Trial], tallies: Mapping[str, Tally]
) -> Iterator[object]:
    told = landing.rows(f"select * from raw.loads where source = '{source}'")
    loads = {row["file"]: row for row in told}
    good = _good_rows(landing, source)
    seen: set[bytes] = set()
    for trial in sorted(trials, key=lambda trial: Path(trial.name)):
        if trial.spoiled.content in seen:  # known by content: skipped under another name
            tallies[trial.way].inputs -= trial.inputs
            tallies[trial.way].files -= 1
            continue
        seen.add(trial.spoiled.content)
        load = loads.get(trial.name)
        if load is None:
            yield trial.name, "is not in raw.loads"
            continue
        parts = {name: load[f"rows_{name}"] for name in ("loaded", "deduplicated", "quarantined")}
        tallies[trial.way].rows.update(parts, rows=load["rows_in"])
        wanted = trial.spoiled.rows
        found = (load["rows_in"], good.get(trial.name, 0))
        if (
            load["rows_in"] != sum(parts.values())
            or (wanted is not None and not _is_as_many(source, found[0], wanted))
            or found[1] < trial.spoiled.good
        ):
            yield trial.name, "found", found, "wanted", (wanted, trial.spoiled.good), parts


def _is_as_many(source: str, found: int, wanted: int) -> bool:
    """A line of batches may hold several events, so there are at least as many as lines."""
    return found >= wanted if source == "mparticle" else found == wanted


def _good_rows(landing: Landing, source: str) -> dict[str, int]:
    """How many of each file's good rows are stored."""
    kind = _kind(source)
    marker = RECORDS[kind].marker if kind in RECORDS else "event_id"
    rows = landing.rows(
        f'select file, count(distinct "{marker}") as n from {table_of(kind).name.sql} '
        f"where source = '{source}' and \"{marker}\" like 'good-%' group by file"
    )
    return {row["file"]: row["n"] for row in rows}


def _differing_tables(landing: Landing, source: str) -> Sequence[object]:
    """Files whose counts are not those of the tables."""
    table = table_of(_kind(source)).name.sql
    return landing.rows(
        f"""
        with stored as (select load_id, count(*) as n from {table} group by all),
        refused as (
            select load_id, count(*) as n, bool_and(reason is not null) as is_explained
            from raw.quarantine group by all
        )
        select loads.file from raw.loads
        left join stored using (load_id) left join refused using (load_id)
        where source = '{source}' and (rows_loaded <> coalesce(stored.n, 0)
            or rows_quarantined <> coalesce(refused.n, 0) or not coalesce(is_explained, true))
        """
    )


def _printed(tallies: Mapping[str, Tally], seconds: float) -> str:
    text = io.StringIO()
    names = ("inputs", "files", "stopped", "rows in", "loaded", "dedup.", "quarant.")
    print(f"\n{'class':34}" + "".join(f"{name:>9}" for name in names), file=text)
    total: Counter[str] = Counter()
    for way, tally in sorted(tallies.items()):
        rows = (tally.rows[n] for n in ("rows", "loaded", "deduplicated", "quarantined"))
        cells = dict(zip(names, (tally.inputs, tally.files, tally.stopped, *rows), strict=True))
        total.update(cells)
        print(f"{way:34}" + "".join(f"{cell:9,}" for cell in cells.values()), file=text)
    print(f"{'all ' + str(len(tallies)) + ' classes':34}" + "".join(f"{total[n]:9,}" for n in names), file=text)  # fmt: skip
    print(f"crashes 0; {seconds:.0f} s", file=text)
    return text.getvalue()
