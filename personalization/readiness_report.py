"""Audit what a company has, and say for every capability what that is enough for."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa

import measurement.inventory
import prediction.inventory
from measurement import ExperimentsConfig, read_arms, read_counts
from personalization.blocks import allowed_content, pinned_content
from personalization.config import ContentConfig
from personalization.inventory import TABLES
from personalization.inventory_personas import CONTENT_GAPS, PERSONA_CONTENT
from personalization.inventory_readiness import READINESS
from personalization.policies import read_design_effects
from personalization.readiness import (
    Before,
    Capability,
    choose_start,
    judge_email,
    judge_identity,
    judge_models,
    judge_personas,
    judge_recommendations,
    judge_search,
)
from personalization.readiness_experiments import judge_hero, judge_holdout, judge_segments
from personalization.readiness_facts import Facts, read_facts
from personalization.readings import read_catalogue
from prediction import PredictionsConfig
from warehouse import TableName, Warehouse


@dataclass(frozen=True, slots=True)
class Plans:
    """What the company has configured."""

    content: ContentConfig
    predictions: PredictionsConfig
    experiments: ExperimentsConfig


@dataclass(frozen=True, slots=True)
class ContentGap:
    """One persona and stage; see ``personalization.content_gaps``."""

    persona_name: str
    funnel_stage: str
    members: int
    items: int
    unread: float
    status: str


@dataclass(frozen=True, slots=True)
class Interest:
    """What one persona surely reads more of than all readers do."""

    persona_name: str
    members: int
    reads: str


@dataclass(frozen=True, slots=True)
class ReadinessReport:
    """The whole audit; aggregates only.

    Attributes:
        as_of: The moment that was looked at, UTC.
        facts: What there is.
        capabilities: What that is enough for, in the order of the page.
        gaps: Every persona and stage.
        interests: By persona.
    """

    as_of: dt.datetime
    facts: Facts
    capabilities: tuple[Capability, ...]
    gaps: tuple[ContentGap, ...]
    interests: tuple[Interest, ...]

    @property
    def start(self) -> tuple[Capability, ...]:
        """The one or two use cases to start with; none where nothing can be done yet."""
        chosen = [one for one in self.capabilities if one.start_rank]
        return tuple(sorted(chosen, key=lambda one: one.start_rank or 0))


def assess_readiness(warehouse: Warehouse, plans: Plans, *, as_of: dt.datetime) -> ReadinessReport:
    """Audit without writing anything but missing tables; an empty warehouse is no error.

    Args:
        warehouse: Of any company, at any stage.
        plans: What is configured.
        as_of: The moment up to which the warehouse knows, UTC.
    """
    for tables in (TABLES, prediction.inventory.TABLES, measurement.inventory.TABLES):
        warehouse.create_missing(tables)
    experiments, holdout = plans.experiments.experiments, plans.experiments.holdout
    facts = read_facts(
        warehouse, plans.predictions, search_click=plans.content.search.clicks.event,
        outcomes=_outcomes(plans), as_of=as_of,
        is_held_out_by_account=holdout is not None and holdout.unit == "account",
    )  # fmt: skip
    # Of the metric that variants are shared out by, whatever the experiment is decided by.
    varied = {
        key: (experiment, experiment.variants.metric)
        for key, experiment in experiments.items()
        if experiment.variants
    }
    tables_of = {key: read_counts(warehouse, key, metric) for key, (_, metric) in varied.items()}
    judged = {
        key: read_arms(warehouse, key, experiment, experiment.primary_metric)
        for key, experiment in experiments.items()
    }
    designs = {
        key: read_design_effects(warehouse, key, experiment, metric)
        for key, (experiment, metric) in varied.items()
    }
    before = _read_levels(warehouse)
    found = (
        *_judge_knowledge(warehouse, facts, before),
        *judge_recommendations(facts, _offered(warehouse, plans.content, as_of), before),
        *judge_hero(experiments, tables_of, facts, before, designs=designs),
        judge_search(facts, before),
        *judge_email(facts, list(plans.content.email_blocks), before),
        *judge_segments(experiments, judged),
        *judge_holdout(facts, holdout),
    )
    return ReadinessReport(
        as_of, facts, choose_start(found), _read_gaps(warehouse), _read_interests(warehouse)
    )


def write_readiness(
    warehouse: Warehouse, plans: Plans, *, as_of: dt.datetime, run_id: str
) -> ReadinessReport:
    """Audit, and replace what was found before."""
    report = assess_readiness(warehouse, plans, as_of=as_of)
    rows = [
        {**asdict(one), "missing": json.dumps(one.missing), "as_of": as_of, "run_id": run_id}
        for one in report.capabilities
    ]
    warehouse.replace(READINESS.name, pa.Table.from_pylist(rows, schema=_SCHEMA))
    return report


def _judge_knowledge(warehouse: Warehouse, facts: Facts, before: Before) -> Iterator[Capability]:
    yield judge_identity(facts, before)
    yield from judge_models(facts, before)
    status = warehouse.scalar(
        "select max(personas.status) from prediction.personas "
        "inner join prediction.models as models using (model_version) "
        "where models.model_key = 'personas' and models.status = 'champion' "
        "and personas.status in ('published', 'provisional')"
    )
    yield judge_personas(facts, before, status=status or "")


def _outcomes(plans: Plans) -> list[str]:
    """Events that are a success of an experiment, or predicted."""
    experiments = plans.experiments.experiments.values()
    measured = [metric.event for one in experiments for metric in one.metrics.values()]
    predicted = [event for one in plans.predictions.models.values() for event in one.target.events]
    return list(dict.fromkeys([*measured, *predicted]))


def _offered(
    warehouse: Warehouse, content: ContentConfig, as_of: dt.datetime
) -> Mapping[str, tuple[int, int]]:
    """How many items each block lets through, and how many places it has."""
    if not warehouse.exists(TableName("marts", "content_items")):
        return {key: (0, block.size) for key, block in content.blocks.items()}
    catalogue, banned = read_catalogue(warehouse, as_of=as_of), frozenset(content.bans)
    found = {}
    for key, block in content.blocks.items():
        shown = allowed_content(block, catalogue, banned)
        shown[pinned_content(block, catalogue, banned)] = True
        found[key] = (int(shown.sum()), block.size)
    return found


def _read_levels(warehouse: Warehouse) -> Before:
    rows = warehouse.read(f"select capability, subject, level from {READINESS.name.sql}")
    return {(row["capability"], row["subject"]): row["level"] for row in rows.to_pylist()}


def _read_gaps(warehouse: Warehouse) -> tuple[ContentGap, ...]:
    rows = warehouse.read(
        "select persona_name, funnel_stage, members, items, unread, status "
        f"from {CONTENT_GAPS.name.sql} order by members desc, persona_name, funnel_stage"
    )
    return tuple(ContentGap(**row) for row in rows.to_pylist())


def _read_interests(warehouse: Warehouse) -> tuple[Interest, ...]:
    rows = warehouse.read(
        f"""
        select persona_name, any_value(members) as members,
            string_agg(value || ' (' || round(response, 1) || ' times)', ', '
                order by response desc) as reads
        from {PERSONA_CONTENT.name.sql}
        where verdict = 'more' and facet in ('topic', 'content_type')
        group by persona_name order by members desc, persona_name
        """
    )
    return tuple(Interest(**row) for row in rows.to_pylist())


def summary_rows(capabilities: Sequence[Capability]) -> list[dict[str, object]]:
    """One row per capability for a terminal or a table."""
    return [
        {
            "capability": one.capability,
            "subject": one.subject,
            "level": one.level,
            "start": one.start_rank,
            "have": one.have,
            "missing": "; ".join(one.missing),
        }
        for one in capabilities
    ]


_ARROW = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "TIMESTAMP": pa.timestamp("us"),
}
_SCHEMA = pa.schema([(column.name, _ARROW[column.type]) for column in READINESS.columns])
