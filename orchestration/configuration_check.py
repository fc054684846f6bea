"""Tell all that is wrong with a configuration at once: each file by itself, then what they name of others.

A file that cannot be read hides nothing of the others: what they name is looked for as far as it is
known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pydantic

from audiences import Audience, AudienceError, readable_audiences, require_known_names
from audiences.sync import DestinationsConfig, resolve_syncs
from ingestion.tracking_plan import EventContract
from orchestration import purposes
from prediction import PredictionsConfig
from settings import (
    ConfigurationError,
    Paths,
    Problem,
    SettingsError,
    load_config,
    read_together,
)

if TYPE_CHECKING:
    from orchestration.company import Company

Reader = Callable[[], object]

# Folders of which every file is read.
_FOLDERS = ("audiences", "tracking_plan")
# Each of a company's readers checks what its file names of others.
_TOGETHER = (
    "sources", "tracking_plan", "expectations", "identity", "consent", "profiles", "survivorship",
    "retention", "predictions", "personas", "experiments", "content", "audiences", "destinations",
    "syncs",
)  # fmt: skip


def check_configuration(
    company: Company, files: Mapping[str, type[pydantic.BaseModel]], further: Iterable[Reader]
) -> None:
    """Read every configuration file.

    Args:
        company: Whose they are.
        files: The model of each file, by its name without the suffix.
        further: More checks.

    Raises:
        SettingsError: Files are at fault; says what is wrong with all of them.
        AudienceError: The audiences or destinations alone are at fault.
    """
    readers: list[Reader] = [
        partial(_refuse_unread, company.paths.config, files),
        *_alone(company.paths, files),
        *(partial(getattr, company, name) for name in _TOGETHER),
        *_references(company),
        *further,
    ]
    read_together(readers, expected=(SettingsError, AudienceError))


def _refuse_unread(config: Path, files: Collection[str]) -> None:
    """Refuse files that are meant to be read and called otherwise: what they say would hold nowhere."""
    named = {path: _meant(path, files) for path in sorted(config.glob("*.y*ml"))}
    for folder in _FOLDERS:
        named |= {path: path.stem for path in sorted((config / folder).glob("*.yaml"))}
    read_together(
        partial(_refuse, path, f"{meant}.yml")
        for path, meant in named.items()
        if meant is not None and path.name != f"{meant}.yml"
    )


def _meant(path: Path, files: Collection[str]) -> str | None:
    """The file that a name is, but for one or several of it; None where it may be somebody's own."""
    return next((name for name in files if _one_of(name) == _one_of(path.stem)), None)


def _one_of(name: str) -> str:
    """A name without the ending of several."""
    return f"{name.removesuffix('ies')}y" if name.endswith("ies") else name.removesuffix("s")


def _refuse(path: Path, name: str) -> None:
    problem = Problem(None, None, "a file that nothing reads", f"call it {name}, or take it away")
    raise ConfigurationError(path, (problem,))


def _alone(paths: Paths, files: Mapping[str, type[pydantic.BaseModel]]) -> Iterator[Reader]:
    """Each file by itself, whatever the files say that it names things of."""
    for name, model in files.items():
        path = paths.config / f"{name}.yml"
        if path.exists():
            yield partial(load_config, path, model)
    for path in sorted((paths.config / "tracking_plan").glob("*.yml")):
        yield partial(load_config, path, EventContract)


def _references(company: Company) -> Iterator[Reader]:
    """What the audiences that can be read name of other files, and the syncs of audiences."""
    audiences, others = readable_audiences(company.paths.config / "audiences")
    if audiences:
        yield partial(_purposes, company, audiences)
        yield partial(_names, company, audiences, others)
    yield partial(_syncs, company, {*others, *(audience.key for audience in audiences)})


def _purposes(company: Company, audiences: tuple[Audience, ...]) -> None:
    purposes.require_known_of_audiences(audiences, company.consent.purposes)


def _names(company: Company, audiences: tuple[Audience, ...], others: frozenset[str]) -> None:
    path = company.paths.config / "predictions.yml"
    predictions = load_config(path, PredictionsConfig, missing_ok=True)
    require_known_names(audiences, predictions.models.keys(), others=others)


def _syncs(company: Company, audiences: set[str]) -> None:
    path = company.paths.config / "destinations.yml"
    destinations = load_config(path, DestinationsConfig, missing_ok=True)
    resolve_syncs(destinations, audiences=audiences)
