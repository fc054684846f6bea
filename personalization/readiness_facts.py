"""What a company has, in counts. A table that is not there counts as empty."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from measurement import design_effect, sample_of
from measurement.samples import ADDED_UP
from personalization.config import PURPOSE
from prediction import PredictionsConfig
from warehouse import TableName, Warehouse

# Hold-outs are judged over so many days; longer than anybody waits for an answer.
WINDOW_DAYS = 90

_GRANTED = """
    select distinct person_id from marts.consent_current
    where purpose = $purpose and status = 'granted'
"""
_READINGS = f"""
    select person_id, count(*) as items from marts.content_engagement
    inner join marts.profiles using (person_id)
    where not is_bot and first_viewed_at < $as_of and person_id in ({_GRANTED})
    group by person_id
"""
_MAILABLE = """
    select distinct person_id from marts.contact_points
    inner join marts.profiles using (person_id)
    where identifier_type = 'email' and identifier_value is not null and not is_bot
        and not coalesce(is_shared, false)
"""
_SEEN = """
    select * from marts.events
    where person_id is not null and not is_bot and occurred_at < $as_of
        and coalesce(activity, '') not in ('email_delivered', 'email_refused')
"""
# Who has not granted is shown nothing of their own, so they cannot be held out of it.
_SEEN_GRANTED = f"select * from ({_SEEN}) where person_id in ({_GRANTED})"
_RECENT = "occurred_at >= $as_of - to_days({days})"
PROFILES = TableName("marts", "profiles")
_CAME_BACK = ""
_ON_TWO_DAYS = "count(distinct cast(occurred_at as date)) > 1"
_DID = "count(*) filter (where event = $event) > 0"
_COMPANIES = f"""
    with persons as (
        select person_id, cast({{did}} as integer) as did
        from ({_SEEN_GRANTED}) where {_RECENT.format(days=WINDOW_DAYS)}
        group by person_id
    ),
    units as (
        select '' as segment, '' as arm, coalesce(profiles.account_id, persons.person_id) as unit_id,
               count(*) as n, cast(sum(did) as double) as s0, cast(count(*) as double) as s1,
               cast(0 as double) as s2, cast(count(*) as double) as s3
        from persons left join {PROFILES.sql} as profiles on persons.person_id = profiles.person_id
        group by all
    )
    select {ADDED_UP} from units group by segment, arm
"""


@dataclass(frozen=True, slots=True)
class _Count:
    """One number: the tables that it needs, and its query."""

    tables: tuple[str, ...]
    query: str


_COUNTS: Mapping[str, _Count] = {
    "events": _Count(("marts.events",), "select count(*) from marts.events where not is_bot"),
    "history_days": _Count(
        ("marts.events",),
        "select coalesce(date_diff('day', min(occurred_at), $as_of), 0) from marts.events",
    ),
    "active_30": _Count(
        ("marts.events",),
        f"select count(distinct person_id) from ({_SEEN}) where {_RECENT.format(days=30)}",
    ),
    "granted_30": _Count(
        ("marts.events", "marts.consent_current"),
        f"select count(distinct person_id) from ({_SEEN_GRANTED}) where {_RECENT.format(days=30)}",
    ),
    "granted_90": _Count(
        ("marts.events", "marts.consent_current"),
        f"select count(distinct person_id) from ({_SEEN_GRANTED}) "
        f"where {_RECENT.format(days=WINDOW_DAYS)}",
    ),
    "came_back": _Count(
        ("marts.events", "marts.consent_current"),
        f"""
        select count(*) from (
            select person_id from ({_SEEN_GRANTED}) where {_RECENT.format(days=WINDOW_DAYS)}
            group by person_id having count(distinct cast(occurred_at as date)) > 1
        )
        """,
    ),
    "persons": _Count(("marts.profiles",), "select count(*) from marts.profiles where not is_bot"),
    "known_persons": _Count(
        ("marts.profiles",), "select count(*) from marts.profiles where is_known and not is_bot"
    ),
    "granted": _Count(
        ("marts.consent_current", "marts.profiles"),
        f"select count(*) from marts.profiles where not is_bot and person_id in ({_GRANTED})",
    ),
    "records": _Count(
        ("identity.members",),
        "select count(*) from identity.members where source not in ('devices', 'emails')",
    ),
    "sources": _Count(
        ("identity.members",),
        "select count(distinct source) from identity.members where source not in ('devices', 'emails')",
    ),
    "proven_links": _Count(
        ("identity.links",), "select count(*) from identity.links where kind = 'deterministic'"
    ),
    "likely_links": _Count(
        ("identity.links",), "select count(*) from identity.links where kind = 'probabilistic'"
    ),
    "items": _Count(
        ("marts.content_items",),
        "select count(*) from marts.content_items where published_at is null or published_at < $as_of",
    ),
    "described_items": _Count(
        ("marts.content_items",),
        "select count(*) from marts.content_items where topic is not null and funnel_stage is not null "
        "and (published_at is null or published_at < $as_of)",
    ),
    "readings": _Count(
        ("marts.content_engagement", "marts.consent_current", "marts.profiles"),
        f"select coalesce(sum(items), 0) from ({_READINGS})",
    ),
    "readers": _Count(
        ("marts.content_engagement", "marts.consent_current", "marts.profiles"),
        f"select count(*) from ({_READINGS})",
    ),
    "readers_twice": _Count(
        ("marts.content_engagement", "marts.consent_current", "marts.profiles"),
        f"select count(*) from ({_READINGS}) where items >= 2",
    ),
    "searches": _Count(
        ("marts.events",), f"select count(*) from ({_SEEN}) where activity = 'search'"
    ),
    "searchers_30": _Count(
        ("marts.events",),
        f"select count(distinct person_id) from ({_SEEN}) "
        f"where activity = 'search' and {_RECENT.format(days=30)}",
    ),
    "search_clicks": _Count(
        ("marts.events",), f"select count(*) from ({_SEEN}) where event = $search_click"
    ),
    "listed_clicks": _Count(
        ("personalization.search_weights",),
        "select coalesce(max(clicked_queries), 0) from personalization.search_weights",
    ),
    "mailable": _Count(
        ("marts.contact_points", "marts.profiles"), f"select count(*) from ({_MAILABLE})"
    ),
    "mailable_readers": _Count(
        ("marts.contact_points", "marts.profiles", "marts.content_engagement",
         "marts.consent_current"),
        f"select count(*) from ({_READINGS}) where items >= 3 "
        f"and person_id in (select person_id from ({_MAILABLE}))",
    ),
    "email_clicks": _Count(
        ("marts.events",), f"select count(*) from ({_SEEN}) where activity = 'email_clicked'"
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ModelFact:
    """One model: who answers, and what there was to learn from; persons in the counts.

    ``status`` is empty where the model was never decided on.
    """

    key: str
    status: str
    algorithm: str
    reason: str
    positives: int
    negatives: int


@dataclass(frozen=True, slots=True)
class OutcomeFact:
    """How many persons did something; of ``outcomes``, of those active who can be held out.

    ``design_effect``: how many of these say as much as one who was drawn alone, where companies are
    held out together; else 1.
    """

    name: str
    persons: int
    design_effect: float = 1.0


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that readiness is judged by.

    Attributes:
        counts: By name, see :data:`_COUNTS`.
        models: The configured models, then the personas under ``personas``.
        events: Names of events that are no page and no reading, with persons who did them ever,
            most first; at most five.
        outcomes: What a hold-out could be judged by: who granted personalization, in 90 days.
        came_back_design_effect: Likewise of ``came_back``; see :class:`OutcomeFact`.
    """

    counts: Mapping[str, int]
    models: Sequence[ModelFact]
    events: Sequence[OutcomeFact]
    outcomes: Sequence[OutcomeFact]
    came_back_design_effect: float = 1.0

    def __getitem__(self, name: str) -> int:
        """One count by its name."""
        return self.counts[name]


def read_facts(
    warehouse: Warehouse,
    predictions: PredictionsConfig,
    *,
    search_click: str,
    outcomes: Sequence[str],
    as_of: dt.datetime,
    is_held_out_by_account: bool = False,
) -> Facts:
    """Count what there is.

    Args:
        warehouse: May be empty, and may lack marts.
        predictions: The configured models.
        search_click: Name of the event of a clicked search result.
        outcomes: Names of events that a hold-out could be judged by.
        as_of: Later events do not count, UTC.
        is_held_out_by_account: Whether the hold-out draws companies.
    """
    parameters = {"as_of": as_of, "purpose": PURPOSE, "search_click": search_click}
    counts = {
        name: int(warehouse.scalar(one.query, _used(one.query, parameters)) or 0)
        if all(warehouse.exists(TableName.parse(table)) for table in one.tables)
        else 0
        for name, one in _COUNTS.items()
    }
    done = {name: _done(warehouse, name, as_of) for name in dict.fromkeys(outcomes)}
    designs = {
        name: _design_effect(warehouse, did, name, as_of) if is_held_out_by_account else 1.0
        for name, did in [(_CAME_BACK, _ON_TWO_DAYS), *((name, _DID) for name in done)]
    }
    models = [_model(warehouse, key) for key in (*predictions.models, "personas")]
    return Facts(
        counts=counts,
        models=models,
        events=_events(warehouse, as_of),
        outcomes=[OutcomeFact(name, persons, designs[name]) for name, persons in done.items()],
        came_back_design_effect=designs[_CAME_BACK],
    )


def _used(query: str, parameters: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in parameters.items() if f"${name}" in query}


def _done(warehouse: Warehouse, event: str, as_of: dt.datetime) -> int:
    tables = (TableName("marts", "events"), TableName("marts", "consent_current"))
    if not all(warehouse.exists(table) for table in tables):
        return 0
    return int(
        warehouse.scalar(
            f"select count(distinct person_id) from ({_SEEN_GRANTED}) "
            f"where event = $event and {_RECENT.format(days=WINDOW_DAYS)}",
            {"event": event, "as_of": as_of, "purpose": PURPOSE},
        )
    )


def _design_effect(warehouse: Warehouse, did: str, event: str, as_of: dt.datetime) -> float:
    """Of an outcome, over the companies of all who were active; 1 where nothing is known of them."""
    tables = (
        TableName("marts", "events"), TableName("marts", "consent_current"), PROFILES,
    )  # fmt: skip
    if not all(warehouse.exists(table) for table in tables):
        return 1.0
    values: dict[str, object] = {"event": event, "as_of": as_of, "purpose": PURPOSE}
    sql = _COMPANIES.format(did=did)
    rows = warehouse.read(sql, _used(sql, values)).to_pylist()  # one row, or none
    return design_effect([sample_of(row) for row in rows])


def _events(warehouse: Warehouse, as_of: dt.datetime) -> list[OutcomeFact]:
    """What people do beside reading: what a model could be asked to predict."""
    if not warehouse.exists(TableName("marts", "events")):
        return []
    rows = warehouse.read(
        f"select event as name, count(distinct person_id) as persons from ({_SEEN}) "
        "where activity = 'other_track' and event is not null "
        "group by event order by persons desc, event limit 5",
        {"as_of": as_of},
    ).to_pylist()
    return [OutcomeFact(**row) for row in rows]


def _model(warehouse: Warehouse, key: str) -> ModelFact:
    rows: list[dict[str, Any]] = []
    if warehouse.exists(TableName("prediction", "models")):
        rows = warehouse.read(
            "select status, algorithm, reason, metrics from prediction.models "
            "where model_key = $key and status <> 'retired' "
            "order by status = 'refused', model_version",
            {"key": key},
        ).to_pylist()
    if not rows:
        return ModelFact(key, "", "", "", 0, 0)
    metrics = json.loads(rows[0].pop("metrics") or "{}")
    positives = int(metrics.get("positives") or metrics.get("readers") or 0)
    return ModelFact(
        key, **rows[0], positives=positives, negatives=int(metrics.get("negatives") or 0)
    )
