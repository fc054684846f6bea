"""What became of the rows of each file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from ingestion.files import LandingFile
from ingestion.inventory import LOADS
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class FileCount:
    """Rows of one file; rows_in is the sum of the three others."""

    file: LandingFile
    rows_in: int
    rows_loaded: int
    rows_deduplicated: int
    rows_quarantined: int


def write_loads(
    warehouse: Warehouse, kind: str, counts: Sequence[FileCount], now: datetime
) -> None:
    """Remember the files as loaded."""
    rows = {
        "load_id": [count.file.load_id for count in counts],
        "source": [count.file.source for count in counts],
        "kind": [kind] * len(counts),
        "file": [count.file.name for count in counts],
        "file_hash": [count.file.digest for count in counts],
        "rows_in": [count.rows_in for count in counts],
        "rows_loaded": [count.rows_loaded for count in counts],
        "rows_deduplicated": [count.rows_deduplicated for count in counts],
        "rows_quarantined": [count.rows_quarantined for count in counts],
        "loaded_at": pa.array([now] * len(counts), pa.timestamp("us")),
    }
    warehouse.append(LOADS.name, pa.table(rows))
