"""The conditions that an audience is made of, as a user writes them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Discriminator, Field, PrivateAttr, Tag, model_validator

from settings import StrictModel, refuse_empty_range

KEY_PATTERN = r"^[a-z][a-z0-9_]*$"
# Keys become names of files, which may have 255 bytes, with a run and a number beside them.
LONGEST_KEY = 100
# A hundred years: a moment before the calendar begins cannot be reckoned.
LONGEST_DAYS = 36_525
IDENTIFIERS_IN_LISTS = ("email", "phone", "person_id", "account_id")
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
        None,
        gt=0,
        le=LONGEST_DAYS,
        description="Time: in the last so many days before the warehouse's as_of.",
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
        refuse_empty_range(self)
        return self


def _as_comparison(value: object) -> object:
    if isinstance(value, list):
        return {"in": value}
    if isinstance(value, bool | int | float | str | dt.date):
        return {"is": value}
    return value


Shorthand = Annotated[
    Comparison,
    BeforeValidator(_as_comparison, json_schema_input_type=Comparison | Scalar | list[Scalar]),
]


class TraitClause(Comparison):
    """A column of ``marts.profiles``."""

    trait: str = Field(description="The column, e.g. country, download_count, last_seen_at.")


class AccountClause(Comparison):
    """A column of ``marts.accounts``, met when one of the person's accounts meets it."""

    account: str = Field(description="The column, e.g. industry, employee_count.")


class EventTest(StrictModel):
    """Something that a person did."""

    event: str = Field(min_length=1, description='Name of the event, or "*" for any.')
    where: dict[str, Shorthand] = Field(
        default_factory=dict,
        description="Tests of columns of marts.events (page_path, content_id, device_type, …) "
        "or of the event's own properties.",
    )


class EventClause(EventTest):
    """How often a person did something."""

    at_least: int | None = Field(
        None, ge=0, description="So often or more; 1 when neither bound is given."
    )
    at_most: int | None = Field(None, ge=0, description="So often or less; 0 means never.")
    within_days: int | None = Field(
        None,
        gt=0,
        le=LONGEST_DAYS,
        description="Counted over the last so many days; without it, ever.",
    )

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        refuse_empty_range(self)
        return self

    @property
    def minimum(self) -> int:
        """The lower bound in force."""
        if self.at_least is not None:
            return self.at_least
        return 1 if self.at_most is None else 0


class Step(EventTest):
    """One step of a sequence."""

    within_days: float | None = Field(
        None,
        gt=0,
        le=LONGEST_DAYS,
        description="At most so many days after the step before; 0.5 is twelve hours.",
    )


class NeverAfter(EventTest):
    """What must not have followed."""

    within_days: float | None = Field(
        None,
        gt=0,
        le=LONGEST_DAYS,
        description="Looked for in so many days after the last step; without it, until now.",
    )


class SequenceTest(StrictModel):
    """Steps in order, each later than the one before."""

    steps: list[Step] = Field(min_length=1, max_length=8, description="What was done, in order.")
    without: EventTest | None = Field(
        None, description="What must not have been done between the first and the last step."
    )
    not_followed_by: NeverAfter | None = Field(
        None, description="What must not have been done after the last step."
    )
    within_days: int | None = Field(
        None,
        gt=0,
        le=LONGEST_DAYS,
        description="All steps in the last so many days; without it, ever.",
    )

    @model_validator(mode="after")
    def _is_a_sequence(self) -> Self:
        if self.steps[0].within_days is not None:
            raise ValueError("the first step follows nothing: write its within_days at a later one")
        if len(self.steps) == 1 and self.not_followed_by is None:
            raise ValueError("write two steps or more, or not_followed_by; for one event, event:")
        return self


class SequenceClause(StrictModel):
    """One thing after another."""

    sequence: SequenceTest = Field(description="Which steps.")


@dataclass(frozen=True, slots=True)
class FoundList:
    """A list that is there.

    Attributes:
        path: The file.
        columns: The places, from 0, of its columns that identify persons, by what they hold.
    """

    path: Path
    columns: Mapping[str, int]


class ListTest(StrictModel):
    """A CSV file of persons, whose header names what identifies them."""

    file: str | None = Field(
        None, min_length=1, description="A file in the configuration folder: lists/partners.csv."
    )
    landing: str | None = Field(
        None, min_length=1, description="A file in the landing folder, which others renew."
    )
    default_region: str = Field(
        "US", pattern="^[A-Z]{2}$", description="Country of numbers that do not say theirs."
    )

    _found: FoundList | None = PrivateAttr(default=None)
    _problem: str | None = PrivateAttr(default=None)

    @property
    def found(self) -> FoundList | None:
        """Where the file lies and what it identifies persons by; None where it is not there."""
        return self._found

    @property
    def problem(self) -> str | None:
        """Why the file that is there cannot be used as a list; None where nothing is known to be wrong."""
        return self._problem

    def find(self, found: FoundList | None, *, problem: str | None = None) -> None:
        """Say where the file lies, and what is wrong with it."""
        self._found, self._problem = found, problem

    @property
    def name(self) -> str:
        """What the file is called in reasons and errors."""
        return self.file if self.file is not None else f"landing/{self.landing}"

    @model_validator(mode="after")
    def _names_one_file(self) -> Self:
        if (self.file is None) == (self.landing is None):
            raise ValueError("write file, for one in the configuration folder, or landing")
        return self


class ListClause(StrictModel):
    """Persons of a list."""

    list_: ListTest = Field(alias="list", description="Which list.")


class ScoreTest(StrictModel):
    """Bounds of a model's latest published score."""

    model: str = Field(description="Key of the model in predictions.yml.")
    at_least: float | None = Field(None, ge=0, le=1, description="Probability, 0..1, or more.")
    at_most: float | None = Field(None, ge=0, le=1, description="Probability, 0..1, or less.")
    decile: Shorthand | None = Field(
        None,
        description="Tenth of those scored: 1 is the likeliest, 10 the least likely. Equal scores are in "
        'one decile, see "Deciles" in docs/concepts/prediction.md.',
    )

    @model_validator(mode="after")
    def _bounds_something(self) -> Self:
        if self.at_least is None and self.at_most is None and self.decile is None:
            raise ValueError("write at_least, at_most or decile")
        refuse_empty_range(self)
        return self


class ScoreClause(StrictModel):
    """A model's score; of a model of accounts, that of the person's likeliest account."""

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

    audience: str = Field(
        pattern=KEY_PATTERN, max_length=LONGEST_KEY, description="Key of the other audience."
    )


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
    "sequence": SequenceClause,
    "list": ListClause,
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
    | Annotated[SequenceClause, Tag("SequenceClause")]
    | Annotated[ListClause, Tag("ListClause")]
    | Annotated[ScoreClause, Tag("ScoreClause")]
    | Annotated[PersonaClause, Tag("PersonaClause")]
    | Annotated[AudienceClause, Tag("AudienceClause")],
    Discriminator(
        _clause_of,
        custom_error_type="unknown_condition",
        custom_error_message=f"a condition has one of the keys {', '.join(_CLAUSES)}",
    ),
]

Leaf = (
    TraitClause
    | AccountClause
    | EventClause
    | SequenceClause
    | ListClause
    | ScoreClause
    | PersonaClause
)

for _model in (AllClause, AnyClause, NotClause):
    _model.model_rebuild()
