"""For whom features are wanted, then scores and personas."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from orchestration.company import utc_now
from orchestration.moment import moment_of
from orchestration.pictures import picture
from orchestration.predictions import allowed_predictions
from orchestration.privacy_parts import held_person_ids
from orchestration.progress import announce
from orchestration.resources import CandorResource
from orchestration.specs import asset_key, table_spec, table_specs
from orchestration.unexpected import in_own_words
from prediction import (
    PersonaReport,
    ScoreReport,
    group_readers,
    predict_all,
    read_drift,
    write_spine,
)
from prediction.drift import Tier
from prediction.inventory import (
    ACCOUNT_SCORE_MEMBERS,
    ACCOUNT_SCORES,
    DRIFT,
    LEARNT_FROM,
    MODEL_CHANGES,
    MODELS,
    PERSONA_MEMBERS,
    PERSONAS,
    PROPENSITY_SCORES,
    SPINE,
)
from warehouse import Table, Warehouse

KNOWN_BEFORE_MARTS = [
    dg.AssetKey(["identity", "members_history"]),
    dg.AssetKey(["intermediate", "int_events__classified"]),
    dg.AssetKey(["privacy", "objecting_persons"]),
]
READ_BY_MODELS = [
    asset_key(SPINE),
    dg.AssetKey(["marts", "features_as_of"]),
    dg.AssetKey(["marts", "events"]),
    dg.AssetKey(["marts", "consent_history"]),
    dg.AssetKey(["marts", "current_person"]),
    dg.AssetKey(["marts", "profiles"]),
    # Of accounts.
    dg.AssetKey(["identity", "members_history"]),
    dg.AssetKey(["identity", "accounts"]),
    dg.AssetKey(["identity", "account_records"]),
    dg.AssetKey(["staging", "stg_raw__account_versions"]),
    dg.AssetKey(["staging", "stg_raw__person_record_versions"]),
    dg.AssetKey(["intermediate", "int_industries__read"]),
    dg.AssetKey(["marts", "accounts"]),
    dg.AssetKey(["marts", "account_members_history"]),
    dg.AssetKey(["marts", "traits_history"]),
    dg.AssetKey(["privacy", "objecting_persons"]),
]
READ_BY_PERSONAS = [
    # The registry of models is written first: both decide in it.
    asset_key(MODELS),
    dg.AssetKey(["marts", "content_engagement"]),
    dg.AssetKey(["marts", "content_items"]),
    dg.AssetKey(["marts", "consent_history"]),
    dg.AssetKey(["marts", "current_person"]),
    dg.AssetKey(["marts", "profiles"]),
]
SCORE_TABLES = (
    PROPENSITY_SCORES, ACCOUNT_SCORES, ACCOUNT_SCORE_MEMBERS, MODELS, LEARNT_FROM, MODEL_CHANGES, DRIFT,
)  # fmt: skip
# Under this name the table of drift says which models the next run will train anew.
ASKS_FOR_TRAINING = "asks for training"
PERSONA_TABLES = (PERSONAS, PERSONA_MEMBERS)
MODEL_KINDS = ("python", "scikitlearn", "duckdb")


class PredictConfig(dg.Config):
    """Whether published models are kept."""

    retrain: bool = False


@dg.multi_asset(
    specs=[table_spec(SPINE, deps=KNOWN_BEFORE_MARTS)], name="write_spine", can_subset=False
)
@in_own_words
def spine(candor: CandorResource) -> Iterator[dg.MaterializeResult[None]]:
    """Write whom to look at and when, by what was known at each date."""
    announce("Choosing dates to learn from")
    company = candor.company
    with candor.open_warehouse() as warehouse:
        report = write_spine(
            warehouse,
            company.predictions,
            as_of=moment_of(warehouse).as_of,
            held=held_person_ids(company, warehouse, now=utc_now()),
        )
    dates = {
        key: ", ".join(f"{dated.as_of:%Y-%m-%d} {dated.role}" for dated in dated_roles)
        for key, dated_roles in report.dates.items()
    }
    yield dg.MaterializeResult(
        asset_key=asset_key(SPINE), metadata={"dagster/row_count": report.rows, **dates}
    )


@dg.multi_asset(
    specs=table_specs(SCORE_TABLES, deps=READ_BY_MODELS, kinds=MODEL_KINDS),
    name="predict",
    can_subset=False,
)
@in_own_words
def predict(candor: CandorResource, config: PredictConfig) -> Iterator[dg.MaterializeResult[None]]:
    """Score everybody, or every account, by a model, by the rule where there is too little to learn from, or not at all."""
    announce("Predicting")
    company = candor.company
    predictions = allowed_predictions(company)
    with candor.open_warehouse() as warehouse:
        reports = predict_all(
            warehouse,
            predictions,
            artifacts=company.paths.artifacts,
            moment=moment_of(warehouse),
            retrain=config.retrain,
            progress=announce,
        )
        counts = _counts(warehouse, SCORE_TABLES)
    told = {
        MODELS: {name: value for report in reports for name, value in _told(report).items()},
        DRIFT: _told_of_drift(reports),
    }
    for table in SCORE_TABLES:
        extra = told.get(table, {})
        yield dg.MaterializeResult(
            asset_key=asset_key(table), metadata={"dagster/row_count": counts[table], **extra}
        )


@dg.multi_asset(
    specs=table_specs(PERSONA_TABLES, deps=READ_BY_PERSONAS, kinds=MODEL_KINDS),
    name="group_readers",
    can_subset=False,
)
@in_own_words
def personas(candor: CandorResource, config: PredictConfig) -> Iterator[dg.MaterializeResult[None]]:
    """Group readers by what they read; published only where the groups are real."""
    announce("Grouping readers")
    company = candor.company
    with candor.open_warehouse() as warehouse:
        report = group_readers(
            warehouse,
            company.personas,
            artifacts=company.paths.artifacts,
            moment=moment_of(warehouse),
            retrain=config.retrain,
            progress=announce,
        )
        counts = _counts(warehouse, PERSONA_TABLES)
    for table in PERSONA_TABLES:
        extra = _told_of_personas(report) if table is PERSONAS else {}
        yield dg.MaterializeResult(
            asset_key=asset_key(table), metadata={"dagster/row_count": counts[table], **extra}
        )


@dg.asset_check(asset=asset_key(PROPENSITY_SCORES), blocking=True)
@in_own_words
def scores_are_probabilities(candor: CandorResource) -> dg.AssetCheckResult:
    """Every score and interval is within 0 and 1 and in order; null only where nothing answers."""
    return _are_probabilities(candor, PROPENSITY_SCORES)


@dg.asset_check(asset=asset_key(ACCOUNT_SCORES), blocking=True)
@in_own_words
def account_scores_are_probabilities(candor: CandorResource) -> dg.AssetCheckResult:
    """Every score and interval is within 0 and 1 and in order; null only where nothing answers."""
    return _are_probabilities(candor, ACCOUNT_SCORES)


def _are_probabilities(candor: CandorResource, table: Table) -> dg.AssetCheckResult:
    with candor.open_warehouse() as warehouse:
        wrong = warehouse.scalar(
            f"""
            select count(*) from {table.name.sql}
            where (score is null) <> (source = 'insufficient')
               or not coalesce(score between 0 and 1, true)
               or not coalesce(lower <= score and score <= upper and lower >= 0 and upper <= 1, true)
            """
        )
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"wrong_scores": wrong})


@dg.asset_check(asset=asset_key(MODELS), blocking=True)
@in_own_words
def published_models_passed_their_gates(candor: CandorResource) -> dg.AssetCheckResult:
    """No score of the newest date comes from a version that was refused or retired."""
    with candor.open_warehouse() as warehouse:
        wrong = warehouse.scalar(
            """
            with scores as (
                select model_key, model_version, as_of from prediction.propensity_scores
                union all
                select model_key, model_version, as_of from prediction.account_scores
            ),
            newest as (
                select distinct model_key, model_version from scores
                qualify as_of = max(as_of) over (partition by model_key)
            )
            select count(*) from newest
            inner join prediction.models as models using (model_key, model_version)
            where models.status = 'refused'
               or (models.status = 'retired' and exists (
                   select 1 from prediction.models as others
                   where others.model_key = models.model_key and others.status <> 'retired'
               ))
            """
        )
    return dg.AssetCheckResult(
        passed=wrong == 0, metadata={"versions_that_should_not_answer": wrong}
    )


@dg.asset_check(asset=asset_key(DRIFT))
@in_own_words
def probabilities_came_true(candor: CandorResource) -> dg.AssetCheckResult:
    """As many did it as was foretold, and the scores rank as when they were judged; else: a page."""
    return _without(candor, Tier.PAGE, dg.AssetCheckSeverity.ERROR)


@dg.asset_check(asset=asset_key(DRIFT))
@in_own_words
def scores_stay_as_they_were(candor: CandorResource) -> dg.AssetCheckResult:
    """Neither scores nor outcomes moved further than chance; else: a ticket. Features may move."""
    return _without(candor, Tier.TICKET, dg.AssetCheckSeverity.WARN)


def _without(
    candor: CandorResource, tier: Tier, severity: dg.AssetCheckSeverity
) -> dg.AssetCheckResult:
    with candor.open_warehouse() as warehouse:
        rows = read_drift(warehouse).to_pylist()
    found = [
        f"{row['model']}: {row['subject']} {row['status']}" for row in rows if row["tier"] == tier
    ]
    features = [row for row in rows if row["tier"] == Tier.INFORMATION]
    return dg.AssetCheckResult(
        passed=not found,
        severity=severity,
        metadata={str(tier): ", ".join(found) or "nothing", "features that moved": len(features)},
    )


def _told_of_drift(reports: Sequence[ScoreReport]) -> dict[str, Any]:
    """What moved, by model and by how much it matters; names of features alone."""
    told: dict[str, Any] = {
        f"{report.key}: {tier}": ", ".join(subjects)
        for report in reports
        for tier, subjects in report.drift.items()
    }
    asking = [report.key for report in reports if report.asks_for_training]
    return {**told, ASKS_FOR_TRAINING: ", ".join(asking)}


def _counts(warehouse: Warehouse, tables: tuple[Table, ...]) -> Mapping[Table, int]:
    return {table: warehouse.scalar(f"select count(*) from {table.name.sql}") for table in tables}


def _told(report: ScoreReport) -> Mapping[str, Any]:
    """Aggregates of one model, under names that begin with its key."""
    return {f"{report.key}: {name}": value for name, value in _facts(report)}


def _facts(report: ScoreReport) -> Iterator[tuple[str, Any]]:
    answering = report.answering
    yield "who answers", f"{answering.algorithm}, version {answering.model_version}"
    yield f"{report.unit} scored", report.scored
    yield "decided in this run", report.is_new
    for decision in report.decisions:
        yield f"why {decision.algorithm} is {decision.status}", decision.reason
        for name in ("auc", "ece", "slope", "lift"):
            if name in decision.metrics:
                yield f"{decision.algorithm} {name}", round(float(decision.metrics[name]), 4)
    if report.why:
        yield "why it was trained", "; ".join(report.why)
    if report.picture:
        yield "calibration", picture(report.picture, f"{report.key}: predicted against observed")


def _told_of_personas(report: PersonaReport) -> Mapping[str, Any]:
    decision = report.decision
    found: dict[str, Any] = {
        "status": str(decision.status),
        "why": decision.reason,
        "stability": round(float(decision.metrics["stability"]), 3),
        "readers learnt from": decision.metrics["readers"],
        "members": dict(report.sizes),
    }
    if report.picture:
        found["what they read"] = picture(report.picture, "personas by what they read")
    return found
