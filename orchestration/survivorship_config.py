"""Which record wins each field of a profile: ``survivorship.yml``, handed to dbt as variables."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from ingestion.config import RESERVED
from settings import ConfigurationError, StrictModel, load_config, misfit, unknown_name

Strategy = Literal[
    "source_priority", "most_recent", "most_frequent", "most_complete", "verified_first"
]
ProfileField = Literal[
    "first_name", "last_name", "company_name", "job_title", "city", "state", "postal_code",
    "country", "lifecycle_stage",
]  # fmt: skip
VERIFIED_FIRST = "verified_first"
# A name or a dotted path, as models read JSON: nothing in it can end the text around it.
ATTRIBUTE = r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$"
Trust = list[str]


class FieldRule(StrictModel):
    """How the values of one field are judged."""

    strategy: Strategy | None = Field(
        None, description="What decides first; left out, that of `default`."
    )
    source_priority: Trust | None = Field(
        None,
        description="Sources for this field, most trusted first; left out, the general list.",
    )


class Verification(StrictModel):
    """Whose values somebody has checked."""

    sources: list[str] = Field(
        default=[], description="Sources of which every record was checked, such as billing."
    )
    attribute: str | None = Field(
        default=None,
        pattern=ATTRIBUTE,
        description="Column that no mapping names and that says of a record whether it was checked: "
        "true, yes, 1 or verified. A dotted path leads into JSON.",
    )


class SurvivorshipConfig(StrictModel):
    """survivorship.yml: which record wins each field of a profile; every key may be left out."""

    source_priority: Trust = Field(
        default=[],
        description="Sources whose values win, most trusted first; one that is not named comes "
        "after all that are. It decides every tie, and fields of accounts and contact points too.",
    )
    default: Strategy = Field(
        "source_priority", description="What decides first for a field that is not named."
    )
    fields: dict[ProfileField, FieldRule] = Field(
        default={}, description="Fields that are judged in another way than `default`."
    )
    verified: Verification = Field(
        default=Verification(), description="Which records `verified_first` puts first."
    )

    @model_validator(mode="after")
    def _verified_is_known(self) -> Self:
        if self.verified.sources or self.verified.attribute:
            return self
        allowed = "allowed once verified.sources or verified.attribute says what is verified"
        if self.default == VERIFIED_FIRST:
            raise misfit(("default",), VERIFIED_FIRST, allowed)
        for name, rule in self.fields.items():
            if rule.strategy == VERIFIED_FIRST:
                raise misfit(("fields", name, "strategy"), VERIFIED_FIRST, allowed)
        return self

    def as_variables(self) -> dict[str, Any]:
        """The dbt variables that say the same; the project's own hold where nothing is said."""
        if not self.model_fields_set:
            return {}
        return {
            "source_priority": self.source_priority,
            "survivorship": {
                "default": self.default,
                "fields": {
                    name: rule.model_dump(exclude_none=True) for name, rule in self.fields.items()
                },
                "verified_sources": self.verified.sources,
                "verified_attribute": self.verified.attribute,
            },
        }

    def named_sources(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Every source that is named, with the keys that lead there."""
        lists: list[tuple[tuple[str, ...], Trust]] = [
            (("source_priority",), self.source_priority),
            (("verified", "sources"), self.verified.sources),
        ]
        for name, rule in self.fields.items():
            lists.append((("fields", name, "source_priority"), rule.source_priority or []))
        for keys, sources in lists:
            for place, source in enumerate(sources):
                yield (*keys, place), source


def load_survivorship(config: Path, sources: Collection[str]) -> SurvivorshipConfig:
    """Read ``survivorship.yml`` of a configuration folder; without it the defaults hold.

    Args:
        config: The configuration folder.
        sources: Names of the sources that exist.

    Raises:
        settings.ConfigurationError: The file says what is not understood, or names a source that
            is not there.
    """
    path = config / "survivorship.yml"
    survivorship = load_config(path, SurvivorshipConfig, missing_ok=True)
    known = RESERVED | set(sources)
    problems = tuple(
        unknown_name(path, location, name, known, what="sources")
        for location, name in survivorship.named_sources()
        if name not in known
    )
    if problems:
        raise ConfigurationError(path, problems)
    return survivorship
