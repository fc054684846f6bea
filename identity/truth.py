"""Read a truth: which records are one person, as somebody outside knows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from identity.errors import TruthFileError
from identity.nodes import DEVICES
from warehouse import Warehouse

# The temporary table of the records that are judged: source, source_record_id, true_id, found_id
# (null where no person has the record).
TRUTH_RECORDS = "identity_truth_records"

_NEEDED = ("source", "source_record_id", "person_id")
# What others call the person of a truth; taken where there is exactly one of them.
_PERSON_NAMES = ("person_id", "cluster_id", "cluster", "entity_id")
_ARRIVING = "identity_arriving_truth"


def read_truth(path: Path) -> pa.Table:
    """Read source, source_record_id, person_id and ambiguous, all as text.

    ``cluster_id``, ``cluster`` or ``entity_id`` is taken for ``person_id`` where there is none; the
    ids are kept as they are written, leading zeros too.

    Raises:
        TruthFileError: The file is not there, no CSV, lacks a column, or gives a record twice to
            different persons.
    """
    names = _header(path)
    person = _person_column(path, names)
    lacking = [name for name in _NEEDED[:2] if name not in names]
    if lacking:
        raise TruthFileError(path, f"has no column {', '.join(lacking)}")
    wanted = [*_NEEDED[:2], person, *(["ambiguous"] if "ambiguous" in names else [])]
    given = _read(path, {names[name]: pa.string() for name in wanted})
    columns = {name: given.column(names[name]) for name in wanted if name != person}
    columns["person_id"] = given.column(names[person])
    columns.setdefault("ambiguous", pa.chunked_array([pa.nulls(len(given), pa.string())]))
    return pa.table(columns)


@contextmanager
def judging(warehouse: Warehouse, truth: pa.Table, path: Path) -> Iterator[None]:
    """Fill the temporary table of judged records for a while.

    Left out are rows that say ``ambiguous``, those without a person, and the source ``devices``.

    Args:
        warehouse: Holds ``identity.members``.
        truth: As ``read_truth`` gives it.
        path: Where it was read, for messages.

    Raises:
        TruthFileError: A record has two persons, or no record of it is here.
    """
    with warehouse.view(_ARRIVING, truth):
        warehouse.execute(f"create or replace temp table {TRUTH_RECORDS} as {_RECORDS_SQL}")
    try:
        _check(warehouse, path)
        yield
    finally:
        warehouse.execute(f"drop table {TRUTH_RECORDS}")


def _header(path: Path) -> dict[str, str]:
    """The names of the columns as the file writes them, by their plain form."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline()
        names = csv.read_csv(pa.py_buffer(line.encode())).column_names if line.strip() else []
    except (OSError, UnicodeDecodeError, pa.ArrowInvalid) as error:
        raise TruthFileError(path, "cannot be read as CSV") from error
    return {name.strip().lower(): name for name in names}


def _person_column(path: Path, names: dict[str, str]) -> str:
    if "person_id" in names:
        return "person_id"
    found = [name for name in _PERSON_NAMES if name in names]
    if len(found) > 1:
        raise TruthFileError(path, f"has {' and '.join(found)}, and either may be the person")
    if not found:
        raise TruthFileError(path, "has no column person_id")
    return found[0]


def _read(path: Path, types: dict[str, pa.DataType]) -> pa.Table:
    options = csv.ConvertOptions(
        column_types=types, include_columns=list(types), strings_can_be_null=True, null_values=[""]
    )
    try:
        return csv.read_csv(path, convert_options=options)
    except (OSError, pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise TruthFileError(path, "cannot be read as CSV") from error


def _check(warehouse: Warehouse, path: Path) -> None:
    row = warehouse.read(
        f"""
        select count(*) as records, count(found_id) as known,
            count(*) - count(distinct (source, source_record_id)) as twice
        from {TRUTH_RECORDS}
        """
    ).to_pylist()[0]
    if row["twice"]:
        raise TruthFileError(path, f"gives {row['twice']} records to more than one person")
    if not row["known"]:
        known = warehouse.read("select distinct source from identity.members order by source")
        listed = ", ".join(known.column("source").to_pylist()) or "none"
        raise TruthFileError(path, f"names no record of the sources that are here ({listed})")


_RECORDS_SQL = f"""
    select distinct truth.source, truth.source_record_id, truth.person_id as true_id,
        members.person_id as found_id
    from {_ARRIVING} as truth
    left join identity.members as members using (source, source_record_id)
    where truth.person_id is not null and source <> '{DEVICES}'
        and coalesce(lower(truth.ambiguous), '0') not in ('1', 'true', 'yes')
"""
