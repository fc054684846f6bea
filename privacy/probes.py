"""Places in which a value is known to hide; the scan must find a probe in each of them."""

from __future__ import annotations

import base64
import bz2
import gzip
import hashlib
import io
import json
import lzma
import pickle
import sqlite3
import unicodedata
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse import DuckDBWarehouse

# Nobody's addresses: the top-level domain is reserved (RFC 2606).
PROBE = "wilhelmina.probe+recall@candor-probe.invalid"
ACCENTED = "zoé.müller-probe@candor-probe.invalid"
QUOTED = 'wilhelmina/"probe"@candor-probe.invalid'
PROBES = frozenset({PROBE, ACCENTED, QUOTED})
_NEIGHBOURS = 3_000


def plant(folder: Path) -> Mapping[str, Path]:
    """Hide the probe in one file for each hiding place; return the files by place."""
    planted = {place: folder / f"{number}" for number, place in enumerate(_PLACES, start=1)}
    for place, path in planted.items():
        _PLACES[place](path)
    named = folder / f"{PROBE}.txt"
    named.write_text("a name gives away too")
    return {**planted, "a file's name": named}


def _text(path: Path, content: str, encoding: str = "utf-8") -> None:
    path.write_bytes(f"before {content} after".encode(encoding))


def _bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _digest() -> bytes:
    return hashlib.sha256(PROBE.encode()).digest()


def _base64_at(shift: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(base64.b64encode(b"x" * shift + PROBE.encode() + b" after"))

    return write


def _hash(name: str) -> Callable[[Path], None]:
    digest = hashlib.new(name, PROBE.encode(), usedforsecurity=False).hexdigest()
    return lambda path: _text(path, digest)


def _every(form: str) -> str:
    """The probe with each character that is no letter escaped, by its number."""
    return "".join(sign if sign.isalpha() else form.format(ord(sign)) for sign in PROBE)


def _soft_break(path: Path) -> None:
    """As a mail breaks long lines, anywhere."""
    path.write_text(f"To: {PROBE[:20]}=\r\n{PROBE[20:]}")


def _breaking_terminal(path: Path) -> None:
    """As a log of what a terminal showed: one control character, and all else is text."""
    path.write_text(f"\x1b[1mTo: {PROBE[:20]}=\r\n{PROBE[20:]}")


def _beside_nul(path: Path) -> None:
    """One value of a column is no text; what is escaped in the others is read all the same."""
    pq.write_table(pa.table({"a": ["\0", f"To: {PROBE[:20]}=\r\n{PROBE[20:]}"]}), path)


def _in_lists(path: Path) -> None:
    broken = f"To: {PROBE[:20]}=\r\n{PROBE[20:]}"
    pq.write_table(pa.table({"a": [[{"b": [broken]}], None]}), path, compression="zstd")


def _in_blobs(path: Path) -> None:
    broken = f"To: {PROBE[:20]}=\r\n{PROBE[20:]}".encode()
    pq.write_table(pa.table({"a": [broken, b"\xff"]}), path, compression="zstd")


def _base64_lines(path: Path) -> None:
    """As an attachment of a mail; the line breaks within the probe."""
    path.write_bytes(base64.encodebytes(b"x" * 40 + PROBE.encode() + b" and what follows" * 9))


def _base64_short_lines(path: Path) -> None:
    digits = base64.b64encode(b"x" * 40 + PROBE.encode() + b" and what follows" * 9)
    path.write_bytes(b"\n".join(digits[at : at + 60] for at in range(0, len(digits), 60)))


def _gzip(path: Path) -> None:
    path.write_bytes(gzip.compress(_rows()))


def _bz2(path: Path) -> None:
    path.write_bytes(bz2.compress(_rows()))


def _xz(path: Path) -> None:
    path.write_bytes(lzma.compress(_rows()))


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.txt", _rows())


def _gzip_in_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("rows.gz", gzip.compress(_rows()))


def _parquet(path: Path) -> None:
    pq.write_table(_table(), path, compression="zstd", write_statistics=False)


def _parquet_statistics(path: Path) -> None:
    """The probe is the greatest value, so that the footer alone would tell it."""
    pq.write_table(
        pa.table({"email": ["a", PROBE]}), path, compression="gzip", use_dictionary=False
    )


def _parquet_in_zip(path: Path) -> None:
    content = io.BytesIO()
    pq.write_table(_table(), content, compression="zstd", write_statistics=False)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("rows.parquet", content.getvalue())


def _escaped_parquet(path: Path) -> None:
    table = _table(_every("&amp;#{};"))
    pq.write_table(table, path, compression="zstd", write_statistics=False)


def _sqlite(path: Path) -> None:
    _sqlite_rows(path, "select 1")


def _deleted_sqlite(path: Path) -> None:
    _sqlite_rows(path, "delete from people")


def _sqlite_rows(path: Path, then: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma secure_delete = off")
        connection.execute("create table people (email text)")
        connection.execute("insert into people values (?)", (PROBE,))
        connection.commit()
        connection.execute(then).fetchall()
        connection.commit()


def _duckdb(path: Path) -> None:
    """Many neighbours make the engine compress the column, which hides it from a byte search."""
    with DuckDBWarehouse.open(path) as warehouse, warehouse.view("planted", _table()):
        warehouse.execute("create table people as select * from planted")


def _deleted_duckdb(path: Path) -> None:
    """Long and few rows stay uncompressed; a deleted one stays in the file."""
    with DuckDBWarehouse.open(path) as warehouse:
        warehouse.execute("create table people (email varchar)")
        warehouse.execute("pragma force_compression = 'uncompressed'")
        warehouse.execute("insert into people values ($probe), ('somebody else')", {"probe": PROBE})
        warehouse.execute("checkpoint")
        warehouse.execute("delete from people where email = $probe", {"probe": PROBE})


def _write_ahead_log(path: Path) -> None:
    """What a killed process leaves beside its file: the insert, not yet in any table."""
    beside = path.with_name(f"{path.name}.db")
    with DuckDBWarehouse.open(beside) as warehouse:
        warehouse.execute("pragma disable_checkpoint_on_shutdown")
        warehouse.execute("create table people (email varchar)")
        warehouse.execute("insert into people values ($probe)", {"probe": PROBE})
    beside.with_name(f"{beside.name}.wal").replace(path)
    beside.unlink()


def _numpy(path: Path) -> None:
    """As a model keeps the words that it knows."""
    with path.open("wb") as stream:
        np.save(stream, np.array(["somebody else", PROBE]))


def _rows() -> bytes:
    return "\n".join(_table()["email"].to_pylist()).encode()


def _table(value: str = PROBE) -> pa.Table:
    emails = [f"neighbour{number}@candor-probe.invalid" for number in range(_NEIGHBOURS)]
    return pa.table({"email": [*emails, value, "zz"]})


_PLACES: Mapping[str, Callable[[Path], None]] = {
    "UTF-8": lambda path: _text(path, PROBE),
    "UTF-16, little end first": lambda path: _text(path, PROBE, "utf-16-le"),
    "UTF-16, big end first": lambda path: _text(path, PROBE, "utf-16-be"),
    "upper case": lambda path: _text(path, PROBE.upper()),
    "mixed case": lambda path: _text(path, PROBE.title()),
    "percent-encoding": lambda path: _text(path, quote(PROBE, safe="")),
    "hexadecimal": lambda path: _text(path, PROBE.encode().hex()),
    "base64": _base64_at(0),
    "base64, one byte later": _base64_at(1),
    "base64, two bytes later": _base64_at(2),
    "MD5": _hash("md5"),
    "SHA-1": _hash("sha1"),
    "SHA-256": _hash("sha256"),
    "SHA-256 in base64": lambda path: _bytes(path, base64.b64encode(_digest())),
    "SHA-256 as bytes": lambda path: _bytes(path, _digest()),
    "JSON escapes": lambda path: _text(path, _every("\\u{:04x}")),
    "JSON in JSON": lambda path: _text(path, json.dumps(json.dumps({"email": QUOTED}))),
    "JSON escapes in JSON": lambda path: _text(path, json.dumps(_every("\\u{:04x}"))),
    "JSON escapes in JSON in JSON": lambda path: _text(
        path, json.dumps(json.dumps(_every("\\u{:04x}")))
    ),
    "JSON of letters beyond ASCII": lambda path: _text(path, json.dumps({"email": ACCENTED})),
    "after an escaped line end": lambda path: _text(path, json.dumps(f"called\n{PROBE}")),
    "repr of bytes": lambda path: _text(path, repr(ACCENTED.encode())),
    "HTML entities, decimal": lambda path: _text(path, _every("&#{};")),
    "HTML entities, hexadecimal": lambda path: _text(path, _every("&#x{:x};")),
    "HTML entities, escaped again": lambda path: _text(path, _every("&amp;#{};")),
    "HTML entities, named": lambda path: _text(
        path, PROBE.replace("@", "&commat;").replace(".", "&period;").replace("+", "&plus;")
    ),
    "HTML entities of accents": lambda path: _text(
        path, ACCENTED.replace("é", "&eacute;").replace("ü", "&uuml;")
    ),
    "accents apart": lambda path: _text(path, unicodedata.normalize("NFD", ACCENTED)),
    "SHA-256 with accents apart": lambda path: _text(
        path, hashlib.sha256(unicodedata.normalize("NFD", ACCENTED).encode()).hexdigest()
    ),
    "percent-encoding of every sign": lambda path: _text(path, _every("%{:02X}")),
    "percent-encoding, twice": lambda path: _text(path, quote(quote(PROBE, safe=""))),
    "JSON in a query": lambda path: _text(path, quote(json.dumps({"email": _every("\\u{:04x}")}))),
    "quoted-printable": lambda path: _text(path, _every("={:02X}")),
    "quoted-printable, line broken": _soft_break,
    "quoted-printable, JSON of a mail": lambda path: _text(
        path, json.dumps(f"To: {PROBE[:20]}=\r\n{PROBE[20:]}")
    ),
    "quoted-printable, a control character": _breaking_terminal,
    "a column with another value that is no text": _beside_nul,
    "a column of lists": _in_lists,
    "a column of bytes": _in_blobs,
    "a Latin-1 text": lambda path: _text(path, ACCENTED, "latin-1"),
    "quoted-printable, Latin-1": lambda path: _text(
        path, ACCENTED.replace("é", "=E9").replace("ü", "=FC")
    ),
    "UTF-32, big end first": lambda path: _text(path, PROBE, "utf-32-be"),
    "HTML entities without an end": lambda path: _text(path, _every("&#{}")),
    "HTML entities with zeros": lambda path: _text(path, _every("&#x0000{:x};")),
    "octal escapes": lambda path: _text(path, _every("\\{:03o}")),
    "octal escapes of accents": lambda path: _text(
        path, "".join(chr(b) if b < 128 else f"\\{b:03o}" for b in ACCENTED.encode())
    ),
    "escapes of JavaScript": lambda path: _text(path, _every("\\u{{{:x}}}")),
    "base64 in lines": _base64_lines,
    "base64 in shorter lines": _base64_short_lines,
    "escaped in a Parquet column": _escaped_parquet,
    "pickle": lambda path: _bytes(path, pickle.dumps({"email": PROBE})),
    "gzip": _gzip,
    "bzip2": _bz2,
    "xz": _xz,
    "zip": _zip,
    "gzip in zip": _gzip_in_zip,
    "Parquet pages": _parquet,
    "Parquet statistics": _parquet_statistics,
    "Parquet in zip": _parquet_in_zip,
    "SQLite row": _sqlite,
    "SQLite deleted row": _deleted_sqlite,
    "DuckDB column": _duckdb,
    "DuckDB deleted row": _deleted_duckdb,
    "DuckDB write-ahead log": _write_ahead_log,
    "NumPy text": _numpy,
}
