"""Audiences and what is sent of them."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

import audiences.inventory
from audiences import AudienceReport, compute_memberships, overlaps, tell_isolation
from audiences.inventory import MEMBERSHIPS
from audiences.sync import SyncReport
from orchestration.company import utc_now
from orchestration.progress import announce
from orchestration.resources import CandorResource
from orchestration.sensitive_traits import require_sensitive_uses
from orchestration.specs import asset_key, table_specs
from orchestration.sync_assets import (
    chosen_syncs,
    configured_syncs,
    sync_check_specs,
    sync_result,
    sync_specs,
    sync_table_specs,
)
from orchestration.syncs import publish
from orchestration.unexpected import in_own_words
from warehouse import Table, Warehouse

SEGMENT_TABLES = [t for t in audiences.inventory.TABLES if t.name.schema == "audiences"]
SYNC_TABLES = [t for t in audiences.inventory.TABLES if t.name.schema == "sync"]
READ_BY_AUDIENCES = [
    dg.AssetKey(["marts", "profiles"]),
    dg.AssetKey(["marts", "current_person"]),
    dg.AssetKey(["marts", "events"]),
    dg.AssetKey(["marts", "consent_current"]),
    dg.AssetKey(["marts", "accounts"]),
    dg.AssetKey(["marts", "account_members"]),
    dg.AssetKey(["prediction", "propensity_scores"]),
    dg.AssetKey(["prediction", "account_scores"]),
    dg.AssetKey(["prediction", "persona_members"]),
]
READ_BY_SYNC = [
    dg.AssetKey(["audiences", "memberships"]),
    dg.AssetKey(["audiences", "definitions"]),
    dg.AssetKey(["marts", "profiles"]),
    dg.AssetKey(["marts", "account_members"]),
    dg.AssetKey(["marts", "contact_points"]),
    dg.AssetKey(["marts", "content_items"]),
    dg.AssetKey(["marts", "consent_current"]),
    dg.AssetKey(["prediction", "propensity_scores"]),
    dg.AssetKey(["prediction", "account_scores"]),
    dg.AssetKey(["prediction", "persona_members"]),
    dg.AssetKey(["personalization", "recommendations"]),
    dg.AssetKey(["personalization", "email_blocks"]),
]

Results = Iterator[dg.MaterializeResult[Any]]


@dg.multi_asset(
    specs=table_specs(SEGMENT_TABLES, deps=READ_BY_AUDIENCES), name="segment", can_subset=False
)
@in_own_words
def segment(context: dg.AssetExecutionContext, candor: CandorResource) -> Results:
    """Compute every audience: members, why they are in, who was left out for lack of consent."""
    announce("Computing audiences")
    require_sensitive_uses(candor.company)
    with candor.open_warehouse() as warehouse:
        reports = compute_memberships(
            warehouse, candor.company.audiences, run_id=context.run.run_id, now=utc_now()
        )
        counts = {table.name: _count(warehouse, table) for table in SEGMENT_TABLES}
        isolating = _isolating(warehouse)
    found = {report.key: _audience_in_words(report) for report in reports}
    for table in SEGMENT_TABLES:
        more = isolating if table is MEMBERSHIPS else {}
        yield dg.MaterializeResult(
            asset_key=asset_key(table),
            metadata={"dagster/row_count": counts[table.name], **found, **more},
        )


def _isolating(warehouse: Warehouse) -> dict[str, int | str]:
    """Which audiences tell few persons apart when they are subtracted: how many pairs, and each."""
    pairs = overlaps(warehouse).to_pylist()  # one row per pair of audiences
    few = [pair for pair in pairs if pair["isolates_below"] is not None]
    named = {f"{pair['audience']} less {pair['other']}": tell_isolation(pair) for pair in few}
    return {"pairs_that_isolate_few": len(few), **named}


@dg.asset_check(asset=dg.AssetKey(["audiences", "memberships"]), blocking=True)
@in_own_words
def no_member_lacks_consent(candor: CandorResource) -> dg.AssetCheckResult:
    """Every member has granted every purpose that the audience's definition names."""
    with candor.open_warehouse() as warehouse:
        wrong = warehouse.scalar(
            """
            select count(*)
            from audiences.memberships as members
            inner join (
                select audience_key, unnest(from_json(purposes, '["varchar"]')) as purpose
                from audiences.definitions
            ) as required using (audience_key)
            anti join (
                select person_id, purpose from marts.consent_current where status = 'granted'
            ) as granted using (person_id, purpose)
            """
        )
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"members_without_consent": wrong})


SYNCS = configured_syncs()


@dg.multi_asset(
    specs=[*sync_specs(SYNCS, READ_BY_SYNC), *sync_table_specs(SYNC_TABLES, SYNCS, READ_BY_SYNC)],
    check_specs=sync_check_specs(SYNCS),
    name="send",
    can_subset=True,
)
@in_own_words
def send(context: dg.AssetExecutionContext, candor: CandorResource) -> Results:
    """Send what is due to every destination: added, changed, removed; nothing new, nothing sent.

    Where only some of the syncs are chosen, and no table, only those run.
    """
    announce("Sending audiences")
    chosen, run_id = context.selected_asset_keys, context.run.run_id
    with candor.open_warehouse() as warehouse:
        reports = publish(
            candor.company, warehouse, run_id=run_id, only=chosen_syncs(SYNCS, SYNC_TABLES, chosen)
        )
        counts = {table.name: _count(warehouse, table) for table in SYNC_TABLES}
        results = [sync_result(warehouse, report, run_id=run_id) for report in reports]
    yield from (result for result in results if result.asset_key in chosen)
    found = {report.sync_key: _sync_in_words(report) for report in reports}
    for table in SYNC_TABLES:
        if asset_key(table) in chosen:
            yield dg.MaterializeResult(
                asset_key=asset_key(table),
                metadata={"dagster/row_count": counts[table.name], **found},
            )


@dg.asset_check(asset=dg.AssetKey(["sync", "ledger"]))
@in_own_words
def no_held_out_person_was_sent(candor: CandorResource) -> dg.AssetCheckResult:
    """Nobody who is held out of an audience was sent by a sync of it, as its latest run left it."""
    with candor.open_warehouse() as warehouse:
        wrong = warehouse.scalar(
            """
            select count(*)
            from sync.ledger as ledger
            inner join (
                select sync_key, arg_max(audience_key, started_at) as audience_key,
                    arg_max(status, started_at) as status
                from sync.runs group by sync_key
            ) as runs using (sync_key)
            inner join audiences.memberships as members using (audience_key, person_id)
            where members.arm = 'holdout' and ledger.is_present and ledger.status = 'acknowledged'
                and runs.status = 'succeeded'
            """
        )
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"held_out_and_sent": wrong})


@dg.asset_check(asset=dg.AssetKey(["sync", "runs"]))
@in_own_words
def every_sync_ran_to_its_end(candor: CandorResource) -> dg.AssetCheckResult:
    """The latest run of each sync succeeded; partial and failed ones are counted."""
    with candor.open_warehouse() as warehouse:
        rows = warehouse.read(
            "select status, count(*) as syncs from (select arg_max(status, started_at) as status "
            "from sync.runs group by sync_key) group by status order by status"
        ).to_pylist()
    counts = {row["status"]: row["syncs"] for row in rows}
    return dg.AssetCheckResult(
        passed=not counts.keys() - {"succeeded"},
        severity=dg.AssetCheckSeverity.WARN,
        metadata=counts,
    )


def _count(warehouse: Warehouse, table: Table) -> int:
    return int(warehouse.scalar(f"select count(*) from {table.name.sql}"))


def _audience_in_words(report: AudienceReport) -> str:
    notes = f"; {'; '.join(report.notes)}" if report.notes else ""
    return (
        f"{report.status}: {report.members} members ({report.held_out} held out), "
        f"{report.suppressed} without consent, {report.entered} entered, {report.exited} left{notes}"
    )


def _sync_in_words(report: SyncReport) -> str:
    code = f" ({report.code})" if report.code else ""
    return (
        f"{report.status}{code}: {report.added} added, {report.changed} changed, "
        f"{report.removed} removed, {report.rejected} rejected, {report.unanswered} unanswered, "
        f"{report.held} held"
    )
