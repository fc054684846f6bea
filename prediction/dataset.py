"""Read features and outcomes as numbers: the same columns for training and for scoring."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from prediction.config import PropensityConfig
from prediction.dates import Role
from prediction.errors import MissingRelationError, UnknownFeatureError, UnknownGroupError
from warehouse import TableName, Warehouse, quoted

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Texts = NDArray[np.str_]

FEATURES = TableName("marts", "features_as_of")
EVENTS = TableName("marts", "events")
CONSENTS = TableName("marts", "consent_history")
CURRENT = TableName("marts", "current_person")
PROFILES = TableName("marts", "profiles")
_KEYS = ("person_id", "as_of")

# A withdrawal counts for the past as well: who has not granted now is not learnt from, whatever
# was granted then. Exemptions of single sources do not help: features mix all sources.
_GRANTED = f"""
    exists (
        select 1 from {CONSENTS.sql} as consents
        where consents.person_id = asked.current_id and consents.purpose = $purpose
            and consents.status = 'granted' and consents.valid_from <= {{moment}}
            and (consents.valid_to is null or consents.valid_to > {{moment}})
            and consents.known_to is null
    )
"""

_ASKED = f"""
    with asked as (
        select spine.person_id, spine.as_of, spine.role,
               coalesce(current_person.current_person_id, spine.person_id) as current_id
        from prediction.spine as spine
        left join {CURRENT.sql} as current_person on spine.person_id = current_person.person_id
        left join {PROFILES.sql} as profiles
            on coalesce(current_person.current_person_id, spine.person_id) = profiles.person_id
        where spine.model_key = $model_key and not coalesce(profiles.is_bot, false)
    )
"""

_DOERS = """
    outcomes as (
        select distinct asked.person_id, asked.as_of
        from asked
        inner join {events} as events
            on events.person_id = asked.current_id
            and events.occurred_at >= asked.as_of + to_days($gap)
            and events.occurred_at < asked.as_of + to_days($gap + $horizon)
        where list_contains($events, events.event)
            and events.occurred_at < $as_of
            and coalesce(events.received_at, events.occurred_at) <= $as_of
    )
"""


@dataclass(frozen=True, slots=True)
class Examples:
    """Persons at past dates, and whether they then did what is predicted.

    Attributes:
        features: Names of the columns of ``values``.
        values: (n, p), nan where unknown.
        outcomes: (n,), whether it was done within the horizon.
        roles: (n,), training, recent or judging.
        persons: (n,), a number of each person; the same person has it at every date.
        fingerprint: SHA-256 of all of this.
        groups: Of each column that groups are compared by what each person is now, (n,); empty
            where it is unknown.
    """

    features: tuple[str, ...]
    values: Floats
    outcomes: Flags
    roles: NDArray[np.str_]
    persons: Integers
    fingerprint: str
    groups: Mapping[str, Texts] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.outcomes)

    def where(self, rows: Flags) -> Examples:
        """Some of the rows."""
        return Examples(
            self.features,
            self.values[rows],
            self.outcomes[rows],
            self.roles[rows],
            self.persons[rows],
            self.fingerprint,
            {name: kinds[rows] for name, kinds in self.groups.items()},
        )

    def of(self, *roles: Role) -> Examples:
        """The rows of these roles."""
        return self.where(np.isin(self.roles, [str(role) for role in roles]))

    def select(self, names: Sequence[str]) -> Floats:
        """The values of these columns, in this order."""
        return self.values[:, [self.features.index(name) for name in names]]

    @property
    def positives(self) -> int:
        """Different persons who did it."""
        return len(np.unique(self.persons[self.outcomes]))

    @property
    def negatives(self) -> int:
        """Different persons who at no date did it."""
        return len(np.unique(self.persons)) - self.positives


@dataclass(frozen=True, slots=True)
class Asked:
    """Persons to be scored.

    Attributes:
        person_ids: n ids, in order.
        features: Names of the columns of ``values``.
        values: (n, p), nan where unknown.
        fingerprint: SHA-256 of all of this.
    """

    person_ids: pa.ChunkedArray
    features: tuple[str, ...]
    values: Floats
    fingerprint: str

    def __len__(self) -> int:
        return len(self.values)

    def select(self, names: Sequence[str]) -> Floats:
        """The values of these columns, in this order."""
        return self.values[:, [self.features.index(name) for name in names]]


def known_features(warehouse: Warehouse) -> tuple[str, ...]:
    """Every column that a model could learn from, in the table's order.

    Raises:
        MissingRelationError: The marts are not built.
    """
    known = tuple(name for name in _columns_of(warehouse, FEATURES) if name not in _KEYS)
    if not known:
        raise MissingRelationError(str(FEATURES))
    return known


def read_features(warehouse: Warehouse, key: str, model: PropensityConfig) -> tuple[str, ...]:
    """The columns that the model may use, in the table's order.

    Raises:
        MissingRelationError: The marts are not built.
        UnknownFeatureError: The configuration names a column that is not there.
    """
    known = known_features(warehouse)
    factors = model.rule.factors if model.rule else []
    named = {
        *model.leave_out,
        *model.trusted,
        *model.sensitive,
        *(factor.feature for factor in factors),
    }
    if unknown := sorted(named - set(known)):
        raise UnknownFeatureError(key, unknown, known)
    return known


def read_examples(
    warehouse: Warehouse, key: str, model: PropensityConfig, *, as_of: dt.datetime
) -> Examples:
    """Read every past date of one model, in a stable order."""
    names = read_features(warehouse, key, model)
    known = _columns_of(warehouse, PROFILES)
    if unknown := sorted(set(model.groups) - set(known)):
        raise UnknownGroupError(key, unknown, known)
    rows = warehouse.read(
        f"""
        {_ASKED}, {doers_sql(EVENTS.sql)}
        select asked.role, outcomes.person_id is not null as outcome,
               dense_rank() over (order by asked.current_id) as person, {_columns(names)}{_kinds(model.groups)}
        from asked
        inner join {FEATURES.sql} as features using (person_id, as_of)
        left join outcomes using (person_id, as_of)
        left join {PROFILES.sql} as profiles on asked.current_id = profiles.person_id
        where asked.role <> 'scoring' and {_GRANTED.format(moment="asked.as_of")}
            and {_GRANTED.format(moment="$as_of::timestamp")} {_active(model)}
        order by asked.as_of, asked.person_id
        """,
        {
            "model_key": key,
            "purpose": model.purpose,
            "as_of": as_of,
            "gap": model.gap_days,
            "horizon": model.horizon_days,
            "events": list(model.target.events),
        },
    )
    values = _matrix(rows, names)
    outcomes = _array(rows, "outcome").astype(np.bool_)
    roles = np.asarray(rows["role"].to_pylist(), dtype=np.str_)
    persons = _array(rows, "person").astype(np.int64)
    groups = {
        name: np.asarray(rows[f"group_{number}"].to_pylist(), dtype=np.str_)
        for number, name in enumerate(model.groups)
    }
    mark = _digest(
        names, values, outcomes, persons, rows["role"].to_pylist(),
        *(kinds.tolist() for kinds in groups.values()),
    )  # fmt: skip
    return Examples(names, values, outcomes, roles, persons, mark, groups)


def read_asked(
    warehouse: Warehouse, key: str, model: PropensityConfig, *, as_of: dt.datetime
) -> Asked:
    """Read whom to score at ``as_of``, in order of their ids."""
    return _read_people(warehouse, key, model, Role.SCORING, as_of=as_of)


def read_judged(
    warehouse: Warehouse, key: str, model: PropensityConfig, *, as_of: dt.datetime
) -> Asked:
    """Read who would have been scored at the judging date, by the rules for scoring."""
    return _read_people(warehouse, key, model, Role.JUDGING, as_of=as_of)


def _read_people(
    warehouse: Warehouse, key: str, model: PropensityConfig, role: Role, *, as_of: dt.datetime
) -> Asked:
    names = read_features(warehouse, key, model)
    consent = f"and {_GRANTED.format(moment='$as_of::timestamp')}"
    rows = warehouse.read(
        f"""
        {_ASKED}
        select asked.person_id, {_columns(names)}
        from asked
        inner join {FEATURES.sql} as features using (person_id, as_of)
        where asked.role = $role and (asked.role <> 'scoring' or asked.as_of = $as_of)
            {consent if model.scored == "consented" else ""} {_active(model)}
        order by asked.person_id
        """,
        {
            "model_key": key,
            "as_of": as_of,
            "role": str(role),
            **({"purpose": model.purpose} if model.scored == "consented" else {}),
        },
    )
    values = _matrix(rows, names)
    mark = _digest(names, values, rows["person_id"].to_pylist())
    return Asked(rows["person_id"], names, values, mark)


def doers_sql(events: str) -> str:
    """A common table ``outcomes``: who of ``asked`` then did one of ``$events``, as known by ``$as_of``."""
    return _DOERS.format(events=events)


def granted_sql(person: str, moment: str) -> str:
    """A test that the person has granted ``$purpose`` at a moment; unknown is not granted."""
    return _GRANTED.replace("asked.current_id", person).format(moment=moment)


def _columns(names: Sequence[str]) -> str:
    return ", ".join(f"features.{quoted(name)}" for name in names)


def _kinds(groups: Sequence[str]) -> str:
    return "".join(
        f", coalesce(cast(profiles.{quoted(name)} as varchar), '') as group_{number}"
        for number, name in enumerate(groups)
    )


def _columns_of(warehouse: Warehouse, relation: TableName) -> list[str]:
    columns = warehouse.columns().to_pylist()  # one row per column, not per person
    return [
        row["column_name"]
        for row in columns
        if (row["table_schema"], row["table_name"]) == (relation.schema, relation.name)
    ]


def _active(model: PropensityConfig) -> str:
    if model.eligible.active_within_days is None:
        return ""
    return f"and features.days_since_last_seen <= {int(model.eligible.active_within_days)}"


def _matrix(rows: pa.Table, names: Sequence[str]) -> Floats:
    if not len(rows):
        return np.empty((0, len(names)))
    return np.column_stack([_array(rows, name).astype(np.float64) for name in names])


def _array(rows: pa.Table, name: str) -> NDArray[np.generic]:
    found: NDArray[np.generic] = rows[name].to_numpy(zero_copy_only=False)
    return found


def _digest(*parts: NDArray[Any] | Sequence[str]) -> str:
    found = hashlib.sha256()
    for part in parts:
        whole = part.tobytes() if isinstance(part, np.ndarray) else "\x1f".join(part).encode()
        found.update(len(whole).to_bytes(8, "big") + whole)
    return found.hexdigest()
