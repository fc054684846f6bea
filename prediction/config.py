"""What a user writes about models and personas: ``predictions.yml`` and ``personas.yml``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictInt, StringConstraints, model_validator

from settings import StrictModel, misfit, refuse_empty_range

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
PurposeText = Annotated[str, StringConstraints(min_length=3, pattern=r"\S")]
EventName = Annotated[str, StringConstraints(min_length=1)]
# The registry stores personas beside the models; no model may take their place.
PERSONAS_KEY = "personas"
Facet = Literal["topic", "content_type", "funnel_stage", "daypart", "weekpart"]
FACETS: tuple[Facet, ...] = ("topic", "content_type", "daypart", "weekpart")
Scored = Literal["consented", "all"]
UnitName = Literal["person", "account"]


class State(StrictModel):
    """What a trait says of somebody."""

    trait: str = Field(
        min_length=1,
        description="A column of marts.profiles whose changes marts.traits_history keeps: a text or "
        "yes-or-no, or another whose yml says `history: true`.",
    )
    any_of: list[StrictBool | StrictInt | str] = Field(
        min_length=1,
        description="Its values, any one counts; upper and lower case are alike, and 1 is the text 1.",
    )

    @property
    def told(self) -> tuple[str, ...]:
        """The values as the history writes them, in lower case."""
        return tuple(str(value).lower() for value in self.any_of)

    def __str__(self) -> str:
        return f"{self.trait} is {' or '.join(self.told)}"


class Target(StrictModel):
    """What is predicted of a person, or of any member of an account: events or a state."""

    events: list[EventName] = Field(
        default_factory=list, description="That one of these events happens within the horizon."
    )
    state: State | None = Field(
        None, description="What a trait says at the end of the horizon. Write this or events."
    )

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if bool(self.events) == bool(self.state):
            raise ValueError("write either events, at least one, or state")
        return self

    def __str__(self) -> str:
        return str(self.state) if self.state else " or ".join(self.events)


class Eligible(StrictModel):
    """Who is asked about at a date, by what was known at that date."""

    visited: bool = Field(
        default=True,
        description="true: only who was seen on a site or in an app by then; "
        "false: also who is only known from e-mail events.",
    )
    never_did: list[EventName] = Field(
        default_factory=list,
        description="Not who had done one of these by then, e.g. the target where nobody does it twice.",
    )
    in_state: bool | None = Field(
        default=False,
        description="Where the target is a state. false: only who is not in it at the date; true: "
        "only who is, so that the score says whether they stay; null: both. Of accounts it is "
        "whether any member is.",
    )
    active_within_days: int | None = Field(
        default=None, gt=0, description="Only who did something in the last so many days before."
    )


class Factor(StrictModel):
    """One line of a rule score."""

    feature: str = Field(min_length=1, description="A column of marts.features_as_of.")
    at_least: float | None = Field(
        None, description="Holds where the feature is this much or more."
    )
    at_most: float | None = Field(None, description="Holds where the feature is this much or less.")
    times: float = Field(gt=0, description="The odds are multiplied by this where it holds.")

    @model_validator(mode="after")
    def _tests_something(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("write at_least or at_most")
        refuse_empty_range(self)
        return self


class RuleScore(StrictModel):
    """The score that answers while there is too little to learn from."""

    base: float = Field(
        gt=0,
        lt=1,
        description="Probability where no factor holds, 0 to 1, as far as you know. Once people are "
        "looked at, the odds of all are moved together so that the rule expects as many as did it.",
    )
    factors: list[Factor] = Field(
        default_factory=list, description="What makes it likelier or less."
    )


class PropensityConfig(StrictModel):
    """One model: how likely persons, or accounts, are to do something soon."""

    name: str = Field(min_length=1, description="What people call it.")
    unit: UnitName = Field(
        "person",
        description="What is asked about. account: each company, by what its members did as they "
        "were members then; only members who granted the purpose count, with what they did before "
        "and do after.",
    )
    target: Target = Field(description="What is predicted.")
    horizon_days: int = Field(gt=0, le=366, description="Within so many days from the date.")
    gap_days: int = Field(
        0, ge=0, le=90, description="The days start so long after the date, to leave time to act."
    )
    purpose: str = Field(
        min_length=1,
        description="Consent that a person must have granted, at the date and now, to be learnt "
        "from; unknown is not granted.",
    )
    scored: Scored = Field(
        "consented",
        description="consented: only who granted the purpose is scored; all: everybody who is "
        "eligible, because what is done with scores asks for purposes of its own. Of accounts "
        "only members who granted it count, so that all is refused.",
    )
    eligible: Eligible = Field(
        default_factory=Eligible,
        description="Who is asked about.",
    )
    rule: RuleScore | None = Field(
        None, description="Answers below 100 persons who did or did not, and where a model fails."
    )
    leave_out: list[str] = Field(
        default_factory=list, description="Columns of marts.features_as_of that must not be used."
    )
    trusted: list[str] = Field(
        default_factory=list,
        description="Columns that may tell the outcome better than all others together, because "
        "somebody knows that they are not written because of it.",
    )
    sensitive: dict[str, PurposeText] = Field(
        default_factory=dict,
        description="Sensitive columns that this model may use, each with what it is used for; "
        "others that are sensitive, or made from such, are left out.",
    )
    groups: list[str] = Field(
        default_factory=list,
        description="Columns of marts.profiles by which the card compares how people are treated; "
        "of marts.accounts where accounts are asked about.",
    )
    dates: int = Field(6, ge=2, le=24, description="At so many past dates people are looked at.")
    every_days: int = Field(10, gt=0, le=90, description="Days between two of these dates.")
    people_per_date: int = Field(
        100_000, ge=1_000, description="At most so many, drawn at random, are learnt from per date."
    )
    retrain_after_days: int = Field(
        30, gt=0, description="A published model is kept for so many days of new data."
    )
    retrain_cooldown_days: int = Field(
        7, gt=0, description="A model that drifts is trained anew at most every so many days."
    )

    @model_validator(mode="after")
    def _counts_only_who_granted(self) -> Self:
        if self.unit == "account" and self.scored == "all":
            raise ValueError(
                "unit: account counts only members who granted the purpose: write scored: consented"
            )
        return self

    def named_features(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Every feature that is named, with the keys that lead there; a predicted trait is none."""
        for key, names in (("leave_out", self.leave_out), ("trusted", self.trusted)):
            for place, name in enumerate(names):
                yield (key, place), name
        for name in self.sensitive:
            if self.target.state is None or name != self.target.state.trait:
                yield ("sensitive", name), name
        for place, factor in enumerate(self.rule.factors if self.rule else []):
            yield ("rule", "factors", place, "feature"), factor.feature

    @model_validator(mode="after")
    def _says_each_thing_once(self) -> Self:
        for place, name in enumerate(self.leave_out):
            if name in self.trusted:
                what = "it is under trusted too: a column is left out or trusted, not both"
                raise misfit(("leave_out", place), name, what)
        if "in_state" in self.eligible.model_fields_set and self.target.state is None:
            what = "only a target with state has one: leave it out"
            raise misfit(("eligible", "in_state"), self.eligible.in_state, what)
        return self

    @property
    def schedule(self) -> dt.timedelta:
        """How long a version stays where nothing is wrong."""
        return dt.timedelta(days=self.retrain_after_days)

    @property
    def cooldown(self) -> dt.timedelta:
        """How long a version stays although something is wrong."""
        return dt.timedelta(days=self.retrain_cooldown_days)


class PredictionsConfig(StrictModel):
    """The whole of ``predictions.yml``."""

    models: dict[Key, PropensityConfig] = Field(
        default_factory=dict, description="Models, by a key of your own; never change a key."
    )

    @model_validator(mode="after")
    def _leaves_personas_free(self) -> Self:
        if PERSONAS_KEY in self.models:
            raise ValueError(f"{PERSONAS_KEY!r} is the key of the personas; take another")
        return self


class PersonasConfig(StrictModel):
    """The whole of ``personas.yml``: how readers are grouped by what they read."""

    purpose: str = Field(
        "personalization",
        min_length=1,
        description="Consent that a person must have granted to be learnt from.",
    )
    assigned: Scored = Field(
        "consented",
        description="consented: only who granted the purpose gets a persona; all: every reader.",
    )
    facets: list[Facet] = Field(
        default_factory=lambda: list(FACETS),
        min_length=1,
        description="By what readers are told apart: properties of content, and when they visit, "
        "on their own clocks, by parts of three hours (daypart), on workdays or weekends (weekpart).",
    )
    learn_from_readings: int = Field(
        5, ge=2, description="Only who read so many different items is learnt from."
    )
    assign_from_readings: int = Field(
        2, ge=1, description="Who read fewer different items is unassigned."
    )
    fewest: int = Field(2, ge=2, le=12, description="Fewest personas that are tried.")
    most: int = Field(9, ge=2, le=12, description="Most personas that are tried.")
    min_confidence: float = Field(
        0.4, ge=0, le=1, description="Below this probability a reader is unassigned."
    )
    names: dict[str, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict, description="Names of your own, by persona id."
    )
    retrain_after_days: int = Field(
        30, gt=0, description="Published personas are kept for so many days of new data."
    )

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.fewest > self.most:
            raise misfit(("fewest",), self.fewest, f"expected no more than most, {self.most}")
        if len(set(self.facets)) < len(self.facets):
            raise misfit(("facets",), self.facets, "name each facet once")
        for key, name in self.names.items():
            others = [other for other, one in self.names.items() if one == name and other != key]
            if others:
                what = f"{', '.join(others)} is called so too: give each persona a name of its own"
                raise misfit(("names", key), name, what)
        return self
