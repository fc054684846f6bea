"""Audiences and what is sent of them."""

import time

import dagster as dg

import audiences.inventory
from audiences import compute_memberships
from audiences.sync import open_destination, run_sync
from orchestration.company import utc_now
from orchestration.privacy_parts import erased_contacts
from orchestration.progress import announce
from orchestration.resources import CandorResource
from orchestration.specs import asset_key, table_specs

SEGMENT_TABLES = [t for t in audiences.inventory.TABLES if t.name.schema == "audiences"]
SYNC_TABLES = [t for t in audiences.inventory.TABLES if t.name.schema == "sync"]
READ_BY_AUDIENCES = [
    dg.AssetKey(["marts", "profiles"]),
    dg.AssetKey(["marts", "events"]),
    dg.AssetKey(["marts", "consent_current"]),
    dg.AssetKey(["marts", "accounts"]),
    dg.AssetKey(["marts", "account_members"]),
    dg.AssetKey(["prediction", "propensity_scores"]),
    dg.AssetKey(["prediction", "persona_members"]),
]
READ_BY_SYNC = [
    dg.AssetKey(["audiences", "memberships"]),
    dg.AssetKey(["marts", "contact_points"]),
]


@dg.multi_asset(
    specs=table_specs(SEGMENT_TABLES, deps=READ_BY_AUDIENCES), name="segment", can_subset=False
)
def segment(context: dg.AssetExecutionContext, candor: CandorResource):
    """Compute every audience: members, why they are in, who was left out for lack of consent."""
    announce("Computing audiences")
    with candor.open_warehouse() as warehouse:
        reports = compute_memberships(
            warehouse, candor.company.audiences, run_id=context.run.run_id, now=utc_now()
        )
        counts = {
            table.name: warehouse.scalar(f"select count(*) from {table.name.sql}")
            for table in SEGMENT_TABLES
        }
    for table in SEGMENT_TABLES:
        yield dg.MaterializeResult(
            asset_key=asset_key(table),
            metadata={
                "dagster/row_count": counts[table.name],
                **{report.key: f"{report.members} members, {report.held_out} held out" for report in reports},
            },
        )


@dg.asset_check(asset=dg.AssetKey(["audiences", "memberships"]), blocking=True)
def no_member_lacks_consent(candor: CandorResource) -> dg.AssetCheckResult:
    """Nobody is a member who was left out of that audience for lack of consent."""
    with candor.open_warehouse() as warehouse:
        wrong = warehouse.scalar(
            "select count(*) from audiences.memberships "
            "semi join audiences.suppressed_members using (audience_key, person_id)"
        )
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"members_without_consent": wrong})


@dg.multi_asset(specs=table_specs(SYNC_TABLES, deps=READ_BY_SYNC), name="send", can_subset=False)
def send(context: dg.AssetExecutionContext, candor: CandorResource):
    """Send what is due to every destination: added, changed, removed; nothing new, nothing sent."""
    announce("Sending audiences")
    company = candor.company
    destinations = company.destinations
    with candor.open_warehouse() as warehouse:
        reports = [
            run_sync(
                warehouse,
                sync,
                open_destination(sync.destination, destinations, company.paths.artifacts),
                run_id=context.run.run_id,
                now=utc_now(),
                sleep=time.sleep,
                suppression=erased_contacts(company, warehouse),
            )
            for sync in destinations.syncs
        ]
        counts = {
            table.name: warehouse.scalar(f"select count(*) from {table.name.sql}")
            for table in SYNC_TABLES
        }
    for table in SYNC_TABLES:
        yield dg.MaterializeResult(
            asset_key=asset_key(table),
            metadata={
                "dagster/row_count": counts[table.name],
                **{
                    report.sync_key: f"{report.status}: {report.added} added, "
                    f"{report.changed} changed, {report.removed} removed, {report.rejected} rejected"
                    for report in reports
                },
            },
        )


@dg.asset_check(asset=dg.AssetKey(["sync", "ledger"]))
def no_held_out_person_was_sent(candor: CandorResource) -> dg.AssetCheckResult:
    """Nobody who is held out of an audience stands as sent in its ledger."""
    with candor.open_warehouse() as warehouse:
        wrong = warehouse.scalar(
            """
            select count(*) from sync.ledger as ledger
            inner join audiences.memberships as members using (audience_key, person_id)
            where members.arm = 'holdout' and ledger.status = 'acknowledged'
            """
        )
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"held_out_and_sent": wrong})


@dg.asset_check(asset=dg.AssetKey(["sync", "runs"]))
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
