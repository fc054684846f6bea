"""The frozen plan of an erasure: its keys, and what was counted where before anything went.

A killed erasure must find its persons again after their rows are gone, so the keys lie in
``<home>/privacy/<request>/plan.json`` (mode 0600) from planning until the proof, and are then
overwritten and removed. ``begun`` beside it says that rows may have gone already.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from privacy.closure import Closure
from privacy.errors import MissingPlanError
from privacy.likely import JoinedByLikeness
from privacy.locations import TableLocation
from privacy.possibly import PossiblySame
from privacy.storage import destroy_folders, write_private
from warehouse import Location

KEY_SCHEMA = pa.schema(
    [("subject_request_id", pa.string()), ("kind", pa.string()), ("value", pa.string())]
)


@dataclass(frozen=True, slots=True)
class PlannedCount:
    """Rows of the persons that one place held when the plan was frozen.

    Attributes:
        location: The place.
        rows: Rows or files.
        requests: How many requests the count spans: 1, or all of the pass where a place can
            only count them together.
    """

    location: str
    rows: int
    requests: int


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """Identifiers of the person that stay, and why."""

    kind: str
    reason: str
    identifiers: int


@dataclass(frozen=True, slots=True)
class LearntModel:
    """A version of a model that learnt from the person, and its status when the plan was frozen.

    ``has_learnt`` is None where it is not known from whom it learnt.
    """

    model: str
    version: str
    algorithm: str
    status: str
    has_learnt: bool | None = True


@dataclass(frozen=True, slots=True)
class ErasurePlan:
    """What one request will erase; ``repr`` shows no key."""

    subject_request_id: str
    keys: tuple[tuple[str, str], ...]
    counts: tuple[PlannedCount, ...]
    left_alone: tuple[LeftAlone, ...]
    models: tuple[LearntModel, ...] = ()
    possible: tuple[PossiblySame, ...] = ()
    likely: tuple[JoinedByLikeness, ...] = ()

    def __repr__(self) -> str:
        return f"ErasurePlan({self.subject_request_id!r}, {len(self.keys)} keys)"

    @property
    def identifiers(self) -> Mapping[str, int]:
        """How many keys of each kind there are."""
        kinds = [kind for kind, _ in self.keys]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}

    @property
    def is_of_somebody(self) -> bool:
        """Whether anything is held: a person, or rows in a place that counts each request alone."""
        own = any(count.rows and count.requests == 1 for count in self.counts)
        return bool(self.person_ids or self.left_alone) or own

    @property
    def person_ids(self) -> tuple[str, ...]:
        """Every id that the persons ever had."""
        return tuple(value for kind, value in self.keys if kind == "person_id")


@dataclass(frozen=True, slots=True)
class PlanStore:
    """The folder of frozen plans in one data home."""

    home: Path

    def folder(self, request_id: str) -> Path:
        """The folder of one request."""
        return self.home / "privacy" / request_id

    def freeze(self, plan: ErasurePlan) -> None:
        """Write a plan, durably, for its owner's eyes alone."""
        content = json.dumps(asdict(plan)).encode()
        write_private(self.folder(plan.subject_request_id) / "plan.json", content)

    def read(self, request_id: str) -> ErasurePlan:
        """Read a frozen plan.

        Raises:
            MissingPlanError: There is none.
        """
        try:
            body = json.loads((self.folder(request_id) / "plan.json").read_bytes())
        except FileNotFoundError:
            raise MissingPlanError(request_id) from None
        return ErasurePlan(
            subject_request_id=body["subject_request_id"],
            keys=tuple((kind, value) for kind, value in body["keys"]),
            counts=tuple(PlannedCount(**count) for count in body["counts"]),
            left_alone=tuple(LeftAlone(**item) for item in body["left_alone"]),
            # A plan that an older version froze knows of none.
            models=tuple(LearntModel(**item) for item in body.get("models", ())),
            possible=tuple(_possibly(item) for item in body.get("possible", ())),
            likely=tuple(JoinedByLikeness(**item) for item in body.get("likely", ())),
        )

    def exists(self, request_id: str) -> bool:
        """Whether a plan is there; one that a kill left overwritten, not yet removed, is not."""
        path = self.folder(request_id) / "plan.json"
        return path.exists() and path.read_bytes().startswith(b"{")

    def begin(self, request_id: str) -> None:
        """Write down, durably, that rows are about to go: from now on only the plan knows whose."""
        write_private(self.folder(request_id) / "begun", b"")

    def has_begun(self, request_id: str) -> bool:
        """Whether rows may have gone already."""
        return (self.folder(request_id) / "begun").exists()

    def destroy(self, request_ids: Iterable[str]) -> None:
        """Overwrite and remove plans; those that are gone are left out."""
        destroy_folders(self.folder(request_id) for request_id in request_ids)


def make_plans(
    closure: Closure, request_ids: Sequence[str], locations: Sequence[Location]
) -> tuple[ErasurePlan, ...]:
    """Count what every place holds of the persons; one plan for each request."""
    counted = [
        (location.name, *_counts(location, closure.keys, request_ids)) for location in locations
    ]
    keys = _grouped(closure.keys)
    left_alone, likely = _grouped(closure.left_alone), _grouped(closure.likely)
    possible = _grouped(closure.possible)
    return tuple(
        ErasurePlan(
            subject_request_id=request_id,
            keys=tuple((row["kind"], row["value"]) for row in keys.get(request_id, ())),
            counts=tuple(
                PlannedCount(name, rows.get(request_id, 0), spanned)
                for name, rows, spanned in counted
            ),
            left_alone=tuple(LeftAlone(**row) for row in left_alone.get(request_id, ())),
            possible=tuple(_possibly(row) for row in possible.get(request_id, ())),
            likely=tuple(JoinedByLikeness(**row) for row in likely.get(request_id, ())),
        )
        for request_id in request_ids
    )


def keys_of(plans: Sequence[ErasurePlan]) -> pa.Table:
    """The keys of several plans: ``(subject_request_id, kind, value)``."""
    rows = [
        {"subject_request_id": plan.subject_request_id, "kind": kind, "value": value}
        for plan in plans
        for kind, value in plan.keys
    ]
    return pa.Table.from_pylist(rows, schema=KEY_SCHEMA)


def distinct_keys(keys: pa.Table) -> pa.Table:
    """The keys as locations want them: ``(kind, value)``, each once."""
    return keys.select(["kind", "value"]).group_by(["kind", "value"]).aggregate([])


def _counts(
    location: Location, keys: pa.Table, request_ids: Sequence[str]
) -> tuple[Mapping[str, int], int]:
    """Rows by request, and how many requests each of these counts spans."""
    if isinstance(location, TableLocation):
        return location.find_by_request(keys), 1
    found = sum(trace.rows for trace in location.find(distinct_keys(keys)))
    return dict.fromkeys(request_ids, found), len(request_ids)


def _possibly(row: Mapping[str, Any]) -> PossiblySame:
    return PossiblySame(**{**row, "person_ids": tuple(row["person_ids"])})


def _grouped(rows: pa.Table) -> Mapping[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in rows.to_pylist():
        grouped.setdefault(row.pop("subject_request_id"), []).append(row)
    return grouped
