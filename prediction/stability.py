"""How many groups of readers there are, if any: those that come back, and that chance cannot make.

Groups that a resample of the same readers does not bring back are merely constructed (Dolnicar &
Leisch (2010), "Evaluation of structure and reproducibility of cluster solutions using the
bootstrap"). Readers who all have one taste can look grouped too; the gain of the mixture must be
more than any such draw reaches. Nor need there be groups where tastes pass into each other without a
gap: any cut through them comes back as well as another. Many readers are then between the groups, more
than of any draw from the groups themselves (a parametric bootstrap: McLachlan (1987), "On bootstrapping
the likelihood ratio test statistic for the number of components in a normal mixture").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from prediction.dataset import Floats, Integers
from prediction.mixture import Mixture, draw_alike, fit
from settings import counted

# Simulation with 8 variables: four true groups give .99 at 100 readers, pure noise .16 to .35 at
# any number.
PUBLISHED, PROVISIONAL = 0.75, 0.60
MIN_READERS = 300
MIN_MEMBERS, MIN_SHARE = 50, 0.05
# Numbers of groups that all come back surely enough to be published are alike, as are those whose
# stability differs by less than this, and the evidence for them decides: two groups that are taken for
# one come back as surely as any.
ALIKE = 0.06
# Of circles and clouds of tastes .02 to .04 less sure than draws from the groups; of planted groups,
# overlapping, nested and of readers who stray from their group, .00 to .007.
BETWEEN = 0.01
# Stability of 2,000 readers is that of all; more only take longer.
SAMPLED = 2_000
SCANS, RESAMPLES, NULL_DRAWS = 5, 12, 19
# Few starts end in a poor fit, which then looks as if its groups did not come back.
STARTS, STARTS_AGAIN = 10, 6


@dataclass(frozen=True, slots=True)
class Trial:
    """One number of groups.

    Attributes:
        k: Groups.
        stability: Mean adjusted Rand index of resamples with the whole; None where a group is too small
            to be published.
        smallest: Readers in the smallest group.
        evidence: How much likelier the readers are than with one group, in nats, less what so many
            shares would gain by chance (BIC / -2; Schwarz (1978)).
    """

    k: int
    stability: float | None
    smallest: int
    evidence: float


@dataclass(frozen=True, slots=True)
class Grouping:
    """What was found.

    Attributes:
        mixture: The best number of groups, fitted on all; None where there are too few readers.
        trials: Every number of groups that was tried.
        readers: How many were learnt from.
        stability: Of the best number, from more resamples.
        gain: Of the mixture, in nats per reader.
        null_gain: The largest gain on readers of one taste.
        smallest: Readers in the smallest group.
        sureness: How likely, on average, a reader belongs to the likeliest group.
        expected_sureness: The least of the same of readers drawn from these groups.
    """

    mixture: Mixture | None
    trials: tuple[Trial, ...]
    readers: int
    stability: float
    gain: float
    null_gain: float
    smallest: int
    sureness: float
    expected_sureness: float

    @property
    def reasons(self) -> tuple[str, ...]:
        """Every reason to refuse; none where the groups may be published."""
        if self.mixture is None:
            return (f"needs {counted(MIN_READERS - self.readers, 'more readers')}",)
        found = []
        if self.stability < PROVISIONAL:
            found.append(
                f"the groups do not come back: stability {self.stability:.2f} of {PROVISIONAL:.2f}"
            )
        if self.gain <= self.null_gain:
            found.append("readers of one taste would look as grouped as these")
        if self.sureness < self.expected_sureness - BETWEEN:
            found.append(
                f"too many readers are between the groups: they belong to one with {self.sureness:.2f} "
                f"on average, readers of such groups with {self.expected_sureness:.2f} at least"
            )
        if self.smallest < smallest_allowed(self.readers):
            found.append(f"the smallest group has {counted(self.smallest, 'readers')}")
        return tuple(found)

    @property
    def status(self) -> str:
        """published, provisional or refused."""
        if self.reasons:
            return "refused"
        return "published" if self.stability >= PUBLISHED else "provisional"

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "k": self.mixture.k if self.mixture else None,
            "stability": self.stability,
            "readers": self.readers,
            "gain": self.gain,
            "null_gain": self.null_gain,
            "smallest": self.smallest,
            "sureness": self.sureness,
            "expected_sureness": self.expected_sureness,
            "trials": [asdict(trial) for trial in self.trials],
        }


def find_groups(
    counts: Floats, facets: Sequence[int], numbers: Sequence[int], *, seed: int
) -> Grouping:
    """Choose the number of groups by stability, and test it against chance.

    Args:
        counts: (n, v), items read by each reader of each value, facet by facet.
        facets: How many values each facet has.
        numbers: The numbers of groups to try.
        seed: Of resamples, starts and draws.
    """
    readers = len(counts)
    if readers < MIN_READERS:
        return Grouping(None, (), readers, 0.0, 0.0, 0.0, 0, 0.0, 0.0)
    rng = np.random.default_rng(seed)
    sample = counts[np.sort(rng.permutation(readers)[:SAMPLED])]
    trials = _try_all(sample, facets, numbers, rng)
    k = _best(trials)
    mixture = fit(counts, facets, k, rng, starts=STARTS)
    return Grouping(
        mixture=mixture,
        trials=trials,
        readers=readers,
        stability=_stability(sample, facets, mixture, rng, resamples=RESAMPLES),
        gain=mixture.gain,
        null_gain=_null_gain(sample, facets, k, rng),
        smallest=_smallest(counts, mixture),
        sureness=mixture.sureness(sample),
        expected_sureness=min(
            mixture.sureness(mixture.draw(sample, rng)) for _ in range(NULL_DRAWS)
        ),
    )


def adjusted_rand(left: Integers, right: Integers) -> float:
    """Agreement of two groupings of the same readers; 1 is the same, 0 is chance.

    Source: Hubert & Arabie (1985), "Comparing partitions".
    """
    table = np.zeros((left.max() + 1, right.max() + 1))
    np.add.at(table, (left, right), 1)
    both, rows, columns = (_pairs(part) for part in (table, table.sum(axis=1), table.sum(axis=0)))
    everything = _pairs(np.array([len(left)]))
    by_chance = rows * columns / everything
    most = (rows + columns) / 2
    return 1.0 if most == by_chance else float((both - by_chance) / (most - by_chance))


def smallest_allowed(readers: int) -> int:
    """Readers that the smallest group must have."""
    return max(MIN_MEMBERS, int(MIN_SHARE * readers))


def _best(trials: Sequence[Trial]) -> int:
    """The likeliest number among those that come back surely, or about as surely as the surest."""
    known = [(trial.stability, trial) for trial in trials if trial.stability is not None]
    sure = min(max(stability for stability, _ in known) - ALIKE, PUBLISHED)
    alike = [trial for stability, trial in known if stability >= sure]
    return max(alike, key=lambda trial: trial.evidence).k


def _try_all(
    sample: Floats, facets: Sequence[int], numbers: Sequence[int], rng: np.random.Generator
) -> tuple[Trial, ...]:
    """Fit every number; what could not be published is drawn anew only where nothing else could be."""
    fits = [fit(sample, facets, k, rng, starts=STARTS) for k in numbers]
    smallest = [_smallest(sample, whole) for whole in fits]
    enough = min(smallest_allowed(len(sample)), max(smallest))
    return tuple(
        Trial(
            k=whole.k,
            stability=_stability(sample, facets, whole, rng, resamples=SCANS)
            if size >= enough
            else None,
            smallest=size,
            evidence=_evidence(sample, facets, whole),
        )
        for whole, size in zip(fits, smallest, strict=True)
    )


def _evidence(sample: Floats, facets: Sequence[int], whole: Mixture) -> float:
    free = whole.k - 1 + whole.k * sum(values - 1 for values in facets)
    return whole.gain * len(sample) - free / 2 * math.log(len(sample))


def _stability(
    sample: Floats,
    facets: Sequence[int],
    whole: Mixture,
    rng: np.random.Generator,
    *,
    resamples: int,
) -> float:
    labels, found = whole.assign(sample), []
    for _ in range(resamples):
        drawn = sample[rng.integers(0, len(sample), len(sample))]
        again = fit(drawn, facets, whole.k, rng, starts=STARTS_AGAIN)
        found.append(adjusted_rand(labels, again.assign(sample)))
    return float(np.mean(found))


def _null_gain(sample: Floats, facets: Sequence[int], k: int, rng: np.random.Generator) -> float:
    draws = (draw_alike(sample, facets, rng) for _ in range(NULL_DRAWS))
    return max(fit(drawn, facets, k, rng, starts=1).gain for drawn in draws)


def _smallest(counts: Floats, mixture: Mixture) -> int:
    return int(np.bincount(mixture.assign(counts), minlength=mixture.k).min())


def _pairs(counts: Floats) -> float:
    return float((counts * (counts - 1) / 2).sum())
