"""What ``raw.loads`` tells of earlier loads, and which of them are to be loaded again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from ingestion.field_values import DateOrder
from ingestion.files import LandingFile
from ingestion.inventory import LOADS
from warehouse import Warehouse


class Reload(StrEnum):
    """Why a file is to be loaded again, as ``raw.loads.reload`` has it."""

    SAME = "same"
    """As it was: a file that changed since is left alone."""

    DAY = "day"
    """As part of its day: a file that took its place on the same day counts as the same."""


@dataclass(frozen=True, slots=True)
class KeptOrders:
    """How dates are to be read of a file out of which an erasure took rows.

    Attributes:
        orders: What it told before, by field.
        has_changed: Whether it is another file by now: then its own dates count more.
    """

    orders: Mapping[str, DateOrder]
    has_changed: bool = False


@dataclass(frozen=True, slots=True)
class KnownLoad:
    """A row of ``raw.loads``; ``good`` is how many of its rows were not refused.

    ``date_orders`` is what its dates told of their order, as JSON, None where it was never noted;
    ``is_rewritten`` whether an erasure took rows out of it.
    """

    load_id: str
    source: str
    kind: str
    file: str
    file_hash: str
    received_date: date
    loaded_at: datetime
    good: int
    reload: str | None
    date_orders: str | None = None
    is_rewritten: bool | None = None

    @property
    def kept_orders(self) -> Mapping[str, DateOrder] | None:
        """How its dates are to be read; None where the file is to tell it itself.

        A file tells it as it always did while no row went, and what it told before an earlier release
        noted it, nobody knows but what is left of it.
        """
        if not self.is_rewritten or self.date_orders is None:
            return None
        return {name: DateOrder(order) for name, order in json.loads(self.date_orders).items()}


def read_loads(
    warehouse: Warehouse, condition: str = "true", parameters: Mapping[str, object] | None = None
) -> Sequence[KnownLoad]:
    """The loads that fit a condition, in the order in which they came."""
    rows = warehouse.read(
        f"""
        select load_id, source, kind, file, file_hash, received_date, loaded_at,
            rows_loaded + rows_deduplicated as good, reload,
            date_orders, is_rewritten
        from {LOADS.name.sql} as loads where {condition} order by loaded_at, source, file, load_id
        """,
        parameters,
    )
    return [KnownLoad(**row) for row in rows.to_pylist()]


def former_orders(warehouse: Warehouse, file: LandingFile) -> KeptOrders | None:
    """What the last file in this place told before an erasure took rows out of it, where one did."""
    loads = read_loads(
        warehouse,
        "is_rewritten and date_orders is not null and source = $source and file = $file",
        {"source": file.source, "file": file.name},
    )
    orders = loads[-1].kept_orders if loads else None
    return KeptOrders(orders, has_changed=True) if orders else None


def ask_again(warehouse: Warehouse, load_ids: Sequence[str], why: Reload) -> None:
    """Mark loads whose files are to be loaded again."""
    warehouse.execute(
        f"update {LOADS.name.sql} set reload = $why where list_contains($ids, load_id)",
        {"why": str(why), "ids": list(load_ids)},
    )


def keep(warehouse: Warehouse, loads: Iterable[KnownLoad]) -> None:
    """Let marked loads stand as they are."""
    warehouse.execute(
        f"update {LOADS.name.sql} set reload = null where list_contains($ids, load_id)",
        {"ids": [load.load_id for load in loads]},
    )


def is_retention_due(warehouse: Warehouse) -> bool:
    """Whether rows that are too old may be back, because files were loaded again.

    It is noted in the transaction that loads them, so that no kill can leave them unseen.
    """
    return bool(warehouse.scalar(f"select bool_or(retention_due) from {LOADS.name.sql}"))


def note_retention(warehouse: Warehouse) -> None:
    """Note that what is too old is deleted."""
    warehouse.execute(f"update {LOADS.name.sql} set retention_due = null where retention_due")


def named_apart(file: LandingFile, taken: AbstractSet[str]) -> LandingFile:
    """The file with a load id that no other load has."""
    while file.load_id in taken:
        file = replace(file, earlier_loads=file.earlier_loads + 1)
    return file
