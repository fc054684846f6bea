"""Judge persons against a truth: by pairs of records, by records, by source, and where it is worst.

Source: pairwise precision, recall and F1 as in Christen (2012), "Data Matching", ch. 7. B-cubed:
Bagga & Baldwin (1998), "Entity-Based Cross-Document Coreferencing Using the Vector Space Model";
records of the truth that no person has count 0 for its recall and not for its precision, as in
Stoyanov, Gilbert, Cardie & Riloff (2009), "Conundrums in Noun Phrase Coreference Resolution".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from identity.truth import TRUTH_RECORDS, judging, read_truth
from warehouse import Warehouse

# So many persons, and so many records of each, are looked at one by one.
_WORST, _MOST_RECORDS = 10, 30


@dataclass(frozen=True, slots=True)
class QualityReport:
    """How well records were joined.

    Attributes:
        records: Records of the truth that some person here has.
        missing_records: Records of the truth that no person has.
        true_pairs: Pairs of records that are one person in truth, missing ones too.
        found_pairs: Pairs of records that were made one person.
        right_pairs: Pairs that are both.
        bcubed_precision: Mean over the records here of the share of their person's records that
            are theirs in truth; 1 where there is none.
        bcubed_recall: Mean over all records of the truth of the share of their true records that
            their person has; a missing one counts 0.
    """

    records: int
    missing_records: int
    true_pairs: int
    found_pairs: int
    right_pairs: int
    bcubed_precision: float
    bcubed_recall: float

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

    @property
    def bcubed_f1(self) -> float:
        """Harmonic mean of B-cubed precision and recall."""
        both = self.bcubed_precision + self.bcubed_recall
        return 2 * self.bcubed_precision * self.bcubed_recall / both if both else 0.0


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Everything that a truth says about persons.

    Attributes:
        quality: The figures of all records.
        sizes: One row per number of records: records, found_persons, true_persons.
        by_source: One row per two sources: left_source, right_source, true_pairs, found_pairs,
            right_pairs, precision, recall.
        joined: The persons who hold most wrong pairs: records, persons (in truth), wrong_pairs,
            sources, and ``members``, a list of source, source_record_id and ``part``, the number
            of the true person within this one.
        split: The true persons who miss most pairs: the same, ``persons`` and ``part`` as found,
            missed_pairs; part 0 are records that no person has.
    """

    quality: QualityReport
    sizes: pa.Table
    by_source: pa.Table
    joined: pa.Table
    split: pa.Table


def evaluate_members(warehouse: Warehouse, truth: Path) -> QualityReport:
    """Compare ``identity.members`` with a truth file.

    Args:
        warehouse: Holds the members.
        truth: CSV with source, source_record_id and person_id; rows whose optional column
            ambiguous is 1 are left out, and so is the source ``devices``. Records that the truth
            does not name are not judged.

    Raises:
        TruthFileError: The file is not there, lacks a column, or fits no record.
    """
    with judging(warehouse, read_truth(truth), truth):
        return measure_quality(warehouse)


def measure_quality(warehouse: Warehouse) -> QualityReport:
    """Count pairs and average over records; inside ``judging``."""
    row = warehouse.read(_QUALITY_SQL).to_pylist()[0]
    precision, recall = row.pop("bcubed_precision"), row.pop("bcubed_recall")
    counts = {name: int(value or 0) for name, value in row.items()}
    return QualityReport(**counts, bcubed_precision=precision, bcubed_recall=recall)


def measure_accuracy(warehouse: Warehouse) -> Accuracy:
    """Measure everything that a truth says; inside ``judging``."""
    bounds = {"worst": _WORST, "most": _MOST_RECORDS}
    return Accuracy(
        quality=measure_quality(warehouse),
        sizes=warehouse.read(_SIZES_SQL),
        by_source=warehouse.read(_BY_SOURCE_SQL),
        joined=warehouse.read(_worst_sql("found_id", "true_id", "wrong_pairs"), bounds),
        split=warehouse.read(_worst_sql("true_id", "found_id", "missed_pairs"), bounds),
    )


_CELLS_SQL = f"""
    cells as (
        select true_id, found_id, count(*) as size from {TRUTH_RECORDS}
        where found_id is not null group by all
    ),
    true_sizes as (select true_id, count(*) as true_size from {TRUTH_RECORDS} group by true_id),
    found_sizes as (select found_id, sum(size) as found_size from cells group by found_id)
"""

_QUALITY_SQL = f"""
    with {_CELLS_SQL},
    shares as (
        select sum(size) as records, sum(size * (size - 1) // 2) as right_pairs,
            sum(size * size / found_size) as precise, sum(size * size / true_size) as complete
        from cells join true_sizes using (true_id) join found_sizes using (found_id)
    )
    select records, judged - coalesce(records, 0) as missing_records,
        (select sum(true_size * (true_size - 1) // 2) from true_sizes) as true_pairs,
        (select sum(found_size * (found_size - 1) // 2) from found_sizes) as found_pairs,
        right_pairs,
        coalesce(precise / records, 1) as bcubed_precision,
        case when judged = 0 then 1 else coalesce(complete, 0) / judged end as bcubed_recall
    from shares, (select count(*) as judged from {TRUTH_RECORDS})
"""

_SIZES_SQL = f"""
    with {_CELLS_SQL},
    sizes as (
        select true_size as records, 0 as is_found from true_sizes
        union all select found_size, 1 from found_sizes
    )
    select records::bigint as records, count(*) filter (is_found = 1) as found_persons,
        count(*) filter (is_found = 0) as true_persons
    from sizes group by records order by records
"""


def _source_pairs(group: str, name: str) -> str:
    """SQL that counts the pairs within a grouping, by the sources of their two records."""
    return f"""
        select one.source as left_source, other.source as right_source, '{name}' as kind,
            sum(case when one.source = other.source then one.size * (one.size - 1) // 2
                else one.size * other.size end) as pairs
        from (select source, {group}, count(*) as size from named group by all) as one
        join (select source, {group}, count(*) as size from named group by all) as other
            using ({group})
        where one.source <= other.source
        group by all
    """


_BY_SOURCE_SQL = f"""
    with named as (
        select source, true_id, found_id, case when found_id is not null
            then true_id || chr(31) || found_id end as cell
        from {TRUTH_RECORDS}
    ),
    counted as (
        {_source_pairs("true_id", "true")} union all {_source_pairs("found_id", "found")}
        union all {_source_pairs("cell", "right")}
    ),
    pairs as (
        select left_source, right_source,
            coalesce(sum(pairs) filter (kind = 'true'), 0)::bigint as true_pairs,
            coalesce(sum(pairs) filter (kind = 'found'), 0)::bigint as found_pairs,
            coalesce(sum(pairs) filter (kind = 'right'), 0)::bigint as right_pairs
        from counted group by all
    )
    select *, right_pairs / nullif(found_pairs, 0) as precision,
        right_pairs / nullif(true_pairs, 0) as recall
    from pairs where true_pairs + found_pairs > 0
    order by true_pairs + found_pairs desc, left_source, right_source
"""


def _members_sql(group: str, part: str) -> str:
    """SQL of what the worst groups hold: their sources, and their first records by part."""
    return f"""
        numbered as (
            select {group}, {part}, case when {part} is null then 0
                else row_number() over (partition by {group} order by {part} is null, size desc, {part})
                end as part
            from cells semi join worst using ({group})
        ),
        members as (
            select numbered.{group}, source, source_record_id, part,
                row_number() over (partition by numbered.{group} order by part, source, source_record_id)
                    as place
            from {TRUTH_RECORDS} join numbered on numbered.{group} = {TRUTH_RECORDS}.{group}
                and numbered.{part} is not distinct from {TRUTH_RECORDS}.{part}
        ),
        sources as (
            select {group}, string_agg(source || ' ' || records, ', ' order by source) as sources
            from (select {group}, source, count(*) as records from members group by all)
            group by {group}
        ),
        listed as (
            select {group}, list({{'source': source, 'source_record_id': source_record_id,
                'part': part}} order by place) as members
            from members where place <= $most group by {group}
        )
    """


def _worst_sql(group: str, part: str, pairs: str) -> str:
    """SQL of the groups with most pairs between their parts; parts are numbered, largest first."""
    return f"""
        with cells as (
            select {group}, {part}, count(*) as size from {TRUTH_RECORDS}
            where {group} is not null group by all
        ),
        grouped as (
            select {group}, sum(size)::bigint as records,
                sum(if({part} is null, size, 1))::bigint as persons,
                ((sum(size) * sum(size) - sum(if({part} is null, size, size * size))) // 2)::bigint
                    as {pairs}
            from cells group by {group}
        ),
        worst as (
            select * from grouped where {pairs} > 0
            order by {pairs} desc, records desc, {group} limit $worst
        ),
        {_members_sql(group, part)}
        select records, persons, {pairs}, sources, listed.members
        from worst join sources using ({group}) join listed using ({group})
        order by {pairs} desc, records desc, {group}
    """
