"""Let another version answer because a person says so, and keep who said so and why.

It moves the pointer in ``prediction.models`` alone: the next run scores by it, and leaves it in force
as long as it would leave a version that it had trained itself.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from prediction.config import PropensityConfig
from prediction.errors import (
    NoEarlierVersionError,
    RefusedVersionError,
    UnfitVersionError,
    UnknownVersionError,
)
from prediction.fitness import why_unfit
from prediction.inventory import TABLES
from prediction.registry import (
    Change,
    Decision,
    Status,
    note,
    put,
    read_decisions,
    read_version_state,
    read_versions,
)
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
        action: What the history calls it.
    """

    by: str
    why: str
    as_of: dt.datetime
    now: dt.datetime
    action: str = PROMOTED


def promote(
    warehouse: Warehouse,
    artifacts: Path,
    key: str,
    version: str,
    order: Order,
    *,
    config: PropensityConfig | None,
) -> Decision:
    """Let this version answer from the next run on.

    Args:
        warehouse: With the registry.
        artifacts: Folder below which model files lie.
        key: The model, or personas.
        version: One that passed its gates, and whose file is there.
        order: Who decided, why and when.
        config: Of the model as it is, sensitive features left out; None for personas, and where
            predictions.yml does not name it.

    Raises:
        UnknownModelError: Nothing is known of the model.
        UnknownVersionError: It has no such version.
        RefusedVersionError: It failed its gates.
        UnfitVersionError: It needs a feature or a rule that is gone, or uses what must be left out.
        MissingRelationError: The marts are not built.
        BrokenModelError: Its file is missing or not one that Candor wrote.
    """
    warehouse.create_missing(TABLES)
    chosen = _passed(warehouse, key, version)
    if chosen.path is not None:
        read_version_state(artifacts, chosen)
    if unfit := why_unfit(warehouse, artifacts, chosen, config):
        raise UnfitVersionError(key, version, unfit)
    before = answering_version(warehouse, key)
    if before == version:
        return chosen
    answering = replace(
        chosen, status=Status.CHAMPION, is_chosen=True, in_force_from=order.as_of,
        scores_fingerprint=None,
    )  # fmt: skip
    change = Change(order.action, order.why, order.by, before)
    with warehouse.transaction():
        put(warehouse, key, [answering], now=order.now)
        note(warehouse, answering, change, as_of=order.as_of, now=order.now)
    return answering


def roll_back(
    warehouse: Warehouse,
    artifacts: Path,
    key: str,
    version: str | None,
    order: Order,
    *,
    config: PropensityConfig | None,
) -> Decision:
    """Let an earlier version answer: this one, or the one before that which answers now.

    Raises:
        NoEarlierVersionError: Nothing answered before.
        PredictionError: As ``promote`` has it.
    """
    wanted = version or _previous(warehouse, key)
    back = replace(order, action=ROLLED_BACK)
    return promote(warehouse, artifacts, key, wanted, back, config=config)


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


def _passed(warehouse: Warehouse, key: str, version: str) -> Decision:
    versions = {found.model_version: found for found in read_versions(warehouse, key)}
    if version not in versions:
        raise UnknownVersionError(key, version, list(versions))
    if not versions[version].is_passed:
        raise RefusedVersionError(key, version, versions[version].reason)
    return versions[version]


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
