"""Which versions of models learnt from whom, for whoever erases persons."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from prediction.config import PropensityConfig
from prediction.dataset import sampled
from prediction.files import MODEL
from prediction.inventory import LEARNT_FROM, MODELS, TABLES
from prediction.objecting import objecting_persons
from prediction.registry import folder_of
from prediction.targets import state_values
from prediction.units import unit_of
from warehouse import Warehouse

_ASKED = "candor_asked_persons"


@dataclass(frozen=True, slots=True)
class LearntVersion:
    """A version that learnt from somebody; a row of ``prediction.models``.

    ``has_learnt`` is None where it is not known from whom it learnt: it may be from them.
    """

    model_key: str
    model_version: str
    algorithm: str
    status: str
    has_learnt: bool | None


@dataclass(frozen=True, slots=True)
class TrainedModels:
    """The models of one company.

    Attributes:
        warehouse: The engine.
        artifacts: Folder below which their files lie.
    """

    warehouse: Warehouse
    artifacts: Path

    def learnt_from(
        self, persons: Mapping[str, Sequence[str]]
    ) -> Mapping[str, Sequence[LearntVersion]]:
        """The versions that learnt from one of the ids of each request, by request, in order.

        Rules learn from nobody. Of versions that an earlier Candor trained it is not known from whom:
        they are told to everybody, as such.
        """
        self.warehouse.create_missing(TABLES)
        pairs = [(name, person) for name, ids in persons.items() for person in ids]
        asked = pa.table(
            {
                "subject_request_id": pa.array([name for name, _ in pairs], pa.string()),
                "person_id": pa.array([person for _, person in pairs], pa.string()),
            }
        )
        found: dict[str, list[LearntVersion]] = {name: [] for name in persons}
        with self.warehouse.view(_ASKED, asked):
            for row in self.warehouse.read(_VERSIONS).to_pylist():  # one per request and version
                found[row.pop("subject_request_id")].append(LearntVersion(**row))
        return found

    def has_file(self, model_key: str, model_version: str) -> bool:
        """Whether the file of a version is still there."""
        return (self.artifacts / folder_of(model_key, model_version) / MODEL).is_file()


def remember_teachers(
    warehouse: Warehouse, key: str, model: PropensityConfig, data: str, *, as_of: dt.datetime
) -> None:
    """Write down whose examples these are; ``data`` is their fingerprint."""
    asked = {
        "model_key": key,
        "purpose": model.purpose,
        "as_of": as_of,
        **state_values(model),
        **sampled(model),
    }
    with objecting_persons(warehouse):
        rows = warehouse.read(unit_of(model).taught_by_sql(model), asked)
    write_teachers(warehouse, key, data, rows["person_id"])


def write_teachers(
    warehouse: Warehouse, key: str, data: str, person_ids: pa.ChunkedArray | pa.Array
) -> None:
    """Put these persons in place of those who were written down for the same data."""
    with warehouse.view("candor_teachers", pa.table({"person_id": person_ids.cast(pa.string())})):
        warehouse.replace_where(
            LEARNT_FROM.name,
            "model_key = $key and data_fingerprint = $data",
            "select $key::varchar as model_key, $data::varchar as data_fingerprint, person_id "
            "from candor_teachers",
            {"key": key, "data": data},
        )


_VERSIONS = f"""
    select distinct asked.subject_request_id, models.model_key, models.model_version,
        models.algorithm, models.status, true as has_learnt
    from {_ASKED} as asked
    inner join {LEARNT_FROM.name.sql} as learnt using (person_id)
    inner join {MODELS.name.sql} as models using (model_key, data_fingerprint)
    where models.path is not null
    union all
    select distinct asked.subject_request_id, models.model_key, models.model_version,
        models.algorithm, models.status, null as has_learnt
    from {_ASKED} as asked
    cross join {MODELS.name.sql} as models
    anti join {LEARNT_FROM.name.sql} as learnt using (model_key, data_fingerprint)
    where models.path is not null
    order by all
"""
