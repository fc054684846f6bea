"""What a user may say about profiles: ``profiles.yml``, handed to dbt as variables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from settings import StrictModel, load_config, misfit
from warehouse import pattern_fault

Activity = Literal[
    "content_view", "download", "search", "result_click", "cta_click", "exposure",
    "email_delivered", "email_opened", "email_clicked", "email_refused", "page_ping", "consent",
]  # fmt: skip


class ProfilesConfig(StrictModel):
    """profiles.yml: how events become profiles; every key may be left out."""

    session_gap_minutes: int = Field(
        30, gt=0, le=10_080, description="Minutes of silence after which a new session begins."
    )
    activity_events: dict[Activity, list[Annotated[str, Field(min_length=1)]]] = Field(
        default={},
        description="Your own names of track events, by what they say that a person did; they are "
        "added to the usual names. Case, spaces, hyphens and underscores do not count.",
    )
    intent_path_pattern: str | None = Field(
        None,
        min_length=1,
        description="Regular expression (RE2) of page paths that people open when they think of "
        "buying; left out: prices, plans, cart, checkout, quote.",
    )

    @field_validator("intent_path_pattern")
    @classmethod
    def _pattern_is_one(cls, value: str | None) -> str | None:
        if value is not None:
            if "'" in value:
                raise ValueError("a single quote cannot stand in it: paths carry none")
            fault = pattern_fault(value)
            if fault is not None:
                raise ValueError(
                    f"not a regular expression of RE2, which the engine reads: {fault}"
                )
        return value

    @model_validator(mode="after")
    def _means_one_thing_by_a_name(self) -> Self:
        of: dict[str, Activity] = {}
        for activity, names in self.activity_events.items():
            for place, name in enumerate(names):
                other = of.setdefault(re.sub(r"[\s_-]", "", name).lower(), activity)
                if other != activity:
                    what = f"it stands under {other} too: one event says one thing"
                    raise misfit(("activity_events", activity, place), name, what)
        return self

    def as_variables(self) -> dict[str, Any]:
        """The dbt variables that differ from the project's own."""
        given = self.model_dump(exclude_unset=True, exclude_none=True)
        if "activity_events" in given:
            given["own_activity_events"] = given.pop("activity_events")
        return given


def load_profiles(config: Path) -> ProfilesConfig:
    """Read ``profiles.yml`` of a configuration folder; without it the defaults hold.

    Raises:
        settings.ConfigurationError: The file says what is not understood.
    """
    return load_config(config / "profiles.yml", ProfilesConfig, missing_ok=True)
