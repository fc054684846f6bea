"""Purposes that a configuration file names must be those of ``consent.yml``.

Objections and opt-outs deny the purposes that are listed there, and no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from audiences import Audience
from audiences.sync import DestinationsConfig
from prediction import PersonasConfig, PredictionsConfig
from settings import ConfigurationError, Problem, read_together, unknown_name

# Keys and places in lists that lead to a purpose, and the purpose.
Named = tuple[tuple[str | int, ...], str]


def require_known(path: Path, named: Iterable[Named], known: Iterable[str]) -> None:
    """Refuse purposes that are not declared.

    Args:
        path: The file that names them.
        named: Each with its place in the file.
        known: The purposes that there are.

    Raises:
        settings.ConfigurationError: The file names one that is not there; says which there are.
    """
    known = frozenset(known)
    problems = tuple(
        _problem(path, place, name, known) for place, name in named if name not in known
    )
    if problems:
        raise ConfigurationError(path, problems)


def require_known_of_audiences(audiences: Iterable[Audience], known: Iterable[str]) -> None:
    """Refuse purposes of audiences that are not declared.

    Raises:
        settings.SettingsError: Files name one that is not there; says what is wrong with each.
    """
    known = frozenset(known)
    read_together(
        partial(require_known, audience.file, _listed((), audience.purposes), known)
        for audience in audiences
        if audience.file is not None
    )


def of_destinations(destinations: DestinationsConfig) -> Iterator[Named]:
    """Purposes that destinations need."""
    for key, destination in destinations.destinations.items():
        yield from _listed(("destinations", key), destination.purposes)


def of_predictions(predictions: PredictionsConfig) -> Iterator[Named]:
    """Purposes that models need."""
    for key, model in predictions.models.items():
        yield ("models", key, "purpose"), model.purpose


def of_personas(personas: PersonasConfig) -> Iterator[Named]:
    """The purpose that personas need."""
    yield ("purpose",), personas.purpose


def _listed(keys: tuple[str, ...], purposes: Iterable[str]) -> Iterator[Named]:
    for place, name in enumerate(purposes):
        yield (*keys, "purposes", place), name


def _problem(path: Path, place: tuple[str | int, ...], name: str, known: frozenset[str]) -> Problem:
    return unknown_name(path, place, name, known, what="purposes in consent.yml")
