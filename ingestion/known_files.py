"""Which landing files were loaded before.

A file is known by its content, wherever it lies. Events are the same whenever they come; an export
of records says what holds on its day, so content that comes back after another one is news: under
its own name when the file was something else in between, under another name when it is of a later
day. A file that was only moved is neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ingestion.earlier_loads import named_apart
from ingestion.files import LandingFile
from ingestion.inventory import LOADS
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class KnownFiles:
    """What ``raw.loads`` knows of files, and what was taken up since.

    Attributes:
        days: The last day of each source and SHA-256 of content.
        contents: The content that each source and file name had last.
        load_ids: Ids of all loads.
    """

    days: dict[tuple[str, str], date]
    contents: dict[tuple[str, str], str]
    load_ids: set[str]

    @classmethod
    def read(cls, warehouse: Warehouse) -> KnownFiles:
        """Read them."""
        rows = warehouse.read(
            f"select load_id, source, file, file_hash, received_date from {LOADS.name.sql} "
            "order by loaded_at, load_id"
        ).to_pylist()
        days: dict[tuple[str, str], date] = {}
        for row in rows:
            known = row["source"], row["file_hash"]
            days[known] = max(days.get(known, date.min), row["received_date"] or date.min)
        contents = {(row["source"], row["file"]): row["file_hash"] for row in rows}
        return cls(days, contents, {row["load_id"] for row in rows})

    def is_new(self, file: LandingFile, day: date, *, is_snapshot: bool) -> bool:
        """Whether a file is to be loaded.

        Args:
            file: The file.
            day: When it came.
            is_snapshot: Whether it says what holds on its day.
        """
        last_day = self.days.get((file.source, file.digest))
        if last_day is None:
            return True
        last_content = self.contents.get((file.source, file.name))
        came_back = day > last_day if last_content is None else last_content != file.digest
        return is_snapshot and came_back

    def add(self, file: LandingFile, day: date) -> LandingFile:
        """Note a file that will be loaded; return it with a load id that no other load has."""
        apart = named_apart(file, self.load_ids)
        known = file.source, file.digest
        self.days[known] = max(self.days.get(known, date.min), day)
        self.contents[file.source, file.name] = file.digest
        self.load_ids.add(apart.load_id)
        return apart
