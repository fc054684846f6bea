"""Let another version answer because a person says so, and keep who said so and why.

It moves the pointer in ``prediction.models`` alone: the next run scores by it, and leaves it in force
as long as it would leave a version that it had trained itself.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from prediction.errors import NoEarlierVersionError, RefusedVersionError, UnknownVersionError
from prediction.files import read_state
from prediction.inventory import TABLES
from prediction.registry import Change, Decision, Status, note, put, read_decisions, read_versions
from warehouse import Warehouse

PROMOTED, ROLLED_BACK = "promoted", "rolled_back"


@dataclass(frozen=True, slots=True)
class Order:
    """What a person decided.

    Attributes:
        by: Who.
        why: In words; it names no person of the company's data.
        as_of: The moment of the data.
        now: What the clock says.
    """

    by: str
    why: str
    as_of: dt.datetime
    now: dt.datetime


def promote(
    warehouse: Warehouse,
    artifacts: Path,
    key: str,
    version: str,
    order: Order,
    *,
    action: str = PROMOTED,
) -> Decision:
    """Let this version answer from the next run on.

    Args:
        warehouse: With the registry.
        artifacts: Folder below which model files lie.
        key: The model, or personas.
        version: One that passed its gates, and whose file is there.
        order: Who decided, why and when.
        action: What the history calls it.

    Raises:
        UnknownModelError: Nothing is known of the model.
        UnknownVersionError: It has no such version.
        RefusedVersionError: It failed its gates.
        BrokenModelError: Its file is missing or not one that Candor wrote.
    """
    warehouse.create_missing(TABLES)
    versions = {found.model_version: found for found in read_versions(warehouse, key)}
    if version not in versions:
        raise UnknownVersionError(key, version, list(versions))
    chosen = versions[version]
    if not chosen.is_passed:
        raise RefusedVersionError(key, version, chosen.reason)
    if chosen.path is not None:
        read_state(artifacts / chosen.path)
    before = answering_version(warehouse, key)
    if before == version:
        return chosen
    answering = replace(
        chosen, status=Status.CHAMPION, is_chosen=True, in_force_from=order.as_of,
        scores_fingerprint=None,
    )  # fmt: skip
    change = Change(action, order.why, order.by, before)
    with warehouse.transaction():
        put(warehouse, key, [answering], now=order.now)
        note(warehouse, answering, change, as_of=order.as_of, now=order.now)
    return answering


def roll_back(
    warehouse: Warehouse, artifacts: Path, key: str, version: str | None, order: Order
) -> Decision:
    """Let an earlier version answer: this one, or the one before that which answers now.

    Raises:
        NoEarlierVersionError: Nothing answered before.
        PredictionError: As ``promote`` has it.
    """
    wanted = version or _previous(warehouse, key)
    return promote(warehouse, artifacts, key, wanted, order, action=ROLLED_BACK)


def answering_version(warehouse: Warehouse, key: str) -> str | None:
    """The version that answers; None where none does."""
    answering = [found for found in read_decisions(warehouse, key) if found.answers]
    return answering[0].model_version if answering else None


def read_changes(warehouse: Warehouse, key: str) -> pa.Table:
    """Which version took over when, who decided and why; the newest change first."""
    return warehouse.read(
        "select changed_at, action, model_version as version, previous_version as previous, "
        "changed_by, reason, as_of from prediction.model_changes where model_key = $key "
        "order by changed_at desc, as_of desc, action",
        {"key": key},
    )


def _previous(warehouse: Warehouse, key: str) -> str:
    """Who answered before the version that answers now was put in force, roll-backs left out."""
    warehouse.create_missing(TABLES)
    read_versions(warehouse, key)
    found = warehouse.scalar(
        "select arg_max(previous_version, changed_at) from prediction.model_changes "
        "where model_key = $key and model_version = $version and action <> $rolled_back",
        {
            "key": key, "version": answering_version(warehouse, key) or "",
            "rolled_back": ROLLED_BACK,
        },
    )  # fmt: skip
    if found is None:
        raise NoEarlierVersionError(key)
    return str(found)
