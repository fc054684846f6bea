"""Which refusals are of files as they are now, and which of what stood in their place before.

A refused row belongs to the load of one content of a file. When the file is corrected, its new
content is another load; the refusals of the old one are history then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ingestion.config import SourcesConfig
from ingestion.earlier_loads import KnownLoad, read_loads
from ingestion.errors import UnreadableFileError
from ingestion.files import LandingFile, digest_of
from ingestion.inventory import LOADS
from ingestion.reload import Finder
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class PastLoads:
    """Loads with refused rows whose files are not what they were; sorted ids.

    Attributes:
        replaced: Other content of the same file was loaded since, or stands there now.
        gone: The file is not there any more, nor elsewhere, or no source reads it.
    """

    replaced: tuple[str, ...]
    gone: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Both."""
        return (*self.replaced, *self.gone)


def past_loads(warehouse: Warehouse, config: SourcesConfig, landing: Path) -> PastLoads:
    """The loads with refused rows whose files are not what they were.

    A file of which only one content was loaded is not read: it still holds that one, or another
    that is yet to be loaded.
    """
    contents = _contents(warehouse)
    finder = Finder(config, landing)
    digest_at = cache(_digest)  # a file that grew has many loads, and is read once
    replaced, gone = [], []
    for load in read_loads(warehouse, "rows_quarantined > 0"):
        if load.source in config.sources and (landing / load.file).is_file():
            loaded = contents[load.source, load.file]
            if len(loaded) > 1 and _is_replaced(load, digest_at(landing / load.file), loaded):
                replaced.append(load.load_id)
        elif not _is_moved(load, finder, contents):
            gone.append(load.load_id)
    return PastLoads(tuple(sorted(replaced)), tuple(sorted(gone)))


def _contents(warehouse: Warehouse) -> Mapping[tuple[str, str], Sequence[tuple[str, str]]]:
    """What was loaded under each name of a source: hash and load, in the order of the loads."""
    contents: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for row in warehouse.read(
        f"select source, file, file_hash, load_id from {LOADS.name.sql} order by loaded_at, load_id"
    ).to_pylist():
        contents[row["source"], row["file"]].append((row["file_hash"], row["load_id"]))
    return contents


def _digest(path: Path) -> str | None:
    try:
        return digest_of(path)
    except OSError:  # nobody can say what is there now
        return None


def _is_replaced(load: KnownLoad, digest: str | None, loaded: Sequence[tuple[str, str]]) -> bool:
    """Whether the file holds another content that was loaded, or one later than it that was not."""
    if digest is None:
        return False
    standing = dict(loaded).get(digest, loaded[-1][1])
    return standing != load.load_id


def _is_moved(load: KnownLoad, finder: Finder, contents: Mapping[tuple[str, str], object]) -> bool:
    """Whether the file lies elsewhere as it was, where it was not loaded by itself."""
    try:
        found = finder.find(load)
    except UnreadableFileError:
        return True
    return isinstance(found, LandingFile) and (load.source, found.name) not in contents


def count_standing(warehouse: Warehouse, past: PastLoads) -> int:
    """How many rows are refused in files as they are now."""
    return int(
        warehouse.scalar(
            f"select coalesce(sum(rows_quarantined), 0) from {LOADS.name.sql} "
            "where not list_contains($past, load_id)",
            {"past": list(past.all)},
        )
    )
