"""Rows of a sync as CSV: written, read back as they stand, merged, and freed of persons.

Source: OWASP, "CSV Injection", for the characters that start a formula.
"""

from __future__ import annotations

import csv
import io
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

# = + - @ and their fullwidth forms, tab, carriage return, line feed; and our own apostrophe.
_FORMULA = r"^['=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"
# A number with a sign is no formula, and machines must read it unchanged.
_NUMBER = r"^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"


def as_csv(rows: Any) -> bytes:
    """A table with a header, every text quoted."""
    sink = io.BytesIO()
    arrow_csv.write_csv(rows, sink)
    return sink.getvalue()


def read_csv(body: bytes) -> Any:
    """All cells as text, as they stand.

    Raises:
        ValueError: These are no rows of ours.
    """
    header = next(csv.reader(io.StringIO(body.partition(b"\n")[0].decode())), [])
    if "row_id" not in header:
        raise ValueError("there is no column row_id")
    return arrow_csv.read_csv(
        io.BytesIO(body),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
        ),
    )


def filled(column: Any, *, neutralises: bool) -> Any:
    """A column without nulls; where asked for, what a spreadsheet would run gets an apostrophe."""
    known = pc.fill_null(column, "")
    if not neutralises:
        return known
    risky = pc.and_(
        pc.match_substring_regex(known, _FORMULA),
        pc.invert(pc.match_substring_regex(known, _NUMBER)),
    )
    return pc.if_else(risky, pc.binary_join_element_wise("'", known, ""), known)


def merged(members: Any, delta: Any) -> Any:
    """The members after a delta: in its columns, in the order of their ids."""
    put = delta.filter(pc.is_in(delta["operation"], pa.array(["add", "change"])))
    put = put.drop_columns(["operation"])
    both = pa.concat_tables([put, without(members, delta["row_id"])], promote_options="default")
    chosen = [pc.fill_null(both[name], "") for name in put.column_names]
    return pa.table(chosen, names=put.column_names).sort_by("row_id")


def without(rows: Any, row_ids: Any) -> Any:
    """The rows of everybody else."""
    return rows.filter(pc.invert(_is_of(rows, row_ids)))


def named(rows: Any, row_ids: Any) -> Any:
    """Of these ids, those that have a row."""
    return rows.filter(_is_of(rows, row_ids))["row_id"].combine_chunks()


def _is_of(rows: Any, row_ids: Any) -> Any:
    ids = row_ids.combine_chunks() if isinstance(row_ids, pa.ChunkedArray) else row_ids
    return pc.is_in(rows["row_id"], ids)
