"""Every column that a model of ``predictions.yml`` names, and what it must be one of. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from prediction.config import PropensityConfig
from prediction.dataset import features_among
from prediction.relations import FEATURES, PROFILES
from prediction.units import unit_of
from warehouse import TableName


@dataclass(frozen=True, slots=True)
class NamedColumn:
    """A name with the keys that lead to it from the model on, and the names that there are."""

    location: tuple[str | int, ...]
    name: str
    known: Collection[str]
    of: str


def named_columns(
    model: PropensityConfig, columns: Mapping[TableName, Collection[str]]
) -> Iterator[NamedColumn]:
    """The features, the groups and the predicted trait of a model.

    Args:
        model: As predictions.yml has it.
        columns: Of every table that there is, or will be.
    """
    unit = unit_of(model)
    features = features_among(list(columns[FEATURES]), unit)
    for location, name in model.named_features():
        yield NamedColumn(location, name, features, f"features of {unit.plural}")
    for place, name in enumerate(model.groups):
        described = columns[unit.described]
        yield NamedColumn(("groups", place), name, described, f"columns of {unit.described}")
    if model.target.state:
        traits = sorted(set(columns[PROFILES]) - {"person_id"})
        location = ("target", "state", "trait")
        yield NamedColumn(location, model.target.state.trait, traits, f"columns of {PROFILES}")
