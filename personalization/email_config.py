"""What a user writes about e-mail blocks: ``email_blocks`` of ``content.yml``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from math import ceil
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from measurement.config import TraitCondition
from personalization.slots import ContentFilters, ContentIds, discovery_slots
from settings import StrictModel

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
PERSONALISED, USUAL, NONE = "personalised", "business_as_usual", "none"
# Every Monday is a first day where nothing else is said: this one was.
FIRST_MONDAY = dt.date(1970, 1, 5)


class EmailArms(StrictModel):
    """Shares of the three arms among persons who granted personalization; together 1."""

    personalised: float = Field(
        default=0.8, gt=0, lt=1, description="Gets content chosen for the person."
    )
    business_as_usual: float = Field(
        default=0.1,
        gt=0,
        lt=1,
        description="Gets what everybody would get; never 0: it is compared with.",
    )
    none: float = Field(default=0.1, ge=0, lt=1, description="Gets the e-mail without this block.")

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if round(sum(self.shares.values()), 6) != 1:
            raise ValueError("the shares of the arms must add up to 1")
        return self

    @property
    def shares(self) -> Mapping[str, float]:
        """Share by arm, in the order in which buckets are given out."""
        return {PERSONALISED: self.personalised, USUAL: self.business_as_usual, NONE: self.none}


class EmailRule(StrictModel):
    """What those persons get first whom the rule fits."""

    name: Name = Field(description="Its name in the table.")
    when: list[TraitCondition] = Field(
        default_factory=list,
        description="All must hold, of columns of marts.profiles: lifecycle (lifecycle_stage), "
        "behaviour (days_since_last_seen, top_topic) or persona (persona_id, persona_name); "
        "without any, everybody.",
    )
    content_types: ContentIds = Field(
        default_factory=list, description="These types first; without any, all."
    )
    topics: ContentIds = Field(
        default_factory=list, description="These topics first; without any, all."
    )
    stages: ContentIds = Field(
        default_factory=list, description="These funnel stages first; without any, all."
    )
    pins: ContentIds = Field(
        default_factory=list, description="Content ids shown before all else, in this order."
    )


class EmailBlock(ContentFilters):
    """A list of content in a mailing, chosen for each send and person."""

    size: int = Field(3, gt=0, le=20, description="Slots of the block; none stays empty.")
    every_days: int = Field(
        7, gt=0, le=366, description="Days between two sends; what was chosen for one stays."
    )
    starts_on: dt.date = Field(
        FIRST_MONDAY, description="Day of any send, to count from; without it, Mondays."
    )
    pins: ContentIds = Field(
        default_factory=list, description="Content ids shown first to whoever has not read them."
    )
    discovery_share: float = Field(
        0.15, ge=0, le=0.5, description="As of blocks: drawn at random; 0: off."
    )
    rest_sends: int = Field(
        4, ge=0, le=52, description="What was in the last so many sends is not sent again."
    )
    rules: list[EmailRule] = Field(
        default_factory=list, description="In this order; the first that fits a person is theirs."
    )
    usual: ContentIds = Field(
        default_factory=list,
        description="Business as usual: what everybody gets, in this order, whatever the filters say, a "
        "default too; in place of what is banned or not published, and where it ends, what is popular.",
    )
    defaults: ContentIds = Field(
        min_length=1,
        description="Modules of your e-mail tool that fill a slot for which nothing unread is "
        "left, at least as many as slots; they need not be content.",
    )
    arms: EmailArms = Field(default_factory=EmailArms, description="Who gets what, by chance.")
    salt: str = Field(
        "", max_length=100, description="Change it, and arms are drawn anew; else never do."
    )

    @property
    def discovery_slots(self) -> float:
        """Slots at the end of the block that are drawn at random, in the mean."""
        return discovery_slots(self.size, self.discovery_share)

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        for pins in (self.pins, *({*rule.pins, *self.pins} for rule in self.rules)):
            if len(pins) + ceil(self.discovery_slots) > self.size:
                raise ValueError("pins and discovery together are more than size")
        if {*self.pins, *(pin for rule in self.rules for pin in rule.pins)} & set(self.bans):
            raise ValueError("a content id is both pinned and banned")
        return self

    @model_validator(mode="after")
    def _is_never_empty(self) -> Self:
        if len(set(self.defaults)) < self.size:
            raise ValueError("write as many different defaults as there are slots")
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError("two rules have the same name")
        return self
