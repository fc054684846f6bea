"""The one place that runs dlt: rows into files of a work folder, state in and out.

dlt keeps its state, its packages of rows and a trace of the run in one folder. That folder is made
for one pull and removed after it; what outlives it is the state, which the caller keeps once the
rows stand durably in the landing folder. So a pull that is killed at any moment has not happened.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa

from ingestion.pull.feed import CURSOR, Feed

# Set before dlt is imported: it reads them once. No call home; no log that could show a row.
_SETTINGS = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL"}

_DATASET = "pulled"


@dataclass(frozen=True, slots=True)
class Extracted:
    """What dlt read.

    Attributes:
        files: Parquet files in the work folder, in the order of reading.
        state: dlt's state after it, as typed JSON.
    """

    files: tuple[Path, ...]
    state: str


def load_dlt() -> ModuleType:
    """Import dlt, which takes more than a second, on the first pull."""
    os.environ.update(_SETTINGS)
    import dlt  # noqa: PLC0415 - see above

    return dlt


def changes(
    name: str, read: Callable[[datetime | None], Iterator[pa.Table]], *, overlap_s: int
) -> Any:
    """A dlt resource of an API's rows that knows how far they are read.

    Args:
        name: What its state is called.
        read: Gives tables of schema ``DOCUMENTS``, from a time on; from the first row for None.
        overlap_s: How far before the newest change it begins.
    """
    dlt = load_dlt()
    # Without a key dlt drops no row of the overlap: whether a row is known is told by its content.
    since = dlt.sources.incremental(
        CURSOR, primary_key=(), lag=overlap_s, on_cursor_value_missing="include"
    )

    @dlt.resource(name=name)  # type: ignore[untyped-decorator]
    def rows(cursor: Any = since) -> Iterator[pa.Table]:
        yield from read(cursor.last_value)

    return rows


def extract(
    open_feed: Callable[[], Feed], work: Path, state: str | None, *, started_at: datetime
) -> tuple[Feed, Extracted]:
    """Read what is new into Parquet files.

    Args:
        open_feed: Makes the resources; called while dlt knows the pipeline.
        work: An empty folder.
        state: dlt's state as the last pull left it; None to read from the first row.
        started_at: When the pull began: no cursor passes it, see :func:`_held_back`.
    """
    dlt = load_dlt()
    from dlt.common import json as dlt_json  # noqa: PLC0415 - as dlt itself

    with _pipeline(dlt, work) as pipeline:
        if state is not None:
            with pipeline.managed_state() as known:
                known["sources"] = dlt_json.typed_loads(state)
        feed = open_feed()
        pipeline.run(list(feed.resources), loader_file_format="parquet", schema=dlt.Schema("pull"))
        after = _held_back(pipeline.state.get("sources", {}), started_at)
        files = sorted((work / "files" / _DATASET).rglob("*.parquet"))
        return feed, Extracted(tuple(files), dlt_json.typed_dumps(after))


@contextmanager
def _pipeline(dlt: ModuleType, work: Path) -> Iterator[Any]:
    destination = dlt.destinations.filesystem(
        bucket_url=(work / "files").as_uri(),
        naming_convention="direct",  # columns keep their names: the source's mapping knows them
        warn_unsafe_layout_separators=False,  # our tables' names have no separator in them
    )
    pipeline = dlt.pipeline(
        "pull", pipelines_dir=str(work / "pipelines"), destination=destination,
        dataset_name=_DATASET,
    )  # fmt: skip
    pipeline.config.restore_from_destination = False  # the state is ours to keep
    try:
        yield pipeline
    finally:
        pipeline.deactivate()


def _held_back(node: Any, started_at: datetime) -> Any:
    """The state with no cursor later than the beginning of the pull.

    What changes while a pull reads may be read before or after its change. A row that is read
    late would otherwise move the cursor past a change that was not seen; and one row with a time
    in the future would hide all that comes until then.
    """
    if isinstance(node, dict):
        return {
            name: _earlier(value, started_at)
            if name == "last_value"
            else _held_back(value, started_at)
            for name, value in node.items()
        }
    return node


def _earlier(value: Any, started_at: datetime) -> Any:
    if isinstance(value, datetime):
        at = started_at if value.tzinfo else started_at.astimezone(UTC).replace(tzinfo=None)
        return min(value, at)
    if isinstance(value, date):
        return min(value, started_at.date())
    return value
