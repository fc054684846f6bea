"""Files of California's deletion platform (DROP): lists that come in, answers that go out.

Source: CalPrivacy, DROP Data Broker API 1.2.0: a ZIP with one CSV ``Id,Hash`` per list, and with a
CSV ``Id,Hash,ListType`` of what was removed; answers are CSVs ``Id,Status`` under the same names.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from privacy.drop_hashes import DropList
from privacy.errors import DropFileError
from privacy.storage import replace_file

_NAME = re.compile(r"(?P<day>\d{8})_(?P<broker>[^_]+)_(?P<list>[A-Za-z]+)(?:_[^.]*)?\.csv")
_REMOVED = "removed"
_LISTS = {str(name).lower(): str(name) for name in DropList}
# A SHA-256 in Base64.
_HASH = "^[A-Za-z0-9+/]{43}=$"
ITEMS = pa.schema([(name, pa.string()) for name in ("item_id", "list_type", "hash", "file")])


@dataclass(frozen=True, slots=True)
class DropLists:
    """What was read.

    Attributes:
        items: ``(item_id, list_type, hash, file)``.
        removed: Ids of items that consumers took back.
    """

    items: pa.Table
    removed: tuple[str, ...]


def read_lists(path: Path) -> DropLists:
    """Read a download: the ZIP, or one CSV of it.

    Raises:
        DropFileError: Something in it is no such list; nothing was taken from it.
    """
    items, removed = [ITEMS.empty_table()], []
    for name, content in _contents(path):
        match = _NAME.fullmatch(name)
        kind = match["list"].lower() if match else ""
        if kind == _REMOVED:
            removed += _read_csv(name, content, ("id", "hash", "listtype"))["id"].to_pylist()
        elif kind in _LISTS:
            items.append(_items(name, content, _LISTS[kind]))
        else:
            raise DropFileError(name, f"its name does not end in one of {', '.join(DropList)}")
    return DropLists(pa.concat_tables(items), tuple(removed))


def write_answers(path: Path, answers: pa.Table) -> None:
    """Write ``(item_id, code)`` as the platform wants it: ``Id,Status``, one line each."""
    lines = zip(answers["item_id"].to_pylist(), answers["code"].to_pylist(), strict=True)
    text = "Id,Status\n" + "".join(f"{item},{code}\n" for item, code in lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, text.encode(), mode=0o600)


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        if not zipfile.is_zipfile(path):
            yield path.name, path.read_bytes()
            return
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not member.is_dir():
                    yield Path(member.filename).name, archive.read(member)
    except (OSError, zipfile.BadZipFile) as error:
        raise DropFileError(path.name, f"it cannot be read ({type(error).__name__})") from error


def _items(name: str, content: bytes, list_type: str) -> pa.Table:
    rows = _read_csv(name, content, ("id", "hash"))
    good = pc.match_substring_regex(rows["hash"], _HASH)
    if not pc.all(good, min_count=0).as_py():
        bad = rows.num_rows - pc.sum(good).as_py()
        raise DropFileError(name, f"{bad} hashes are no SHA-256 in Base64")
    columns = [rows["id"], [list_type] * rows.num_rows, rows["hash"], [name] * rows.num_rows]
    return pa.table(columns, schema=ITEMS)


def _read_csv(name: str, content: bytes, header: tuple[str, ...]) -> pa.Table:
    types = pa.csv.ConvertOptions(strings_can_be_null=False, column_types=_texts(header))
    try:
        rows = pa.csv.read_csv(io.BytesIO(content), convert_options=types)
    except pa.ArrowInvalid:
        raise DropFileError(name, "it is no CSV with a header") from None
    found = tuple(column.lower() for column in rows.column_names)
    if found != header:
        raise DropFileError(name, f"its header must be {','.join(header)}, in any case")
    return rows.rename_columns(list(found)).cast(
        pa.schema([(column, pa.string()) for column in header])
    )


def _texts(header: tuple[str, ...]) -> dict[str, pa.DataType]:
    """Ids of digits alone stay text, however the header is written."""
    spellings = {"id": ("Id", "ID", "id"), "hash": ("Hash", "HASH", "hash")}
    names = [name for column in header for name in spellings.get(column, (column,))]
    return dict.fromkeys(names, pa.string())
