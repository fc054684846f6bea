"""Look at refused rows, and load their files again after a correction in the configuration."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingestion.accounting import prepare_tables
from ingestion.config import SourcesConfig
from ingestion.earlier_loads import Reload, ask_again, read_loads
from ingestion.errors import UnknownRowError, UnknownSourceError
from ingestion.files import LandingFile, read_lines
from ingestion.inventory import LOADS, QUARANTINE
from ingestion.load import LoadContext, load_again
from ingestion.record_rows import is_parquet
from ingestion.reload import Finder, Missing, ReloadReport
from ingestion.standing import PastLoads, past_loads
from warehouse import Warehouse

# What an erased person's rows are refused by: no correction brings them back.
SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which refused rows are meant; None means any.

    Attributes:
        source: Only of this source.
        code: Only refused by this code.
        day: Only of files that came on this day.
        without: Not those of these loads.
    """

    source: str | None = None
    code: str | None = None
    day: date | None = None
    without: Sequence[str] = ()

    @property
    def condition(self) -> str:
        """What a row of ``raw.quarantine`` joined to its load fulfils."""
        return (
            "($source is null or loads.source = $source) "
            "and ($code is null or quarantine.code = $code) "
            "and ($day is null or loads.received_date = $day) "
            "and not list_contains($without, load_id)"
        )

    @property
    def parameters(self) -> Mapping[str, object]:
        """The parameters of the condition."""
        return {
            "source": self.source, "code": self.code, "day": self.day,
            "without": list(self.without),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """Where a refused row lies, and why it was refused.

    Attributes:
        file: Landing file, relative to the landing folder.
        line: Line, from 1; row of a Parquet file.
        path: The file; None where it is not there as it was loaded.
        reasons: Code and reason, by position in the line.
    """

    file: str
    line: int
    path: Path | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay came to.

    Attributes:
        recovered: Rows that had been refused and are good now.
        newly_refused: Rows that had been good and are refused now.
        refused: What is refused now in the files that were read again: rows by code.
        reload: The files.
    """

    recovered: int
    newly_refused: int
    refused: Mapping[str, int]
    reload: ReloadReport


_JOINED = (
    f"{QUARANTINE.name.sql} as quarantine inner join {LOADS.name.sql} as loads using (load_id)"
)


def count_refused(warehouse: Warehouse, scope: Scope) -> pa.Table:
    """One row per source, code and reason: rows, files, the latest day; most rows first."""
    prepare_tables(warehouse)
    return warehouse.read(
        f"""
        select loads.source, quarantine.code, quarantine.reason, count(*) as rows,
            count(distinct load_id) as files,
            max(loads.received_date) as newest
        from {_JOINED} where {scope.condition}
        group by all order by rows desc, source, code, reason
        """,
        scope.parameters,
    )


def require_known_source(warehouse: Warehouse, config: SourcesConfig, name: str) -> None:
    """Refuse a source that is neither configured nor loaded.

    Raises:
        UnknownSourceError: Names those that are.
    """
    loaded = warehouse.read(f"select distinct source from {LOADS.name.sql}")["source"].to_pylist()
    known = sorted({*config.sources, *loaded})
    if name not in known:
        raise UnknownSourceError(name, known)


def count_codes(warehouse: Warehouse, past: PastLoads) -> Mapping[str, int]:
    """How many rows are refused in files as they are now, by code."""
    rows = warehouse.read(
        f"select code, count(*) as n from {QUARANTINE.name.sql} "
        "where not list_contains($past, load_id) group by code order by code",
        {"past": list(past.all)},
    )
    return dict(zip(rows["code"].to_pylist(), rows["n"].to_pylist(), strict=True))


def list_refused(warehouse: Warehouse, scope: Scope, *, limit: int) -> pa.Table:
    """The refused rows, those of the latest day first: where each lies and why it was refused."""
    prepare_tables(warehouse)
    return warehouse.read(
        f"""
        select loads.file, quarantine.line, quarantine.position, quarantine.code, quarantine.reason
        from {_JOINED} where {scope.condition}
        order by loads.received_date desc, loads.file, line, position, code limit $limit
        """,
        {**scope.parameters, "limit": limit},
    )


def find_refused(
    warehouse: Warehouse, config: SourcesConfig, landing: Path, *, file: str, line: int
) -> RefusedRow:
    """Where one refused row lies.

    Raises:
        UnknownRowError: No row of this file and line was refused.
    """
    prepare_tables(warehouse)
    load_id, found = _refused_in(warehouse, config, landing, file=file, line=line)
    rows = warehouse.read(
        f"select quarantine.code, quarantine.reason from {_JOINED} "
        "where loads.load_id = $load_id and line = $line order by position, code",
        {"load_id": load_id, "line": line},
    ).to_pylist()
    reasons = tuple(f"{row['code']}: {row['reason']}" for row in rows)
    return RefusedRow(file, line, None if isinstance(found, Missing) else found.path, reasons)


def read_raw(
    warehouse: Warehouse, config: SourcesConfig, landing: Path, *, file: str, line: int
) -> str:
    """What a refused row says, as it stands in the landing file: personal data.

    Of a row that reaches over several lines it is the first one.
    Signs that steer a terminal are written out, so that a file cannot take it over.

    Raises:
        UnknownRowError: No such row was refused, or its file is gone or changed.
    """
    _, found = _refused_in(warehouse, config, landing, file=file, line=line)
    if isinstance(found, Missing):
        raise UnknownRowError(file, line, str(found))
    raw = _raw_row(found, line)
    if raw is None:
        raise UnknownRowError(file, line, "the file has no such line")
    return "".join(_shown(sign) for sign in raw.decode("utf-8", "backslashreplace"))


def _refused_in(
    warehouse: Warehouse, config: SourcesConfig, landing: Path, *, file: str, line: int
) -> tuple[str, LandingFile | Missing]:
    """The load that refused a row and its file: the latest whose file is still there, else the latest.

    Raises:
        UnknownRowError: No row of this file and line was refused.
    """
    load_ids = warehouse.read(
        f"select distinct loads.load_id, loads.loaded_at from {_JOINED} "
        "where loads.file = $file and line = $line order by loads.loaded_at desc, loads.load_id",
        {"file": file, "line": line},
    )["load_id"].to_pylist()
    if not load_ids:
        raise UnknownRowError(file, line, "it is not refused")
    found = [(one, _landing_file(warehouse, config, landing, one)) for one in load_ids]
    there = [pair for pair in found if not isinstance(pair[1], Missing)]
    return (there or found)[0]


def replay(
    context: LoadContext, config: SourcesConfig, landing: Path, scope: Scope
) -> ReplayReport:
    """Read the files again that have refused rows in scope, by the configuration as it is now.

    A file is read as a whole: its other refused rows are judged again too, and its good ones give
    the rows that they gave. What an erased person left stays out. A file that is gone or changed
    is left as it stood, and reported; but not one whose new content was loaded.
    """
    warehouse = context.warehouse
    prepare_tables(warehouse)
    replaced = past_loads(warehouse, config, landing).replaced
    scope = replace(scope, without=(*scope.without, *replaced))
    loads = read_loads(
        warehouse,
        f"load_id in (select load_id from {_JOINED} "
        f"where {scope.condition} and (code <> '{SUPPRESSED}' or $code is not null))",
        scope.parameters,
    )
    ask_again(warehouse, [load.load_id for load in loads], Reload.SAME)
    report = load_again(context, config, landing)
    refused = _refused_by_code(warehouse, [one.count.file.load_id for one in report.reloaded])
    return ReplayReport(report.recovered, report.newly_refused, refused, report)


def _refused_by_code(warehouse: Warehouse, load_ids: Sequence[str]) -> Mapping[str, int]:
    rows = warehouse.read(
        f"select code, count(*) as n from {QUARANTINE.name.sql} "
        "where list_contains($ids, load_id) group by code order by n desc, code",
        {"ids": list(load_ids)},
    )
    return dict(zip(rows["code"].to_pylist(), rows["n"].to_pylist(), strict=True))


def _landing_file(
    warehouse: Warehouse, config: SourcesConfig, landing: Path, load_id: str
) -> LandingFile | Missing:
    load = read_loads(warehouse, "load_id = $load_id", {"load_id": load_id})[0]
    return Finder(config, landing).find(load)


def _raw_row(file: LandingFile, line: int) -> bytes | None:
    """The bytes of a line; of a Parquet file the row as JSON. None where there is no such line."""
    if is_parquet(file.path):
        return _parquet_row(file.path, line)
    for block in read_lines(file, 0):
        found = block.filter(pc.equal(block["line"], line))
        if found.num_rows:
            return bytes(found["raw"][0].as_py()).rstrip(b"\r\n")
    return None


def _parquet_row(path: Path, row: int) -> bytes | None:
    """One row as JSON.

    The engine's reader is no help: it takes the signs of a pattern in a file's name for one, and
    lacks types that a refused row may hold. Arrow's batches are passed over until that of the row.
    """
    with pq.ParquetFile(path) as parquet:
        for batch in parquet.iter_batches():
            if row <= batch.num_rows:
                values = batch.slice(row - 1, 1).to_pylist()[0]
                return json.dumps(values, default=str, ensure_ascii=False).encode()
            row -= batch.num_rows
    return None


def _shown(sign: str) -> str:
    """A sign as a terminal may be given it."""
    is_steering = unicodedata.category(sign) in {"Cc", "Cf"} and sign != "\t"
    return ascii(sign)[1:-1] if is_steering else sign
