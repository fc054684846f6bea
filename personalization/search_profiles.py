"""What each person's searches may be reranked by, and how much each facet counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from measurement import Holdout
from personalization.config import PURPOSE, ContentConfig
from personalization.held_out import held_out_sql
from personalization.inventory import TABLES
from personalization.inventory_search import SEARCH_PROFILES, SEARCH_WEIGHTS
from personalization.readings import FACETS, INTEREST_HALF_LIVES
from personalization.rerank import RerankRules, SearchProfile, SearchResult
from personalization.search_config import Search
from personalization.search_learning import Learnt, learn_weights
from warehouse import TableName, Warehouse

ITEMS = TableName("marts", "content_items")

# Readers as everywhere: who granted personalization and is no program. A reading fades as it does for
# interests in recommendations.
_PROFILES = """
    with read_items as (
        select engagement.person_id, items.*,
            -- Of decimals the sum is the same in any order.
            cast(pow(0.5, date_diff('second', least(engagement.last_viewed_at, $as_of), $as_of)
                / 86400.0 / $half_life_days) as decimal(18, 12)) as weight
        from marts.content_engagement as engagement
        inner join marts.content_items as items using (content_id)
        inner join marts.profiles as profiles on engagement.person_id = profiles.person_id
        inner join (
            select distinct person_id from marts.consent_current
            where purpose = $purpose and status = 'granted'
        ) as granted on engagement.person_id = granted.person_id
        where engagement.first_viewed_at < $as_of and not profiles.is_bot
    ),
    facets as ({facets}),
    everybody as (
        select facet, value, sum(weight) / sum(sum(weight)) over (partition by facet) as share
        from facets group by facet, value
    ),
    own as (
        select person_id, facet, value, sum(weight) as weight,
            sum(sum(weight)) over (partition by person_id, facet) as known
        from facets group by person_id, facet, value
    ),
    totals as (select person_id, sum(weight) as readings from read_items group by person_id)
    select own.person_id, own.facet, own.value, totals.readings,
        (own.weight / own.known - everybody.share)
            * totals.readings / (totals.readings + $evidence) as affinity,
        $as_of as as_of, $run_id as run_id
    from own
    inner join everybody using (facet, value)
    inner join totals using (person_id)
    anti join ({held_out}) as held_out using (person_id)
    where own.weight / own.known > everybody.share
"""


@dataclass(frozen=True, slots=True)
class SearchReport:
    """What is known for search, in counts.

    Attributes:
        persons: With an interest of their own.
        rows: Interests.
        learnt: The weights, and why these.
    """

    persons: int
    rows: int
    learnt: Learnt


def write_search_profiles(
    warehouse: Warehouse,
    content: ContentConfig,
    *,
    as_of: dt.datetime,
    run_id: str,
    holdout: Holdout | None = None,
) -> SearchReport:
    """Replace every search profile and the weights by today's.

    Args:
        warehouse: With the marts of this run.
        content: Says how search is reranked.
        as_of: The moment up to which readings and clicks count, UTC.
        run_id: Stored with every row.
        holdout: Who is held out of everything and gets no profile; None: nobody is.
    """
    warehouse.create_missing(TABLES)
    parameters = {
        "as_of": as_of,
        "half_life_days": content.half_life_days * INTEREST_HALF_LIVES,
        "purpose": PURPOSE,
        "evidence": content.search.evidence,
        "run_id": run_id,
    }
    learnt = learn_weights(warehouse, content.search, as_of=as_of)
    with warehouse.transaction():
        query = _PROFILES.format(facets=_facets_sql(), held_out=held_out_sql(holdout))
        rows = warehouse.replace(SEARCH_PROFILES.name, query, parameters)
        warehouse.replace(SEARCH_WEIGHTS.name, _weight_rows(learnt, as_of, run_id))
    persons = warehouse.scalar(f"select count(distinct person_id) from {SEARCH_PROFILES.name.sql}")
    return SearchReport(persons, rows, learnt)


def read_search_profile(warehouse: Warehouse, person_id: str) -> SearchProfile | None:
    """What is known of one person; None where there is nothing, as without consent or held out."""
    rows = warehouse.read(
        f"select facet, value, affinity, readings from {SEARCH_PROFILES.name.sql} "
        "where person_id = $person_id order by facet, value",
        {"person_id": person_id},
    ).to_pylist()
    affinities: dict[str, dict[str, float]] = {}
    for row in rows:
        affinities.setdefault(row["facet"], {})[row["value"]] = row["affinity"]
    return SearchProfile(rows[0]["readings"], affinities) if rows else None


def read_rerank_rules(warehouse: Warehouse, search: Search) -> RerankRules:
    """The bounds of the configuration, with the weights of the last run where there was one."""
    rows = warehouse.read(f"select facet, weight from {SEARCH_WEIGHTS.name.sql}").to_pylist()
    learnt = {row["facet"]: row["weight"] for row in rows}
    return RerankRules(
        search.impact,
        search.max_shift,
        learnt or search.weights.by_facet,
        frozenset(search.navigational),
    )


def describe_results(
    warehouse: Warehouse, content_ids: list[str], scores: list[float | None]
) -> tuple[SearchResult, ...]:
    """Add to an engine's ids what the catalogue knows of them; an unknown id stays as it is."""
    rows = []
    if warehouse.exists(ITEMS):
        rows = warehouse.read(
            f"select content_id, title, topic, content_type, funnel_stage, url from {ITEMS.sql} "
            "where list_contains($ids::varchar[], content_id)",
            {"ids": content_ids},
        ).to_pylist()
    known: Mapping[str, Mapping[str, str | None]] = {row["content_id"]: row for row in rows}
    return tuple(
        _described(content_id, known.get(content_id, {}), score)
        for content_id, score in zip(content_ids, scores, strict=True)
    )


def _described(
    content_id: str, facts: Mapping[str, str | None], score: float | None
) -> SearchResult:
    title, topic, content_type, funnel_stage, url = (
        facts.get(name) or "" for name in ("title", *FACETS, "url")
    )
    return SearchResult(content_id, title, topic, content_type, funnel_stage, url, score)


def _facets_sql() -> str:
    return " union all ".join(
        f"select person_id, '{facet}' as facet, {facet} as value, weight from read_items "
        f"where {facet} is not null"
        for facet in FACETS
    )


def _weight_rows(learnt: Learnt, as_of: dt.datetime, run_id: str) -> pa.Table:
    return pa.table(
        {
            "facet": pa.array(list(learnt.weights), pa.string()),
            "weight": pa.array(list(learnt.weights.values()), pa.float64()),
            **{
                name: pa.repeat(value, len(learnt.weights))
                for name, value in (
                    ("source", pa.scalar(learnt.source)),
                    ("clicked_queries", pa.scalar(learnt.clicked_queries)),
                    ("reason", pa.scalar(learnt.reason)),
                    ("as_of", pa.scalar(as_of, pa.timestamp("us"))),
                    ("run_id", pa.scalar(run_id)),
                )
            },
        }
    )
