"""What a user writes about an audience: one YAML file each in ``config/audiences/``."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from audiences.errors import InvalidAudienceError
from settings import StrictModel, load_config, read_together

KEY_PATTERN = r"^[a-z][a-z0-9_]*$"
Scalar = bool | int | float | dt.datetime | dt.date | str


class Comparison(StrictModel):
    """Tests of one value; all that are given must hold, and an unknown value meets none of them."""

    is_: Scalar | None = Field(None, alias="is", description="Equal; texts ignore case.")
    is_not: Scalar | None = Field(None, description="Known, and not equal.")
    in_: list[Scalar] | None = Field(
        None, alias="in", min_length=1, description="Equal to one of these."
    )
    not_in: list[Scalar] | None = Field(
        None, min_length=1, description="Known, and equal to none of these."
    )
    at_least: float | None = Field(None, description="Number: this much or more.")
    more_than: float | None = Field(None, description="Number: more than this.")
    at_most: float | None = Field(None, description="Number: this much or less.")
    less_than: float | None = Field(None, description="Number: less than this.")
    contains: str | None = Field(
        None, min_length=1, description="Text that holds this text; case is ignored."
    )
    is_known: bool | None = Field(
        None, description="true: any value is known; false: none is known."
    )
    before: dt.date | None = Field(None, description="Time: before this day (UTC).")
    after: dt.date | None = Field(None, description="Time: on this day (UTC) or later.")
    within_days: int | None = Field(
        None, gt=0, description="Time: in the last so many days before the warehouse's as_of."
    )

    @property
    def given(self) -> Mapping[str, Any]:
        """The tests that were written, by the name that a user writes."""
        names = {"is_": "is", "in_": "in"}
        return {
            names.get(name, name): getattr(self, name)
            for name in Comparison.model_fields
            if getattr(self, name) is not None
        }

    @model_validator(mode="after")
    def _tests_something(self) -> Self:
        if not self.given:
            tests = sorted(field.alias or name for name, field in Comparison.model_fields.items())
            raise ValueError(f"write at least one test: {', '.join(tests)}")
        return self


def _as_comparison(value: object) -> object:
    if isinstance(value, list):
        return {"in": value}
    if isinstance(value, bool | int | float | str | dt.date):
        return {"is": value}
    return value


Shorthand = Annotated[Comparison, BeforeValidator(_as_comparison)]


class TraitClause(Comparison):
    """A column of ``marts.profiles``."""

    trait: str = Field(description="The column, e.g. country, download_count, last_seen_at.")


class AccountClause(Comparison):
    """A column of ``marts.accounts``, met when one of the person's accounts meets it."""

    account: str = Field(description="The column, e.g. industry, employee_count.")


class EventClause(StrictModel):
    """How often a person did something."""

    event: str = Field(min_length=1, description='Name of the event, or "*" for any.')
    at_least: int | None = Field(
        None, ge=0, description="So often or more; 1 when neither bound is given."
    )
    at_most: int | None = Field(None, ge=0, description="So often or less; 0 means never.")
    within_days: int | None = Field(
        None, gt=0, description="Counted over the last so many days; without it, ever."
    )
    where: dict[str, Shorthand] = Field(
        default_factory=dict,
        description="Tests of columns of marts.events (page_path, content_id, device_type, …) "
        "or of the event's own properties.",
    )

    @property
    def minimum(self) -> int:
        """The lower bound in force."""
        if self.at_least is not None:
            return self.at_least
        return 1 if self.at_most is None else 0


class ScoreTest(StrictModel):
    """Bounds of a model's latest published score."""

    model: str = Field(description="Key of the model in predictions.yml.")
    at_least: float | None = Field(None, ge=0, le=1, description="Probability, 0..1, or more.")
    at_most: float | None = Field(None, ge=0, le=1, description="Probability, 0..1, or less.")
    decile: Shorthand | None = Field(
        None, description="Tenth of the scored people, as prediction numbers it."
    )

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        if self.at_least is None and self.at_most is None and self.decile is None:
            raise ValueError("write at_least, at_most or decile")
        return self


class ScoreClause(StrictModel):
    """A model's score."""

    score: ScoreTest = Field(description="Which model and which scores.")


class PersonaTest(StrictModel):
    """The persona that a person was last published with."""

    is_: str | None = Field(None, alias="is", description="Name or id of one persona.")
    in_: list[str] | None = Field(
        None, alias="in", min_length=1, description="Names or ids of personas."
    )
    is_known: bool | None = Field(None, description="true: has any persona; false: has none.")
    confidence_at_least: float = Field(
        0.0, ge=0, le=1, description="How sure the persona must be, 0..1."
    )

    @property
    def names(self) -> tuple[str, ...]:
        """The personas asked for; empty when any will do."""
        return ((self.is_,) if self.is_ else ()) + tuple(self.in_ or ())

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if sum(test is not None for test in (self.is_, self.in_, self.is_known)) != 1:
            raise ValueError("write exactly one of is, in, is_known")
        return self


class PersonaClause(StrictModel):
    """A persona."""

    persona: PersonaTest = Field(description="Which persona.")


class AudienceClause(StrictModel):
    """The rules of another audience, whatever its consent, hold-out and size."""

    audience: str = Field(pattern=KEY_PATTERN, description="Key of the other audience.")


class AllClause(StrictModel):
    """Every one of these."""

    all_: list[Condition] = Field(alias="all", min_length=1, description="All must be met.")


class AnyClause(StrictModel):
    """At least one of these."""

    any_: list[Condition] = Field(alias="any", min_length=1, description="One must be met.")


class NotClause(StrictModel):
    """The opposite; someone about whom nothing is known meets it."""

    not_: Condition = Field(alias="not", description="Must not be met.")


_CLAUSES: Mapping[str, type[StrictModel]] = {
    "all": AllClause,
    "any": AnyClause,
    "not": NotClause,
    "trait": TraitClause,
    "account": AccountClause,
    "event": EventClause,
    "score": ScoreClause,
    "persona": PersonaClause,
    "audience": AudienceClause,
}


def _clause_of(value: Any) -> str | None:
    """The clause that a mapping means, told by the key that it has."""
    if isinstance(value, Mapping):
        return next((c.__name__ for key, c in _CLAUSES.items() if key in value), None)
    return type(value).__name__


Condition = Annotated[
    Annotated[AllClause, Tag("AllClause")]
    | Annotated[AnyClause, Tag("AnyClause")]
    | Annotated[NotClause, Tag("NotClause")]
    | Annotated[TraitClause, Tag("TraitClause")]
    | Annotated[AccountClause, Tag("AccountClause")]
    | Annotated[EventClause, Tag("EventClause")]
    | Annotated[ScoreClause, Tag("ScoreClause")]
    | Annotated[PersonaClause, Tag("PersonaClause")]
    | Annotated[AudienceClause, Tag("AudienceClause")],
    Discriminator(
        _clause_of,
        custom_error_type="unknown_condition",
        custom_error_message=f"a condition has one of the keys {', '.join(_CLAUSES)}",
    ),
]


class HoldOut(StrictModel):
    """A share of the members that is never sent anywhere, to measure against."""

    share: float = Field(gt=0, lt=1, description="Share of the members, 0..1.")
    salt: str = Field(
        min_length=1,
        description="Any text; members keep their arm while it stays. Audiences with the same "
        "salt hold out the same people.",
    )
    unit: Literal["person", "account"] = Field(
        "person", description="What is drawn; people without an account are drawn one by one."
    )


class Audience(StrictModel):
    """One audience: who is in it, what they must have agreed to, whom to hold out."""

    key: str = Field(pattern=KEY_PATTERN, description="Its id in every table; never change it.")
    name: str = Field(min_length=1, description="What people call it.")
    description: str = Field("", description="What it is for.")
    purposes: list[str] = Field(
        default_factory=list,
        description="Consent purposes that each member must have granted; unknown is not granted.",
    )
    legal_basis: str | None = Field(
        None, min_length=1, description="Why no consent is needed, where purposes is empty."
    )
    include: Condition = Field(description="Who is in it.")
    exclude: Condition | None = Field(None, description="Who of these is not.")
    hold_out: HoldOut | None = Field(None, description="Whom never to send.")
    minimum_size: int = Field(
        0, ge=0, description="With fewer members nobody new is sent; removals still are."
    )

    @model_validator(mode="after")
    def _may_process(self) -> Self:
        if not self.purposes and self.legal_basis is None:
            raise ValueError(
                "write at least one purpose under purposes, or say under legal_basis why no "
                "consent is needed"
            )
        return self


def load_audiences(folder: Path) -> tuple[Audience, ...]:
    """Read every ``*.yml`` of a folder, in the order of their names.

    Args:
        folder: Usually ``config/audiences``; none there means no audiences.

    Raises:
        settings.ConfigurationError: A file says what is not understood.
        InvalidAudienceError: Two files have one key, or references miss or go in a circle.
    """
    files = sorted(folder.glob("*.yml"))
    audiences = tuple(read_together(partial(load_config, path, Audience) for path in files))
    problems = [
        f"{path}: key {audience.key!r} is also the key of another file"
        for path, audience in zip(files, audiences, strict=True)
        if sum(other.key == audience.key for other in audiences) > 1
    ]
    if problems:
        raise InvalidAudienceError(problems)
    return audiences


def find_audience(audiences: Sequence[Audience], key: str) -> Audience:
    """One of these audiences.

    Raises:
        InvalidAudienceError: None has this key; says which there are.
    """
    for audience in audiences:
        if audience.key == key:
            return audience
    known = [audience.key for audience in audiences]
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise InvalidAudienceError(
        [f"{key!r} is no audience: {hint}known: {', '.join(sorted(known)) or 'none'}"]
    )


for _model in (AllClause, AnyClause, NotClause, Audience):
    _model.model_rebuild()
