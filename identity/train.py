"""Learn how often fields agree in pairs of one person (m) and of different persons (u).

m comes from pairs that two *other* fields prove, so that the model cannot settle on "same
household", which is what expectation maximisation does on census-like data. A field without
enough proven pairs takes m from Splink's expectation maximisation; parameters that would let a
difference count for a match are refused and replaced by conventional ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from identity.compare import COMPARED
from identity.model import COMPARISONS, Comparison, level
from warehouse import Warehouse

Floats = npt.NDArray[np.float64]

# Agreements that one person shares with few others. Mailbox, house and phone go together in
# families, so they do not prove each other; a father's and son's name and house prove no birth date.
_PROOFS: Mapping[str, str] = {
    "email": f"email = {level('email', 'same')}",
    "phone": f"phone = {level('phone', 'same')}",
    "birth_date": f"birth_date = {level('birth_date', 'same')}",
    "address": f"address = {level('address', 'same house')}",
    "name": f"first_name >= {level('first_name', 'nickname')} and last_name = {level('last_name', 'same')}",
}
# In these alone differ two of one name in one house, whom name and address would prove to be one.
_OF_NAMESAKES = frozenset({"birth_date", "mailboxes"})
# Of what nothing is known but by proven pairs, chance counts as so many of them.
_PRIOR_PAIRS = 5.0
_WEAK_PROOFS = frozenset({frozenset({"phone", "address"}), frozenset({"email", "address"})})
_NAMES = frozenset({"first_name", "last_name"})
# A difference in these fields happens to one person in far fewer than every fifth pair; a larger
# share means that the proof was one of households.
_MOST_DIFFERENT: Mapping[str, float] = {"first_name": 0.25, "birth_date": 0.25}


@dataclass(frozen=True, slots=True)
class FieldParameters:
    """One field's levels, strongest first and "different" last.

    Attributes:
        name: The field.
        labels: The levels' names.
        m: Share of pairs of one person that show each level; sums to 1.
        u: Share of pairs of different persons that show each level; sums to 1.
        origin: Where m comes from: proven pairs, expectation maximisation, convention.
        proven_pairs: How many proven pairs could show the field.
    """

    name: str
    labels: tuple[str, ...]
    m: tuple[float, ...]
    u: tuple[float, ...]
    origin: str
    proven_pairs: int

    @property
    def weights(self) -> tuple[float, ...]:
        """log2(m / u) of each level, in bits."""
        return tuple(float(np.log2(m / u)) for m, u in zip(self.m, self.u, strict=True))


def proven_levels(warehouse: Warehouse, comparison: Comparison) -> Floats:
    """Count the levels of one field among the pairs that other fields prove, strongest first."""
    rows = warehouse.read(
        f"select {comparison.name} as level, count(*) as pairs from {COMPARED} "
        f"where ({_proof_without(comparison.name)}) and {comparison.name} >= 0 group by level"
    )
    counts = np.zeros(comparison.level_count)
    places = comparison.level_count - 1 - rows.column("level").to_numpy()
    counts[places] = rows.column("pairs").to_numpy()
    return counts


def field_parameters(
    comparison: Comparison,
    counts: Floats,
    u: Floats,
    learned: Mapping[str, Sequence[float]],
    *,
    min_proven_pairs: int,
) -> FieldParameters:
    """Choose m for one field: proven, else learned, else conventional; refuse what is absurd.

    Args:
        comparison: The field.
        counts: Its levels among proven pairs, strongest first.
        u: Its levels among random pairs.
        learned: m by field from expectation maximisation.
        min_proven_pairs: How many proven pairs are enough.
    """
    proven = int(counts.sum())
    labels = (*(item.label for item in comparison.levels), "different")
    if comparison.is_proven_only:
        m = (counts + _PRIOR_PAIRS * u) / (proven + _PRIOR_PAIRS)
        return FieldParameters(comparison.name, labels, tuple(m), tuple(u), "proven pairs", proven)
    candidates: list[tuple[str, Floats]] = []
    if proven >= min_proven_pairs:
        candidates.append(("proven pairs", no_surer_than_equal(smoothed(counts), counts, u)))
    if comparison.name in learned:
        candidates.append(
            (
                "expectation maximisation",
                smoothed(np.array(learned[comparison.name]) * proven_scale(proven)),
            )
        )
    candidates.append(("convention", conventional(u)))
    origin, m = next(
        (item for item in candidates if is_sound(comparison.name, item[1], u)), candidates[-1]
    )
    return FieldParameters(comparison.name, labels, tuple(m), tuple(u), origin, proven)


def is_sound(name: str, m: Floats, u: Floats) -> bool:
    """Whether agreement counts for a match and difference against it."""
    most = _MOST_DIFFERENT.get(name, 0.9)
    return bool(m[0] > u[0] and m[-1] < u[-1] and m[-1] <= most)


def bounded(name: str, m: Floats, u: Floats) -> Floats:
    """What the pairs show, as far as so many differences are believed of one person's pairs.

    Too many birth dates that differ may be placeholders, and as many as are believed stay. Too many
    first names show that the pairs are a family's, who share all the rest: they teach nothing.
    """
    most = _MOST_DIFFERENT.get(name, 0.9)
    if m[-1] <= most:
        return m
    if name == "first_name":
        return conventional(u)
    return np.append(m[:-1] * (1 - most) / max(m[:-1].sum(), 1e-9), most)


def conventional(u: Floats) -> Floats:
    """Four pairs of five agree; a tenth falls on every level between, a tenth falls by chance."""
    between = len(u) - 2
    m = 0.1 * u
    m[0] += 0.8
    m[1:-1] += 0.1 / max(between, 1)
    return np.asarray(m / m.sum())


def smoothed(counts: Floats) -> Floats:
    """Shares of counts with half a pair added to each level (Jeffreys' prior)."""
    return np.asarray((counts + 0.5) / (counts + 0.5).sum(), dtype=np.float64)


def no_surer_than_equal(m: Floats, counts: Floats, u: Floats) -> Floats:
    """Let no level that no proven pair has weigh more than that both are the same.

    Few pairs, proven or random, have such a level, and half a pair would be worth a thousand of chance.
    """
    unseen = counts == 0
    unseen[[0, -1]] = False
    bounded = np.where(unseen, np.minimum(m, u * m[0] / u[0]), m)
    return np.asarray(bounded / bounded.sum(), dtype=np.float64)


def proven_scale(proven: int) -> float:
    """As many pairs as an estimate is taken to be worth; at least a thousand."""
    return float(max(proven, 1000))


def usable_comparisons(warehouse: Warehouse, records: str) -> tuple[Comparison, ...]:
    """The fields in which at least two records have different values."""
    counted = ", ".join(f"count(distinct {item.column}) as {item.name}" for item in COMPARISONS)
    row = warehouse.read(f"select {counted} from {records}").to_pylist()[0]
    return tuple(item for item in COMPARISONS if row[item.name] > 1)


def _proof_without(name: str) -> str:
    hidden = {"name"} if name in _NAMES else {name}
    fields = [field for field in _PROOFS if field not in hidden]
    pairs = [
        f"({_PROOFS[one]} and {_PROOFS[other]})"
        for one, other in combinations(fields, 2)
        if frozenset({one, other}) not in _WEAK_PROOFS
        and not (name in _OF_NAMESAKES and {one, other} == {"name", "address"})
    ]
    return " or ".join(pairs)
