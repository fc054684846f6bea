"""A warehouse in memory with the tables that prediction reads, as dbt's contracts have them."""

from __future__ import annotations

import datetime as dt
import functools
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml

from prediction import Moment, PredictionsConfig, SharedScores, predict_all, write_spine
from prediction.inventory import TABLES
from prediction.predict import ScoreReport
from privacy.locations import table_locations
from warehouse import DuckDBWarehouse, TableName, quoted

AS_OF = dt.datetime.fromisoformat("2026-06-01")
NOW = dt.datetime.fromisoformat("2026-06-02T03:04:05")
START = AS_OF - dt.timedelta(days=150)
MARTS = Path(__file__).resolve().parents[2] / "dbt_project/models/marts/_marts__models.yml"
READ = ("features_as_of", "events", "consent_history", "current_person", "profiles",
        "content_engagement", "content_items", "accounts", "account_members_history",
        "traits_history")  # fmt: skip

BEFORE_MARTS = """
create schema marts; create schema identity; create schema intermediate; create schema staging;
create table intermediate.int_events__classified (
    event_id varchar, user_id varchar, anonymous_id varchar, email varchar, visitor_id varchar,
    event varchar, occurred_at timestamp, known_at timestamp, is_automated boolean
);
create table identity.members_history (
    source varchar, source_record_id varchar, person_id varchar,
    valid_from timestamp, valid_to timestamp
);
create table identity.account_records (
    source varchar, account_record_id varchar, account_id varchar
);
create table identity.accounts (account_id varchar, merged_into varchar);
create table staging.stg_raw__person_record_versions (
    source varchar, source_record_id varchar, account_id varchar,
    record_created_at timestamp, known_from timestamp, known_to timestamp
);
create table staging.stg_raw__account_versions (
    source varchar, account_id varchar, industry varchar, employee_count bigint,
    annual_revenue double, record_created_at timestamp, known_from timestamp, known_to timestamp
);
"""

TRIAL = {
    "name": "Starts a trial",
    "target": {"events": ["Trial Started"]},
    "horizon_days": 30,
    "purpose": "analytics",
    "eligible": {"never_did": ["Trial Started"]},
    "rule": {"base": 0.03, "factors": [{"feature": "downloads_30d", "at_least": 2, "times": 2.0}]},
}


def predictions(**changes: object) -> PredictionsConfig:
    return PredictionsConfig.model_validate({"models": {"trial": {**TRIAL, **changes}}})


@functools.cache  # the file is long, and most tests have a company of their own
def create_marts() -> str:
    statements = []
    for model in yaml.safe_load(MARTS.read_text())["models"]:
        if model["name"] in READ:
            columns = [(column["name"], column["data_type"]) for column in model["columns"]]
            listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns)
            statements.append(f"create table marts.{model['name']} ({listed});")
        if model["name"] == "features_as_of":
            sectors = [name for name, _ in columns if name.startswith("sector_")]
            listed = ", ".join(f"{name} integer" for name in sectors)
            statements.append(
                f"create table intermediate.int_industries__read (industry varchar, {listed});"
            )
    return "".join(statements)


@dataclass(slots=True)
class Company:
    """The warehouse, and the verbs that tests need."""

    artifacts: Path
    warehouse: DuckDBWarehouse = field(default_factory=DuckDBWarehouse.in_memory)

    def __post_init__(self) -> None:
        self.warehouse.execute(BEFORE_MARTS + create_marts())

    def add(self, table: str, **columns: object) -> None:
        self.warehouse.append(TableName.parse(table), pa.table(columns))

    def predict(
        self, config: PredictionsConfig, *, retrain: bool = False, as_of: dt.datetime = AS_OF
    ) -> ScoreReport:
        moment = Moment(as_of=as_of, now=NOW, seed=7)
        write_spine(self.warehouse, config, as_of=as_of)
        (report,) = predict_all(
            self.warehouse, config, artifacts=self.artifacts, moment=moment, retrain=retrain
        )
        return report

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return [tuple(row.values()) for row in self.warehouse.read(sql).to_pylist()]

    def copy(self, artifacts: Path) -> Company:
        """Another company with the same tables and model files, to do something to."""
        other = Company(artifacts)
        other.warehouse.create_missing(TABLES)
        columns = self.warehouse.columns().to_pylist()
        for schema, name in {(row["table_schema"], row["table_name"]) for row in columns}:
            table = TableName(schema, name)
            other.warehouse.append(table, self.warehouse.read(f"select * from {table.sql}"))
        if self.artifacts.exists():
            shutil.copytree(self.artifacts, artifacts, dirs_exist_ok=True)
        return other

    def contents(self) -> dict[str, list[tuple[object, ...]]]:
        tables = (
            "spine",
            "propensity_scores",
            "account_scores",
            "account_score_members",
            "personas",
            "persona_members",
            "models",
            "drift",
        )
        return {name: self.rows(f"select * from prediction.{name} order by all") for name in tables}


@dataclass(frozen=True, slots=True)
class People:
    """Planted persons: how keen each is, and when each starts a trial (days; inf for never)."""

    ids: list[str]
    keenness: np.ndarray
    trial_day: np.ndarray

    @property
    def probability(self) -> np.ndarray:
        """Of a trial within 30 days."""
        return 1 - np.exp(-30 * hazard(self.keenness))


def hazard(keenness: np.ndarray) -> np.ndarray:
    return np.asarray(0.0012 * np.exp(1.1 * keenness))


def plant_people(
    company: Company, n: int, *, seed: int, signal: bool = True, rate: float = 1.0
) -> People:
    """n visitors whose downloads and sessions tell, if ``signal``, how keen they are."""
    rng = np.random.default_rng(seed)
    keenness = rng.normal(size=n)
    trial_day = 20 + rng.exponential(1 / (rate * hazard(keenness)))
    people = People([f"p{number:05}" for number in range(n)], keenness, trial_day)
    shown = keenness if signal else rng.normal(size=n)
    company.add(
        "identity.members_history",
        source=pa.array(["devices"] * n),
        source_record_id=pa.array([f"d{number:05}" for number in range(n)]),
        person_id=pa.array(people.ids),
        valid_from=pa.array([dt.datetime.fromisoformat("1970-01-01")] * n, pa.timestamp("us")),
    )
    company.add(
        "marts.current_person",
        person_id=pa.array(people.ids),
        current_person_id=pa.array(people.ids),
    )
    company.add(
        "marts.profiles", person_id=pa.array(people.ids), is_bot=pa.array([False] * n, pa.bool_())
    )
    add_events(company, people, rng)
    add_features(company, people.ids, shown, rng)
    grant(company, people.ids)
    return people


def add_events(company: Company, people: People, rng: np.random.Generator) -> None:
    """One visit each in the first days, and the trial where it comes before as_of."""
    started = np.flatnonzero(people.trial_day < 150)
    owners = np.concatenate([np.arange(len(people.ids)), started])
    days = np.concatenate([rng.uniform(0, 5, len(people.ids)), people.trial_day[started]])
    names = ["Content Viewed"] * len(people.ids) + ["Trial Started"] * len(started)
    at = pa.array([START + dt.timedelta(days=float(day)) for day in days], pa.timestamp("us"))
    devices = pa.array([f"d{owner:05}" for owner in owners])
    ids = pa.array([f"e{number}" for number in range(len(owners))])
    company.add(
        "intermediate.int_events__classified", event_id=ids, anonymous_id=devices,
        visitor_id=devices, event=pa.array(names), occurred_at=at, known_at=at,
        is_automated=pa.array([False] * len(owners)),
    )  # fmt: skip
    company.add(
        "marts.events", event_id=ids, person_id=pa.array([people.ids[owner] for owner in owners]),
        event=pa.array(names), occurred_at=at, received_at=at, anonymous_id=devices,
    )  # fmt: skip


def dates_of(company: Company) -> list[dt.datetime]:
    return [AS_OF - dt.timedelta(days=30 + 10 * number) for number in range(10)] + [AS_OF]


def add_features(
    company: Company, ids: list[str], shown: np.ndarray, rng: np.random.Generator
) -> None:
    """Every feature of the contract for every person and date; two of them tell something."""
    columns = [
        row["column_name"]
        for row in company.warehouse.columns().to_pylist()
        if row["table_name"] == "features_as_of"
        and row["column_name"] not in {"person_id", "as_of"}
    ]
    for date in dates_of(company):
        values = {name: pa.array(rng.poisson(3, len(ids)).astype(float)) for name in columns}
        values["downloads_30d"] = pa.array(rng.poisson(2 * np.exp(0.8 * shown)).astype(float))
        values["sessions_30d"] = pa.array(rng.poisson(3 * np.exp(0.5 * shown)).astype(float))
        unknown = rng.random(len(ids)) < 0.3
        values["employee_count_log"] = pa.array(rng.normal(4, 1, len(ids)), mask=unknown)
        company.add(
            "marts.features_as_of", person_id=pa.array(ids),
            as_of=pa.array([date] * len(ids), pa.timestamp("us")), **values,
        )  # fmt: skip


def grant(company: Company, ids: list[str], *, purpose: str = "analytics") -> None:
    company.add(
        "marts.consent_history",
        person_id=pa.array(ids),
        purpose=pa.array([purpose] * len(ids)),
        status=pa.array(["granted"] * len(ids)),
        valid_from=pa.array([START] * len(ids), pa.timestamp("us")),
    )


def erase(company: Company, person: str) -> None:
    for table in (
        "features_as_of", "events", "consent_history", "current_person", "profiles",
        "account_members_history", "traits_history",
    ):  # fmt: skip
        company.warehouse.execute(f"delete from marts.{table} where person_id = '{person}'")
    company.warehouse.execute(f"delete from identity.members_history where person_id = '{person}'")
    keys = pa.table({"kind": ["person_id"], "value": [person]})
    for place in (
        SharedScores(company.warehouse), *table_locations(company.warehouse, TABLES)
    ):  # fmt: skip
        place.erase(keys)
        assert not any(trace.rows for trace in place.find(keys))


@pytest.fixture(scope="package")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Company, People, ScoreReport]:
    """A company with a published model; read it, or change a copy of it."""
    company = Company(tmp_path_factory.mktemp("planted"))
    people = plant_people(company, 4_000, seed=3)
    return company, people, company.predict(predictions())


@pytest.fixture
def published(planted: tuple[Company, People, ScoreReport], tmp_path: Path) -> Company:
    """A copy of the company with a published model."""
    return planted[0].copy(tmp_path / "published")


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path / "artifacts")
