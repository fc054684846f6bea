"""Rows of CSV, Parquet and JSON lines files, every value as text, handed to the engine."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.csv_rows import CsvForm, likely_delimiter, read_rows, unquoted_sql
from ingestion.errors import UnreadableFileError, WrongColumnError
from ingestion.files import BYTE_ORDER_MARK, LandingFile, read_lines, reading_bytes
from warehouse import Warehouse, literal, quoted

ROWS = "candor_rows"

# Longer first lines are no header.
MAX_HEADER_BYTES = 1_000_000
# A row of a CSV file reaches to the next one; after the last one nothing follows. A row may have
# brought several records, all of its line.
LAST_LINE = f"""
    coalesce(min(line) over (
        order by line range between 1 following and unbounded following) - 1, {2**62})"""
_PARQUET_ROWS = 100_000
_FIRST_LINES = 1_000


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one file as the engine sees them, under the name ``candor_rows``.

    Each has its line, whether it is UTF-8 text (``is_text``), whether it could be taken apart
    (``is_row``), and where it could not, what stands there instead (``refused``).

    Attributes:
        columns: The file's columns; None for JSON lines, where fields are found by path.
        absent: Of the wanted fields those that no line has: JSON lines may leave out an empty field,
            so that this is no error; other files only where they may lack columns.
    """

    columns: tuple[str, ...] | None
    absent: tuple[str, ...] = ()

    def column(self, name: str) -> str:
        """An expression for a column by name, or in JSON lines for a field by dotted path."""
        if self.columns is None:
            values = [f"json_extract_string(document, {literal(path)})" for path in _paths(name)]
            return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"
        return _place(self.columns.index(name)) if name in self.columns else "null::varchar"


@contextmanager
def reading_rows(
    warehouse: Warehouse,
    file: LandingFile,
    wanted: AbstractSet[str] = frozenset(),
    *,
    delimiter: str = ",",
    may_lack: bool = False,
) -> Iterator[Rows]:
    """Give the file's rows to the engine.

    Args:
        warehouse: The engine.
        file: The landing file.
        wanted: Columns without which the file cannot be read, or of JSON lines the fields to look
            for.
        delimiter: Between the fields of a CSV file.
        may_lack: Whether a column that is wanted and not there is empty instead of an error, and every
            row says its text as one does that was refused.

    Raises:
        UnreadableFileError: The file is not what its name says.
        WrongColumnError: The file lacks a column that is wanted.
    """
    if is_json_lines(file.path):
        rows = _read_json_lines(warehouse, file, wanted)
    elif is_parquet(file.path):
        rows = _read_parquet(warehouse, file, frozenset() if may_lack else wanted)
    else:
        rows = _read_csv(warehouse, file, frozenset() if may_lack else wanted, delimiter)
    if may_lack:
        rows = _lacking(rows, wanted)
        warehouse.execute(f"update {ROWS} set refused = {said_sql(rows)}")
    yield rows
    warehouse.execute(f"drop table if exists {ROWS}")


def is_json_lines(path: Path) -> bool:
    """Whether a file's name says that it holds JSON lines."""
    return bool({"jsonl", "ndjson", "json"} & set(path.name.lower().split(".")))


def is_parquet(path: Path) -> bool:
    """Whether a file's name says that it is Parquet."""
    return path.suffix.lower() == ".parquet"


def refused_text_sql(raw: str) -> str:
    """An expression for what a line of bytes says in ASCII, whatever else is in it, lower case."""
    shown = f"replace(cast({raw} as varchar), '\\x22', '\"')"
    return f"lower(replace(replace({shown}, '\\x5Cu0040', '@'), '\\x5Cu002b', '+'))"


def said_sql(rows: Rows) -> str:
    """An expression for the text of a row, as ``refused_text_sql`` writes it."""
    parts = ["document"] if rows.columns is None else [rows.column(name) for name in rows.columns]
    text = f"encode(concat_ws(chr(10), {', '.join(parts) or 'null'}))"
    return f"coalesce(refused, {refused_text_sql(text)})"


def _lacking(rows: Rows, wanted: AbstractSet[str]) -> Rows:
    """The rows with their columns as they are mapped, and with the wanted ones that are not there."""
    if rows.columns is None:
        return rows
    header = _spelt_as_mapped(rows.columns, wanted)
    return Rows(header, tuple(sorted(wanted - set(header))))


def row_code_sql(rows: Rows) -> str:
    """An expression for why a row could not be taken apart; null where it could."""
    shapeless = "invalid_json" if rows.columns is None else "unreadable_row"
    return (
        f"case when not is_text then 'invalid_utf8' when not is_row then {literal(shapeless)} end"
    )


# What the codes of row_code_sql mean.
ROW_REASONS = {
    "invalid_utf8": "the row is not UTF-8 text: save the file as UTF-8",
    "unreadable_row": "the row cannot be taken apart into the columns of the header",
    "invalid_json": "the line is not one complete JSON object (`jq -c` writes each object of a file "
    "on one line; of an array, `jq -c '.[]'`)",
}


def _place(index: int) -> str:
    return f"c{index}"


def _paths(name: str) -> Sequence[str]:
    """Where a field of a JSON object may stand: what was flattened has the path for a name."""
    plain = name.replace('"', "")
    nested = "$" + "".join(f'."{part}"' for part in plain.split("."))
    return [nested, f'$."{plain}"'] if "." in plain else [nested]


def _read_csv(
    warehouse: Warehouse, file: LandingFile, wanted: AbstractSet[str], delimiter: str
) -> Rows:
    header = _csv_header(file, wanted, delimiter)
    columns = "".join(f", {_place(index)} varchar" for index in range(len(header)))
    _make_rows(warehouse, columns)
    form = CsvForm(delimiter, len(header))
    # One expression for all fields: the engine plans a thousand of them for seconds.
    values = f"list_transform(fields, lambda field: {unquoted_sql('field')})"
    listed = "".join(f", given[{n}]" for n in range(1, len(header) + 1))
    for block in read_rows(warehouse, file, form) if header else ():
        with warehouse.view("candor_lines", block):
            warehouse.execute(
                f"""
                insert into {ROWS}
                with texts as (
                    select line, raw, rtrim(try(decode(raw)), chr(10) || chr(13)) as text
                    from candor_lines
                ),
                taken_apart as (
                    select line, raw, text is not null as is_text,
                        {form.fields_sql("text")} as fields
                    from texts
                ),
                read as materialized (
                    select line, is_text, fields is not null as is_row,
                        case when fields is null then {refused_text_sql("raw")} end as refused,
                        {values} as given
                    from taken_apart
                )
                select line, is_text, is_row, refused{listed} from read
                """
            )
    return Rows(header)


def _csv_header(file: LandingFile, wanted: AbstractSet[str], delimiter: str) -> tuple[str, ...]:
    """The names in the first line; none where the file is empty."""
    with reading_bytes(file) as stream:
        first = stream.readline(MAX_HEADER_BYTES)
    if first in {b"", BYTE_ORDER_MARK}:
        return ()
    if re.fullmatch(rb"sep=.", first.removeprefix(BYTE_ORDER_MARK).strip(b'"\r\n'), re.IGNORECASE):
        why = "its first line names the sign between columns (sep=), not the columns: remove it"
        raise UnreadableFileError(file.name, why)
    try:
        names = next(csv.reader([first.decode("utf-8-sig")], delimiter=delimiter), [])
    except UnicodeDecodeError as error:
        why = "its first line is not UTF-8 text: save the file as UTF-8"
        raise UnreadableFileError(file.name, why) from error
    except csv.Error as error:
        is_one_line = b"\r" in first.rstrip(b"\r\n")
        why = "its lines end with carriage returns alone: save it with line ends of Windows or Unix"
        why = why if is_one_line else "its first line is no header"
        raise UnreadableFileError(file.name, why) from error
    return _checked_columns(file, wanted, _named_by_place(names))


def _named_by_place(names: Sequence[str]) -> tuple[str, ...]:
    """Several columns without a name, as spreadsheets leave them, are told apart by their places."""
    if list(map(str.strip, names)).count("") < 2:
        return tuple(names)
    return tuple(name if name.strip() else f"column {place}" for place, name in enumerate(names, 1))


def _read_parquet(warehouse: Warehouse, file: LandingFile, wanted: AbstractSet[str]) -> Rows:
    try:
        with pq.ParquetFile(file.path) as parquet:
            header = _checked_columns(file, wanted, tuple(parquet.schema_arrow.names))
            if any(map(_nests_unknown_type, parquet.schema_arrow.types)):
                why = "a column nests decimals of more than 38 digits or floats of 16 bits"
                raise UnreadableFileError(file.name, why)
            _make_rows(warehouse, "".join(f", {_place(i)} varchar" for i in range(len(header))))
            first = 1
            for batch in parquet.iter_batches(_PARQUET_ROWS):
                _add_batch(warehouse, batch, first)
                first += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFileError(file.name, "it is not a whole Parquet file") from error
    return Rows(header)


def _add_batch(warehouse: Warehouse, batch: pa.RecordBatch, first: int) -> None:
    names = [_place(index) for index in range(batch.num_columns)]
    columns = [_known_to_engine(column) for column in batch.columns]
    table = pa.table(columns, names=names) if names else pa.table({})
    texts = "".join(
        f", {_text_sql(quoted(name), column.type)}"
        for name, column in zip(names, columns, strict=True)
    )
    with warehouse.view("candor_batch", table):
        warehouse.execute(
            f"insert into {ROWS} select row_number() over () + {first - 1}, true, true, null{texts} "
            "from candor_batch"
        )


def _known_to_engine(column: pa.Array) -> pa.Array:
    """The column in a type that the engine has."""
    if pa.types.is_float16(column.type):
        return column.cast(pa.float32())
    return column.cast(pa.string()) if pa.types.is_decimal256(column.type) else column


def _nests_unknown_type(given: pa.DataType) -> bool:
    """Whether a type that the engine does not have stands inside another."""
    inner = [given.field(place).type for place in range(given.num_fields)]
    return any(
        pa.types.is_decimal256(one) or pa.types.is_float16(one) or _nests_unknown_type(one)
        for one in inner
    )


def _text_sql(column: str, given: pa.DataType) -> str:
    """The text of a value; nested ones are JSON.

    A whole number that is kept as a float is written without a fraction: columns of ids become
    floats in tools that know no integer without a value.
    """
    if pa.types.is_nested(given):
        return f"to_json({column})::varchar"
    text = f"cast({column} as varchar)"
    if not pa.types.is_floating(given):
        return text
    is_whole = f"{column} = trunc({column}) and abs({column}) < {2**53}"
    return f"case when {is_whole} then cast(cast({column} as bigint) as varchar) else {text} end"


def _read_json_lines(warehouse: Warehouse, file: LandingFile, wanted: AbstractSet[str]) -> Rows:
    _make_rows(warehouse, ", document varchar")
    for block in read_lines(file, 0):
        with warehouse.view("candor_lines", block):
            warehouse.execute(
                f"""
                insert into {ROWS}
                with texts as (select line, raw, try(decode(raw)) as text from candor_lines),
                documents as (
                    select line, raw, text is not null as is_text, case when json_valid(text) then
                        case when json_type(text) = 'OBJECT' and not contains(text, '\\u0000')
                            then trim(text, chr(10) || chr(13) || ' ') end
                        end as document
                    from texts
                )
                select line, is_text, document is not null,
                    case when document is null then {refused_text_sql("raw")} end, document
                from documents
                """
            )
    # Most fields stand in one of the first lines: only for the others all are looked through.
    absent = _absent(warehouse, _absent(warehouse, sorted(wanted), limit=_FIRST_LINES))
    return Rows(None, absent)


def _absent(warehouse: Warehouse, names: Sequence[str], *, limit: int = 2**62) -> tuple[str, ...]:
    """Which fields no object has, not even as null; none where there is no object."""
    if not names:
        return ()
    found = ", ".join(
        f"bool_or({' or '.join(f'json_exists(document, {literal(path)})' for path in _paths(name))})"
        for name in names
    )
    (row,) = warehouse.read(
        f"select [{found}] as found "
        f"from (select document from {ROWS} where is_row order by line limit {limit})"
    ).to_pylist()
    return tuple(
        name for name, is_there in zip(names, row["found"], strict=True) if is_there is False
    )


def _make_rows(warehouse: Warehouse, columns: str) -> None:
    warehouse.execute(
        f"create or replace temp table {ROWS} "
        f"(line bigint, is_text boolean, is_row boolean, refused varchar{columns})"
    )


def _checked_columns(
    file: LandingFile, wanted: AbstractSet[str], header: tuple[str, ...]
) -> tuple[str, ...]:
    """The header, with the names of wanted columns as they are spelt there."""
    _refuse_repeated(file, header)
    header = _spelt_as_mapped(header, wanted)
    missing = sorted(wanted - set(header))
    if missing:
        found = header if wanted & set(header) else ()
        sign = likely_delimiter(header)
        raise WrongColumnError(file.source, file.name, missing, found, delimiter=sign)
    return header


def _refuse_repeated(file: LandingFile, header: tuple[str, ...]) -> None:
    """Tell the places of columns with one name: the name may be a value, where no header is."""
    places: dict[str, list[str]] = {}
    for place, name in enumerate(header, 1):
        places.setdefault(name, []).append(str(place))
    repeated = [" and ".join(found) for found in places.values() if len(found) > 1]
    if repeated:
        raise UnreadableFileError(
            file.name,
            f"one name stands over several columns of its header: over {'; over '.join(repeated)}: "
            "give each column a name of its own",
        )


def _spelt_as_mapped(header: tuple[str, ...], wanted: AbstractSet[str]) -> tuple[str, ...]:
    """Take a column for the one that is mapped where only case or blanks around it differ."""
    missing = {_folded(name): name for name in wanted - set(header)}
    times = Counter(map(_folded, header))
    return tuple(
        missing.get(_folded(name), name) if times[_folded(name)] == 1 else name for name in header
    )


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
