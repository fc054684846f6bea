"""Resolve files that somebody has, in a data home that is gone afterwards."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from identity import ResolutionReport, resolve
from identity.evaluation import Model
from identity.knowledge import Knowledge
from identity.resolve import compare_again
from ingestion import load_landing
from ingestion.files import REWRITING
from ingestion.presets import row_kind
from orchestration.company import Company, utc_now
from orchestration.defs.resolve import SEED
from orchestration.errors import NothingToEvaluateError, TrialStagingError
from orchestration.manifest import Workplace, load_manifest, parsed_project, run_dbt
from orchestration.privacy_parts import open_suppressions
from orchestration.progress import announce
from settings import Paths
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class Trial:
    """A warehouse whose persons are to be judged.

    Attributes:
        warehouse: Holds the persons and the temporary tables of compared pairs.
        model: What weighed the pairs.
        seconds: How long each step took; empty where the persons were there before.
    """

    warehouse: Warehouse
    model: Model
    seconds: dict[str, float]


@contextmanager
def existing_home(company: Company) -> Iterator[Trial]:
    """Open a data home as it is; its tables stay as they are.

    Raises:
        MissingHomeError: There is none.
        NothingToEvaluateError: No run has resolved anything in it.
    """
    company.check_home()
    with company.open_warehouse() as warehouse:
        if not warehouse.scalar("select count(*) from identity.members"):
            raise NothingToEvaluateError("no person is in this data home: `candor run` first")
        announce("Comparing records")
        known = recall_comparison(company, warehouse)
        model = Model(known.mixture.fields(known.fields), known.threshold) if known else Model()
        yield Trial(warehouse, model, {})


@contextmanager
def temporary_home(config: Path, landing: Path) -> Iterator[Trial]:
    """Load the landing files, stage them and resolve identities; remove all of it in the end.

    Nothing is written outside of the temporary folder.

    Raises:
        NothingToEvaluateError: No person record is mapped or found, or an erasure of these files
            is under way.
        TrialStagingError: dbt could not stage them.
    """
    with _ending_in_order(), tempfile.TemporaryDirectory(prefix="candor-evaluate-") as folder:
        company = Company(Paths(config, Path(folder) / "home", landing))
        _check_files(company)
        company.paths.make_home()
        seconds: dict[str, float] = {}
        with _timed(seconds, "load"), company.open_warehouse() as warehouse:
            _load(company, warehouse)
        with _timed(seconds, "stage"):
            _stage(company)
        with company.open_warehouse() as warehouse:
            report = _resolve(company, warehouse)
            found = report.findings
            model = Model(found.fields, found.threshold) if found else Model()
            yield Trial(warehouse, model, {**seconds, **report.seconds})


def recall_comparison(company: Company, warehouse: Warehouse, **options: Any) -> Knowledge | None:
    """Compare the staged records as the last run did; see ``compare_again``."""
    return compare_again(
        warehouse, company.identity, seed=SEED, artifacts=company.paths.artifacts,
        default_region=company.sources.default_region, **options,
    )  # fmt: skip


def _check_files(company: Company) -> None:
    landing = company.paths.landing
    kinds = {row_kind(source.kind) for source in company.sources.sources.values()}
    if "person_records" not in kinds:
        raise NothingToEvaluateError(
            f"{company.paths.config / 'sources.yml'} maps no person records: give the source that "
            "holds people `kind: person_records`"
        )
    if not landing.is_dir():
        raise NothingToEvaluateError(f"there is no folder {landing}: correct --landing")
    if next(landing.rglob(f"*{REWRITING}"), None) is not None:
        raise NothingToEvaluateError(
            f"an erasure of files in {landing} is not finished: let `candor privacy run` end on "
            "its data home, then evaluate"
        )


def _load(company: Company, warehouse: Warehouse) -> None:
    announce("Reading landing files")
    load_landing(
        warehouse,
        company.sources,
        company.paths.landing,
        now=utc_now(),
        is_suppressed=open_suppressions(company, warehouse).suppressed,
        plan=company.tracking_plan,
        mailbox_providers=company.identity.mailbox_providers,
        progress=announce,
    )
    if not warehouse.scalar("select count(*) from raw.person_records"):
        refused = warehouse.scalar("select count(*) from raw.quarantine")
        raise NothingToEvaluateError(
            f"{company.paths.landing} gave no person record ({refused:,} rows were refused): "
            "correct `files`, `id` and `map` in sources.yml"
        )


def _stage(company: Company) -> None:
    announce("Staging records and events")
    paths = company.paths
    parsed = parsed_project(paths)
    place = Workplace(parsed.project, paths.warehouse, paths.dbt / "trial")
    command = ["run", "--select", "tag:before_identity", "--no-write-json"]
    with company.lend_warehouse_file():
        done = run_dbt(command, place, manifest=load_manifest(parsed))
    if not done.success:
        raise TrialStagingError(
            tuple(str(one.node.name) for one in done.result or () if one.status == "error")
        )


def _resolve(company: Company, warehouse: Warehouse) -> ResolutionReport:
    announce("Resolving identities")
    return resolve(
        warehouse, company.identity, run_id="evaluation", now=utc_now(), seed=SEED,
        artifacts=company.paths.artifacts, default_region=company.sources.default_region,
        progress=announce,
    )  # fmt: skip


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    seconds[step] = time.monotonic() - began


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Let a process that is asked to end remove its temporary home first."""
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)
