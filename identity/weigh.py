"""Give every candidate pair its probability and choose from which one on pairs are links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from identity.compare import COMPARED, sources_hash
from identity.errors import UnusableModelError
from identity.evidence import Levels, PairEvidence, SourcePairs
from identity.judge import Mixture
from identity.link import MatchParameters
from identity.match import DETERMINISTIC
from identity.model import COMPARISONS
from identity.prepare import RECORDS
from identity.train import FieldParameters, Floats, is_sound
from warehouse import Warehouse

JUDGED = "identity_judged"
# However well identifiers do, so many of the pairs that likeness joins must be right.
LEAST_PRECISION = 0.9
# A model that lets these count the wrong way would join families.
_NAMES = frozenset({"first_name", "last_name", "birth_date"})


@dataclass(frozen=True, slots=True)
class Joined:
    """The pairs of records that identifiers join, and how many of them are expected to be right."""

    pairs: float
    right: float


@dataclass(frozen=True, slots=True)
class Parting:
    """Parts of persons of which two may be one's, as arrays of one length.

    Attributes:
        probabilities: That both are one person.
        expected: The share of such that is right: the same, as far as the model is calibrated, or
            what reviews say.
        pairs: Pairs of records that would be joined.
    """

    probabilities: Floats
    expected: Floats
    pairs: Floats


def read_evidence(
    warehouse: Warehouse, fields: tuple[FieldParameters, ...], *, records: int
) -> PairEvidence:
    """Read the levels of all candidate pairs, in the order of their table."""
    return _read(warehouse, fields, _total(records), COMPARED, combinations=_SOURCES_SQL)


def read_known(
    warehouse: Warehouse, fields: tuple[FieldParameters, ...], mixture: Mixture, *, records: int
) -> PairEvidence:
    """Read the same for judging by what was learned, which knows its sources: no record is counted."""
    names = pa.table(
        {
            side: pa.array([getattr(both, of) for both in mixture.persons_by_sources], pa.string())
            for side, of in (("one", "left"), ("other", "right"))
        }
    )
    with warehouse.view("identity_known_sources", names):
        return _read(warehouse, fields, _total(records), COMPARED, combinations=_KNOWN_SOURCES_SQL)


def read_lesson(
    warehouse: Warehouse, fields: tuple[FieldParameters, ...], *, records: int, most: int
) -> PairEvidence:
    """Read the levels of about ``most`` candidate pairs at most, chosen and sorted by their ids.

    A choice that does not depend on the order of the table, in an order that does not either:
    sums over it are the same to the last digit in every run.
    """
    pairs = int(warehouse.scalar(f"select count(*) from {COMPARED}"))
    step = max(-(-pairs // most), 1)
    chosen = (
        f"{COMPARED} where xor(left_record, right_record) % {step} = 0 "
        "order by left_record, right_record"
    )
    return _read(warehouse, fields, _total(records), chosen, combinations=_SOURCES_SQL, step=step)


def _total(records: int) -> float:
    return max(records * (records - 1) / 2, 1.0)


def _read(
    warehouse: Warehouse,
    fields: tuple[FieldParameters, ...],
    total_pairs: float,
    chosen: str,
    *,
    combinations: str,
    step: int = 1,
) -> PairEvidence:
    columns = ", ".join(f"{item.name}, {item.name}_rarity" for item in fields)
    pairs = warehouse.read(f"select {columns}, sources from {chosen}")
    rarities = {item.name: pairs.column(f"{item.name}_rarity").to_numpy() for item in fields}
    return PairEvidence(
        {item.name: _levels(pairs, item) for item in fields},
        {name: bits for name, bits in rarities.items() if bits.any()},
        total_pairs / step,
        _sources(pairs, warehouse.read(combinations).to_pylist(), step=step),
        float(warehouse.scalar(_PLACED_SQL) or 1.0),
    )


_PLACED_SQL = f"""
    select pow(avg((coalesce(street, postal_code, city) is not null)::integer), 2) from {RECORDS}
"""


def _sources(pairs: pa.Table, rows: list[dict[str, Any]], *, step: int) -> SourcePairs | None:
    """Which sources the pairs are of; every two sources are known by the hash of both."""
    if not rows:
        return None
    hashes = np.array([row["sources"] for row in rows], dtype=np.uint64)
    order = np.argsort(hashes, kind="stable")
    wanted = pairs.column("sources").to_numpy()
    found = np.minimum(np.searchsorted(hashes[order], wanted), len(order) - 1)
    # Of two sources that nobody knows, the share is that of all pairs; it has a place of its own.
    place = np.where(hashes[order][found] == wanted, order[found], len(order))
    return SourcePairs(
        (*((row["one"], row["other"]) for row in rows), ("", "")),
        (*(row["pairs"] / step for row in rows), 0.0),
        place,
    )


_SOURCES_SQL = f"""
    with sizes as (select source, count(*) as records from {RECORDS} group by source)
    select one.source as one, other.source as other,
        case when one.source = other.source then one.records * (one.records - 1) / 2.0
            else one.records * other.records::double end as pairs,
        {sources_hash("one.source", "other.source")} as sources
    from sizes as one join sizes as other on one.source <= other.source
    order by one.source, other.source
"""
# Of two sources that nothing was learned of nobody knows; see ``_sources``.
_KNOWN_SOURCES_SQL = f"""
    select one, other, 0.0 as pairs, {sources_hash("one", "other")} as sources
    from identity_known_sources where one <> '' order by one, other
"""


def keep_probabilities(
    warehouse: Warehouse,
    fields: tuple[FieldParameters, ...],
    probabilities: Floats,
    *,
    lowest: float,
) -> None:
    """Fill the temporary table of probabilities: left_record, right_record, probability, evidence.

    Evidence, in bits per field, is written for pairs that somebody may look at: links, and pairs
    from the lowest probability on.

    Args:
        warehouse: Holds the compared pairs.
        fields: What agreement weighs.
        probabilities: Of all candidate pairs, in the order of their table.
        lowest: Less likely pairs have no evidence.
    """
    arriving = pa.table({"probability": probabilities})
    bits = ", ".join(_evidence(item) for item in fields)
    with warehouse.view("identity_arriving_pairs", arriving):
        warehouse.execute(
            f"""
            create or replace temp table {JUDGED} as
            select left_record, right_record, first_name >= 0 and last_name >= 0 as is_named,
                case when {ONLY_SHARED} then least(probability, $lowest / 2) else probability end
                    as probability,
                case when probability >= $lowest or found.rule is not null
                    then to_json({{{bits}}}) end as evidence
            from (
                select * from {COMPARED} positional join identity_arriving_pairs
            ) as compared
            left join {DETERMINISTIC} as found using (left_record, right_record)
            """,
            {"lowest": lowest},
        )


def _only_shared() -> str:
    """SQL that a pair agrees in nothing but values that many people have.

    Two records without names that came with info@ of a company are not one person, however seldom
    two records agree so: a shared value adds to what else agrees, and links nobody by itself.
    """
    others = [
        item.name for item in COMPARISONS if item.name not in SHARABLE and not item.is_proven_only
    ]
    agrees = " or ".join(f"{name} = 1" for name in SHARABLE)
    most = " and ".join(
        [*(f"{name} <= 1" for name in SHARABLE), *(f"{name} <= 0" for name in others)]
    )
    return f"({agrees}) and {most}"


# Of these the lowest level of agreement is "same but shared".
SHARABLE = ("email", "phone")
ONLY_SHARED = _only_shared()


def weigh_nothing(warehouse: Warehouse) -> None:
    """Leave the table of probabilities empty: rules alone decide."""
    warehouse.execute(
        f"create or replace temp table {JUDGED} (left_record bigint, right_record bigint, "
        "is_named boolean, probability double, evidence varchar)"
    )


def inspect_parameters(parameters: MatchParameters) -> MatchParameters:
    """Leave out fields that count the wrong way; refuse where a name does.

    No field is left where the records hold too little to compare; rules alone decide then.

    Raises:
        UnusableModelError: A difference in name or birth date would count for a match.
    """
    bad = {item.name for item in parameters.fields if not _counts_rightly(item)}
    reasons = [
        f"a {name.replace('_', ' ')} that differs counts for a match" for name in bad & _NAMES
    ]
    kept = tuple(item for item in parameters.fields if item.name not in bad)
    if reasons:
        raise UnusableModelError(tuple(sorted(reasons)))
    return MatchParameters(kept)


def choose_threshold(
    parts: Parting, joined: Joined, *, min_precision: float, floor: float
) -> float:
    """Return the lowest probability, not below the floor, from which on the precision is kept.

    Of all pairs of records that become one person's, by identifiers and by likeness, as many are
    expected to be right, and of those that likeness joins nine in ten; where identifiers make too many wrong ones for that, as many of those that
    likeness joins. Where no threshold keeps the precision, nothing is linked (a threshold above 1).

    Args:
        parts: What neither an identifier nor a decision joins.
        joined: What identifiers join.
        min_precision: Share of the pairs that must be right.
        floor: Never link below this.
    """
    if not len(parts.probabilities):
        return 1.0
    order = np.argsort(-parts.probabilities, kind="stable")
    ranked = parts.probabilities[order]
    right, pairs = (
        np.cumsum(parts.expected[order] * parts.pairs[order]),
        np.cumsum(parts.pairs[order]),
    )
    # Pairs of one probability are linked all or none.
    last = np.append(ranked[1:] != ranked[:-1], True)
    by_itself = right / pairs
    is_kept = last & ((joined.right + right) / (joined.pairs + pairs) >= min_precision)
    is_kept &= by_itself >= min(min_precision, LEAST_PRECISION)
    if not is_kept.any():  # identifiers fall short of it: likeness is to keep it by itself
        is_kept = last & (by_itself >= min_precision)
    if not is_kept.any():
        return 1.1
    # What lies below the floor is no link: it must not make up for what lies above.
    above = ranked >= floor
    if not above.any() or (ranked[is_kept][-1] < floor and is_kept[above][-1]):
        return floor
    kept = ranked[is_kept & above]
    return float(kept[-1]) if len(kept) else 1.1


def _counts_rightly(field: FieldParameters) -> bool:
    return is_sound(field.name, np.array(field.m), np.array(field.u))


def _levels(pairs: pa.Table, field: FieldParameters) -> Levels:
    """The level's place from the strongest (0); -1 is unknown."""
    level = pairs.column(field.name).to_numpy()
    return np.where(level < 0, -1, len(field.m) - 1 - level).astype(np.int8)


def _evidence(field: FieldParameters) -> str:
    weights = ", ".join(f"{bits!r}" for bits in reversed(field.weights))
    return (
        f"'{field.name}': nullif(round(case when {field.name} >= 0 then "
        f"[{weights}][{field.name} + 1] + {field.name}_rarity end, 1), 0)"
    )
