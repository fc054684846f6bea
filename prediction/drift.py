"""How far people have moved from those that a model was judged on.

The usual threshold of .1 cries wolf on small samples: without any drift it is passed in 31 % of
comparisons of 100 people with 5,000. The threshold here is the larger of .1 and what chance alone
reaches once in a thousand looks: over all features together, and for the score by itself.

Source: the index's chi-squared approximation, Yurdakul & Naranjo (2020), "Statistical properties
of the population stability index".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum

import numpy as np
import pyarrow as pa
from scipy import stats

from prediction.dataset import Floats
from prediction.inventory import DRIFT
from warehouse import Warehouse

BINS = 10
FEWEST = 50
CONVENTION = 0.1
FALSE_ALARMS = 0.001
# Beyond so many people the threshold is .1 anyway; more only take longer.
COMPARED = 100_000


class Kind(StrEnum):
    """What was looked at."""

    FEATURE = "feature"
    SCORE = "score"
    LABELS = "labels"
    RANKING = "ranking"


class Status(StrEnum):
    """What was found."""

    STABLE = "stable"
    MOVED = "moved"
    FAILED = "failed"
    NOT_TESTED = "not_tested"


class Tier(StrEnum):
    """Who should know: somebody now, somebody this week, whoever looks, nobody."""

    PAGE = "page"
    TICKET = "ticket"
    INFORMATION = "information"
    NONE = "none"


_TIERS = {Kind.FEATURE: Tier.INFORMATION, Kind.SCORE: Tier.TICKET,
          Kind.LABELS: Tier.TICKET, Kind.RANKING: Tier.TICKET}  # fmt: skip
# Either asks for a new training; a feature that moves and leaves the scores alone does not.
ALARMS = (Tier.PAGE, Tier.TICKET)


@dataclass(frozen=True, slots=True)
class Movement:
    """How far one thing moved.

    Attributes:
        kind: What it is.
        subject: The feature; else what kind says.
        measure: psi, observed_to_expected or auc.
        value: Of that measure; nan where it was not tested.
        lower: Of its interval; nan where it has none.
        upper: Likewise.
        threshold: What chance alone would hardly reach; nan where the interval decides.
        p_value: Of no movement at all.
        people: Who were looked at now.
        status: stable, moved, failed (surely past what is allowed) or not_tested.
    """

    kind: Kind
    subject: str
    measure: str
    value: float
    lower: float
    upper: float
    threshold: float
    p_value: float
    people: int
    status: Status

    @property
    def tier(self) -> Tier:
        """Who should know."""
        if self.status is Status.FAILED:
            return Tier.PAGE
        return _TIERS[self.kind] if self.status is Status.MOVED else Tier.NONE


@dataclass(frozen=True, slots=True)
class Profile:
    """How one column was spread.

    Attributes:
        people: Over how many.
        edges: Upper ends of the bins but the last one, rising.
        shares: Of the bins, and of unknown at the end.
    """

    people: int
    edges: Floats
    shares: Floats

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "people": self.people,
            "edges": self.edges.tolist(),
            "shares": self.shares.tolist(),
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, list[float]]) -> Profile:
        """What ``as_dict`` wrote."""
        return cls(
            int(found["people"]),  # type: ignore[call-overload]
            np.asarray(found["edges"], dtype=np.float64),
            np.asarray(found["shares"], dtype=np.float64),
        )


def profile_of(values: Floats) -> Profile:
    """At most ten bins of equal size; a value that fills one by itself is alone in its bin."""
    known = values[~np.isnan(values)]
    quantiles = np.quantile(known, np.linspace(0, 1, BINS + 1)) if len(known) else np.empty(0)
    inner, repeated = quantiles[1:-1], quantiles[1:][np.diff(quantiles) == 0]
    edges = np.unique(np.concatenate([inner, repeated, np.nextafter(repeated, -np.inf)]))
    return Profile(len(values), edges, _shares(values, edges))


def profiles_of(names: Sequence[str], values: Floats) -> dict[str, Profile]:
    """The profile of each column of (n, p)."""
    return {name: profile_of(values[:, column]) for column, name in enumerate(names)}


def compare_features(
    before: Mapping[str, Profile], names: Sequence[str], values: Floats
) -> tuple[Movement, ...]:
    """Compare each column with its profile; nan is a value of its own.

    Args:
        before: Of those that the model was judged on, by feature; columns without one are left out.
        names: Of p columns.
        values: (n, p), those scored now.
    """
    rows, chance = _few(values), FALSE_ALARMS / max(len(before), 1)
    return tuple(
        _movement(Kind.FEATURE, name, before[name], rows[:, column], chance)
        for column, name in enumerate(names)
        if name in before
    )


def compare_scores(before: Profile, scores: Floats) -> Movement:
    """Compare the scores with those of whom the model was judged on."""
    return _movement(Kind.SCORE, "score", before, _few(scores), FALSE_ALARMS)


def stability_index(before: Profile, now: Floats) -> tuple[float, int]:
    """The index of one column, and how many bins anybody was in."""
    found = _shares(now, before.edges)
    used = (before.shares > 0) | (found > 0)
    # Half a person stands in for nobody: the logarithm of 0 would outweigh everything.
    expected = np.maximum(before.shares[used], 0.5 / before.people)
    found = np.maximum(found[used], 0.5 / len(now))
    return float(np.sum((found - expected) * np.log(found / expected))), int(used.sum())


def write_drift(
    warehouse: Warehouse,
    key: str,
    version: str,
    movements: Sequence[Movement],
    *,
    as_of: dt.datetime,
) -> None:
    """Put the movements of this date in place."""
    columns = {
        field.name: [getattr(movement, field.name) for movement in movements]
        for field in fields(Movement)
    }
    floats = {"value", "lower", "upper", "threshold", "p_value"}
    typed = {
        name: pa.array(values, pa.float64() if name in floats else None, from_pandas=name in floats)
        for name, values in columns.items() if name not in {"kind", "status", "people"}
    }  # fmt: skip
    facts = {
        "model_key": [key] * len(movements), "model_version": [version] * len(movements),
        "kind": [str(m.kind) for m in movements], "status": [str(m.status) for m in movements],
        "tier": [str(m.tier) for m in movements],
    }  # fmt: skip
    rows = pa.table(
        {
            **{name: pa.array(values, pa.string()) for name, values in facts.items()},
            **typed,
            "people": pa.array(columns["people"], pa.int64()),
            "as_of": pa.array([as_of] * len(movements), pa.timestamp("us")),
        }
    )
    warehouse.replace_where(
        DRIFT.name, "model_key = $key and as_of = $as_of", rows, {"key": key, "as_of": as_of}
    )


def read_alarms(warehouse: Warehouse, key: str, version: str) -> tuple[str, ...]:
    """What of this version pages or is a ticket at the newest date at which it was looked at."""
    rows = warehouse.read(
        "select subject, status from prediction.drift where model_key = $key "
        "and model_version = $version and list_contains($tiers, tier) and as_of = ("
        "select max(as_of) from prediction.drift "
        "where model_key = $key and model_version = $version) order by all",
        {"key": key, "version": version, "tiers": [str(tier) for tier in ALARMS]},
    )
    return tuple(f"{row['subject']} {row['status']}" for row in _rows(rows))


def read_drift(warehouse: Warehouse, key: str | None = None) -> pa.Table:
    """The newest look at each version that answers, what matters most first."""
    return warehouse.read(
        """
        select model_key as model, model_version as version, as_of, tier, kind, subject, status,
               measure, value, lower, upper, threshold, p_value, people
        from prediction.drift
        inner join (
            select model_key, model_version from prediction.models where models.status = 'champion'
        ) as answering using (model_key, model_version)
        where $key is null or model_key = $key
        qualify as_of = max(as_of) over (partition by model_key)
        order by model_key, list_position(['page', 'ticket', 'information', 'none'], tier),
                 p_value nulls last, kind, subject
        """,
        {"key": key},
    )


def _rows(rows: pa.Table) -> Iterator[Mapping[str, str]]:
    yield from rows.to_pylist()  # one row per alarm, not per person


def _movement(kind: Kind, name: str, before: Profile, now: Floats, chance: float) -> Movement:
    none, people = np.nan, len(now)
    if min(before.people, people) < FEWEST:
        return Movement(kind, name, "psi", none, none, none, none, none, people, Status.NOT_TESTED)
    psi, bins = stability_index(before, now)
    freedom, scale = max(bins - 1, 1), 1 / before.people + 1 / people
    threshold = float(max(CONVENTION, stats.chi2.isf(chance, freedom) * scale))
    p_value = float(stats.chi2.sf(psi / scale, freedom))
    status = Status.MOVED if psi > threshold else Status.STABLE
    return Movement(kind, name, "psi", psi, none, none, threshold, p_value, people, status)


def _few(values: Floats) -> Floats:
    return values[:: -(-len(values) // COMPARED)] if len(values) else values


def _shares(values: Floats, edges: Floats) -> Floats:
    """Shares of the bins, each with its upper end, and of unknown at the end."""
    unknown = np.isnan(values)
    places = np.searchsorted(edges, values[~unknown], side="left")
    counts = np.append(np.bincount(places, minlength=len(edges) + 1), unknown.sum())
    return np.asarray(counts / max(len(values), 1), dtype=np.float64)
