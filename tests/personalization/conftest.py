"""A warehouse in memory with the tables that personalization reads, filled by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest

from measurement import Holdout
from personalization import ContentConfig, RecommendationReport, recommend
from warehouse import DuckDBWarehouse

AS_OF = dt.datetime.fromisoformat("2026-06-01")

TABLES = """
create schema marts;
create table marts.profiles (person_id varchar, is_bot boolean);
create table marts.consent_current (person_id varchar, purpose varchar, status varchar);
create table marts.content_items (
    content_id varchar, topic varchar, content_type varchar, funnel_stage varchar,
    published_at timestamp
);
create table marts.content_engagement (
    person_id varchar, content_id varchar, max_scroll_depth double,
    first_viewed_at timestamp, last_viewed_at timestamp
);
"""


@dataclass(frozen=True, slots=True)
class Company:
    """The warehouse with one verb for each thing that a test says."""

    warehouse: DuckDBWarehouse

    def person(self, *persons: str, status: str | None = "granted", is_bot: bool = False) -> None:
        self._insert("profiles", [{"person_id": p, "is_bot": is_bot} for p in persons])
        if status:
            consent = {"purpose": "personalization", "status": status}
            self._insert("consent_current", [{"person_id": p, **consent} for p in persons])

    def item(self, content_id: str, topic: str | None = "seo", *, days_old: float = 400,
             content_type: str = "blog", stage: str = "awareness") -> None:  # fmt: skip
        published = AS_OF - dt.timedelta(days=days_old)
        row = {"content_id": content_id, "topic": topic, "content_type": content_type,
               "funnel_stage": stage, "published_at": published}  # fmt: skip
        self._insert("content_items", [row])

    def read(self, person: str, *items: str, days_ago: float = 5, depth: float = 0.8) -> None:
        at = AS_OF - dt.timedelta(days=days_ago)
        facts = {"max_scroll_depth": depth, "first_viewed_at": at, "last_viewed_at": at}
        rows = [{"person_id": person, "content_id": item, **facts} for item in items]
        self._insert("content_engagement", rows)

    def read_by(self, persons: Iterable[str], *items: str, days_ago: float = 5) -> None:
        at = AS_OF - dt.timedelta(days=days_ago)
        rows = [{"person_id": person, "content_id": item, "first_viewed_at": at,
                 "last_viewed_at": at} for person in persons for item in items]  # fmt: skip
        self._insert("content_engagement", rows)

    def recommend(self, *, seed: int = 7, as_of: dt.datetime = AS_OF,
                  holdout: Holdout | None = None, **blocks: Any) -> RecommendationReport:  # fmt: skip
        common = {
            key: blocks.pop(key)
            for key in ("bans", "half_life_days", "half_lives_tried")
            if key in blocks
        }
        content = ContentConfig.model_validate({"blocks": blocks, **common})
        return recommend(self.warehouse, content, as_of=as_of, seed=seed, run_id="r1",
                         holdout=holdout)  # fmt: skip

    def lists(self, columns: str = "content_id", where: str = "true") -> dict[str, list[Any]]:
        rows = self.warehouse.read(
            f"select person_id, {columns} as value from personalization.recommendations "
            f"where {where} order by person_id, block, rank"
        ).to_pylist()
        found: dict[str, list[Any]] = {}
        for row in rows:
            found.setdefault(row["person_id"], []).append(row["value"])
        return found

    def backtests(self) -> dict[str, bool]:
        rows = self.warehouse.read("select method, is_champion from personalization.backtests")
        return {row["method"]: row["is_champion"] for row in rows.to_pylist()}

    def _insert(self, table: str, rows: Iterable[dict[str, object]]) -> None:
        with self.warehouse.view("fresh", pa.Table.from_pylist(list(rows))):
            self.warehouse.execute(f"insert into marts.{table} by name select * from fresh")


@pytest.fixture
def company() -> Company:
    warehouse = DuckDBWarehouse.in_memory()
    warehouse.execute(TABLES)
    return Company(warehouse)
