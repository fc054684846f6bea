"""Learn from clicks how much each facet counts, where there are enough of them.

A click says that the result was preferred to those above it that were passed over, and to the next
one below. Such pairs are compared within one list, so most of the position's own pull cancels; the
rest is taken out by the difference of the engine's scores, which is fitted too and not used.

Sources: Joachims (2002), "Optimizing search engines using clickthrough data", KDD; Joachims et al.
(2005), "Accurately interpreting clickthrough data as implicit feedback", SIGIR (click > skip above,
click > no-click next).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from personalization.config import PURPOSE
from personalization.readings import FACETS, Flags, Floats
from personalization.search_config import Search
from settings import counted
from warehouse import Warehouse

# As many as vendors ask for before they learn from conversions (Algolia Recommend: 1,000 events).
FEWEST_QUERIES = 1_000
# The later third of the searches judges what the earlier two taught.
LEARNT_SHARE = 2 / 3

# Interests as they were before the click: what the click led to would otherwise explain it.
_PAIRS = """
    with clicks as (
        select event_id, person_id, occurred_at,
            json_extract_string(properties, $content_path) as clicked,
            case when json_type(properties, $results_path) = 'ARRAY'
                then from_json(json_extract(properties, $results_path), '["varchar"]') end as results
        from marts.events
        inner join (
            select distinct person_id from marts.consent_current
            where purpose = $purpose and status = 'granted'
        ) as granted using (person_id)
        where event = $event and not is_bot and occurred_at < $as_of
            and coalesce(received_at, occurred_at) <= $as_of
            and json_extract_string(properties, $query_path) is not null
    ),
    placed as (
        select *, list_position(results, clicked) as clicked_place from clicks
        where list_contains(results, clicked)
    ),
    shown as (
        select event_id, person_id, occurred_at, clicked_place,
            unnest(results) as content_id, generate_subscripts(results, 1) as place
        from placed
    ),
    compared as (
        select shown.*, items.topic, items.content_type, items.funnel_stage,
            1 / log2(1 + place) as engine
        from shown left join marts.content_items as items using (content_id)
        where place <= clicked_place + 1
    ),
    past as (
        select placed.event_id, items.topic, items.content_type, items.funnel_stage
        from placed
        inner join marts.content_engagement as engagement
            on placed.person_id = engagement.person_id
            and engagement.first_viewed_at < placed.occurred_at
        inner join marts.content_items as items using (content_id)
    ),
    evidence as (select event_id, count(*) as n from past group by event_id),
    {affinities},
    judged as (
        select compared.event_id, compared.occurred_at, compared.place, compared.clicked_place,
            compared.engine, {columns}
        from compared
        left join evidence using (event_id)
        {joins}
    )
    select dense_rank() over (order by winner.occurred_at, winner.event_id) - 1 as query,
        winner.engine - loser.engine as engine, {differences}
    from judged as winner
    inner join judged as loser
        on winner.event_id = loser.event_id and winner.place = winner.clicked_place
        and loser.place <> winner.place
    order by query, loser.place
"""


@dataclass(frozen=True, slots=True)
class Learnt:
    """The weights in force.

    Attributes:
        weights: By facet; together 1, or all 0 where clicks show that interests do not matter.
        source: declared or learned.
        clicked_queries: Searches with a click whose results are known.
        reason: Why these, in words.
    """

    weights: Mapping[str, float]
    source: str
    clicked_queries: int
    reason: str


@dataclass(frozen=True, slots=True)
class Pairs:
    """Preferences that clicks show.

    Attributes:
        queries: Of each pair the number of its search, in order of time, from 0.
        engine: Difference of the engine's opinion, preferred less other.
        affinities: (pairs, facets), differences of the person's affinity.
    """

    queries: Floats
    engine: Floats
    affinities: Floats

    def of(self, rows: Flags) -> Pairs:
        """Some of them."""
        return Pairs(self.queries[rows], self.engine[rows], self.affinities[rows])


def learn_weights(warehouse: Warehouse, search: Search, *, as_of: dt.datetime) -> Learnt:
    """Learn the weights from the clicks by ``as_of``; the declared ones where that cannot be done.

    Args:
        warehouse: With the marts of this run.
        search: Names the event, and declares weights.
        as_of: Later clicks do not count, UTC.
    """
    pairs = read_pairs(warehouse, search, as_of=as_of)
    return choose_weights(pairs, search)


def choose_weights(pairs: Pairs, search: Search) -> Learnt:
    """Declared or learned weights; pure."""
    declared = search.weights.by_facet
    count = len(np.unique(pairs.queries))
    if count < FEWEST_QUERIES:
        missing = f"declared: needs {counted(FEWEST_QUERIES - count, 'more clicked queries')}"
        return Learnt(declared, "declared", count, f"{missing} with the list that was shown")
    is_early = pairs.queries < np.quantile(np.unique(pairs.queries), LEARNT_SHARE)
    learnt = _fit(pairs.of(is_early))
    later = pairs.of(~is_early)
    own, other = (_agreement(later, weights, search.impact) for weights in (learnt, declared))
    if own < other:
        return Learnt(
            declared, "declared", count,
            f"declared: on later clicks they agree with {other:.1%} of preferences, learned "
            f"ones with {own:.1%}",
        )  # fmt: skip
    return Learnt(
        learnt, "learned", count,
        f"learned: on later clicks they agree with {own:.1%} of preferences, the declared ones "
        f"with {other:.1%}",
    )  # fmt: skip


def read_pairs(warehouse: Warehouse, search: Search, *, as_of: dt.datetime) -> Pairs:
    """Read what clicks of persons who granted personalization preferred to what."""
    clicks = search.clicks
    rows = warehouse.read(
        _PAIRS.format(
            affinities=", ".join(_affinity_sql(facet) for facet in FACETS),
            columns=", ".join(
                f"coalesce(of_{f}.share * n / (n + $evidence), 0) as {f}" for f in FACETS
            ),
            joins=" ".join(
                f"left join of_{f} on of_{f}.event_id = compared.event_id "
                f"and of_{f}.value = compared.{f}"
                for f in FACETS
            ),
            differences=", ".join(f"winner.{f} - loser.{f} as {f}" for f in FACETS),
        ),
        {
            "as_of": as_of, "event": clicks.event, "purpose": PURPOSE, "evidence": search.evidence,
            "query_path": _path(clicks.query_property),
            "content_path": _path(clicks.content_property),
            "results_path": _path(clicks.results_property),
        },
    )  # fmt: skip
    affinities = [_floats(rows, facet) for facet in FACETS]
    return Pairs(_floats(rows, "query"), _floats(rows, "engine"), np.column_stack(affinities))


def _affinity_sql(facet: str) -> str:
    """The share of one facet's values in what the person had read, less everybody's."""
    return f"""
        all_{facet} as (
            select {facet} as value, count(*) / sum(count(*)) over () as share
            from past where {facet} is not null group by {facet}
        ),
        of_{facet} as (
            select event_id, own.value, greatest(own.share - all_{facet}.share, 0) as share
            from (
                select event_id, {facet} as value,
                    count(*) / sum(count(*)) over (partition by event_id) as share
                from past where {facet} is not null group by event_id, {facet}
            ) as own inner join all_{facet} using (value)
        )
    """


def _fit(pairs: Pairs) -> Mapping[str, float]:
    """Weights of the facets from a regression on differences; what harms counts nothing."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - slow to load

    sides = np.column_stack([pairs.engine, pairs.affinities])
    model = LogisticRegression(fit_intercept=False)
    model.fit(np.concatenate([sides, -sides]), np.repeat([1, 0], len(sides)))
    found = np.maximum(model.coef_[0, 1:], 0.0)
    total = found.sum()
    shares = found / total if total > 0 else found
    return dict(zip(FACETS, shares.tolist(), strict=True))


def _agreement(pairs: Pairs, weights: Mapping[str, float], impact: float) -> float:
    """Share of preferences that the mix puts in the clicked order; a tie is half."""
    interests = pairs.affinities @ np.array([weights[facet] for facet in FACETS])
    lead = (1 - impact) * pairs.engine + impact * interests
    return float(np.mean((lead > 0) + 0.5 * (lead == 0)))


def _path(name: str) -> str:
    """The JSON path of a property; its name has no character that needs an escape."""
    return f'$."{name}"'


def _floats(rows: pa.Table, name: str) -> Floats:
    return np.asarray(rows[name].to_numpy(zero_copy_only=False), dtype=np.float64)
