"""What a user writes about experiments: ``experiments.yml``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from settings import StrictModel, misfit, refuse_empty_range, unfit_name

Scalar = bool | int | float | str
# Names of properties are written into JSON paths; these characters need no escape there.
PROPERTY = r"^[A-Za-z0-9_ .-]+$"
GLOBAL_SEGMENT = "global"
# The arm under which decisions for pages log who is held out.
HELD_OUT = "holdout"
# Part of what it takes to pause an arm that is enough for it to stay so: a pause must not flap.
_TO_STAY_PAUSED = 0.8


class TraitCondition(StrictModel):
    """Tests of one column of ``marts.profiles``; all must hold, an unknown value meets none."""

    trait: str = Field(min_length=1, description="The column, e.g. country, employee_count.")
    is_: Scalar | None = Field(None, alias="is", description="Equal; texts ignore case.")
    in_: list[Scalar] | None = Field(
        None, alias="in", min_length=1, description="Equal to one of these."
    )
    at_least: float | None = Field(None, description="Number: this much or more.")
    at_most: float | None = Field(None, description="Number: this much or less.")
    less_than: float | None = Field(None, description="Number: less than this.")
    is_known: bool | None = Field(None, description="true: a value is known; false: none is.")

    @property
    def given(self) -> Mapping[str, Any]:
        """The tests that were written, by field name."""
        tests = set(TraitCondition.model_fields) - {"trait"}
        return {name: getattr(self, name) for name in sorted(tests) if self._has(name)}

    def _has(self, name: str) -> bool:
        return getattr(self, name) is not None

    @model_validator(mode="after")
    def _tests_something(self) -> Self:
        if not self.given:
            raise ValueError("write at least one of is, in, at_least, at_most, less_than, is_known")
        refuse_empty_range(self)
        return self


class RecordCondition(StrictModel):
    """The person has a record in a source that was created before the exposure."""

    record: str = Field(min_length=1, description="A source of person records in sources.yml.")
    created_before: dt.date | None = Field(
        None, description="Created before this day (UTC) too; without it, before the exposure."
    )


_KINDS: Mapping[str, type[StrictModel]] = {"trait": TraitCondition, "record": RecordCondition}


def _kind_of(value: Any) -> str | None:
    if isinstance(value, Mapping):
        return next((kind.__name__ for key, kind in _KINDS.items() if key in value), None)
    return type(value).__name__


Condition = Annotated[
    Annotated[TraitCondition, Tag("TraitCondition")]
    | Annotated[RecordCondition, Tag("RecordCondition")],
    Discriminator(
        _kind_of,
        custom_error_type="unknown_condition",
        custom_error_message="a condition has the key trait or record",
    ),
]


class Segment(StrictModel):
    """A named part of the people; the first segment that fits is theirs."""

    name: str = Field(min_length=1, description="Its name in the report.")
    when: list[Condition] = Field(
        default_factory=list, description="All must hold; without any, everybody is in it."
    )

    @model_validator(mode="after")
    def _leaves_global_free(self) -> Self:
        if self.name == GLOBAL_SEGMENT:
            raise ValueError(f"{GLOBAL_SEGMENT!r} is the name of everybody together")
        return self


# How the arms of e-mail blocks are named in what was chosen for mailings.
EMAIL_ARMS = frozenset({"personalised", "business_as_usual", "none"})


class Exposure(StrictModel):
    """How it is told that a person met an arm: by an event, or by what was chosen for them."""

    event: str | None = Field(None, min_length=1, description="Name of the event.")
    slot: str | None = Field(
        None,
        min_length=1,
        description="In place of event: a block or experiment that `candor decide` answers for. Arms are "
        "personalised, or the variants, and holdout, who would have been shown it.",
    )
    email_block: str | None = Field(
        None,
        min_length=1,
        description="In place of event: an e-mail block of content.yml. Everybody who was drawn counts "
        "from the first day of their first send, whether the mail was opened or not; arms are "
        "personalised, business_as_usual and none.",
    )
    experiment_property: str = Field(
        "experiment_id",
        pattern=PROPERTY,
        description="Property that names the experiment: a name, no path; a dot is part of it.",
    )
    arm_property: str = Field(
        "variation_id", pattern=PROPERTY, description="Property that names the arm; likewise."
    )

    @model_validator(mode="after")
    def _is_told_once(self) -> Self:
        if [self.event, self.slot, self.email_block].count(None) != 2:
            raise ValueError("write one of event, slot and email_block")
        return self


class Metric(StrictModel):
    """An outcome: an event within some days of the first exposure."""

    event: str = Field(min_length=1, description="Name of the event.")
    within_days: int = Field(gt=0, le=366, description="Counted from the first exposure.")
    measure: Literal["share", "count", "sum"] = Field(
        "share",
        description="share of the persons who did it; count: how often, per person; sum of a "
        "property of the event, per person.",
    )
    summed_property: str | None = Field(
        None, pattern=PROPERTY, description="The property, a number, that sum adds up."
    )
    per: str | None = Field(
        None,
        min_length=1,
        description="Name of an event: count or sum is then told per such event in the same days, "
        "e.g. clicks per list shown, in place of per person.",
    )
    cap: float | None = Field(
        None, gt=0, description="Of one person no more than this counts; tames a few huge values."
    )
    before_days: int | None = Field(
        None,
        gt=0,
        le=366,
        description="Adjust for what each person did in so many days before the exposure (CUPED): "
        "narrower intervals where past and future go together.",
    )
    better: Literal["higher", "lower"] = Field(
        "higher", description="lower where the event is unwanted, e.g. a cancellation."
    )

    @property
    def is_share(self) -> bool:
        """Whether it is a share of persons, 0..1."""
        return self.measure == "share"

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.measure == "sum") != (self.summed_property is not None):
            raise ValueError("measure: sum and summed_property go together")
        if self.is_share and (self.per or self.cap):
            raise ValueError("per and cap go with measure: count or sum")
        return self


class Looks(StrictModel):
    """Planned looks at a running experiment: a verdict at any of them is as sure as one at the end."""

    begin: dt.date = Field(description="The day on which it began (UTC).")
    every_days: int = Field(7, gt=0, description="Days from one look to the next.")
    count: int = Field(
        gt=0, le=52, description="Looks in all; the last one is the end of the experiment."
    )


class Guard(StrictModel):
    """When an arm is paused in a segment as a precaution, before it is proven that it harms."""

    harm_probability: float = Field(
        default=0.9,
        gt=0.5,
        le=1,
        description="Paused where, by the segment's own people alone, it is worse than the baseline with this "
        "probability or more, until that has fallen below .8 of it (never below .5). 50 people must have "
        "met each of the two arms there. Proof, which switches off, takes 0.975 and leans on all segments.",
    )
    paused_share: float = Field(
        default=0.02,
        gt=0,
        le=0.1,
        description="What a paused arm is still shown to, so that what it does there goes on being counted; "
        "never more than floor. To judge other ways to choose from the log takes about .05.",
    )

    review_after_days: int | None = Field(
        default=56,
        ge=7,
        le=730,
        description="So long after it began a pause ends in a trial: the arm is shown to trial_share until 50 "
        "people have met each of the two arms since, and judged by these alone. A second pause lasts twice as "
        "long, and so on. null: only what comes in meanwhile ends a pause.",
    )
    trial_share: float = Field(
        default=0.25,
        gt=0,
        le=0.5,
        description="What an arm is shown to at least while it is on trial; no more than an equal share of what arms "
        "leave that fewer than 50 people have met.",
    )

    @property
    def ends_below(self) -> float:
        """A pause ends where harm is less probable than this."""
        return max(0.5, _TO_STAY_PAUSED * self.harm_probability)


class Variants(StrictModel):
    """How the arms are to be shown by what is learnt of them."""

    metric: str = Field(min_length=1, description="The outcome to raise, one of metrics.")
    floor: float = Field(
        0.05,
        gt=0,
        le=0.5,
        description="Least share of each arm that is neither paused nor switched off: what is believed of it can "
        "be found wrong.",
    )
    guard: Guard | None = Field(
        default_factory=Guard,
        description="Pauses an arm in a segment where it probably harms; what is claimed of it stays what "
        "can be proven. null: nothing is paused, and pauses so far end with the next run.",
    )


class Experiment(StrictModel):
    """One randomised comparison of persons."""

    experiment_id: str | None = Field(
        None, min_length=1, description="Its name in the events; without it, its key here."
    )
    exposure: Exposure = Field(description="Which event shows the arm.")
    baseline: str = Field(min_length=1, description="The arm that the others are compared with.")
    held_out: str | None = Field(
        None, min_length=1, description="The arm that gets nothing at all, where there is one."
    )
    shares: dict[str, Annotated[float, Field(gt=0, le=1)]] = Field(
        default_factory=dict,
        description="Intended share of each arm, together 1; the sample-ratio test needs them. With variants each arm "
        "is shown so, without who is held out, until something is learnt of it; without them, alike.",
    )
    unit: Literal["person", "account"] = Field(
        "person",
        description="What is drawn: with account, all persons of a company meet the same arm, and "
        "the intervals allow for that; a person without a company is drawn alone.",
    )
    metrics: dict[str, Metric] = Field(min_length=1, description="Outcomes, by a name of your own.")
    primary: str | None = Field(
        None,
        min_length=1,
        description="The one of metrics that the experiment is decided by; without it that of variants, else "
        "the first. All others are secondary: their verdicts allow for how many they are.",
    )
    looks: Looks | None = Field(
        None,
        description="When verdicts are given. Without it, they are right for one look, at an end that "
        "you decided beforehand.",
    )
    variants: Variants | None = Field(
        None,
        description="Share the arms out by segment, as often as each is likely the best one "
        "(personalization.variant_policies); without it, the experiment is measured only.",
    )
    segments: list[Segment] = Field(
        default_factory=list,
        description="In this order, first that fits; who fits none counts in global only.",
    )

    @property
    def primary_metric(self) -> str:
        """The metric that it is decided by."""
        varied = self.variants.metric if self.variants else None
        return self.primary or varied or next(iter(self.metrics))

    @model_validator(mode="after")
    def _is_drawn_as_mailings_are(self) -> Self:
        if not self.exposure.email_block:
            return self
        named = {self.baseline, *self.shares, *([self.held_out] if self.held_out else [])}
        if named - EMAIL_ARMS:
            raise ValueError(f"the arms of an e-mail block are {', '.join(sorted(EMAIL_ARMS))}")
        if self.unit != "person" or self.variants:
            raise ValueError(
                "arms of an e-mail block are drawn person by person, with the shares of content.yml: "
                "leave out unit and variants"
            )
        return self

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = sum(self.shares.values())
        if self.shares and abs(total - 1) > 1e-6:
            raise misfit(("shares",), round(total, 6), "the sum of shares must be 1")
        if self.shares and self.baseline not in self.shares:
            raise unfit_name(("baseline",), self.baseline, self.shares, what="arms in shares")
        if self.baseline == self.held_out:
            raise ValueError("baseline and held_out must be different arms")
        return self

    @model_validator(mode="after")
    def _names_what_is_there_and_each_thing_once(self) -> Self:
        varied = self.variants.metric if self.variants else None
        for at, metric in ((("primary",), self.primary), (("variants", "metric"), varied)):
            if metric is not None and metric not in self.metrics:
                raise unfit_name(at, metric, self.metrics, what="metrics")
        if varied is not None and not self.metrics[varied].is_share:
            raise ValueError("variants.metric must have measure: share")
        names = [segment.name for segment in self.segments]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise misfit(("segments", place, "name"), name, "two segments are called so")
        return self

    @model_validator(mode="after")
    def _names_arms_as_decisions_do(self) -> Self:
        """Decisions log the held-out as ``holdout``, and draw no arm that nothing names."""
        if self.variants and self.baseline == HELD_OUT:
            raise ValueError(f"with variants, baseline is an arm that is shown, not {HELD_OUT!r}")
        if not self.exposure.slot:
            return self
        if self.held_out not in (None, HELD_OUT):
            raise ValueError(f"with exposure.slot, held_out is {HELD_OUT!r}: so decisions log it")
        if self.variants and len(set(self.shares) - {HELD_OUT}) < 2:
            raise ValueError(
                "with exposure.slot and variants, shares must name two arms that are shown: no "
                "decision draws another one"
            )
        if self.variants and HELD_OUT in self.shares and self.held_out is None:
            raise ValueError(f"shares name {HELD_OUT!r}: write held_out: {HELD_OUT} too")
        return self


class Holdout(StrictModel):
    """Who is shown nothing that was chosen for them, so that all of it together can be measured."""

    share: float = Field(gt=0, le=0.5, description="Share of all units, 0..1.")
    salt: str = Field(
        min_length=1,
        description="Any text; as long as it stays, so do the people. Change it once a year.",
    )
    unit: Literal["person", "account"] = Field(
        "person",
        description="What is drawn; account holds a company out together, a person without one alone.",
    )


class ExperimentsConfig(StrictModel):
    """The whole of ``experiments.yml``."""

    holdout: Holdout | None = Field(
        None,
        description="Who is held out of all that is chosen for pages, e-mail blocks and search; without "
        "it, nobody is.",
    )

    experiments: dict[str, Experiment] = Field(
        default_factory=dict, description="Experiments, by a key of your own; never change a key."
    )

    @model_validator(mode="after")
    def _holds_out_what_is_drawn(self) -> Self:
        """The arms of a slot and its hold-out are compared, so the same units must be drawn."""
        others = [
            key
            for key, experiment in self.experiments.items()
            if self.holdout and experiment.exposure.slot and experiment.unit != self.holdout.unit
        ]
        if others:
            raise ValueError(
                f"{', '.join(others)}: with exposure.slot, unit must be that of holdout, as one draw "
                "of both is compared"
            )
        return self
