"""Read a review file as a person hands it back, whatever the spreadsheet did to its form."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from identity.decide import PAIR
from identity.errors import ReviewFileError

ANSWER, LINE = "decision", "line"
_NEEDED = (*PAIR, ANSWER)


def read_answers(path: Path) -> pa.Table:
    """Return the columns of ``PAIR``, decision (lower case, empty where unanswered) and line.

    Commas and semicolons are both read, and so is a byte order mark.

    Raises:
        ReviewFileError: It is no such CSV file.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(_rows(path, stream))
    except OSError as error:
        raise ReviewFileError(path, (error.strerror or "it cannot be read",)) from error
    except UnicodeDecodeError as error:
        raise ReviewFileError(path, ("it is not UTF-8 text: save it as CSV UTF-8",)) from error
    except csv.Error as error:
        raise ReviewFileError(path, ("it is not a CSV file",)) from error
    schema = pa.schema([*((name, pa.string()) for name in _NEEDED), (LINE, pa.int64())])
    return pa.Table.from_pylist(rows, schema=schema)


def _rows(path: Path, stream: Iterator[str]) -> Iterator[dict[str, object]]:
    first = next(stream, "")
    mark = ";" if first.count(";") > first.count(",") else ","
    header = [name.strip() for name in next(csv.reader([first], delimiter=mark), [])]
    lacking = [name for name in _NEEDED if name not in header]
    if lacking:
        raise ReviewFileError(path, (f"it has no column {', '.join(lacking)}",))
    places = {name: header.index(name) for name in _NEEDED}
    reader = csv.reader(stream, delimiter=mark)
    before = 0
    for cells in reader:
        line, before = before + 2, reader.line_num
        if not any(cells):
            continue
        if len(cells) != len(header):
            raise ReviewFileError(
                path, (f"line {line}: {len(cells)} cells, the header has {len(header)}",)
            )
        row: dict[str, object] = {name: cells[place] for name, place in places.items()}
        yield {**row, ANSWER: cells[places[ANSWER]].strip().lower(), LINE: line}
