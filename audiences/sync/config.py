"""What a user writes about destinations and syncs: ``config/destinations.yml``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import Field as Described
from pydantic import model_validator

from audiences.catalogue import suggestion
from audiences.clauses import KEY_PATTERN, LONGEST_KEY
from audiences.errors import InvalidAudienceError
from audiences.sync.destinations.vendors import Settings, shared_place
from audiences.sync.fields import SOURCE_PATTERN, Field
from audiences.sync.forms import HELD_IN_TRAITS, Form, IdentifierType, column_of
from audiences.sync.settings import DestinationSettings, FileSettings, WebhookSettings
from settings import StrictModel

Key = Annotated[str, Described(pattern=KEY_PATTERN, max_length=LONGEST_KEY)]
Source = Annotated[
    str,
    Described(
        pattern=SOURCE_PATTERN,
        description="What to put into a field: trait:COLUMN, score:MODEL, decile:MODEL, score_source:MODEL, "
        "persona:name, persona:id, recommendation:BLOCK:RANK, email_block:BLOCK:SLOT, text:WORDS.",
    ),
]
Mode = Literal["mirror", "add_only", "full"]


class Identifier(StrictModel):
    """One identifier to send."""

    type: IdentifierType = Described(description="Which identifier.")
    form: Form | None = Described(
        None,
        description="sha256: hex of the normalised value (trimmed lower-case address, E.164 "
        "phone); raw: the normalised value itself; google, uid2, meta: hashed by the rule of that "
        "company. A vendor knows its form: leave it out.",
    )
    trait: str | None = Described(
        None,
        description="Of uid2, tdid and maid: the column of marts.profiles that holds the id.",
    )

    @model_validator(mode="after")
    def _is_held_somewhere(self) -> Self:
        if (self.type in HELD_IN_TRAITS) != (self.trait is not None):
            raise ValueError("write trait with uid2, tdid and maid, and with no other identifier")
        return self

    @property
    def column(self) -> str:
        """Its name in what is sent."""
        return column_of(self.type, self.form or "raw")


class SyncSettings(StrictModel):
    """Which audience goes to which destination, and what is sent of each member."""

    audience: Key = Described(description="Key of the audience.")
    destination: Key = Described(description="Key of the destination.")
    enabled: bool = Described(default=True, description="false: this sync is left alone.")
    mode: Mode = Described(
        "mirror",
        description="mirror: who leaves the audience is removed; add_only: only those are "
        "removed who may not be sent (consent, erasure, hold-out); full: a mirror that sends "
        "every member in every run, for destinations that forget.",
    )
    target: str | None = Described(
        None,
        min_length=1,
        max_length=200,
        description="What the members are put into there: a list, segment, audience, index or "
        "attribute, by its id or name at the destination.",
    )
    identifiers: list[Identifier] = Described(min_length=1, description="Identifiers to send.")
    traits: list[str] = Described(
        default_factory=list,
        description="Columns of marts.profiles to send along; personas as last published.",
    )
    fields: dict[str, Source] = Described(
        default_factory=dict,
        description="Fields or merge tags of the destination, and what to put into each: "
        "trait:COLUMN, score:MODEL, decile:MODEL, score_source:MODEL (model, rule or insufficient), "
        "persona:name, persona:id, "
        "recommendation:BLOCK:RANK, email_block:BLOCK:SLOT (the id of the content), "
        "email_block:BLOCK:SLOT:title, email_block:BLOCK:SLOT:url, email_block:BLOCK:arm, email_block:BLOCK:send, text:WORDS.",
    )

    max_removed_share: float = Described(
        0.5,
        gt=0,
        le=1,
        description="Largest share of those whom the destination holds that one run may remove "
        "because of the rules or the data; with more, and more than 20 persons, the sync is held "
        "until `candor sync accept`. Withdrawn consents and erasures never wait. 1: never held.",
    )

    @property
    def wants(self) -> tuple[object, ...]:
        """What decides who is to be there: syncs that are alike in it remove the same persons."""
        return (self.audience, self.destination, self.mode, self.identifiers)


class DestinationsConfig(StrictModel):
    """The whole of ``destinations.yml``."""

    destinations: dict[Key, Settings] = Described(
        default_factory=dict, description="Destinations by key."
    )
    syncs: dict[Key, SyncSettings] = Described(default_factory=dict, description="Syncs by key.")

    @property
    def enabled(self) -> Mapping[str, Settings]:
        """The destinations that are switched on, by key."""
        return {key: found for key, found in self.destinations.items() if found.enabled}


@dataclass(frozen=True, slots=True)
class Sync:
    """One sync with everything that a run of it needs.

    Attributes:
        key: Its id in every table.
        audience: Key of the audience.
        destination: Key of the destination.
        mode: mirror, add_only or full.
        identifiers: What to send, each at most once, each with its form.
        traits: Columns of ``marts.profiles`` to send along.
        purposes: Consent purposes that the destination needs.
        fields: More values, by the names that they have at the destination.
        target: What the members are put into there; None where there is nothing to name.
        refresh_days: After so many days an unchanged member is sent again, because the destination
            forgets; None where it does not.
        max_removed_share: Share of those held there that one run may remove by rules or data.
        minimum_size: With fewer members who can be sent, the destination is sent nobody new.
    """

    key: str
    audience: str
    destination: str
    mode: Mode
    identifiers: tuple[Identifier, ...]
    traits: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    target: str | None = None
    refresh_days: int | None = None
    max_removed_share: float = 0.5
    minimum_size: int = 0

    @property
    def values(self) -> tuple[Field, ...]:
        """Traits and mapped fields alike."""
        return (*(Field(trait, f"trait:{trait}") for trait in self.traits), *self.fields)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of everything sent of a person: identifiers first, then traits and fields."""
        sent = (identifier.column for identifier in self.identifiers)
        return (*sent, *(value.name for value in self.values))


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


def _resolve(key: str, sync: SyncSettings, destination: Any) -> Sync:
    return Sync(
        key=key,
        audience=sync.audience,
        destination=sync.destination,
        mode=sync.mode,
        identifiers=tuple(_formed(found, destination) for found in sync.identifiers),
        traits=tuple(sync.traits),
        purposes=tuple(dict.fromkeys(destination.purposes)),
        fields=tuple(Field(name, source) for name, source in sync.fields.items()),
        target=sync.target,
        refresh_days=destination.refresh_days,
        max_removed_share=sync.max_removed_share,
        minimum_size=destination.minimum_size,
    )


def _formed(identifier: Identifier, destination: DestinationSettings) -> Identifier:
    """An identifier in the form that it is sent in."""
    usual = destination.accepts[identifier.type][0]
    return identifier.model_copy(update={"form": identifier.form or usual})


def _problems(config: DestinationsConfig, audiences: Collection[str]) -> Iterator[str]:
    for key, sync in config.syncs.items():
        if sync.audience not in audiences:
            hint = suggestion(sync.audience, audiences)
            yield f"sync {key!r}: {sync.audience!r} is no audience: {hint}"
        if sync.destination not in config.destinations:
            hint = suggestion(sync.destination, config.destinations)
            yield f"sync {key!r}: {sync.destination!r} is no destination: {hint}"
            continue
        destination = config.destinations[sync.destination]
        yield from (f"sync {key!r}: {what}" for what in _misfits(sync, destination))
    yield from _shared_targets(config)


def _shared_targets(config: DestinationsConfig) -> Iterator[str]:
    """Of syncs that would remove at a destination whom another one put there."""
    first: dict[object, str] = {}
    for key, sync in config.syncs.items():
        destination = config.enabled.get(sync.destination)
        place = shared_place(destination) if sync.enabled else None
        other = key if place is None else first.setdefault((place, sync.target), key)
        if sync.wants != config.syncs[other].wants:
            yield (
                f"syncs {other!r} and {key!r} have one target, {sync.target!r}: whom one of them "
                "removes the other may still want there; let both send one audience that includes "
                "both, to one destination, with the same mode and identifiers, or, where these are "
                "two accounts of the vendor, write an account_label at one of the destinations, "
                "which moves no sync that runs"
            )


def _misfits(sync: SyncSettings, destination: DestinationSettings) -> Iterator[str]:
    """What a sync asks of its destination that it does not do."""
    types = [identifier.type for identifier in sync.identifiers]
    names = [identifier.column for identifier in sync.identifiers] + sync.traits + [*sync.fields]
    if len(set(names)) < len(names) or {"operation", "row_id"} & set(names):
        yield "identifiers, traits and fields must have names of their own"
    if destination.chooses_form and len(set(types)) < len(types):
        yield "each type of identifier is sent once"
    for identifier in sync.identifiers:
        yield from _unfit_identifier(identifier, destination)
    if destination.needs_target and sync.target is None:
        yield f"write target: {destination.needs_target}"
    if sync.target is not None and not re.fullmatch(destination.target_pattern, sync.target):
        yield f"target {sync.target!r} is not {destination.needs_target}"
    yield from _consents(sync, destination)
    if sync.target is not None and destination.needs_target is None:
        yield "its destination has no target; leave it out"


def _consents(sync: SyncSettings, destination: DestinationSettings) -> Iterator[str]:
    held = {_root(name) for name in destination.consent_fields}
    for name in sorted({*sync.traits, *sync.fields}):
        if _root(name) in held:
            yield f"field {name!r} holds a consent there: a sync never sets one"


def _root(name: str) -> str:
    """The field that a name stands for: some vendors read paths with dots, or letters of any case."""
    return name.partition(".")[0].lower()


def _unfit_identifier(identifier: Identifier, destination: DestinationSettings) -> Iterator[str]:
    forms = destination.accepts.get(identifier.type)
    if forms is None:
        taken = ", ".join(destination.accepts)
        yield f"its destination takes no {identifier.type}; it takes {taken}"
    elif identifier.form is None and not destination.chooses_form:
        yield f"identifier {identifier.type}: write form: {' or form: '.join(forms)}"
    elif identifier.form is not None and identifier.form not in forms:
        yield f"identifier {identifier.type}: its destination takes the form {' or '.join(forms)}"


__all__ = [
    "DestinationsConfig",
    "FileSettings",
    "Identifier",
    "Sync",
    "SyncSettings",
    "WebhookSettings",
    "resolve_syncs",
]
