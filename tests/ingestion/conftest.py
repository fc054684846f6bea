from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ingestion import IngestReport, LandingLocation, SourcesConfig, load_landing
from warehouse import DuckDBWarehouse

NOW = datetime.fromisoformat("2026-11-24T12:00")
SOURCES: Mapping[str, Any] = {
    "web": {"kind": "segment", "files": "web/**/*.jsonl*", "optional": True},
    "crm": {
        "kind": "person_records",
        "files": "crm/*",
        "optional": True,
        "id": "Id",
        "user_id": "User",
        "map": {"email": "Email", "phone": "Phone", "full_name": "Name"},
    },
    "shop": {
        "kind": "orders",
        "files": "shop/*.csv",
        "optional": True,
        "id": "order",
        "person": {"source": "crm", "id": "contact", "email": "mail"},
        "map": {"ordered_at": "at", "amount": "amount"},
    },
    "consents": {
        "kind": "consent_events",
        "files": "consent/*.jsonl",
        "optional": True,
        "map": {
            "subject_email": "who.email",
            "anonymous_id": "who.device",
            "purpose": "purpose",
            "status": "status",
            "occurred_at": "at",
        },
    },
}


def call(**changes: Any) -> dict[str, Any]:
    """One good track call with some fields changed; None takes a field away."""
    made = {
        "type": "track",
        "event": "Seen",
        "messageId": "m1",
        "anonymousId": "device-0001",
        "originalTimestamp": "2026-11-01T10:00:00Z",
        "sentAt": "2026-11-01T10:00:01Z",
        "receivedAt": "2026-11-01T10:00:02Z",
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def lines(*calls: Mapping[str, Any] | bytes) -> bytes:
    return b"".join(
        (one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in calls
    )


def nobody(identifiers: pa.Table) -> pa.Table:
    """No identifier belongs to anybody who was erased."""
    return identifiers.slice(0, 0)


@dataclass
class Landing:
    """A landing folder and the warehouse that it is loaded into."""

    folder: Path
    warehouse: DuckDBWarehouse = field(default_factory=DuckDBWarehouse.in_memory)
    sources: Mapping[str, Any] = field(default_factory=lambda: dict(SOURCES))

    @property
    def config(self) -> SourcesConfig:
        return SourcesConfig.model_validate({"sources": self.sources})

    @property
    def location(self) -> LandingLocation:
        return LandingLocation(self.warehouse, self.config, self.folder)

    def put(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
        return path

    def load(self, now: datetime = NOW) -> IngestReport:
        return load_landing(self.warehouse, self.config, self.folder, now=now, is_suppressed=nobody)

    def rows(self, sql: str) -> Sequence[dict[str, Any]]:
        return self.warehouse.read(sql).to_pylist()

    def values(self, sql: str) -> list[Any]:
        return self.warehouse.read(sql).column(0).to_pylist()

    def counts(self) -> list[tuple[str, int, int, int, int]]:
        """File, rows in, loaded, deduplicated, quarantined."""
        return [
            tuple(row.values())  # type: ignore[misc]
            for row in self.rows(
                "select file, rows_in, rows_loaded, rows_deduplicated, rows_quarantined "
                "from raw.loads order by loaded_at, file, load_id"
            )
        ]

    def codes(self) -> list[tuple[int | None, str]]:
        """Line and code of every refused row."""
        return [
            (row["line"], row["code"])
            for row in self.rows("select line, code from raw.quarantine order by file, line")
        ]


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    made = Landing(tmp_path / "landing")
    made.folder.mkdir()
    return made


def keys(**values: str | Sequence[str]) -> pa.Table:
    """The keys of a person: keys(email="ann@x.example", anonymous_id=["a", "b"])."""
    pairs = [
        (kind, value)
        for kind, given in values.items()
        for value in ([given] if isinstance(given, str) else given)
    ]
    return pa.table(
        {"kind": [kind for kind, _ in pairs], "value": [value for _, value in pairs]},
        pa.schema([("kind", pa.string()), ("value", pa.string())]),
    )
