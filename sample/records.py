"""Records of one tool, with the truth of whose they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from sample.people import People
from sample.text import Bools, Ints, choose, join, whole


@dataclass(frozen=True, slots=True)
class Records:
    """One row per record of one tool, in the tool's columns.

    Attributes:
        source: What the records are called in the truth and in ``sources.yml``.
        key: Column of ``table`` with the record's id.
        table: All columns, as text; null where a field is empty.
        person: Row of the person in the block.
        is_ambiguous: The tool itself holds two people in one record.
    """

    source: str
    key: str
    table: pa.Table
    person: Ints
    is_ambiguous: Bools

    def truth(self, people: People) -> pa.Table:
        """Whose each record is."""
        at = pa.array(self.person)
        return pa.table({
            "source": pa.array([self.source] * len(self.person), pa.string()),
            "source_record_id": self.table.column(self.key).combine_chunks(),
            "person_id": people.person_id.take(at), "household_id": household_ids(people).take(at),
            "ambiguous": choose(self.is_ambiguous, "1", "0"),
        })  # fmt: skip


def household_ids(people: People) -> pa.Array:
    """The household of each person of the block."""
    return join("H", whole(people.start + people.home.household))


def shuffled(rng: np.random.Generator, records: Records) -> Records:
    """The same records in no order, as tools export them: neighbours are strangers."""
    order = rng.permutation(len(records.person))
    return Records(records.source, records.key, records.table.take(pa.array(order)),
                   records.person[order], records.is_ambiguous[order])  # fmt: skip
