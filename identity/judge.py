"""Turn agreements into the probability that two records are one person.

Splink's model knows two kinds of pairs: one person, and strangers drawn at random. Candidate
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

from identity.train import FieldParameters, Floats, conventional, is_sound, smoothed

Levels = npt.NDArray[np.int8]

_ROUNDS = 40
_TOLERANCE = 1e-4
# Pairs enough to tell shares of a thousandth: more change no digit that matters.
_MOST_FITTED = 150_000
# Which fields the kinds of different persons agree in; all others agree by chance.
_KINDS: dict[str, frozenset[str]] = {
    "household": frozenset({"last_name", "address", "phone", "email"}),
    "namesakes": frozenset({"first_name", "last_name"}),
    "colleagues": frozenset({"company", "address", "phone"}),
}


# Share of pairs within a household that are twins. About one birth in thirty is a twin's
# (Monden, Pison & Smits 2021, "Twin Peaks"); most pairs in a household are no siblings.
_TWINS = 0.02


@dataclass(frozen=True, slots=True)
class PairEvidence:
    """Candidate pairs as arrays, all of one length.

    Attributes:
        levels: Per field, the level's place from the strongest (0); -1 is unknown.
        adjustments: Per field, Splink's term-frequency adjustment in bits; 0 where there is none.
        total_pairs: All pairs that the records could form.
    """

    levels: dict[str, Levels]
    adjustments: dict[str, Floats]
    total_pairs: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """The mixture that was found.

    Attributes:
        probabilities: Per candidate pair, that both records are one person.
        fields: Parameters, with m learned where no proven pairs taught it.
        prior: Probability that two records drawn at random are one person.
        kinds: How many of all pairs are of each kind of different persons.
        support: Per field, how many pairs of one person show it: what its m rests on.
    """

    probabilities: Floats
    fields: tuple[FieldParameters, ...]
    prior: float
    kinds: dict[str, float]
    support: dict[str, float]


@dataclass(slots=True)
class _Class:
    """One component: its share of all pairs and its levels' shares per field."""

    share: float
    levels: dict[str, Floats]
    free: frozenset[str]
    inherits: frozenset[str]


def judge_pairs(evidence: PairEvidence, fields: tuple[FieldParameters, ...]) -> Judgement:
    """Fit the mixture and give each pair its probability; deterministic.

    The mixture is fitted on evenly spaced pairs where there are more than it can learn from, so
    that the cost of its rounds does not grow with the data.
    """
    classes = _fit(_thinned(evidence), fields)
    shares = _responsibilities(evidence, fields, classes)
    person = classes[0]
    learned = tuple(replace(item, m=tuple(person.levels[item.name].tolist())) for item in fields)
    kinds = {
        name: item.share * evidence.total_pairs
        for name, item in zip(_KINDS, classes[1:], strict=True)
    }
    support = {
        item.name: float(shares[0][evidence.levels[item.name] >= 0].sum()) for item in fields
    }
    return Judgement(shares[0], learned, person.share, kinds, support)


def _fit(evidence: PairEvidence, fields: tuple[FieldParameters, ...]) -> list[_Class]:
    classes = _start(evidence, fields)
    shares = _responsibilities(evidence, fields, classes)
    for _ in range(_ROUNDS):
        before = shares[0]
        _update(evidence, fields, classes, shares)
        shares = _responsibilities(evidence, fields, classes)
        if np.abs(shares[0] - before).max(initial=0.0) < _TOLERANCE:
            break
    return classes


def _thinned(evidence: PairEvidence) -> PairEvidence:
    pairs = len(next(iter(evidence.levels.values())))
    step = -(-pairs // _MOST_FITTED)
    if step <= 1:
        return evidence
    return PairEvidence(
        {name: levels[::step] for name, levels in evidence.levels.items()},
        {name: bits[::step] for name, bits in evidence.adjustments.items()},
        evidence.total_pairs / step,
    )


def _start(evidence: PairEvidence, fields: tuple[FieldParameters, ...]) -> list[_Class]:
    count = max(len(evidence.levels[fields[0].name]), 1)
    share = 0.2 * count / evidence.total_pairs
    untaught = frozenset(item.name for item in fields if item.origin != "proven pairs")
    everything = frozenset(item.name for item in fields)
    person = _Class(share, {item.name: np.array(item.m) for item in fields}, untaught, everything)
    others = [
        _Class(
            share,
            {item.name: _chance(kind, item, free=item.name in free) for item in fields},
            free,
            # A family's surname is one draw, so a rare one tells; namesakes met by two draws.
            inherits=free if kind == "household" else frozenset(),
        )
        for kind, free in _KINDS.items()
    ]
    return [person, *others]


def _chance(kind: str, field: FieldParameters, *, free: bool) -> Floats:
    """How pairs of different persons of a kind agree, before the data are asked."""
    u = np.array(field.u)
    if free:
        return conventional(u)
    if kind == "household" and field.name == "birth_date":
        twins = (1 - _TWINS) * u
        twins[0] += _TWINS
        return np.asarray(twins)
    return u


def _responsibilities(
    evidence: PairEvidence, fields: tuple[FieldParameters, ...], classes: list[_Class]
) -> list[Floats]:
    """The probability of each class per pair; strangers are what is left."""
    odds = [np.exp2(_bits(evidence, fields, item)) * item.share for item in classes]
    strangers = max(1.0 - sum(item.share for item in classes), 1e-9)
    total = np.sum(odds, axis=0) + strangers
    return [np.asarray(item / total) for item in odds]


def _bits(evidence: PairEvidence, fields: tuple[FieldParameters, ...], item: _Class) -> Floats:
    """log2 of how much likelier the pair is in this class than among strangers."""
    bits = np.zeros(len(next(iter(evidence.levels.values()))))
    for field in fields:
        ratio = np.append(np.log2(item.levels[field.name] / np.array(field.u)), 0.0)
        bits += ratio[evidence.levels[field.name]]
        if field.name in item.inherits:
            bits += evidence.adjustments[field.name]
    return np.clip(bits, -200.0, 200.0)


def _update(
    evidence: PairEvidence,
    fields: tuple[FieldParameters, ...],
    classes: list[_Class],
    shares: list[Floats],
) -> None:
    for place, (item, share) in enumerate(zip(classes, shares, strict=True)):
        item.share = max(float(share.sum()), 0.5) / evidence.total_pairs
        for field in fields:
            if field.name not in item.free:
                continue
            levels = evidence.levels[field.name]
            known = levels >= 0
            counts = np.bincount(levels[known], share[known], minlength=len(field.u))
            # A few pairs' worth of the starting values keeps empty classes where they began.
            found = smoothed(counts + 5.0 * conventional(np.array(field.u)))
            if place > 0 or is_sound(field.name, found, np.array(field.u)):
                item.levels[field.name] = found
