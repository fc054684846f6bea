"""What a user writes about destinations and syncs: ``config/destinations.yml``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, HttpUrl, model_validator

from audiences.catalogue import suggestion
from audiences.config import KEY_PATTERN
from audiences.errors import InvalidAudienceError
from settings import StrictModel

_VARIABLE = r"^[A-Z][A-Z0-9_]*$"


def _hide_secret(value: object) -> object:
    """Keep a secret that was pasted here by mistake out of the error message."""
    return value if isinstance(value, str) and re.match(_VARIABLE, value) else "(hidden)"


def _hide_userinfo(value: object) -> object:
    """Keep a password inside an address out of the error message; such an address is refused."""
    is_secret = isinstance(value, str) and "@" in value.partition("://")[2].partition("/")[0]
    return "(an address with a user or password; use secret_env)" if is_secret else value


Key = Annotated[str, Field(pattern=KEY_PATTERN)]
VariableName = Annotated[
    str,
    BeforeValidator(_hide_secret),
    Field(
        pattern=_VARIABLE, description="Name of an environment variable, never the secret itself."
    ),
]


class DestinationSettings(StrictModel):
    """What all destinations have."""

    enabled: bool = Field(default=True, description="false: nothing is sent, nothing is opened.")
    purposes: list[str] = Field(
        default_factory=list,
        description="Consent purposes that this destination needs, beyond those of the audience.",
    )
    legal_basis: str | None = Field(
        None, min_length=1, description="Why no consent is needed, where purposes is empty."
    )

    @model_validator(mode="after")
    def _may_receive(self) -> Self:
        if not self.purposes and self.legal_basis is None:
            raise ValueError(
                "write at least one purpose under purposes, or say under legal_basis why no "
                "consent is needed"
            )
        return self


class FileSettings(DestinationSettings):
    """Files in a folder: the current members, and each run's changes."""

    kind: Literal["file"] = Field(description="file")
    folder: Path = Field(
        description="Where to write; a relative path starts in the data home's artifacts folder."
    )
    formulas: Literal["neutralise", "keep"] = Field(
        "neutralise",
        description="neutralise: cells that a spreadsheet would run get a leading apostrophe, "
        "and the manifest says so; keep: cells are written as they are.",
    )
    max_rows: int = Field(1_000_000, gt=0, description="Rows of one delta file.")


class WebhookSettings(DestinationSettings):
    """A signed HTTP request for each batch (Standard Webhooks)."""

    kind: Literal["webhook"] = Field(description="webhook")
    url: Annotated[HttpUrl, BeforeValidator(_hide_userinfo)] = Field(
        description="Where to send; https only, redirects are not followed."
    )
    secret_env: VariableName = Field(
        description="Environment variable that holds the signing secret, whsec_ and base64."
    )
    max_rows: int = Field(500, gt=0, le=10_000, description="Rows of one request.")
    timeout_s: float = Field(30.0, gt=0, description="Patience for one answer, in seconds.")
    max_attempts: int = Field(5, ge=1, le=20, description="Attempts for one request in one run.")
    max_wait_s: float = Field(
        60.0,
        ge=0,
        description="Longest pause between attempts, in seconds; a destination that "
        "asks for more is left to the next run.",
    )
    allow_insecure_loopback: bool = Field(
        default=False, description="true: also http, and only to this machine; for trials."
    )
    allow_private_addresses: bool = Field(
        default=False, description="true: also addresses inside a private network."
    )


Settings = Annotated[FileSettings | WebhookSettings, Field(discriminator="kind")]


class Identifier(StrictModel):
    """One identifier to send."""

    type: Literal["email", "phone", "person_id"] = Field(description="Which identifier.")
    form: Literal["sha256", "raw"] = Field(
        description="sha256: hex of the normalised value (trimmed lower-case address, E.164 "
        "phone); raw: the normalised value itself."
    )

    @property
    def column(self) -> str:
        """Its name in what is sent."""
        return self.type if self.form == "raw" else f"{self.type}_sha256"


class SyncSettings(StrictModel):
    """Which audience goes to which destination, and what is sent of each member."""

    audience: Key = Field(description="Key of the audience.")
    destination: Key = Field(description="Key of the destination.")
    enabled: bool = Field(default=True, description="false: this sync is left alone.")
    mode: Literal["mirror", "add_only"] = Field(
        "mirror",
        description="mirror: who leaves the audience is removed; add_only: only those are "
        "removed who may not be sent (consent, erasure, hold-out).",
    )
    identifiers: list[Identifier] = Field(min_length=1, description="Identifiers to send.")
    traits: list[str] = Field(
        default_factory=list,
        description="Columns of marts.profiles to send along; personas as last published.",
    )


class DestinationsConfig(StrictModel):
    """The whole of ``destinations.yml``."""

    destinations: dict[Key, Settings] = Field(
        default_factory=dict, description="Destinations by key."
    )
    syncs: dict[Key, SyncSettings] = Field(default_factory=dict, description="Syncs by key.")

    @property
    def enabled(self) -> Mapping[str, FileSettings | WebhookSettings]:
        """The destinations that are switched on, by key."""
        return {key: found for key, found in self.destinations.items() if found.enabled}


@dataclass(frozen=True, slots=True)
class Sync:
    """One sync with everything that a run of it needs.

    Attributes:
        key: Its id in every table.
        audience: Key of the audience.
        destination: Key of the destination.
        mode: mirror or add_only.
        identifiers: What to send, each at most once.
        traits: Columns of ``marts.profiles`` to send along.
        purposes: Consent purposes that the destination needs.
    """

    key: str
    audience: str
    destination: str
    mode: Literal["mirror", "add_only"]
    identifiers: tuple[Identifier, ...]
    traits: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of everything sent of a person: identifiers first, then traits."""
        return (*(identifier.column for identifier in self.identifiers), *self.traits)


def resolve_syncs(config: DestinationsConfig, *, audiences: Collection[str]) -> tuple[Sync, ...]:
    """The syncs to run, in the order of the file; those switched off are left out.

    Args:
        config: What ``destinations.yml`` says.
        audiences: Keys of the audiences that are configured.

    Raises:
        InvalidAudienceError: A sync names what is not there; all problems at once.
    """
    problems = [f"destinations.yml: {problem}" for problem in _problems(config, audiences)]
    if problems:
        raise InvalidAudienceError(problems)
    return tuple(
        _resolve(key, sync, config.enabled[sync.destination])
        for key, sync in config.syncs.items()
        if sync.enabled and sync.destination in config.enabled
    )


def _resolve(key: str, sync: SyncSettings, destination: DestinationSettings) -> Sync:
    return Sync(
        key=key,
        audience=sync.audience,
        destination=sync.destination,
        mode=sync.mode,
        identifiers=tuple(sync.identifiers),
        traits=tuple(sync.traits),
        purposes=tuple(dict.fromkeys(destination.purposes)),
    )


def _problems(config: DestinationsConfig, audiences: Collection[str]) -> Iterator[str]:
    for key, sync in config.syncs.items():
        names = [identifier.column for identifier in sync.identifiers] + sync.traits
        if sync.audience not in audiences:
            hint = suggestion(sync.audience, audiences)
            yield f"sync {key!r}: {sync.audience!r} is no audience: {hint}"
        if sync.destination not in config.destinations:
            hint = suggestion(sync.destination, config.destinations)
            yield f"sync {key!r}: {sync.destination!r} is no destination: {hint}"
        if len(set(names)) < len(names) or {"operation", "row_id"} & set(names):
            yield f"sync {key!r}: identifiers and traits must have names of their own"
