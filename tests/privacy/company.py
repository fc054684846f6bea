"""A company of a few people in a real DuckDB file, with everything an erasure touches."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from privacy import (
    DestinationEvidence,
    ErasureContext,
    ErasureReport,
    FolderLocation,
    KeyRing,
    RequestFile,
    SubjectRequest,
    Suppressions,
    erase,
    table_locations,
)
from privacy.inventory import TABLES as PRIVACY_TABLES
from warehouse import (
    Column,
    DuckDBWarehouse,
    Location,
    Pii,
    SubjectKey,
    SubjectKind,
    Table,
    TableName,
    Warehouse,
)

NOW = datetime.fromisoformat("2026-11-24T12:00")
ANN, BEN = "ann.lee@maple.example", "ben.lee@maple.example"
ANN_PHONE, FAMILY_PHONE = "+12065557870", "+12065551122"
FAMILY_MAIL, NEIGHBOUR_MAIL = "thelees@maple.example", "joann.lee@maple.example"
ANN_DEVICE, SHARED_DEVICE = "6f9619ff-8b86-d011-b42d", "aaaaaaaa-shared-device"


def _table(
    name: str, columns: str, *subjects: tuple[SubjectKind, str], aged_by: str | None = None
) -> Table:
    names = columns.split()
    return Table(
        TableName.parse(name),
        grain="One row per thing",
        columns=tuple(
            Column(column, _type(column), Pii.PERSONAL, "a column of the test company")
            for column in names
        ),
        subjects=tuple(SubjectKey(kind, tuple(key.split())) for kind, key in subjects),
        aged_by=aged_by,
    )


def _type(column: str) -> str:
    if column == "is_shared":
        return "BOOLEAN"
    return "TIMESTAMP" if column.endswith("_at") else "VARCHAR"


RECORD = (SubjectKind.SOURCE_RECORD, "source source_record_id")
PERSON = (SubjectKind.PERSON_ID, "person_id")
DEVICE = (SubjectKind.ANONYMOUS_ID, "anonymous_id")
TABLES = (
    _table(
        "raw.person_records", "source source_record_id email phone full_name first_name last_name "
        "birth_date postal_code attributes", RECORD,
    ),
    _table(
        "raw.events", "event_id anonymous_id user_id email properties received_at",
        DEVICE, (SubjectKind.USER_ID, "user_id"), (SubjectKind.EMAIL, "email"), aged_by="received_at",
    ),
    _table("identity.identifiers", "source source_record_id identifier_type identifier_value is_shared", RECORD),
    _table("identity.members", "source source_record_id person_id", RECORD, PERSON),
    _table("identity.members_history", "source source_record_id person_id valid_from_at", RECORD, PERSON),
    _table("identity.devices", "anonymous_id person_id is_shared", DEVICE, PERSON),
    _table("identity.persons", "person_id status merged_into", PERSON),
    _table("marts.profiles", "person_id first_name city", PERSON),
)  # fmt: skip
ALL_TABLES = (*TABLES, *PRIVACY_TABLES)

PEOPLE = {
    "raw.person_records": [
        ("crm", "ann-record-1", "Ann.Lee@Maple.example", "(206) 555-7870", "Ann Lee"),
        ("billing", "ann-record-2", ANN, FAMILY_PHONE, "A. Lee"),
        ("crm", "ben-record-1", BEN, FAMILY_PHONE, "Ben Lee"),
        ("crm", "joann-record", NEIGHBOUR_MAIL, None, "Joann Lee"),
    ],
    "raw.events": [
        ("e1", ANN_DEVICE, None, None, '{"before": "sign-in"}', "2026-01-01"),
        ("e2", ANN_DEVICE, "ann-user-77", ANN, "{}", "2026-02-01"),
        ("e3", SHARED_DEVICE, "ann-user-77", None, "{}", "2026-03-01"),
        ("e4", SHARED_DEVICE, None, None, "{}", "2026-03-02"),
        ("e5", "ben-device-0001", None, BEN, "{}", "2026-03-03"),
        ("e6", None, None, FAMILY_MAIL, "{}", "2026-03-04"),
        ("e7", None, None, NEIGHBOUR_MAIL, "{}", "2026-03-05"),
    ],
    "identity.identifiers": [
        ("crm", "ann-record-1", "email", ANN, False),
        ("crm", "ann-record-1", "phone", ANN_PHONE, False),
        ("billing", "ann-record-2", "email", ANN, False),
        ("billing", "ann-record-2", "phone", FAMILY_PHONE, True),
        ("billing", "ann-record-2", "email", FAMILY_MAIL, True),
        ("billing", "ann-record-2", "user_id", "ann-user-77", False),
        ("crm", "ben-record-1", "email", BEN, False),
        ("crm", "ben-record-1", "email", FAMILY_MAIL, True),
        ("crm", "ben-record-1", "phone", FAMILY_PHONE, True),
        ("crm", "joann-record", "email", NEIGHBOUR_MAIL, False),
        ("users", "ann-user-77", "user_id", "ann-user-77", False),
        ("users", "ann-user-77", "anonymous_id", SHARED_DEVICE, True),
    ],
    "identity.members": [
        ("crm", "ann-record-1", "p_ann_00001"),
        ("billing", "ann-record-2", "p_ann_00001"),
        ("users", "ann-user-77", "p_ann_00001"),
        ("devices", ANN_DEVICE, "p_ann_00001"),
        ("emails", ANN, "p_ann_00001"),
        ("crm", "ben-record-1", "p_ben_00001"),
        ("devices", "ben-device-0001", "p_ben_00001"),
        ("emails", BEN, "p_ben_00001"),
        ("crm", "joann-record", "p_joann_001"),
    ],
    "identity.members_history": [
        ("devices", ANN_DEVICE, "p_anonymous_1", "1970-01-01"),
        ("devices", ANN_DEVICE, "p_ann_00001", "2026-02-01"),
        ("crm", "ben-record-1", "p_ben_00001", "1970-01-01"),
    ],
    "identity.devices": [
        (ANN_DEVICE, "p_anonymous_1", False),
        (ANN_DEVICE, "p_ann_00001", False),
        (SHARED_DEVICE, None, True),
        ("ben-device-0001", "p_ben_00001", False),
    ],
    "identity.persons": [
        ("p_ann_00001", "active", None),
        ("p_ann_00002", "merged", "p_ann_00001"),
        ("p_anonymous_1", "retired", None),
        ("p_ben_00001", "active", None),
        ("p_joann_001", "active", None),
    ],
    "marts.profiles": [
        ("p_ann_00001", "Ann", "Seattle"),
        ("p_ann_00002", "Annie", "Seattle"),
        ("p_ben_00001", "Ben", "Seattle"),
        ("p_joann_001", "Joann", "Tacoma"),
    ],
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """A destination's answer."""

    destination_key: str
    status: str = "confirmed"
    sync_key: str = "weekly"
    persons: int = 1
    code: str | None = None
    batch_id: str | None = "b_1"
    answer: str | None = "HTTP 202"
    told: str = "erasure"

    @property
    def is_confirmed(self) -> bool:
        return self.status == "confirmed"


@dataclass
class FakeDestinations:
    """Destinations that remember whom they were told to forget."""

    held: Mapping[str, int] = field(default_factory=dict)
    answers: Sequence[DestinationEvidence] = ()
    told: list[str] = field(default_factory=list)

    def find(self, person_ids: Sequence[str], /) -> Mapping[str, int]:
        return self.held

    def find_all(self, persons: Mapping[str, Sequence[str]], /) -> Mapping[str, Mapping[str, int]]:
        return {request_id: self.find(ids) for request_id, ids in persons.items()}

    def erase_all(
        self, persons: Mapping[str, Sequence[str]], /, *, run_id: str, now: datetime
    ) -> Mapping[str, Sequence[DestinationEvidence]]:
        self.told.extend(persons)
        return dict.fromkeys(persons, self.answers)


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a model."""

    model_key: str
    model_version: str
    algorithm: str = "ridge_logistic"
    status: str = "champion"
    has_learnt: bool | None = True


@dataclass(frozen=True)
class FakeModels:
    """Models that learnt from everybody who is known, as long as their rows tell so."""

    warehouse: Warehouse
    files: Collection[str] = ("v1",)

    def learnt_from(
        self, persons: Mapping[str, Sequence[str]], /
    ) -> Mapping[str, Sequence[Version]]:
        known = set(
            self.warehouse.read("select person_id from identity.members")["person_id"].to_pylist()
        )
        versions = [
            Version("churn", "v1"),
            Version("churn", "v0", status="retired", has_learnt=None),
        ]
        return {name: versions if known & set(ids) else [] for name, ids in persons.items()}

    def has_file(self, _model_key: str, model_version: str, /) -> bool:
        return model_version in self.files


@dataclass(frozen=True)
class Company:
    """The company, its folders and its open warehouse."""

    warehouse: Warehouse
    home: Path

    @property
    def request_file(self) -> RequestFile:
        return RequestFile(self.home / "landing" / "requests.jsonl", "landing/requests.jsonl")

    @property
    def suppressions(self) -> Suppressions:
        return Suppressions(self.warehouse, KeyRing(self.home / "keys"))

    def context(self, **changes: object) -> ErasureContext:
        context = ErasureContext(
            warehouse=self.warehouse,
            tables=ALL_TABLES,
            locations=self.locations(),
            destinations=FakeDestinations(),
            suppressions=self.suppressions,
            request_places=[self.request_file],
            home=self.home,
            roots=[self.home],
            warehouse_file=self.home / "warehouse.duckdb",
            customer_id_sources=(),
            default_region="US",
            now=NOW,
            run_id="run-1",
        )
        return replace(context, **changes)  # type: ignore[arg-type]

    def locations(self) -> tuple[Location, ...]:
        artifacts = FolderLocation("artifacts", self.home / "artifacts", self.warehouse, ALL_TABLES)
        return (*table_locations(self.warehouse, ALL_TABLES), artifacts)

    def ask(
        self, *identities: tuple[str, str, str], number: int = 1, kind: str = "erasure"
    ) -> None:
        """Put a request into the drop file."""
        body = {
            "regulation": "gdpr",
            "subject_request_id": f"00000000-0000-4000-8000-{number:012}",
            "subject_request_type": kind,
            "submitted_time": "2026-11-20T10:00:00Z",
            "subject_identities": [
                {"identity_type": kind, "identity_value": value, "identity_format": form}
                for kind, value, form in identities
            ],
        }
        with self.request_file.path.open("a") as stream:
            stream.write(json.dumps(body) + "\n")

    def erase(self, *, only: Collection[str] = (), **changes: object) -> ErasureReport:
        return erase(self.request_file.read(), self.context(**changes), only=only)

    def erase_all(self, requests: Sequence[SubjectRequest], **changes: object) -> ErasureReport:
        return erase(requests, self.context(**changes))

    def rows(self, table: str) -> list[tuple[object, ...]]:
        found = self.warehouse.read(f"select * from {TableName.parse(table).sql} order by all")
        return [tuple(row.values()) for row in found.to_pylist()]


def found_company(home: Path, warehouse: DuckDBWarehouse) -> Company:
    """Fill a warehouse and the folders beside it."""
    for folder in ("landing", "artifacts", "keys"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    warehouse.create_missing(ALL_TABLES)
    for name, rows in PEOPLE.items():
        marks = ", ".join(f"$v{number}" for number in range(len(rows[0])))
        (table,) = [table for table in ALL_TABLES if str(table.name) == name]
        listed = ", ".join(table.column_names[: len(rows[0])])
        for row in rows:
            bound = {f"v{number}": value for number, value in enumerate(row)}
            warehouse.execute(f"insert into {table.name.sql} ({listed}) values ({marks})", bound)
    return Company(warehouse, home)
