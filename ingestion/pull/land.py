"""Write what was read as JSON lines into the landing folder: whole and durable, or not at all."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ingestion.files import digest_of
from ingestion.pull.columns import Columns, document_columns, merge_columns
from ingestion.pull.engine import Extracted
from ingestion.pull.feed import Feed
from ingestion.rewrite import rewriting_path
from warehouse import Warehouse, literal, quoted, sync_path

_BATCH_ROWS = 50_000
# A file of so many rows is loaded in one transaction, and rewritten whole when a person is erased.
FILE_ROWS = 250_000

# What JSON takes for a number as it stands; NaN and infinity are none.
_NUMBER = "-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?"


@dataclass(frozen=True, slots=True)
class Landed:
    """What came to stand in the landing folder.

    Attributes:
        rows: Rows that were read.
        files: The new files.
        digests: SHA-256 of every file, those that were there before too.
        columns: The columns of the rows.
    """

    rows: int
    files: tuple[Path, ...]
    digests: tuple[str, ...]
    columns: Columns


def land(
    warehouse: Warehouse,
    feed: Feed,
    extracted: Extracted,
    *,
    stem: Path,
    known: Sequence[str],
) -> Landed:
    """Write the rows; a file that the last pull brought already is left out.

    Args:
        warehouse: An engine, for its SQL only.
        feed: What the rows are.
        extracted: Where they are.
        stem: Path and first part of the name of the files.
        known: Digests of the files that the last pull brought.
    """
    make_folder(stem.parent)
    rows, columns = 0, dict(feed.columns or {})
    files, digests = [], []
    for number, batches in enumerate(_parts(extracted.files)):
        fresh = rewriting_path(stem.with_name(f"{stem.name}-{number:04}.jsonl.gz"))
        with _writing(fresh) as packed:
            for batch in batches:
                made = _documents(warehouse, feed, batch)
                if feed.columns is None:
                    columns = dict(merge_columns(columns, document_columns(warehouse, made)))
                packed.write(_lines(made))
                rows += made.num_rows
        digest = digest_of(fresh)
        digests.append(digest)
        if digest in known:
            fresh.unlink()
        else:
            files.append(_put_in_place(fresh, digest))
    sync_path(stem.parent)
    return Landed(rows, tuple(files), tuple(digests), columns)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, so that they outlive a power cut."""
    if not folder.exists():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_path(folder.parent)


def _parts(files: Sequence[Path]) -> Iterator[Iterator[pa.Table]]:
    """Batches of rows, as many in a part as one landing file shall hold; none is kept."""
    batches = _batches(files)
    while (first := next(batches, None)) is not None:
        yield chain([first], _until_full(batches, first.num_rows))


def _until_full(batches: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    while rows < FILE_ROWS and (batch := next(batches, None)) is not None:
        rows += batch.num_rows
        yield batch


def _batches(files: Sequence[Path]) -> Iterator[pa.Table]:
    for path in files:
        with pq.ParquetFile(path) as parquet:
            for batch in parquet.iter_batches(_BATCH_ROWS):
                if batch.num_rows:
                    yield pa.Table.from_batches([batch])


@contextmanager
def _writing(path: Path) -> Iterator[gzip.GzipFile]:
    """A gzip file that only its owner may read, synced to disk at its end."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        # No name and no time in the header: the same rows always give the same bytes.
        with gzip.GzipFile("", "wb", 6, stream, mtime=0) as packed:
            yield packed
        stream.flush()
        os.fsync(stream.fileno())


def _put_in_place(fresh: Path, digest: str) -> Path:
    """Give the file its name; with the digest in it, no file ever takes another one's place."""
    stem = fresh.name.split(".", 1)[0]
    path = fresh.with_name(f"{stem}-{digest[:12]}.jsonl.gz")
    fresh.replace(path)
    sync_path(path.parent)
    return path


def _lines(documents: pa.Table) -> bytes:
    texts = documents["document"].cast(pa.large_string()).combine_chunks()
    whole = pa.LargeListArray.from_arrays(pa.array([0, len(texts)], pa.int64()), texts)
    joined = pc.binary_join(whole, pa.scalar("\n", pa.large_string()))[0]
    return bytes(joined.as_buffer()) + b"\n"


def _documents(warehouse: Warehouse, feed: Feed, batch: pa.Table) -> pa.Table:
    """One JSON object per row; its names in order, so that the same row is always the same text."""
    if feed.columns is None:
        return batch.select(["document"])
    fields = (
        f"{_key(field)} || coalesce({_value(feed, field)}, 'null')"
        for field in sorted(batch.schema, key=lambda field: str(field.name))
    )
    texts = " || ',' || ".join(fields)
    with warehouse.view("candor_pulled", _without_zones(batch)):
        return warehouse.read(f"select '{{' || {texts} || '}}' as document from candor_pulled")


def _key(field: pa.Field) -> str:
    """A literal for a column's name as JSON text, with its colon."""
    return str(literal(json.dumps(field.name, ensure_ascii=False) + ":"))


def _value(feed: Feed, field: pa.Field) -> str:
    """An expression for a column's value as JSON text."""
    name = quoted(field.name)
    as_text = f"to_json({name}::varchar)::varchar"
    if field.name in feed.json_columns:
        # Outside of texts a line end in JSON is white space, inside it is always escaped.
        on_one_line = f"translate({name}, chr(10) || chr(13), '  ')"
        return f"case when json_valid({name}) then {on_one_line} else {as_text} end"
    if field.name in feed.number_columns:
        return f"case when regexp_full_match({name}, {literal(_NUMBER)}) then {name} else {as_text} end"
    if pa.types.is_timestamp(field.type):
        zone = "Z" if field.type.tz else ""
        return f"strftime({name}, {literal(chr(34) + '%Y-%m-%dT%H:%M:%S.%f' + zone + chr(34))})"
    if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
        return f"to_json(base64({name}))::varchar"
    return f"to_json({name})::varchar"


def _without_zones(batch: pa.Table) -> pa.Table:
    """Times in UTC without saying so, as the engine would else give them in its own zone."""
    fields = [
        field.with_type(pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field
        for field in batch.schema
    ]
    return batch.cast(pa.schema(fields))
