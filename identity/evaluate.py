"""Judge persons against a truth, by pairs of records.

Source: pairwise precision, recall and F1 as in Christen (2012), "Data Matching", ch. 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from identity.errors import TruthFileError
from warehouse import Warehouse

_NEEDED = ("source", "source_record_id", "person_id")


@dataclass(frozen=True, slots=True)
class QualityReport:
    """How well records were joined.

    Attributes:
        records: Records of the truth that count: neither ambiguous nor unknown here.
        missing_records: Records of the truth that no person has.
        true_pairs: Pairs of records that are one person in truth.
        found_pairs: Pairs of records that were made one person.
        right_pairs: Pairs that are both.
    """

    records: int
    missing_records: int
    true_pairs: int
    found_pairs: int
    right_pairs: int

    @property
    def precision(self) -> float:
        """Share of the found pairs that are right; 1 where none was found."""
        return self.right_pairs / self.found_pairs if self.found_pairs else 1.0

    @property
    def recall(self) -> float:
        """Share of the true pairs that were found; 1 where there is none."""
        return self.right_pairs / self.true_pairs if self.true_pairs else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.right_pairs / max(self.found_pairs + self.true_pairs, 1)


def evaluate_members(warehouse: Warehouse, truth: Path) -> QualityReport:
    """Compare ``identity.members`` with a truth file.

    Args:
        warehouse: Holds the members.
        truth: CSV with source, source_record_id and person_id; rows whose optional column
            ambiguous is 1 are left out, and so is the source ``devices``.

    Raises:
        TruthFileError: The file is not there or lacks a column.
    """
    with warehouse.view("identity_truth", _read_truth(truth)):
        row = warehouse.read(_COUNTS_SQL).to_pylist()[0]
    return QualityReport(**{name: int(value or 0) for name, value in row.items()})


def _read_truth(path: Path) -> pa.Table:
    try:
        given = csv.read_csv(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise TruthFileError(path, "cannot be read as CSV") from error
    lacking = [name for name in _NEEDED if name not in given.column_names]
    if lacking:
        raise TruthFileError(path, f"has no column {', '.join(lacking)}")
    kept = [name for name in (*_NEEDED, "ambiguous") if name in given.column_names]
    schema = pa.schema([(name, pa.string()) for name in kept])
    texts = given.select(kept).cast(schema)
    if "ambiguous" not in kept:
        texts = texts.append_column("ambiguous", pa.nulls(len(texts), pa.string()))
    return texts


_COUNTS_SQL = """
    with judged as (
        select truth.person_id as true_id, members.person_id as found_id
        from identity_truth as truth
        left join identity.members as members using (source, source_record_id)
        where coalesce(truth.ambiguous, '0') not in ('1', 'true') and source <> 'devices'
    ),
    cells as (
        select true_id, found_id, count(*) as size
        from judged where found_id is not null group by all
    ),
    true_sizes as (select sum(size) as size from cells group by true_id),
    found_sizes as (select sum(size) as size from cells group by found_id)
    select (select sum(size) from cells) as records,
        (select count(*) from judged where found_id is null) as missing_records,
        (select sum(size * (size - 1) // 2) from true_sizes) as true_pairs,
        (select sum(size * (size - 1) // 2) from found_sizes) as found_pairs,
        (select sum(size * (size - 1) // 2) from cells) as right_pairs
"""
