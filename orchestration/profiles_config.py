"""What a user may say about profiles: ``profiles.yml``, handed to dbt as variables."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from ingestion.config import RESERVED
from settings import ConfigurationError, StrictModel, load_config, unknown_name

Activity = Literal[
    "content_view", "download", "search", "result_click", "cta_click", "exposure",
    "email_delivered", "email_opened", "email_clicked", "email_refused", "page_ping", "consent",
]  # fmt: skip


class ProfilesConfig(StrictModel):
    """profiles.yml: how records and events become profiles; every key may be left out."""

    source_priority: list[str] = Field(
        default=[],
        description="Sources whose values win, most trusted first; one that is not named comes "
        "after all that are. Where trust is equal the newer record wins, then the fuller one.",
    )
    session_gap_minutes: int = Field(
        30, gt=0, description="Minutes of silence after which a new session begins."
    )
    activity_events: dict[Activity, list[str]] = Field(
        default={},
        description="Your own names of track events, by what they say that a person did; they are "
        "added to the usual names. Case, spaces, hyphens and underscores do not count.",
    )
    intent_path_pattern: str | None = Field(
        None,
        description="Regular expression (RE2) of page paths that people open when they think of "
        "buying; left out: prices, plans, cart, checkout, quote.",
    )

    @field_validator("intent_path_pattern")
    @classmethod
    def _pattern_is_one(cls, value: str | None) -> str | None:
        if value is not None:
            if "'" in value:
                raise ValueError("a single quote cannot stand in it: paths carry none")
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from error
        return value

    def as_variables(self) -> dict[str, Any]:
        """The dbt variables that differ from the project's own."""
        given = self.model_dump(exclude_unset=True, exclude_none=True)
        if "activity_events" in given:
            given["own_activity_events"] = given.pop("activity_events")
        return given


def load_profiles(config: Path, sources: Collection[str]) -> ProfilesConfig:
    """Read ``profiles.yml`` of a configuration folder; without it the defaults hold.

    Args:
        config: The configuration folder.
        sources: Names of the sources that exist.

    Raises:
        settings.ConfigurationError: The file says what is not understood, or trusts a source that
            is not there.
    """
    path = config / "profiles.yml"
    profiles = load_config(path, ProfilesConfig, missing_ok=True)
    known = RESERVED | set(sources)
    problems = tuple(
        unknown_name(path, ("source_priority", place), name, known, what="sources")
        for place, name in enumerate(profiles.source_priority)
        if name not in known
    )
    if problems:
        raise ConfigurationError(path, problems)
    return profiles
