"""Turn agreements into the probability that two records are one person.

The model that Splink trains knows two kinds of pairs: one person, and strangers drawn at random. Candidate
pairs hold more: people of one household agree in surname, address and phone, colleagues in
company, namesakes in their names. Against strangers alone such pairs look like one person (the
"household trap"). Here every kind is a class of its own in a mixture, and expectation
maximisation finds how many pairs of each kind these data hold; where there are no households the
class stays empty and costs nothing.

Source: McLachlan & Peel (2000), "Finite Mixture Models", ch. 2; Fellegi & Sunter (1969) for the
conditional independence of fields within a class.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from identity.train import FieldParameters, Floats, bounded, conventional, is_sound, smoothed

Levels = npt.NDArray[np.int8]

_ROUNDS = 40
_TOLERANCE = 1e-4
# Pairs enough to tell shares of a thousandth: more change no digit that matters.
MOST_FITTED = 150_000
# As many as stay in the processor's cache while all kinds are weighed.
_JUDGED_AT_ONCE = 100_000
# Which fields the kinds of different persons agree in; all others agree by chance.
_KINDS: dict[str, frozenset[str]] = {
    "household": frozenset({"last_name", "address", "phone", "email"}),
    # A family's number, at the address of before or after a move.
    "relatives": frozenset({"last_name", "phone", "address"}),
    # A mailbox follows from the name, so that namesakes agree in it without being anybody's address.
    "namesakes": frozenset({"first_name", "last_name", "email"}),
    "colleagues": frozenset({"company", "address", "phone"}),
}


_FROM_NAME = ("same mailbox", "different")
_FAMILIES = frozenset({"household", "relatives"})

# Share of pairs within a household that are twins. About one birth in thirty is a twin's
# (Monden, Pison & Smits 2021, "Twin Peaks"); most pairs in a household are no siblings.
_TWINS = 0.02


@dataclass(frozen=True, slots=True)
class PairEvidence:
    """Candidate pairs as arrays, all of one length.

    Attributes:
        levels: Per field, the level's place from the strongest (0); -1 is unknown.
        adjustments: Per field with names, the bits that a rare name adds; see ``frequencies``.
        total_pairs: All pairs that the records could form.
    """

    levels: dict[str, Levels]
    adjustments: dict[str, Floats]
    total_pairs: float

    def part(self, chosen: slice) -> PairEvidence:
        """Some of the pairs."""
        return PairEvidence(
            {name: levels[chosen] for name, levels in self.levels.items()},
            {name: bits[chosen] for name, bits in self.adjustments.items()},
            self.total_pairs,
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """One component of the mixture.

    Attributes:
        name: "person", or the kind of different persons.
        share: Share of all pairs that are of this kind.
        levels: Per field, the share of its pairs that show each level, strongest first.
        free: Fields whose levels these data taught or may teach.
        inherits: Fields in which a rare value tells more than a usual one.
    """

    name: str
    share: float
    levels: dict[str, tuple[float, ...]]
    free: frozenset[str]
    inherits: frozenset[str]


@dataclass(frozen=True, slots=True)
class Mixture:
    """What the pairs of these data are: one person's first, then kinds of different persons.

    Attributes:
        kinds: The components; strangers are what is left.
        support: Per field, how many pairs of one person show it: what its m rests on.
    """

    kinds: tuple[Kind, ...]
    support: dict[str, float]

    @property
    def person(self) -> Kind:
        """The pairs of one person."""
        return self.kinds[0]

    def fields(self, fields: tuple[FieldParameters, ...]) -> tuple[FieldParameters, ...]:
        """Parameters with the m that was learned where no proven pairs taught it."""
        return tuple(replace(item, m=self.person.levels[item.name]) for item in fields)


def fit_mixture(evidence: PairEvidence, fields: tuple[FieldParameters, ...]) -> Mixture:
    """Find the shares of all kinds of pairs; the same pairs in the same order give the same.

    Args:
        evidence: Pairs to learn from; ``MOST_FITTED`` of them, evenly chosen, are enough.
        fields: What is compared.
    """
    kinds = _start(evidence, fields)
    shares = _responsibilities(evidence, fields, kinds)
    for _ in range(_ROUNDS):
        before = shares[0]
        kinds = _updated(evidence, fields, kinds, shares)
        shares = _responsibilities(evidence, fields, kinds)
        if np.abs(shares[0] - before).max(initial=0.0) < _TOLERANCE:
            break
    support = {
        item.name: float(shares[0][evidence.levels[item.name] >= 0].sum()) for item in fields
    }
    return Mixture(tuple(kinds), support)


def judge_pairs(
    evidence: PairEvidence, fields: tuple[FieldParameters, ...], mixture: Mixture
) -> Floats:
    """Return per pair the probability that both records are one person."""
    pairs = len(next(iter(evidence.levels.values())))
    probabilities = np.empty(pairs)
    for start in range(0, pairs, _JUDGED_AT_ONCE):
        part = slice(start, start + _JUDGED_AT_ONCE)
        probabilities[part] = _responsibilities(evidence.part(part), fields, list(mixture.kinds))[0]
    return probabilities


def rival_bits(
    evidence: PairEvidence, fields: tuple[FieldParameters, ...], mixture: Mixture
) -> dict[str, Floats]:
    """Return per kind of different persons the bits by which it explains each pair.

    As the person's own are ``log2(share) + sum of the fields' bits``, so that the log2 odds of one
    person are those less the log2 of the sum of all rivals, strangers among them.
    """
    rivals = {
        item.name: _bits(evidence, fields, item) + np.log2(item.share) for item in mixture.kinds[1:]
    }
    shares = sum(item.share for item in mixture.kinds)
    pairs = len(next(iter(evidence.levels.values())))
    rivals["strangers"] = np.full(pairs, np.log2(max(1.0 - shares, 1e-9)))
    return rivals


def _start(evidence: PairEvidence, fields: tuple[FieldParameters, ...]) -> list[Kind]:
    count = max(len(evidence.levels[fields[0].name]), 1)
    share = 0.2 * count / evidence.total_pairs
    untaught = frozenset(item.name for item in fields if item.origin != "proven pairs")
    everything = frozenset(item.name for item in fields)
    person = Kind("person", share, {item.name: item.m for item in fields}, untaught, everything)
    others = [
        Kind(
            kind,
            share,
            {item.name: _chance(kind, item, free=item.name in free) for item in fields},
            free,
            # A family's surname is one draw, so a rare one tells; namesakes met by two draws.
            inherits=free if kind in _FAMILIES else frozenset(),
        )
        for kind, free in _KINDS.items()
    ]
    return [person, *others]


def _chance(kind: str, field: FieldParameters, *, free: bool) -> tuple[float, ...]:
    """How pairs of different persons of a kind agree, before the data are asked."""
    u = np.array(field.u)
    if free:
        return _derived(kind, field, conventional(u))
    if kind == "household" and field.name == "birth_date":
        twins = (1 - _TWINS) * u
        twins[0] += _TWINS
        return tuple(twins.tolist())
    return field.u


def _responsibilities(
    evidence: PairEvidence, fields: tuple[FieldParameters, ...], kinds: list[Kind]
) -> list[Floats]:
    """The probability of each kind per pair; strangers are what is left."""
    odds = [np.exp2(_bits(evidence, fields, item)) * item.share for item in kinds]
    strangers = max(1.0 - sum(item.share for item in kinds), 1e-9)
    total = np.sum(odds, axis=0) + strangers
    return [np.asarray(item / total) for item in odds]


def _bits(evidence: PairEvidence, fields: tuple[FieldParameters, ...], item: Kind) -> Floats:
    """log2 of how much likelier the pair is of this kind than of strangers."""
    bits = np.zeros(len(next(iter(evidence.levels.values()))))
    for field in fields:
        weights = np.log2(np.array(item.levels[field.name]) / np.array(field.u))
        if weights.any():
            bits += np.append(weights, 0.0)[evidence.levels[field.name]]
        if field.name in item.inherits and field.name in evidence.adjustments:
            bits += evidence.adjustments[field.name]
    return np.clip(bits, -200.0, 200.0)


def _updated(
    evidence: PairEvidence,
    fields: tuple[FieldParameters, ...],
    kinds: list[Kind],
    shares: list[Floats],
) -> list[Kind]:
    return [
        replace(
            item,
            share=max(float(share.sum()), 0.5) / evidence.total_pairs,
            levels={
                field.name: _found_levels(evidence, field, item, share)
                if field.name in item.free
                else item.levels[field.name]
                for field in fields
            },
        )
        for item, share in zip(kinds, shares, strict=True)
    ]


def _found_levels(
    evidence: PairEvidence, field: FieldParameters, item: Kind, share: Floats
) -> tuple[float, ...]:
    levels, u = evidence.levels[field.name], np.array(field.u)
    known = levels >= 0
    counts = np.bincount(levels[known], share[known], minlength=len(u))
    # A few pairs' worth of the starting values keeps empty kinds where they began.
    found = smoothed(counts + 5.0 * conventional(u))
    if item.name == "person":
        found = bounded(field.name, found)
        if not is_sound(field.name, found, u):
            return item.levels[field.name]
    return _derived(item.name, field, found)


def _derived(kind: str, field: FieldParameters, shares: Floats) -> tuple[float, ...]:
    """Namesakes agree in what follows from a name; in a whole address only by chance."""
    if kind == "namesakes" and field.name == "email":
        follows = np.array([label.startswith(_FROM_NAME) for label in field.labels])
        shares = np.where(follows, shares, field.u)
        shares = shares / shares.sum()
    return tuple(shares.tolist())
