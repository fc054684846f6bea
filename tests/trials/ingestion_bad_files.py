"""Named ways to spoil a whole file, and how many rows it must then count and load."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A spoiled file.

    Attributes:
        content: Its bytes.
        ending: How its name ends, in place of the good file's; None: as the good file's.
        rows: How many rows it has, by another count than Candor's; None where nobody can say.
        good: How many of its rows must load.
        stops: The name of the error that ends the load, nothing of the file being loaded.
    """

    content: bytes
    ending: str | None = None
    rows: int | None = None
    good: int = 0
    stops: str | None = None


SpoilFile = Callable[[Random, Sequence[bytes]], Spoiled]
# What a file that is not what its name says counts as.
REFUSED = 1


def _joined(lines: Sequence[bytes], end: bytes = b"\n") -> bytes:
    return end.join(lines) + end


def _cut_gzip(chance: Random, lines: Sequence[bytes]) -> Spoiled:
    packed = gzip.compress(_joined(lines))
    return Spoiled(packed[: chance.randrange(1, len(packed) - 1)], ".gz", REFUSED)


def _flipped_gzip(chance: Random, lines: Sequence[bytes]) -> Spoiled:
    packed = bytearray(gzip.compress(_joined(lines)))
    packed[chance.randrange(10, len(packed) - 8)] ^= 0xFF
    return Spoiled(bytes(packed), ".gz", REFUSED)


def _wrong_sum(chance: Random, lines: Sequence[bytes]) -> Spoiled:
    packed = gzip.compress(_joined(lines))
    return Spoiled(packed[:-8] + chance.randbytes(8), ".gz", REFUSED)


def _zipped(chance: Random, lines: Sequence[bytes]) -> Spoiled:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jsonl", _joined(lines))
    return Spoiled(made.getvalue(), ".gz", REFUSED)


def _members(chance: Random, lines: Sequence[bytes]) -> Spoiled:
    packed = b"".join(gzip.compress(line + b"\n") for line in lines)
    return Spoiled(packed, ".gz", len(lines), len(lines))


def _mixed_ends(chance: Random, lines: Sequence[bytes]) -> Spoiled:
    ends = (b"\n", b"\r\n", b"\n\n", b"\r\n\r\n", b"\n\r\n")
    content = b"".join(line + chance.choice(ends) for line in lines)
    return Spoiled(content, None, len(lines), len(lines))


def _whole(content: bytes, **facts: Any) -> Spoiled:
    return Spoiled(content, **facts)


# Ways that spoil a file of lines, plain or gzipped, whatever stands in the lines.
ANY: Mapping[str, SpoilFile] = {
    "file_gzip_cut_short": _cut_gzip,
    "file_gzip_byte_flipped": _flipped_gzip,
    "file_gzip_wrong_checksum": _wrong_sum,
    "file_gzip_then_garbage": lambda c, lines: Spoiled(
        gzip.compress(_joined(lines)) + b"x" + c.randbytes(40), ".gz", REFUSED
    ),
    "file_gzip_then_zeros": lambda _, lines: Spoiled(
        gzip.compress(_joined(lines)) + bytes(512), ".gz", len(lines), len(lines)
    ),
    "file_gzip_members": _members,
    "file_gz_not_gzip": lambda _, lines: Spoiled(_joined(lines), ".gz", REFUSED),
    "file_gz_is_zip": _zipped,
    "file_gz_is_bzip2": lambda _, lines: Spoiled(bz2.compress(_joined(lines)), ".gz", REFUSED),
    "file_gz_empty": lambda *_: Spoiled(b"", ".gz", 0),
    "file_gz_of_nothing": lambda *_: Spoiled(gzip.compress(b""), ".gz", 0),
    "file_empty": lambda *_: Spoiled(b"", None, 0),
    "file_mixed_line_ends": _mixed_ends,
    "file_crlf": lambda _, lines: Spoiled(_joined(lines, b"\r\n"), None, len(lines), len(lines)),
    "file_no_last_line_end": lambda _, lines: Spoiled(
        b"\n".join(lines), None, len(lines), len(lines)
    ),
    "file_byte_order_mark": lambda _, lines: Spoiled(
        b"\xef\xbb\xbf" + _joined(lines), None, len(lines), len(lines)
    ),
}

# Ways that spoil a file of JSON lines.
JSON_FILES: Mapping[str, SpoilFile] = {
    "file_of_blank_lines": lambda *_: Spoiled(b"\n\r\n\n\n", None, 0),
    "file_lone_cr": lambda _, lines: Spoiled(_joined(lines, b"\r"), None, REFUSED),
    "file_utf16": lambda c, lines: Spoiled(
        _joined(lines).decode().encode(c.choice(("utf-16", "utf-16-be"))), None, None
    ),
    "file_gzip_of_gzip": lambda _, lines: Spoiled(
        gzip.compress(gzip.compress(_joined(lines))), ".gz", None
    ),
    "file_plain_named_gzip_inside": lambda _, lines: Spoiled(gzip.compress(_joined(lines))),
    "file_json_array": lambda _, lines: Spoiled(b"[" + b",".join(lines) + b"]", None, REFUSED),
    "file_json_array_over_lines": lambda _, lines: Spoiled(
        b"[\n" + b",\n".join(lines) + b"\n]\n", None, len(lines) + 2, 1
    ),
    "file_json_printed_wide": lambda _, lines: Spoiled(
        (text := json.dumps([json.loads(line) for line in lines], indent=1)).encode(),
        None,
        text.count("\n") + 1,
    ),
    "file_objects_without_line_ends": lambda _, lines: Spoiled(b"".join(lines), None, REFUSED),
    "file_of_zeros": lambda c, _: Spoiled(bytes(c.randrange(1, 100_000)), None, REFUSED),
    "file_line_of_50_mb": lambda _, lines: Spoiled(
        _joined(lines) + b'{"a":"' + b"x" * 50_000_000 + b'"}\n' + lines[0][:1],
        None,
        len(lines) + 2,
        len(lines),
    ),
    "file_is_parquet_inside": lambda _, lines: Spoiled(_parquet({"raw": list(lines)}), None),
}

# Those that take long are tried once by each full trial, and not in a sample.
HEAVY = frozenset({
    "file_line_of_50_mb", "csv_header_huge", "csv_header_of_2_mb", "parquet_many_columns",
    "row_gigantic_field", "row_gigantic_quoted_field", "very_long_line",
})  # fmt: skip


def _csv(name: str) -> SpoilFile:
    """Read the header and the rows of a CSV file, and spoil them as the name says."""
    return lambda chance, lines: _CSV_WAYS[name](chance, lines[0], list(lines[1:]))


def _huge_header(_: Random, header: bytes, rows: list[bytes]) -> Spoiled:
    more = b"".join(b",x%d" % number for number in range(3_000))
    return Spoiled(
        _joined([header + more, *(row + b"," * 3_000 for row in rows)]), None, len(rows), len(rows)
    )


_CSV_WAYS: Mapping[str, Callable[[Random, bytes, list[bytes]], Spoiled]] = {
    "header_only": lambda _, header, rows: Spoiled(header + b"\n", None, 0),
    "header_without_line_end": lambda _, header, rows: Spoiled(header, None, 0),
    "header_twice_said": lambda _, header, rows: Spoiled(
        _joined([header, rows[0], header, *rows[1:]]), None, len(rows) + 1, len(rows)
    ),
    "header_missing": lambda _, header, rows: Spoiled(
        _joined(rows), stops="WrongColumnError"
    ),
    "header_after_blank_line": lambda _, header, rows: Spoiled(
        b"\n" + _joined([header, *rows]), stops="WrongColumnError"
    ),
    "header_names_repeated": lambda _, header, rows: Spoiled(
        _joined([header + b"," + header, *(row + b"," + row for row in rows)]), None, REFUSED
    ),
    "header_huge": _huge_header,
    "header_of_2_mb": lambda _, header, rows: Spoiled(
        _joined([header + b"," + b"x" * 2_000_000, *(row + b"," for row in rows)]), None, REFUSED
    ),
    "header_not_utf8": lambda _, header, rows: Spoiled(
        _joined([header + b"\xff", *rows]), None, REFUSED
    ),
    "header_null_byte": lambda _, header, rows: Spoiled(
        _joined([header + b"\x00", *rows]), None, len(rows), len(rows)
    ),
    "header_quote_unclosed": lambda _, header, rows: Spoiled(
        _joined([header + b',"More', *(row + b",x" for row in rows)]), None, len(rows), len(rows)
    ),
    "header_quoted": lambda _, header, rows: Spoiled(
        _joined([b",".join(b'"' + name + b'"' for name in header.split(b",")), *rows]),
        None, len(rows), len(rows),
    ),
    "header_with_payload": lambda c, header, rows: Spoiled(
        _joined([header + c.choice((b",\"'; drop table x; --\"", b",%s", b',"a""b"', b",$now", b",\xc3\xa9"))]
                + [row + b",x" for row in rows]), None, len(rows), len(rows)
    ),
    "header_ends_in_comma": lambda _, header, rows: Spoiled(
        _joined([header + b",", *(row + b"," for row in rows)]), None, len(rows), len(rows)
    ),
    "delimiter_other": lambda c, header, rows: Spoiled(
        _joined([line.replace(b",", c.choice((b";", b"\t", b"|"))) for line in [header, *rows]]),
        stops="WrongColumnError",
    ),
    "delimiter_told_by_sep_line": lambda _, header, rows: Spoiled(
        _joined([b"sep=,", header, *rows]), None, REFUSED
    ),
    "utf16": lambda _, header, rows: Spoiled(
        _joined([header, *rows]).decode().encode("utf-16"), None, REFUSED
    ),
    "lone_cr": lambda _, header, rows: Spoiled(_joined([header, *rows], b"\r"), None, REFUSED),
    "all_in_one_quote": lambda _, header, rows: Spoiled(
        _joined([header]) + b'"' + _joined(rows), None, len(rows), len(rows) - 1
    ),
    "gzip_of_gzip": lambda _, header, rows: Spoiled(
        gzip.compress(gzip.compress(_joined([header, *rows]))), ".gz", REFUSED
    ),
    "is_json_inside": lambda _, header, rows: Spoiled(b'{"a": 1}\n', stops="WrongColumnError"),
    "is_parquet_inside": lambda _, header, rows: Spoiled(_parquet({"a": rows}), None, REFUSED),
    "is_xlsx_inside": lambda c, header, rows: Spoiled(b"PK\x03\x04\xff" + c.randbytes(999), None, REFUSED),
}  # fmt: skip
CSV_FILES: Mapping[str, SpoilFile] = {f"csv_{name}": _csv(name) for name in _CSV_WAYS}


def _parquet(columns: Mapping[str, Any] | pa.Table, **options: Any) -> bytes:
    made = io.BytesIO()
    table = columns if isinstance(columns, pa.Table) else pa.table(dict(columns))
    pq.write_table(table, made, **options)
    return made.getvalue()


SpoilTable = Callable[[Random, pa.Table], Spoiled]


def _cut_parquet(chance: Random, table: pa.Table) -> Spoiled:
    content = _parquet(table)
    return Spoiled(content[: chance.randrange(1, len(content))], None, REFUSED)


def _flipped_parquet(chance: Random, table: pa.Table) -> Spoiled:
    """A byte in the pages; nobody can say how much of the file is left."""
    content = bytearray(_parquet(table, write_page_checksum=True))
    for _ in range(3):
        content[chance.randrange(4, len(content) - 8)] ^= 0xFF
    return Spoiled(bytes(content))


def _columns(table: pa.Table, values: Callable[[int], Any], kind: pa.DataType | None) -> Spoiled:
    """Put values of another type into a column that is mapped to nothing."""
    column = pa.array([values(row) for row in range(len(table))], kind)
    made = table.append_column("Other", column)
    return Spoiled(_parquet(made), None, len(table), len(table))


def _retyped(chance: Random, table: pa.Table) -> Spoiled:
    """Numbers, moments and structs in the place of a text that is mapped, but for the key's."""
    makers: Sequence[Callable[[int], Any]] = (
        lambda row: row, lambda row: row / 7, lambda row: row % 2 == 0, lambda row: {"a": row},
        lambda row: [row], lambda row: datetime(2026, 1, 1, tzinfo=UTC), lambda row: b"\xff\x00",
        Decimal, lambda row: None,
    )  # fmt: skip
    place = chance.randrange(table.num_columns)
    made = chance.choice(makers)
    column = pa.array([made(row) for row in range(len(table))])
    return Spoiled(_parquet(table.set_column(place, table.column_names[place], column)), None, len(table))  # fmt: skip


def _all_types(chance: Random, table: pa.Table) -> Spoiled:
    kind, value = chance.choice(
        (
            (pa.decimal128(38, 10), Decimal("1.5")), (pa.decimal256(70, 2), Decimal("7")),
            (pa.timestamp("ns", "Europe/Berlin"), 10**18), (pa.timestamp("s"), 10**9),
            (pa.binary(), b"\xff\x00\xfe"), (pa.binary(4), b"abcd"), (pa.date32(), 20_000),
            (pa.time64("us"), 10**9), (pa.uint64(), 2**64 - 1), (pa.float64(), float("nan")),
            (pa.float32(), float("-inf")), (pa.float16(), 1.5), (pa.list_(pa.float64()), [0.5]), (pa.null(), None), (pa.bool_(), True),
            (pa.dictionary(pa.int32(), pa.string()), "a"), (pa.list_(pa.int8()), [1, None]),
            (pa.list_(pa.list_(pa.string())), [["a"], None]), (pa.struct({"a": pa.int8()}), {"a": 1}),
            (pa.map_(pa.string(), pa.int32()), [("a", 1)]), (pa.large_string(), "x" * 70_000),
            (pa.string(), "a\x00b"), (pa.list_(pa.float32(), 2), [1.0, 2.0]), (pa.duration("ms"), 5),
            (pa.date64(), 86_400_000 * 5), (pa.int8(), -1), (pa.timestamp("us", "UTC"), -(10**17)),
        )
    )  # fmt: skip
    return _columns(table, lambda _: value, kind)


PARQUET_FILES: Mapping[str, SpoilTable] = {
    "parquet_cut_short": _cut_parquet,
    "parquet_bytes_flipped": _flipped_parquet,
    "parquet_mark_only": lambda *_: Spoiled(b"PAR1PAR1", None, REFUSED),
    "parquet_empty_file": lambda *_: Spoiled(b"", None, REFUSED),
    "parquet_random_bytes": lambda c, _: Spoiled(b"PAR1" + c.randbytes(500) + b"PAR1", None, REFUSED),
    "parquet_is_csv_inside": lambda *_: Spoiled(b"a,b\n1,2\n", None, REFUSED),
    "parquet_gzipped": lambda _, table: Spoiled(gzip.compress(_parquet(table)), None, REFUSED),
    "parquet_wrong_schema": lambda *_: Spoiled(_parquet({"a": [1]}), stops="WrongColumnError"),
    "parquet_no_columns": lambda *_: Spoiled(_parquet(pa.table({})), stops="WrongColumnError"),
    "parquet_no_rows": lambda _, table: Spoiled(_parquet(table.slice(0, 0)), None, 0),
    "parquet_names_repeated": lambda _, table: Spoiled(
        _parquet(table.append_column(table.column_names[0], table.column(1))), None, REFUSED
    ),
    "parquet_retyped": _retyped,
    "parquet_every_type": _all_types,
    "parquet_dictionary": lambda _, table: Spoiled(
        _parquet(pa.table([column.dictionary_encode() for column in table.columns], table.column_names)),
        None, len(table), len(table),
    ),
    "parquet_large_strings": lambda _, table: Spoiled(
        _parquet(table.cast(pa.schema([(name, pa.large_string()) for name in table.column_names]))),
        None, len(table), len(table),
    ),
    "parquet_row_groups": lambda _, table: Spoiled(
        _parquet(table, row_group_size=2, compression="zstd"), None, len(table), len(table)
    ),
    "parquet_many_columns": lambda _, table: Spoiled(
        _parquet(pa.table([*table.columns, *[table.column(0)] * 1_500],
                          [*table.column_names, *(f"x{n}" for n in range(1_500))])),
        None, len(table), len(table),
    ),
    "parquet_column_null": lambda c, table: Spoiled(
        _parquet(table.set_column(at := c.randrange(table.num_columns), table.column_names[at],
                                  pa.nulls(len(table)))), None, len(table),
    ),
    "parquet_odd_names": lambda c, table: Spoiled(
        _parquet(table.append_column(c.choice(("", "'", '"', "; --", "a\nb", "%s", "é", "c0", "line", "$now")),
                                     table.column(0))), None, len(table), len(table),
    ),
}  # fmt: skip
