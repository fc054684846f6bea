"""What a user writes about the events of a company: ``tracking_plan.yml`` and ``tracking_plan/*``.

A contract is a JSON Schema over the properties of one event. Schemas are compiled when the files
are read, so that a mistake stops a run before it begins and not at the first event.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from ingestion.json_schema import DRAFT, Schema
from settings import (
    ConfigurationError,
    Problem,
    StrictModel,
    load_config,
    read_together,
    unknown_name,
)

# Keywords through which a schema may know properties that it does not list itself.
_COMPOSED = {
    *(
        "$ref",
        "$dynamicRef",
        "allOf",
        "anyOf",
        "oneOf",
        "if",
        "dependentSchemas",
        "patternProperties",
    )
}
_CLOSING = {"additionalProperties", "unevaluatedProperties"}


class Action(StrEnum):
    """What becomes of an event that breaks its plan."""

    ALLOW = "allow"
    OMIT = "omit"
    QUARANTINE = "quarantine"


class ViolationClass(StrEnum):
    """The ways in which an event can break its plan."""

    REQUIRED = "required"
    TYPE = "type"
    VALUE = "value"
    UNPLANNED_PROPERTY = "unplanned_property"


# Every other keyword is about a value: enum, const, pattern, format, minimum, maxLength ...
CLASS_OF_RULE: Mapping[str, ViolationClass] = {
    "required": ViolationClass.REQUIRED,
    "dependentRequired": ViolationClass.REQUIRED,
    "minProperties": ViolationClass.REQUIRED,
    "type": ViolationClass.TYPE,
    "additionalProperties": ViolationClass.UNPLANNED_PROPERTY,
    "unevaluatedProperties": ViolationClass.UNPLANNED_PROPERTY,
    "falseSchema": ViolationClass.UNPLANNED_PROPERTY,
}


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Sources = Annotated[list[str], BeforeValidator(_listed)]


class Actions(StrictModel):
    """What is done about each kind of violation; each is counted, whatever is done."""

    default: Action = Field(
        default=Action.ALLOW, description="For every kind that is not named below."
    )
    required: Literal["allow", "quarantine"] | None = Field(
        default=None, description="A property is missing; there is nothing to omit."
    )
    type: Action | None = Field(default=None, description="A property has the wrong JSON type.")
    value: Action | None = Field(
        default=None,
        description="A value that enum, const, pattern, format, a bound ... does not allow.",
    )
    unplanned_property: Action | None = Field(
        default=None,
        description="A property that the schema does not list. Written here, it closes the schema: "
        "additionalProperties need not be said.",
    )

    def of_rule(self, rule: str) -> Action:
        """What to do where this keyword of JSON Schema is broken."""
        chosen = getattr(self, CLASS_OF_RULE.get(rule, ViolationClass.VALUE))
        return self.default if chosen is None else Action(chosen)


class EventContract(StrictModel):
    """One file of ``tracking_plan/``: what the properties of one event must be."""

    event: str | None = Field(
        None, min_length=1, description="Name of the event, or of the page or screen; exact."
    )
    type: Literal["track", "page", "screen", "identify", "group"] = Field(
        "track",
        description="The call. Of identify and group the traits are judged, of all others the "
        "properties.",
    )
    sources: Sources | None = Field(
        None, min_length=1, description="Only events of these sources; default: of all."
    )
    json_schema: dict[str, Any] = Field(
        alias="schema",
        description="JSON Schema of the properties, draft 2020-12 unless its $schema says another.",
    )
    actions: Actions = Field(default_factory=Actions, description="What a violation leads to.")

    @field_validator("json_schema")
    @classmethod
    def _is_a_schema(cls, schema: dict[str, Any]) -> dict[str, Any]:
        Schema.of(schema)
        return schema

    @model_validator(mode="after")
    def _names_an_event(self) -> Self:
        if self.type == "track" and self.event is None:
            raise ValueError("event: a contract for track calls names its event")
        return self

    @property
    def closed_schema(self) -> dict[str, Any]:
        """The schema, closed to properties that it does not list where an action is given."""
        if self.actions.unplanned_property is None or _CLOSING & set(self.json_schema):
            return self.json_schema
        is_composed = bool(_COMPOSED & set(self.json_schema))
        keyword = "unevaluatedProperties" if is_composed else "additionalProperties"
        return {**self.json_schema, keyword: False}

    @model_validator(mode="after")
    def _can_be_closed(self) -> Self:
        if "unevaluatedProperties" in self.closed_schema and _is_elder(self.json_schema):
            raise ValueError(
                "actions.unplanned_property: this draft cannot tell which properties a schema with "
                "$ref, allOf, anyOf ... knows: write $schema of draft 2020-12, or say "
                "additionalProperties in the schema"
            )
        return self


class TrackingPlanConfig(StrictModel):
    """The whole of ``tracking_plan.yml``: what holds for all contracts together."""

    sources: Sources | None = Field(
        default=None,
        min_length=1,
        description="Judge only events of these sources; default: of all.",
    )
    unplanned_events: Literal["allow", "quarantine"] = Field(
        default="allow", description="Track calls whose event has no contract."
    )
    severity: Literal["warn", "error"] = Field(
        default="warn",
        description="How the check events_keep_the_tracking_plan fails: error makes `candor run` "
        "end with a failure, when all is loaded.",
    )


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract ready to judge.

    Attributes:
        type: The call.
        event: Its name; None for any.
        sources: Only of these; None for any.
        actions: What a violation leads to.
        schema: What its properties must be.
    """

    type: str
    event: str | None
    sources: frozenset[str] | None
    actions: Actions
    schema: Schema


@dataclass(frozen=True, slots=True)
class TrackingPlan:
    """All contracts; of several that fit an event the first one counts."""

    contracts: tuple[Contract, ...] = ()
    settings: TrackingPlanConfig = field(default_factory=TrackingPlanConfig)

    @property
    def is_empty(self) -> bool:
        """Whether no event could ever break it."""
        return not self.contracts and self.settings.unplanned_events == "allow"


def load_tracking_plan(config: Path, sources: Collection[str]) -> TrackingPlan:
    """Read ``tracking_plan.yml`` and every contract in ``tracking_plan/`` of a configuration.

    Args:
        config: The configuration folder; without either there is no plan.
        sources: Names of the sources that exist.

    Raises:
        settings.ConfigurationError: A file says what is not understood, a schema is none, two files
            speak of one event, or a source is unknown.
    """
    settings_path = config / "tracking_plan.yml"
    settings = load_config(settings_path, TrackingPlanConfig, missing_ok=True)
    _refuse_unknown(settings_path, settings.sources, sources)
    folder = config / "tracking_plan"
    paths = sorted(path for suffix in ("yml", "json") for path in folder.glob(f"*.{suffix}"))
    contracts = read_together(partial(load_config, path, EventContract) for path in paths)
    files = dict(zip(paths, contracts, strict=True))
    taken: dict[tuple[str, str | None, str | None], Path] = {}
    for path, contract in files.items():
        _refuse_unknown(path, contract.sources, sources)
        _refuse_second(taken, path, contract)
    # The narrower contract wins: one that names its event, then one that names its sources.
    ordered = sorted(files.values(), key=lambda c: (c.event is None, c.sources is None))
    return TrackingPlan(tuple(_ready(contract) for contract in ordered), settings)


def _ready(contract: EventContract) -> Contract:
    return Contract(
        type=contract.type,
        event=contract.event,
        sources=None if contract.sources is None else frozenset(contract.sources),
        actions=contract.actions,
        schema=Schema.of(contract.closed_schema),
    )


def _is_elder(schema: Mapping[str, Any]) -> bool:
    """Whether the draft knows no ``unevaluatedProperties``."""
    return "draft-0" in str(schema.get("$schema", DRAFT))


def _refuse_unknown(path: Path, named: Sequence[str] | None, known: Collection[str]) -> None:
    problems = [
        unknown_name(path, ("sources", place), name, known, what="sources in sources.yml")
        for place, name in enumerate(named or ())
        if name not in known
    ]
    if problems:
        raise ConfigurationError(path, tuple(problems))


def _refuse_second(
    taken: dict[tuple[str, str | None, str | None], Path], path: Path, contract: EventContract
) -> None:
    for source in contract.sources or (None,):
        key = (contract.type, contract.event, source)
        if key in taken:
            found = f"{contract.type} {contract.event or 'of any name'}"
            why = f"{taken[key].name} speaks of the same event and source: join the two files"
            raise ConfigurationError(path, (Problem(None, "event", found, why),))
        taken[key] = path
