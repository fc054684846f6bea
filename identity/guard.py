"""Resolve, and hold what would change too many persons until somebody accepts it.

What is held is rolled back: the persons stay those of the last run that was published. So every
later run meets the same question, until it is accepted or its cause is gone, and undoing the cause
gives exactly the persons and ids of before.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from identity.churn import Churn, measure_churn, new_sources, remember_members
from identity.config import IdentityConfig
from identity.errors import HeldChangesError
from identity.inventory import CHURN, RUNS, TABLES
from identity.report import ResolutionReport
from identity.resolve import resolve
from identity.task import Progress
from warehouse import Warehouse

_COUNTS = ("persons", "merged", "split", "renamed", "changed", "unexplained")
_MODEL = "match_parameters.json"
# A setting may name addresses: two bytes of a hash tell that it changed and name nobody.
_DIGITS = 4
_LEARNED_ANEW = "the match model was learned anew"
_LEARNED_FIRST = "a match model decides for the first time"
_NO_CAUSE = (
    "neither configuration nor sources nor model; a value that many records hold may have begun "
    "or ceased to link them, or Candor was updated"
)


@dataclass(frozen=True, slots=True)
class GuardedReport:
    """What a guarded run did.

    Attributes:
        resolution: What was resolved.
        churn: How many persons it changed; zeros where nothing has changed.
        status: published, accepted, or unchanged.
    """

    resolution: ResolutionReport
    churn: Churn
    status: str


class _HeldError(Exception):
    """The run is not to be published; never leaves this module, but undoes a transaction."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row
        super().__init__(row["run_id"])


def resolve_guarded(  # noqa: PLR0913 - as resolve, and whether somebody has agreed
    warehouse: Warehouse,
    config: IdentityConfig,
    *,
    accept: bool,
    run_id: str,
    now: dt.datetime,
    seed: int,
    artifacts: Path,
    default_region: str,
    progress: Progress | None = None,
) -> GuardedReport:
    """Resolve as ``resolve`` does, unless more persons would change than the configuration allows.

    Every run that resolves anew leaves its numbers in ``identity.churn``, a held one too.

    Args:
        warehouse: As ``resolve``.
        config: As ``resolve``; ``max_changed_share`` and ``min_changed_persons`` are the bound.
        accept: Publish whatever this run finds.
        run_id: As ``resolve``.
        now: As ``resolve``.
        seed: As ``resolve``.
        artifacts: As ``resolve``; what a held run learned is not kept.
        default_region: As ``resolve``.
        progress: As ``resolve``.

    Raises:
        HeldChangesError: Too many would change, and nobody has accepted it.
        UnusableModelError: The data teach a model that would link different people.
    """
    warehouse.create_missing(TABLES)
    remember_members(warehouse)
    folder = artifacts / "identity"
    since = warehouse.scalar(f"select max(finished_at) from {RUNS.name.sql}")
    settings = _digests(config, default_region)
    run = _Run(warehouse, config, accept, run_id, now, settings, folder, _read_files(folder), since)
    rows: list[dict[str, Any]] = []
    try:
        report = resolve(
            warehouse, config, run_id=run_id, now=now, seed=seed, artifacts=artifacts,
            default_region=default_region, progress=progress, confirm=lambda: rows.append(run.judge()),
        )  # fmt: skip
    except _HeldError as held:
        run.forget_what_was_learned()
        _write(warehouse, held.row)
        raise _error(held.row) from None
    if not rows:
        _withdraw(warehouse, run_id=run_id, now=now)
        return GuardedReport(report, Churn(), "unchanged")
    return GuardedReport(report, _churn(rows[0]), rows[0]["status"])


def require_published(warehouse: Warehouse) -> None:
    """Refuse to go on while changes of the latest run wait for somebody's word.

    Raises:
        HeldChangesError: They do.
    """
    row = _latest(warehouse)
    if row is not None and row["status"] == "held":
        raise _error({**row, "causes": json.loads(row["causes"])})


@dataclass(frozen=True, slots=True)
class _Run:
    """One run: what there was before it, and what it was asked to do.

    Attributes:
        warehouse: The engine.
        config: The bound, and the settings that persons depend on.
        accept: Publish whatever is found.
        run_id: The run.
        now: The machine's clock.
        settings: A few digits of a hash of each setting.
        folder: Where what is learned is kept.
        learned: Its files, as they were.
        since: When the persons that there were had been resolved.
    """

    warehouse: Warehouse
    config: IdentityConfig
    accept: bool
    run_id: str
    now: dt.datetime
    settings: Mapping[str, str]
    folder: Path
    learned: Mapping[Path, bytes]
    since: dt.datetime | None

    def judge(self) -> dict[str, Any]:
        """Measure what the run changed, write it down and return it.

        Raises:
            _HeldError: It is too much.
        """
        churn = measure_churn(self.warehouse, since=self.since)
        bound = self.config.max_changed_share
        is_above = churn.is_above(self.config)
        row = {
            "run_id": self.run_id,
            "status": ("accepted" if self.accept else "held") if is_above else "published",
            **{name: getattr(churn, name) for name in _COUNTS},
            "bound": bound,
            "causes": self._causes() if churn.unexplained else [],
            "settings": json.dumps(self.settings),
            "measured_at": self.now,
        }
        if row["status"] == "held":
            raise _HeldError(row)
        _write(self.warehouse, row)
        return row

    def forget_what_was_learned(self) -> None:
        """Put the files back as they were: the persons that stay were made with them."""
        for path in _read_files(self.folder).keys() - self.learned.keys():
            path.unlink()
        for path, content in self.learned.items():
            partial = path.with_suffix(".partial")
            partial.write_bytes(content)
            partial.replace(path)

    def _causes(self) -> list[str]:
        causes = []
        changed = self._changed_settings()
        if changed:
            causes.append(f"{', '.join(changed)} changed since the last run that was published")
        causes += [f"source {source!r} is new" for source in new_sources(self.warehouse)]
        before = self.learned.get(self.folder / _MODEL)
        if _read_files(self.folder).get(self.folder / _MODEL) != before:
            causes.append(_LEARNED_ANEW if before else _LEARNED_FIRST)
        return causes or [_NO_CAUSE]

    def _changed_settings(self) -> list[str]:
        """Names of the settings that differ from those of the last run that was published."""
        found = self.warehouse.scalar(
            f"select settings from {CHURN.name.sql} where status in ('published', 'accepted') "
            "order by measured_at desc, run_id desc limit 1"
        )
        before = json.loads(found) if found else self.settings
        names = sorted(before.keys() | self.settings.keys())
        return [name for name in names if before.get(name) != self.settings.get(name)]


def _withdraw(warehouse: Warehouse, *, run_id: str, now: dt.datetime) -> None:
    """The input is that of the persons who are there: what was held before is off the table."""
    row = _latest(warehouse)
    if row is not None and row["status"] == "held":
        done = {"run_id": run_id, "status": "withdrawn", "causes": [], "measured_at": now}
        _write(warehouse, {**row, **dict.fromkeys(_COUNTS, 0), **done})


def _write(warehouse: Warehouse, row: Mapping[str, Any]) -> None:
    written = {**row, "causes": json.dumps(row["causes"])}
    warehouse.replace_where(
        CHURN.name, "run_id = $run_id", pa.Table.from_pylist([written]), {"run_id": row["run_id"]}
    )


def _latest(warehouse: Warehouse) -> dict[str, Any] | None:
    if not warehouse.exists(CHURN.name):
        return None
    rows: list[dict[str, Any]] = warehouse.read(
        f"select * from {CHURN.name.sql} order by measured_at desc, run_id desc limit 1"
    ).to_pylist()
    return rows[0] if rows else None


def _error(row: Mapping[str, Any]) -> HeldChangesError:
    return HeldChangesError(
        changed=row["unexplained"], persons=row["persons"], bound=row["bound"], causes=row["causes"]
    )


def _churn(row: Mapping[str, Any]) -> Churn:
    return Churn(**{name: row[name] for name in _COUNTS})


def _digests(config: IdentityConfig, default_region: str) -> dict[str, str]:
    """Each setting that persons depend on, as a few digits of a hash."""
    values = {
        **{
            f"{name} of identity.yml": value
            for name, value in config.model_dump(mode="json").items()
        },
        "default_region of sources.yml": default_region,
    }
    return {name: _digest(value) for name, value in values.items()}


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:_DIGITS]


def _read_files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.glob("*")) if path.is_file()}
