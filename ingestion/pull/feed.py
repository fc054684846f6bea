"""What a pull reads, before it is known where from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from ingestion.config import RecordSource

# The column of the rows of an API by which dlt knows how far they are read.
CURSOR = "cursor"
# Rows of an API are kept as the text that they came as.
DOCUMENTS = pa.schema([(CURSOR, pa.timestamp("us", "UTC")), ("document", pa.large_string())])


@dataclass(frozen=True, slots=True)
class PullRequest:
    """One pull of one source.

    Attributes:
        name: The source's name.
        source: What the configuration says of it; ``source.pull`` is set.
        environ: Where secrets are.
        now: When the pull began, UTC without a zone.
    """

    name: str
    source: RecordSource
    environ: Mapping[str, str]
    now: datetime

    @property
    def started_at(self) -> datetime:
        """When the pull began, with its zone."""
        return self.now.replace(tzinfo=UTC)

    @property
    def fingerprint(self) -> str:
        """Changes when other rows or columns are asked for."""
        assert self.source.pull is not None  # noqa: S101 - for mypy, see the class
        # How far a pull looks back and whose secret it uses change nothing about the rows.
        asked = self.source.pull.model_dump(
            mode="json",
            exclude={"overlap_s", "token_env", "client_id_env", "client_secret_env", "url_env"},
        )
        text = repr((sorted(asked.items()), sorted(wanted_columns(self.source))))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Feed:
    """Rows of one source as dlt reads them.

    Attributes:
        resources: dlt's resources; each gives Arrow tables.
        columns: The columns, where they are known before the rows are read.
        json_columns: Text columns that hold JSON.
        number_columns: Text columns that hold numbers, exactly as the database has them.
    """

    resources: Sequence[Any]
    columns: Mapping[str, str] | None = None
    json_columns: frozenset[str] = frozenset()
    number_columns: frozenset[str] = frozenset()


def wanted_columns(source: RecordSource) -> frozenset[str]:
    """Every column that the source maps, or that is known of its kind of export."""
    known = source.preset.api_columns if source.preset and source.preset.tool else frozenset()
    return source.named_columns | known


def documents(rows: Iterable[tuple[datetime | None, str]]) -> pa.Table:
    """A table of documents, each with the time of its last change."""
    listed = list(rows)
    times, texts = [time for time, _ in listed], [text for _, text in listed]
    return pa.table([pa.array(times, DOCUMENTS[0].type), texts], DOCUMENTS)
