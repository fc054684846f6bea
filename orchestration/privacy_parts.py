"""What the privacy package asks for, put together from all that the company has."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from audiences import ListFiles
from audiences.sync import SettledGroups, SuppressionCheck, open_eraser
from audiences.sync.config import FileSettings
from ingestion import LandingLocation
from orchestration.company import Company, utc_now
from orchestration.home_parts import undeclared_parts
from orchestration.inventory import dbt_tables, python_tables
from orchestration.manifest import parsed_project
from orchestration.serving import serving_files
from prediction import SharedScores, TrainedModels
from privacy import (
    ArchiveFolder,
    BackupFolder,
    DestinationEraser,
    ErasureContext,
    ErasureLog,
    FolderLocation,
    HashedObjections,
    Holds,
    KeyRing,
    RequestFile,
    RequestFolder,
    Suppressions,
    attribute_objections,
    extend_objections,
    record_signals,
    restricted,
    seal_audit,
    table_locations,
)
from settings import Paths
from warehouse import Location, Table, Warehouse

# What is computed of a person without a decision: who objects to profiling leaves these.
PROFILING_TABLES = (
    "prediction.spine", "prediction.propensity_scores", "prediction.account_scores of several",
    "prediction.account_scores", "prediction.account_score_members", "prediction.persona_members",
    "marts.features_as_of",
)  # fmt: skip


def open_suppressions(company: Company, warehouse: Warehouse) -> Suppressions:
    """Who was erased; its ``suppressed`` is what ingestion asks about every identifier."""
    return Suppressions(warehouse, KeyRing(company.paths.keys))


def open_holds(company: Company, warehouse: Warehouse, *, now: datetime) -> Holds:
    """Whose data must stay."""
    return Holds(warehouse, KeyRing(company.paths.keys), now)


def held_person_ids(company: Company, warehouse: Warehouse, *, now: datetime) -> list[str]:
    """Every id that a person under a legal hold has or had."""
    keys = open_holds(company, warehouse, now=now).held_keys()
    return [row["value"] for row in keys.to_pylist() if row["kind"] == "person_id"]


def refresh_objections(company: Company, warehouse: Warehouse, *, now: datetime) -> int:
    """Read new signals of browsers, and write down who objects to what today; return the rows.

    What consent.yml says of a kind of objection holds for those of before too.
    """
    record_signals(warehouse, company.consent, now=now)
    HashedObjections(
        warehouse, KeyRing(company.paths.keys), lambda: declared_tables(company.paths),
        company.sources.default_region, now,
    ).match(company.consent)  # fmt: skip
    extend_objections(warehouse, company.consent, now=now)
    return attribute_objections(warehouse)


def profile_locations(context: ErasureContext) -> list[Location]:
    """Where features, scores and personas of persons lie."""
    return [place for place in context.locations if place.name in PROFILING_TABLES]


def erased_contacts(company: Company, warehouse: Warehouse) -> SuppressionCheck:
    """Say which contact points nothing may be sent to, as a sync asks before it sends.

    They belong to erased persons, or to persons whose erasure waits for a legal hold.
    """
    suppressions = open_suppressions(company, warehouse)

    def suppressed(contacts: pa.Table) -> pa.Table:
        if "identifier_type" not in contacts.column_names:
            return contacts.slice(0, 0)
        names = {"identifier_type": "kind", "identifier_value": "value"}
        asked = contacts.rename_columns([names.get(name, name) for name in contacts.column_names])
        never = [suppressions.suppressed(asked), restricted(warehouse, asked)]
        return (
            pa.concat_tables([found.cast(asked.schema) for found in never])
            .group_by(asked.column_names)
            .aggregate([])
        )

    return suppressed


def declared_tables(paths: Paths) -> tuple[Table, ...]:
    """Every table that the product knows: those that Python writes and those that dbt builds."""
    return (*python_tables(), *dbt_tables(parsed_project(paths).manifest))


def request_folder(paths: Paths, *, default_region: str = "US") -> RequestFolder:
    """Where requests wait for the next run of ``run_privacy_requests``.

    Args:
        paths: Where the company is.
        default_region: Matters only where persons are sought in it.
    """
    return RequestFolder(paths.home / "requests", default_region=default_region)


def request_files(company: Company) -> tuple[RequestFile, ...]:
    """The landing files that hold requests, as consent.yml names them."""
    landing, region = company.paths.landing, company.sources.default_region
    return tuple(
        RequestFile(landing / name, f"landing/{name}", region)
        for name in company.consent.request_files
    )


def requests_fingerprint(company: Company) -> str | None:
    """Changes when a request comes into the drop folder or a landing file; None while none waits."""
    found = [
        request_folder(company.paths).fingerprint(),
        *(file.fingerprint() for file in request_files(company)),
    ]
    facts = [fact for fact in found if fact is not None]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest() if facts else None


def open_erasure(
    company: Company,
    warehouse: Warehouse,
    *,
    now: datetime,
    run_id: str,
    progress: Callable[[str], None],
) -> ErasureContext:
    """All that an erasure works with: every table, every file, every destination.

    Args:
        company: Whose data.
        warehouse: Its warehouse, open.
        now: Time to record, UTC without a zone.
        run_id: The run to record.
        progress: Told each step.
    """
    paths = company.paths
    tables = declared_tables(paths)
    landing = LandingLocation(warehouse, company.sources, paths.landing)
    lists = ListFiles(warehouse, company.audiences, elsewhere=landing.files)
    return ErasureContext(
        warehouse=warehouse,
        tables=tables,
        # Landing files first: what the raw tables no longer hold cannot be told from a copy.
        locations=(
            landing,
            lists,
            serving_files(paths, warehouse),
            SharedScores(warehouse),  # before the table that says whom scores were computed from
            *table_locations(warehouse, tables),
            SettledGroups(warehouse),
            *_folders(paths, warehouse, tables),
            ArchiveFolder("archives", paths.home / "archives", warehouse, tables),
        ),
        destinations=_destinations(company, warehouse),
        models=TrainedModels(warehouse, paths.artifacts),
        suppressions=open_suppressions(company, warehouse),
        request_places=(
            *request_files(company),
            request_folder(paths, default_region=company.sources.default_region),
        ),
        home=paths.home,
        roots=_roots(company, lists.folders),
        warehouse_file=paths.warehouse,
        databases=(paths.dagster,),
        customer_id_sources=company.consent.customer_id_sources,
        default_region=company.sources.default_region,
        now=now,
        run_id=run_id,
        progress=progress,
        needs_approval=company.consent.approve_requests,
        purposes=company.consent.uses,
        backups=backup_folder(company),
        undeclared=undeclared_parts(paths, (*_sent(company), *lists.folders)),
        clock=utc_now,
    )


def backup_folder(company: Company) -> BackupFolder | None:
    """Where backups lie; None where retention.yml names no folder."""
    rule = company.retention.backups
    return BackupFolder(rule.folder, rule.days) if rule else None


def erasure_log(company: Company) -> ErasureLog | None:
    """The log beside the backups; None where retention.yml names no folder."""
    folder = backup_folder(company)
    return ErasureLog(folder.folder, KeyRing(company.paths.keys)) if folder else None


def carry_log(company: Company, warehouse: Warehouse) -> None:
    """Seal the audit log, and write down beside the backups what a restored one must catch up with.

    Raises:
        BackupError: It cannot be written there; what was recorded in the warehouse stays.
    """
    seal_audit(warehouse, KeyRing(company.paths.keys))
    if log := erasure_log(company):
        log.must_carry(warehouse, now=datetime.now(tz=UTC).replace(tzinfo=None))


def _destinations(company: Company, warehouse: Warehouse) -> DestinationEraser:
    return open_eraser(
        warehouse,
        company.destinations,
        artifacts=company.paths.artifacts,
        environment=os.environ,
        clock=lambda: datetime.now(tz=UTC),
        sleep=time.sleep,
    )


def _folders(
    paths: Paths, warehouse: Warehouse, tables: tuple[Table, ...]
) -> tuple[FolderLocation, ...]:
    """Files that runs make anew. None should ever name a person; what does is removed."""
    folders = {
        "artifacts": paths.artifacts,
        "dbt": paths.dbt,
        "pull": paths.home / "pull",
        "dagster/storage": paths.dagster / "storage",
        "dagster/logs": paths.dagster / "logs",
    }
    return tuple(
        FolderLocation(name, folder, warehouse, tables) for name, folder in folders.items()
    )


def _roots(company: Company, lists: frozenset[Path]) -> tuple[Path, ...]:
    """The folders to search: the home, and what lies apart.

    That is landing files, files that were sent, and the folders of lists that audiences name.
    """
    home = company.paths.home
    apart = {
        folder
        for folder in (company.paths.landing, *_sent(company), *lists)
        if folder.exists() and not folder.resolve().is_relative_to(home.resolve())
    }
    return (home, *sorted(apart))


def _sent(company: Company) -> tuple[Path, ...]:
    """Where file destinations write."""
    return tuple(
        company.paths.artifacts / settings.folder
        for settings in company.destinations.destinations.values()
        if isinstance(settings, FileSettings)
    )
