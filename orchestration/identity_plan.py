"""What a change of configuration would do to persons, audiences and syncs, tried on a copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from audiences import AudienceReport, compute_memberships
from audiences.sync import SyncPlan, plan_sync
from identity import IdentityConfig, PlannedChanges, plan_changes, resolve_accounts
from ingestion.mail_domains import write_mail_domains
from orchestration.company import Company, utc_now
from orchestration.defs.resolve import SEED
from orchestration.home_copy import copy_of
from orchestration.marts import build_marts
from orchestration.privacy_parts import erased_contacts
from orchestration.progress import announce
from warehouse import Warehouse

_RUN_ID = "plan"
# What audiences and syncs read of the marts; all that these are built from is built too.
_READ = ("profiles", "events", "accounts", "account_members", "contact_points",
         "consent_current", "current_person")  # fmt: skip


@dataclass(frozen=True, slots=True)
class AudienceDelta:
    """How one audience would change.

    Attributes:
        audience: Its key.
        name: Its name; None where it is no longer configured.
        before: Members as the last run left them.
        after: Members with the new configuration.
        added: Of those after, persons who are no members now under any of their ids.
        removed: Of those before, ids that would be members no more, those merged away included.
    """

    audience: str
    name: str | None
    before: int
    after: int
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class IdentityPlan:
    """What the next run would do; counts, and ids of persons in ``changes.changes`` alone."""

    changes: PlannedChanges
    audiences: Sequence[AudienceDelta]
    syncs: Sequence[SyncPlan]


def plan_identity(company: Company, config: IdentityConfig) -> IdentityPlan:
    """Resolve a copy of the company anew and follow the consequences to what would be sent.

    Audiences and syncs are computed as the company's configuration says; scores and personas are
    those of the last run. Nothing of the data home is written.

    Args:
        company: Its configuration is the one to try; its data home is copied.
        config: The identity configuration to try.

    Raises:
        MissingHomeError: There is nothing to copy.
        SettingsError: The configuration cannot be used.
        IdentityError: No run could publish persons with it.
        DbtBuildError: Profiles cannot be built.
        InvalidAudienceError: An audience or sync speaks of what is not there.
    """
    company.check_home()
    company.check_configuration()
    announce("Copying the warehouse")
    with copy_of(company) as trial:
        changes = _resolve(trial, config)
        announce("Building profiles")
        build_marts(trial, _READ, target="plan")
        announce("Computing audiences")
        with trial.open_warehouse() as warehouse:
            before = _sizes(warehouse)
            after = compute_memberships(warehouse, trial.audiences, run_id=_RUN_ID, now=utc_now())
            erased = erased_contacts(company, warehouse)
            syncs = [plan_sync(warehouse, sync, suppression=erased) for sync in trial.syncs]
    names = {audience.key: audience.name for audience in company.audiences}
    return IdentityPlan(changes, tuple(_deltas(before, after, names)), tuple(syncs))


def _resolve(trial: Company, config: IdentityConfig) -> PlannedChanges:
    announce("Resolving identities")
    with trial.open_warehouse() as warehouse:
        write_mail_domains(warehouse, config.mailbox_providers)
        changes = plan_changes(
            warehouse,
            config,
            run_id=_RUN_ID,
            now=(now := utc_now()),
            seed=SEED,
            artifacts=trial.paths.artifacts,
            default_region=trial.sources.default_region,
            progress=announce,
        )
        resolve_accounts(warehouse, config, run_id=_RUN_ID, now=now)
    return changes


def _sizes(warehouse: Warehouse) -> dict[str, int]:
    rows = warehouse.read(
        "select audience_key, count(*) as members from audiences.memberships group by audience_key"
    ).to_pylist()
    return {row["audience_key"]: row["members"] for row in rows}


def _deltas(
    before: Mapping[str, int], after: Sequence[AudienceReport], names: Mapping[str, str]
) -> Iterator[AudienceDelta]:
    for report in after:
        key = report.key
        yield AudienceDelta(
            key, names[key], before.get(key, 0), report.members, report.entered, report.exited
        )
    for key in sorted(before.keys() - names.keys()):
        yield AudienceDelta(key, None, before[key], 0, 0, before[key])
