"""Which version of each model answers: rows of ``prediction.models``, folders below artifacts."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel

from prediction.errors import UnknownModelError
from prediction.files import read_file, read_state
from prediction.inventory import MODELS
from warehouse import Warehouse

# Raised when the method changes, so that nothing trained by an older one is taken for current.
METHOD = "5"
FOLDER = "models"
_ARROW = {"VARCHAR": pa.string(), "TIMESTAMP": pa.timestamp("us"), "BOOLEAN": pa.bool_()}
CANDOR = "candor"


class Status(StrEnum):
    """What became of a version."""

    CHAMPION = "champion"
    REFUSED = "refused"
    INSUFFICIENT = "insufficient"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Decision:
    """One version of one model, and why it has its status; a row of ``prediction.models``.

    ``is_passed`` says that nothing spoke against it when it was made (null in rows of an older
    Candor, which is not yes), ``is_chosen`` that a person put it in force, ``in_force_from`` since
    what moment of the data it answers, ``purpose`` what consent the model asked for last,
    ``file_digests`` what its files were (null for rules and in rows of an older Candor).
    """

    model_key: str
    model_version: str
    status: Status
    algorithm: str
    reason: str
    metrics: Mapping[str, Any]
    trained_as_of: dt.datetime
    data_fingerprint: str
    config_fingerprint: str
    path: str | None = None
    scores_fingerprint: str | None = None
    is_passed: bool | None = None
    is_chosen: bool | None = None
    in_force_from: dt.datetime | None = None
    purpose: str | None = None
    file_digests: Mapping[str, str] | None = None

    @property
    def answers(self) -> bool:
        """Whether persons are scored by it (or, insufficient, told that nothing answers)."""
        return self.status in {Status.CHAMPION, Status.INSUFFICIENT}


@dataclass(frozen=True, slots=True)
class Change:
    """Why another version answers.

    Attributes:
        action: trained, promoted or rolled_back.
        reason: In words.
        changed_by: candor, or who gave the command.
        previous_version: Who answered before; None at first.
    """

    action: str
    reason: str
    changed_by: str
    previous_version: str | None


def fingerprint(config: BaseModel) -> str:
    """SHA-256 of a configuration and of the method."""
    return hashlib.sha256(f"{METHOD} {config.model_dump_json()}".encode()).hexdigest()


def version_of(data: str, config: str) -> str:
    """The version that data and configuration come to."""
    return hashlib.sha256(f"{data} {config}".encode()).hexdigest()[:12]


def folder_of(key: str, version: str) -> str:
    """The folder of a version, below ``artifacts/``."""
    return f"{FOLDER}/{key}/{version}"


def read_decisions(warehouse: Warehouse, key: str) -> tuple[Decision, ...]:
    """The versions of a model that are not retired; who answers comes first."""
    rows = warehouse.read(
        "select * exclude (created_at) from prediction.models "
        "where model_key = $key and status <> 'retired' order by status, model_version",
        {"key": key},
    ).to_pylist()
    return tuple(sorted(map(_decision, rows), key=lambda decision: not decision.answers))


def read_versions(warehouse: Warehouse, key: str) -> tuple[Decision, ...]:
    """Every version of a model, retired ones included, the newest first.

    Raises:
        UnknownModelError: Nothing is known of the model.
    """
    require_model(warehouse, key)
    rows = warehouse.read(
        "select * exclude (created_at) from prediction.models where model_key = $key "
        "order by trained_as_of desc, model_version",
        {"key": key},
    ).to_pylist()
    return tuple(_decision(row) for row in rows)


def require_model(warehouse: Warehouse, key: str) -> None:
    """Refuse a model of which nothing is known.

    Raises:
        UnknownModelError: It has no version.
    """
    known = _known_models(warehouse)
    if key not in known:
        raise UnknownModelError(key, known)


def list_versions(warehouse: Warehouse, key: str) -> pa.Table:
    """One row per version of a model: whether it passed, how well it did, since when it answers."""
    return warehouse.read(
        """
        select model_version as version, status, algorithm, is_passed as passed,
               json_extract(metrics, '$.auc')::double as auc, trained_as_of, in_force_from, reason
        from prediction.models where model_key = $key
        order by trained_as_of desc, model_version
        """,
        {"key": key},
    )


def record(
    warehouse: Warehouse,
    key: str,
    decisions: Sequence[Decision],
    *,
    as_of: dt.datetime,
    now: dt.datetime,
) -> None:
    """Put these versions in force and retire all others of the model; the first one answers.

    Args:
        warehouse: Where.
        key: The model.
        decisions: The version that answers, and those that were refused.
        as_of: The moment of the data.
        now: What the clock says.
    """
    before = [found for found in read_decisions(warehouse, key) if found.answers]
    previous = before[0].model_version if before else None
    answering = decisions[0]
    if answering.answers and answering.model_version != previous:
        answering = replace(answering, in_force_from=as_of)
        note(
            warehouse,
            answering,
            Change("trained", answering.reason, CANDOR, previous),
            as_of=as_of,
            now=now,
        )
    put(warehouse, key, [answering, *decisions[1:]], now=now)


def put(warehouse: Warehouse, key: str, decisions: Sequence[Decision], *, now: dt.datetime) -> None:
    """Write these versions and retire all others of the model."""
    versions = [decision.model_version for decision in decisions]
    rows = pa.Table.from_pylist(
        [_row(decision, now) for decision in decisions],
        schema=pa.schema([(column.name, _ARROW[column.type]) for column in MODELS.columns]),
    )
    with warehouse.transaction():
        warehouse.execute(
            "update prediction.models set status = 'retired' where model_key = $key",
            {"key": key},
        )
        warehouse.execute(
            "delete from prediction.models where model_key = $key "
            "and list_contains($versions, model_version)",
            {"key": key, "versions": versions},
        )
        warehouse.append(MODELS.name, rows)


def note(
    warehouse: Warehouse,
    decision: Decision,
    change: Change,
    *,
    as_of: dt.datetime,
    now: dt.datetime,
) -> None:
    """Write down that this version answers from now on, who decided so and why."""
    warehouse.execute(
        "insert into prediction.model_changes by name select $key as model_key, "
        "$version as model_version, $previous as previous_version, $action as action, "
        "$reason as reason, $by as changed_by, $as_of::timestamp as as_of, "
        "$now::timestamp as changed_at",
        {
            "key": decision.model_key, "version": decision.model_version,
            "previous": change.previous_version, "action": change.action,
            "reason": change.reason, "by": change.changed_by, "as_of": as_of, "now": now,
        },
    )  # fmt: skip


def retire_unconfigured(warehouse: Warehouse, keys: Sequence[str]) -> None:
    """Retire what the configuration does not name any more."""
    unnamed = "status <> 'retired' and not list_contains($keys::varchar[], model_key)"
    if warehouse.scalar(f"select count(*) from prediction.models where {unnamed}", {"keys": keys}):
        warehouse.execute(
            f"update prediction.models set status = 'retired' where {unnamed}", {"keys": keys}
        )


def remember_purpose(warehouse: Warehouse, key: str, purpose: str) -> None:
    """Note what consent a model asks for: its scores may outlive it in predictions.yml."""
    other, values = (
        "model_key = $key and purpose is distinct from $purpose",
        {"key": key, "purpose": purpose},
    )
    if warehouse.scalar(f"select count(*) from prediction.models where {other}", values):
        warehouse.execute(f"update prediction.models set purpose = $purpose where {other}", values)


def remember_scores(warehouse: Warehouse, decision: Decision, scores: str) -> None:
    """Note what was scored last, so that the same is not scored again."""
    warehouse.execute(
        "update prediction.models set scores_fingerprint = $scores "
        "where model_key = $key and model_version = $version",
        {"scores": scores, "key": decision.model_key, "version": decision.model_version},
    )


def list_models(warehouse: Warehouse) -> pa.Table:
    """One row per model that is not retired: who answers, how well, and why."""
    return warehouse.read(
        """
        select model_key as model, status, algorithm, model_version as version,
               json_extract(metrics, '$.auc')::double as auc,
               json_extract(metrics, '$.ece')::double as calibration_error,
               trained_as_of, reason
        from prediction.models where status <> 'retired'
        order by model_key, status, model_version
        """
    )


def count_scored(warehouse: Warehouse, key: str) -> pa.Table:
    """How many persons or accounts a model scored last, and who answered, a row per kind of answer.

    Columns: unit, as_of, source, scored, and sizes: how many are in each decile there is, in its order.
    """
    return warehouse.read(
        """
        with scores as (
            select 'persons' as unit, as_of, source, decile from prediction.propensity_scores
            where model_key = $key
            union all
            select 'accounts', as_of, source, decile from prediction.account_scores
            where model_key = $key
        ),
        newest as (select * from scores qualify as_of = max(as_of) over ()),
        placed as (select unit, as_of, source, decile, count(*) as persons from newest group by all)
        select unit, as_of, source, sum(persons)::bigint as scored,
            list({'decile': decile, 'persons': persons} order by decile)
                filter (where decile is not null) as sizes
        from placed group by unit, as_of, source order by all
        """,
        {"key": key},
    )


def read_cards(warehouse: Warehouse, artifacts: Path, key: str) -> list[dict[str, Any]]:
    """The cards of a model's versions in force, the one that answers first.

    Raises:
        UnknownModelError: Nothing is known of the model.
        ChangedModelError: A card is not the one that was recorded.
    """
    decisions = read_decisions(warehouse, key)
    if not decisions:
        raise UnknownModelError(key, _known_models(warehouse))
    return [_card(artifacts, decision) for decision in decisions]


def read_version_file(artifacts: Path, decision: Decision, name: str) -> bytes | None:
    """A file beside the model of a version; None where it has none.

    Raises:
        ChangedModelError: It is not the one that was recorded.
    """
    if decision.path is None:
        return None
    return read_file(artifacts / decision.path, name, decision.file_digests)


def read_version_state(artifacts: Path, decision: Decision) -> dict[str, Any]:
    """Arrays, texts and numbers of the model of a version.

    Raises:
        BrokenModelError: As ``read_state`` has it.
        UntrustedModelError: As ``read_state`` has it.
    """
    return read_state(artifacts / str(decision.path), decision.file_digests)


def _decision(row: Mapping[str, Any]) -> Decision:
    digests = row["file_digests"]
    found = {
        "status": Status(row["status"]),
        "metrics": json.loads(row["metrics"]),
        "file_digests": None if digests is None else json.loads(digests),
    }
    return Decision(**{**row, **found})


def _known_models(warehouse: Warehouse) -> list[str]:
    rows = warehouse.read("select distinct model_key from prediction.models order by all")
    return list(rows["model_key"].to_pylist())


def _card(artifacts: Path, decision: Decision) -> dict[str, Any]:
    content = read_version_file(artifacts, decision, "card.json")
    card = json.loads(content) if content else {}
    return {
        "model_key": decision.model_key,
        "version": decision.model_version,
        "status": str(decision.status),
        "algorithm": decision.algorithm,
        "reason": decision.reason,
        "metrics": dict(decision.metrics),
        "path": decision.path,
        **{
            name: value
            for name, value in card.items()
            if name not in {"status", "reason", "metrics"}
        },
    }


def _row(decision: Decision, now: dt.datetime) -> dict[str, Any]:
    names = [name for name in MODELS.column_names if name != "created_at"]
    row = {name: getattr(decision, name) for name in names}
    metrics = json.dumps(decision.metrics, sort_keys=True)
    digests = decision.file_digests
    texts = {
        "status": str(decision.status),
        "metrics": metrics,
        "file_digests": None if digests is None else json.dumps(digests, sort_keys=True),
    }
    return {**row, **texts, "created_at": now}
