"""How usual each name and birth date is in these data: two Smiths agree less than two Brzezinskis.

A birth date that stands for "unknown" (1970-01-01), or for a year alone (its first of January), is
usual too, so that agreeing in it says little; no list of such dates is needed.

Frequencies are learned together with the model and kept with it, so that a record more or less
does not move the weight of a value for everybody who has it. Only values that several records
have are told apart, by a hash; to all others the same low count is given. What is kept is thus a
statistic of common values. The hash of a date can be guessed; what
protects is that at least five records have it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from identity.prepare import RECORDS, keep_values
from warehouse import Warehouse

_COLUMNS = ("first_name", "given_name", "last_name", "birth_date")
# Below the first count all values are taken to be had by as many records as the second says.
_COMMON, _RARE = 5, 2
_ARRIVING = "identity_arriving_frequencies"
# The hashes of first names that several records bear.
USUAL_NAMES = "identity_usual_first_names"


@dataclass(frozen=True, slots=True)
class Frequencies:
    """Counts of common names and birth dates.

    Attributes:
        counts: Per column, the records that have a value, by the value's hash.
        totals: Per column, the records that have a value.
        concentration: Per column, the probability that two records agree by chance.
        given_names: Hashes of the first names that more than one record bears.
    """

    counts: dict[str, dict[str, int]]
    totals: dict[str, int]
    concentration: dict[str, float]
    given_names: tuple[str, ...] = ()


def count_names(warehouse: Warehouse) -> Frequencies:
    """Count the names and birth dates of the prepared records."""
    counts, totals, concentration = {}, {}, {}
    given_names: tuple[str, ...] = ()
    for column in _COLUMNS:
        rows = warehouse.read(
            f"select {key_of(column)} as key, count(*) as records from {RECORDS} "
            f"where {column} is not null group by {column} order by key"
        )
        sizes = rows.column("records").to_numpy()
        total = int(sizes.sum())
        totals[column] = max(total, 1)
        concentration[column] = float((sizes / max(total, 1)) @ (sizes / max(total, 1))) or 1.0
        if column == "first_name":
            given_names = tuple(rows.filter(sizes > 1).column("key").to_pylist())
        common = rows.filter(sizes >= _COMMON)
        counts[column] = dict(
            zip(common.column("key").to_pylist(), common.column("records").to_pylist(), strict=True)
        )
    return Frequencies(counts, totals, concentration, given_names)


def apply_frequencies(warehouse: Warehouse, frequencies: Frequencies) -> None:
    """Give each record the counts of its names and the bits by which its values are rare.

    Two records of one person that agree in a value of frequency f are m / f times as likely as two
    strangers; on average over all values that is m / u, so a value adds log2(u / f) to the weight.
    """
    keep_values(warehouse, USUAL_NAMES, {"key": pa.array(frequencies.given_names, pa.string())})
    tables = pa.table(
        {
            "name": [name for name in _COLUMNS for _ in frequencies.counts[name]],
            "key": [key for name in _COLUMNS for key in frequencies.counts[name]],
            "records": pa.array(
                [size for name in _COLUMNS for size in frequencies.counts[name].values()],
                pa.int64(),
            ),
        },
        pa.schema([("name", pa.string()), ("key", pa.string()), ("records", pa.int64())]),
    )
    with warehouse.view(_ARRIVING, tables):
        for name in _COLUMNS:
            warehouse.execute(
                f"create or replace temp table identity_{name}_frequencies as "
                f"select {name} as given, records from (select distinct {name} from {RECORDS}) "
                f"join {_ARRIVING} as arriving on arriving.name = '{name}' and key = {key_of(name)}"
            )
    warehouse.execute(f"create or replace temp table {RECORDS} as {_applied(frequencies)}")


def _applied(frequencies: Frequencies) -> str:
    rarities = ", ".join(
        f"log2({frequencies.concentration[name] * frequencies.totals[name]!r} "
        f"/ coalesce({name}s.records, {_RARE})) as {name}_rarity"
        for name in _COLUMNS
    )
    joins = " ".join(
        f"left join identity_{name}_frequencies as {name}s on {name}s.given = completed.{name}"
        for name in _COLUMNS
    )
    return (
        f"select completed.*, coalesce(first_names.records, {_RARE}) as first_name_count, "
        f"coalesce(last_names.records, {_RARE}) as last_name_count, "
        f"{rarities} from {RECORDS} as completed {joins}"
    )


def key_of(column: str) -> str:
    """SQL of the hash by which a value is kept."""
    return f"left(sha256(cast({column} as varchar)), 16)"
