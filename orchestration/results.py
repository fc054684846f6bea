"""What a run came to, as small tables that a person reads."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from identity import evaluate_members
from warehouse import Warehouse


def model_rows(warehouse: Warehouse) -> pa.Table:
    """One row per model: which algorithm answers, and how well it did on the later period."""
    return warehouse.read(
        """
        select model_key as model, status, algorithm, json_extract(metrics, '$.auc')::double as auc,
               json_extract(metrics, '$.ece')::double as calibration_error, reason
        from prediction.models where status <> 'retired' order by model_key
        """
    )


def audience_rows(warehouse: Warehouse) -> pa.Table:
    """One row per audience: its size at the last run."""
    return warehouse.read(
        """
        select audience_key as audience, matched, suppressed as without_consent, members, held_out
        from audiences.sizes semi join audiences.definitions using (audience_key)
        qualify computed_at = max(computed_at) over (partition by audience_key)
        order by audience_key
        """
    )


def sync_rows(warehouse: Warehouse) -> pa.Table:
    """One row per sync: what its latest run sent."""
    return warehouse.read(
        """
        select sync_key as sync, status, added, changed, removed, rejected
        from sync.runs qualify started_at = max(started_at) over (partition by sync_key)
        order by sync_key
        """
    )


def identity_rows(warehouse: Warehouse, truth: Path) -> list[dict[str, object]]:
    """Persons and profiles, and how well records were joined where the truth is known.

    Args:
        warehouse: Holds the persons.
        truth: Folder with ``records.csv``; without it, quality is left out.
    """
    row: dict[str, object] = {
        "persons": warehouse.scalar(
            "select count(*) from identity.persons where status = 'active'"
        ),
        "profiles": warehouse.scalar("select count(*) from marts.profiles"),
    }
    records = truth / "records.csv"
    if records.exists():
        quality = evaluate_members(warehouse, records)
        row |= {
            "pairwise_precision": quality.precision,
            "pairwise_recall": quality.recall,
            "pairwise_f1": quality.f1,
        }
    return [row]
