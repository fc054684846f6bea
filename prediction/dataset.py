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
from prediction.objecting import objecting_persons
from prediction.relations import FEATURES, columns_of
from prediction.targets import require_trait, state_values, target_values
from prediction.units import ACCOUNT, Unit, unit_of
from warehouse import Warehouse

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Texts = NDArray[np.str_]

_KEYS = ("person_id", "as_of")


@dataclass(frozen=True, slots=True)
class Examples:
    """Persons, or accounts, at past dates, and whether they then did what is predicted.

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
    """Persons, or accounts, to be scored.

    Attributes:
        ids: n ids, in order.
        features: Names of the columns of ``values``.
        values: (n, p), nan where unknown.
        fingerprint: SHA-256 of all of this.
        members: Of each account the ids of the members who count, in order; None where persons are
            asked about.
        only: Of each account the only one of them who acted; null where several or none did.
    """

    ids: pa.ChunkedArray
    features: tuple[str, ...]
    values: Floats
    fingerprint: str
    members: pa.ChunkedArray | None = None
    only: pa.ChunkedArray | None = None

    def __len__(self) -> int:
        return len(self.values)

    def select(self, names: Sequence[str]) -> Floats:
        """The values of these columns, in this order."""
        return self.values[:, [self.features.index(name) for name in names]]


def known_features(warehouse: Warehouse, unit: Unit) -> tuple[str, ...]:
    """Every column that a model could learn from, in the table's order.

    Raises:
        MissingRelationError: The marts are not built.
    """
    known = columns_of(warehouse, FEATURES)
    if not known:
        raise MissingRelationError(str(FEATURES))
    return features_among(known, unit)


def features_among(columns: Sequence[str], unit: Unit) -> tuple[str, ...]:
    """What a model could learn from, by the columns of ``marts.features_as_of``."""
    return unit.features_of([name for name in columns if name not in _KEYS])


def read_features(warehouse: Warehouse, key: str, model: PropensityConfig) -> tuple[str, ...]:
    """The columns that the model may use, in the table's order.

    Raises:
        MissingRelationError: The marts are not built.
        UnknownFeatureError: The configuration names a column that is not there.
        UnknownTraitError: The state that is predicted is of a trait of which no history is kept.
    """
    known = known_features(warehouse, unit_of(model))
    named = {name for _, name in model.named_features()}
    if unknown := sorted(named - set(known)):
        raise UnknownFeatureError(key, unknown, known)
    require_trait(warehouse, key, model)
    return known


def read_examples(
    warehouse: Warehouse, key: str, model: PropensityConfig, *, as_of: dt.datetime
) -> Examples:
    """Read every past date of one model, in a stable order."""
    names, unit = read_features(warehouse, key, model), unit_of(model)
    known = columns_of(warehouse, unit.described)
    if unknown := sorted(set(model.groups) - set(known)):
        raise UnknownGroupError(key, unknown, known, unit.described)
    with objecting_persons(warehouse):
        rows = warehouse.read(
            unit.examples_sql(model, names),
            {
                "model_key": key,
                "purpose": model.purpose,
                "as_of": as_of,
                **target_values(model),
                **sampled(model),
            },
        )
    values = _matrix(rows, names)
    outcomes = _array(rows, "outcome").astype(np.bool_)
    roles = np.asarray(rows["role"].to_pylist(), dtype=np.str_)
    numbers = _array(rows, "number").astype(np.int64)
    groups = {
        name: np.asarray(rows[f"group_{number}"].to_pylist(), dtype=np.str_)
        for number, name in enumerate(model.groups)
    }
    mark = _digest(
        names, values, outcomes, numbers, rows["role"].to_pylist(),
        *(kinds.tolist() for kinds in groups.values()),
    )  # fmt: skip
    return Examples(names, values, outcomes, roles, numbers, mark, groups)


def read_asked(
    warehouse: Warehouse, key: str, model: PropensityConfig, *, as_of: dt.datetime
) -> Asked:
    """Read whom to score at ``as_of``, in order of their ids."""
    return _read_asked(warehouse, key, model, Role.SCORING, as_of=as_of)


def read_judged(
    warehouse: Warehouse, key: str, model: PropensityConfig, *, as_of: dt.datetime
) -> Asked:
    """Read who would have been scored at the judging date, by the rules for scoring."""
    return _read_asked(warehouse, key, model, Role.JUDGING, as_of=as_of)


def _read_asked(
    warehouse: Warehouse, key: str, model: PropensityConfig, role: Role, *, as_of: dt.datetime
) -> Asked:
    names, is_asked = read_features(warehouse, key, model), model.scored == "consented"
    asked = {
        "model_key": key,
        "as_of": as_of,
        "role": str(role),
        **({"purpose": model.purpose} if is_asked else {}),
        **state_values(model),
        **sampled(model),
    }
    with objecting_persons(warehouse):
        rows = warehouse.read(unit_of(model).asked_sql(model, names), asked)
    values, ids = _matrix(rows, names), rows["id"].to_pylist()
    if unit_of(model) is not ACCOUNT:
        return Asked(rows["id"], names, values, _digest(names, values, ids))
    members, only = rows["member_ids"], rows["only_id"]
    told = [",".join(theirs) for theirs in members.to_pylist()]
    mark = _digest(names, values, ids, told, [one or "" for one in only.to_pylist()])
    return Asked(rows["id"], names, values, mark, members, only)


def sampled(model: PropensityConfig) -> dict[str, object]:
    """Persons are drawn when the spine is written, accounts when it is known what they are."""
    return {"people": model.people_per_date} if unit_of(model) is ACCOUNT else {}


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
