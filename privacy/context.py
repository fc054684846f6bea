"""What an erasure works with, and what it asks of the parts that send."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from privacy.backups import BackupFolder
from privacy.erasure_log import ErasureLog
from privacy.plan import PlanStore
from privacy.requests import SubjectRequest
from privacy.suppression import Suppressions
from warehouse import Location, Table, Warehouse


class DestinationEvidence(Protocol):
    """What one destination answered; holds no personal value."""

    @property
    def destination_key(self) -> str:
        """The destination."""

    @property
    def sync_key(self) -> str:
        """The sync that had sent the persons there."""

    @property
    def persons(self) -> int:
        """How many ids of the persons it was told to forget."""

    @property
    def status(self) -> str:
        """What came of it, in one word."""

    @property
    def code(self) -> str | None:
        """Why it is not confirmed; None when it is."""

    @property
    def is_confirmed(self) -> bool:
        """Whether the destination has acknowledged."""

    @property
    def told(self) -> str:
        """What it was told: erasure, or removal where it has no call that forgets a person."""

    @property
    def batch_id(self) -> str | None:
        """The key under which it was told; None where nothing had to be sent."""

    @property
    def answer(self) -> str | None:
        """What it answered, as ``HTTP 202``; None where it is no service that answers so."""


class DestinationEraser(Protocol):
    """Tells destinations to forget persons; telling them again must do no harm."""

    def find(self, person_ids: Sequence[str], /) -> Mapping[str, int]:
        """How many of these ids each destination ever got, by its key."""

    def find_all(self, persons: Mapping[str, Sequence[str]], /) -> Mapping[str, Mapping[str, int]]:
        """The same of the ids of many requests, by request."""

    def erase_all(
        self, persons: Mapping[str, Sequence[str]], /, *, run_id: str, now: datetime
    ) -> Mapping[str, Sequence[DestinationEvidence]]:
        """Tell every destination that ever got one of the ids of these requests, by request."""


class ModelVersion(Protocol):
    """One version of a model that learnt from persons; holds no personal value."""

    @property
    def model_key(self) -> str:
        """The model."""

    @property
    def model_version(self) -> str:
        """The version."""

    @property
    def algorithm(self) -> str:
        """How it learnt."""

    @property
    def status(self) -> str:
        """Whether it answers, was refused or is retired."""

    @property
    def has_learnt(self) -> bool | None:
        """Whether it learnt from the persons; None where it is not known from whom it did."""


class TrainedModels(Protocol):
    """Knows which models learnt from whom."""

    def learnt_from(
        self, persons: Mapping[str, Sequence[str]], /
    ) -> Mapping[str, Sequence[ModelVersion]]:
        """The versions that learnt from one of the ids of each request, or may have, in order."""

    def has_file(self, model_key: str, model_version: str, /) -> bool:
        """Whether the file of a version is still there."""


class RequestPlace(Location, Protocol):
    """Where bodies of requests lie: a file of them, or a folder of such files."""

    def read(self) -> Sequence[SubjectRequest]:
        """The requests whose identity is still there."""

    def settle(self, request_ids: Collection[str]) -> None:
        """Take the identities out of completed requests, also where nobody was found."""


@dataclass(frozen=True, slots=True)
class ErasureContext:
    """What an erasure works with.

    Attributes:
        warehouse: The engine.
        tables: Every declared table, those that dbt builds included.
        locations: Every place to erase from: tables, landing files, artifacts.
        destinations: Who tells the destinations; None where nothing is ever sent.
        models: Who knows which models learnt from whom; None where none are trained.
        suppressions: Where erased identifiers go.
        request_places: Where the requests were read from.
        home: The data home, for frozen plans.
        roots: Folders that are searched for traces; the home, and what lies apart from it.
        warehouse_file: The file that ``warehouse`` has open; None in memory.
        databases: Folders whose SQLite files are ours to lay out anew where they hold a trace.
        customer_id_sources: Sources whose ids may be given as customer id; empty for all.
        default_region: ISO country of phone numbers that are written without one.
        now: When the pass began, UTC without a zone: what is due and what has expired by then.
        clock: Tells when each step is done; ``now`` for all of them where there is none.
        run_id: The run to record.
        progress: Told each step as it begins, and before it is recorded.
        needs_approval: Whether somebody must approve a request before it is carried out.
        purposes: Every purpose for which data are used, profiling included.
        backups: Where backups of the home lie; None where none are made.
        undeclared: Why files cannot be answered for that nobody has declared; blocks everybody.
    """

    warehouse: Warehouse
    tables: Sequence[Table]
    locations: Sequence[Location]
    destinations: DestinationEraser | None
    suppressions: Suppressions
    request_places: Sequence[RequestPlace]
    home: Path
    roots: Sequence[Path]
    warehouse_file: Path | None
    customer_id_sources: Sequence[str]
    default_region: str
    now: datetime
    run_id: str
    progress: Callable[[str], None] = lambda _message: None
    needs_approval: bool = False
    purposes: Sequence[str] = ()
    backups: BackupFolder | None = None
    undeclared: Sequence[str] = ()
    models: TrainedModels | None = None
    databases: Sequence[Path] = ()
    clock: Callable[[], datetime] | None = None

    def moment(self) -> datetime:
        """The time to record for what is done now, UTC without a zone."""
        return self.clock() if self.clock else self.now

    @property
    def places(self) -> tuple[Location, ...]:
        """All places to erase from, those of the requests last."""
        return (*self.locations, *self.request_places)

    @property
    def erasure_log(self) -> ErasureLog | None:
        """What a restored backup will catch up with; None where none are made."""
        return ErasureLog(self.backups.folder, self.suppressions.keys) if self.backups else None

    @property
    def plans(self) -> PlanStore:
        """Where plans are frozen."""
        return PlanStore(self.home)
