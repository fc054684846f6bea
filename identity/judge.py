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

from identity.evidence import PairEvidence
from identity.train import FieldParameters, Floats, bounded, conventional, is_sound, smoothed

_ROUNDS = 40
_TOLERANCE = 1e-4
# The share of one person's pairs in two sources is taken to rest on as many more of the usual share.
_PRIOR_PERSONS = 10.0
# Persons are seldom twice in a source of whose pairs less than half as many are one person's as of all.
_SELDOM = 0.5
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
    # John and Jane Smith both write from a jsmith.
    "letters alike": frozenset({"last_name", "email"}),
    # A Sarah writes from sarah73, another one from sarah91.
    "first names alike": frozenset({"first_name", "email"}),
    "colleagues": frozenset({"company", "address", "phone"}),
}
_FROM_NAME = ("same mailbox", "different")
_ALIKE_BY_NAME = frozenset(
    {"namesakes", "letters alike", "first names alike", "named after another"}
)
_FAMILIES = ("household", "relatives")
_LEAST_PLACED = 0.05  # of fewer pairs with addresses nothing is concluded about the others
# Father and son of one name. Who they are shows in addresses and numbers alone, of which one person
# has several too, so that their number does not follow from the data: it is that of families.
_NAMED_AFTER = "named after another"
# Share of a family's pairs that have one first name.
_NAMED_ALIKE = 0.015

# Share of pairs within a household that are twins. About one birth in thirty is a twin's
# (Monden, Pison & Smits 2021, "Twin Peaks"); most pairs in a household are no siblings.
_TWINS = 0.02


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
class SourceShare:
    """How many of all pairs of two sources (or within one) are one person's."""

    left: str
    right: str
    share: float


@dataclass(frozen=True, slots=True)
class Mixture:
    """What the pairs of these data are: one person's first, then kinds of different persons.

    Attributes:
        kinds: The components; strangers are what is left.
        support: Per field, how many pairs of one person show it: what its m rests on.
        persons_by_sources: Of two sources, the share of their pairs that are one person's.
    """

    kinds: tuple[Kind, ...]
    support: dict[str, float]
    persons_by_sources: tuple[SourceShare, ...] = ()

    @property
    def person(self) -> Kind:
        """The pairs of one person."""
        return self.kinds[0]

    def share_of(self, left: str = "", right: str = "") -> float:
        """The share of one person's pairs among all of two sources; of unknown ones, among all."""
        known = {(item.left, item.right): item.share for item in self.persons_by_sources}
        return known.get((left, right), known.get((right, left), self.person.share))

    @property
    def once(self) -> dict[str, float]:
        """Per source with persons seldom twice, the bits that count against two of its records."""
        return {
            item.left: float(np.log2(self.person.share / item.share))
            for item in self.persons_by_sources
            if item.left == item.right
            and item.left
            and 0 < item.share < _SELDOM * self.person.share
        }

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
    priors = np.full(_combinations(evidence), kinds[0].share)
    shares = _responsibilities(evidence, fields, kinds, priors)
    for _ in range(_ROUNDS):
        before = shares[0]
        kinds = _updated(evidence, fields, kinds, shares)
        priors = _priors(evidence, kinds[0].share, shares[0])
        shares = _responsibilities(evidence, fields, kinds, priors)
        if np.abs(shares[0] - before).max(initial=0.0) < _TOLERANCE:
            break
    support = {
        item.name: float(shares[0][evidence.levels[item.name] >= 0].sum()) for item in fields
    }
    names = () if evidence.sources is None else evidence.sources.names
    return Mixture(
        tuple(kinds),
        support,
        tuple(SourceShare(*both, float(share)) for both, share in zip(names, priors, strict=False)),
    )


def judge_pairs(
    evidence: PairEvidence, fields: tuple[FieldParameters, ...], mixture: Mixture
) -> Floats:
    """Return per pair the probability that both records are one person."""
    pairs = len(next(iter(evidence.levels.values())))
    probabilities = np.empty(pairs)
    names = ((),) if evidence.sources is None else evidence.sources.names
    priors = np.array([mixture.share_of(*both) for both in names])
    for start in range(0, pairs, _JUDGED_AT_ONCE):
        part = slice(start, start + _JUDGED_AT_ONCE)
        probabilities[part] = _responsibilities(
            evidence.part(part), fields, list(mixture.kinds), priors
        )[0]
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
    families = sum(item.share for item in others if item.name in _FAMILIES)
    return _tied(fields, [person, *others], of_families=families)


def _tied(
    fields: tuple[FieldParameters, ...], kinds: list[Kind], *, of_families: float
) -> list[Kind]:
    """Add whoever is named after another of the family: alike in name, else as families are."""
    person, families = kinds[0], [item for item in kinds if item.name in _FAMILIES]
    known = next((item for item in kinds if item.name == _NAMED_AFTER), None)
    share = sum(item.share for item in families)
    levels = {}
    for field in fields:
        if field.name == "first_name":
            levels[field.name] = person.levels[field.name]
        elif field.name == "email":
            levels[field.name] = known.levels["email"] if known else _mailboxes(field)
        else:
            mean = sum(np.array(item.levels[field.name]) * item.share for item in families) / share
            levels[field.name] = tuple(np.asarray(mean).tolist())
    tied = Kind(
        _NAMED_AFTER,
        _NAMED_ALIKE * of_families,
        levels,
        frozenset({"email"}),
        frozenset({"first_name", "last_name"}),
    )
    return [*(item for item in kinds if item.name != _NAMED_AFTER), tied]


def _mailboxes(field: FieldParameters) -> tuple[float, ...]:
    """Of two who have one name: half of their mailboxes differ, the others follow from it."""
    follows = np.array([label.startswith("same mailbox") for label in field.labels])
    shares = np.where(follows, 0.5 / max(follows.sum(), 1), field.u)
    shares[-1] = 0.5
    return tuple((shares / shares.sum()).tolist())


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


def _combinations(evidence: PairEvidence) -> int:
    return 1 if evidence.sources is None else len(evidence.sources.names)


def _priors(evidence: PairEvidence, share: float, persons: Floats) -> Floats:
    """One person's share of the pairs of each two sources.

    A tool that holds everybody once has next to none within itself, though names and houses agree
    there as often as anywhere.
    """
    if evidence.sources is None:
        return np.array([share])
    found = np.bincount(evidence.sources.place, persons, minlength=len(evidence.sources.names))
    return (found + _PRIOR_PERSONS) / (
        np.array(evidence.sources.total_pairs) + _PRIOR_PERSONS / share
    )


def _responsibilities(
    evidence: PairEvidence, fields: tuple[FieldParameters, ...], kinds: list[Kind], priors: Floats
) -> list[Floats]:
    """The probability of each kind per pair; strangers are what is left."""
    person = priors if evidence.sources is None else priors[evidence.sources.place]
    shares = [person, *(np.array(item.share) for item in kinds[1:])]
    odds = [
        np.exp2(_bits(evidence, fields, item)) * share
        for item, share in zip(kinds, shares, strict=True)
    ]
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
    updated = [
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
    return _tied(fields, updated, of_families=_families(evidence, kinds, shares))


def _families(evidence: PairEvidence, kinds: list[Kind], shares: list[Floats]) -> float:
    """The share of all pairs that are of one family, those included that do not show it.

    Families are told by their addresses, and records without one are of families as often as others.
    """
    found = sum(of for item, of in zip(kinds, shares, strict=True) if item.name in _FAMILIES)
    seen = float(np.sum(found))
    if "address" in evidence.levels:
        placed = float(np.sum(found, where=evidence.levels["address"] >= 0))
        seen = max(seen, placed / max(evidence.placed, _LEAST_PLACED))
    return seen / evidence.total_pairs


def _found_levels(
    evidence: PairEvidence, field: FieldParameters, item: Kind, share: Floats
) -> tuple[float, ...]:
    levels, u = evidence.levels[field.name], np.array(field.u)
    known = levels >= 0
    counts = np.bincount(levels[known], share[known], minlength=len(u))
    # A few pairs' worth of the starting values keeps empty kinds where they began.
    found = smoothed(counts + 5.0 * conventional(u))
    if item.name == "person":
        found = bounded(field.name, found, u)
        if not is_sound(field.name, found, u):
            return item.levels[field.name]
    return _derived(item.name, field, found)


def _derived(kind: str, field: FieldParameters, shares: Floats) -> tuple[float, ...]:
    """Namesakes agree in what follows from a name; in a whole address only by chance."""
    if kind in _ALIKE_BY_NAME and field.name == "email":
        follows = np.array([label.startswith(_FROM_NAME) for label in field.labels])
        shares = np.where(follows, shares, field.u)
        shares = shares / shares.sum()
    return tuple(shares.tolist())
