"""What each person's next mailing holds."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.company import Company, known_until
from orchestration.defs.choose import READ_BY_RECOMMENDATIONS, SEED
from orchestration.progress import announce
from orchestration.resources import CandorResource
from orchestration.specs import asset_key, table_specs
from orchestration.unexpected import in_own_words
from personalization import EmailReport, SendLimits, write_email_blocks
from personalization.inventory import DRAW_UNITS
from personalization.inventory_email import EMAIL_BLOCKS

READ_BY_EMAIL_BLOCKS = [
    *READ_BY_RECOMMENDATIONS,
    dg.AssetKey(["personalization", "half_lives"]),
    dg.AssetKey(["personalization", "backtests"]),
    dg.AssetKey(["marts", "contact_points"]),
    dg.AssetKey(["marts", "current_person"]),
    dg.AssetKey(["prediction", "persona_members"]),
    asset_key(DRAW_UNITS),
]


@dg.multi_asset(
    specs=table_specs([EMAIL_BLOCKS], deps=READ_BY_EMAIL_BLOCKS),
    name="choose_mailings",
    can_subset=False,
)
@in_own_words
def choose_mailings(
    context: dg.AssetExecutionContext, candor: CandorResource
) -> Iterator[dg.MaterializeResult[Any]]:
    """Choose for the current send of every e-mail block; what was chosen for it stays."""
    announce("Choosing mailings")
    with candor.open_warehouse() as warehouse:
        reports = write_email_blocks(
            warehouse,
            candor.company.content,
            as_of=known_until(warehouse),
            seed=SEED,
            run_id=context.run.run_id,
            limits=SendLimits(candor.company.experiments.holdout, _handed_over_by(candor.company)),
        )
        rows = warehouse.scalar(f"select count(*) from {EMAIL_BLOCKS.name.sql}")
    told = {name: value for report in reports for name, value in _told(report)}
    yield dg.MaterializeResult(
        asset_key=asset_key(EMAIL_BLOCKS), metadata={"dagster/row_count": rows, **told}
    )


@dg.asset_check(asset=asset_key(EMAIL_BLOCKS), blocking=True)
@in_own_words
def nobody_is_mailed_by_what_they_read_without_having_agreed(
    candor: CandorResource,
) -> dg.AssetCheckResult:
    """Whoever has not granted personalization gets, in every current send, business as usual."""
    with candor.open_warehouse() as warehouse:
        wrong = warehouse.scalar(
            f"""
            select count(distinct current_sends.person_id)
            from (
                select * from {EMAIL_BLOCKS.name.sql}
                qualify send_date = max(send_date) over (partition by block)
            ) as current_sends
            left join marts.current_person using (person_id)
            anti join (
                select person_id from marts.consent_current
                where purpose = 'personalization' and status = 'granted'
            ) as granted
                on granted.person_id = coalesce(current_person_id, current_sends.person_id)
            where arm <> 'business_as_usual' or is_randomised or rule is not null
            """
        )
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"persons_without_consent": wrong})


@dg.asset_check(asset=asset_key(EMAIL_BLOCKS), blocking=True)
@in_own_words
def no_slot_of_a_mailing_is_empty(candor: CandorResource) -> dg.AssetCheckResult:
    """Every person of a send has each slot once, from 1 on, and each with a content of its own."""
    with candor.open_warehouse() as warehouse:
        wrong = warehouse.scalar(
            f"""
            select count(*) from (
                select block, send_id, config_version, person_id from {EMAIL_BLOCKS.name.sql}
                group by all
                having count(*) <> max(slot) or count(distinct slot) <> count(*)
                    or count(distinct content_id) <> count(*)
            )
            """
        )
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"persons_with_an_empty_slot": wrong})


def _handed_over_by(company: Company) -> dict[str, list[str]]:
    """Keys of the syncs that send fields of each e-mail block, by the block."""
    return {
        block: [
            key
            for key, sync in company.destinations.syncs.items()
            if any(source.startswith(f"email_block:{block}:") for source in sync.fields.values())
        ]
        for block in company.content.email_blocks
    }


def _told(report: EmailReport) -> Iterator[tuple[str, Any]]:
    """Counts of one block, under names that begin with its key."""
    yield f"{report.block}: send", report.send_id
    yield f"{report.block}: persons", report.persons
    yield f"{report.block}: chosen in this run", report.chosen
    for arm, persons in report.by_arm.items():
        yield f"{report.block}: persons, {arm}", persons
    for level, slots in report.by_level.items():
        yield f"{report.block}: slots, {level}", slots
