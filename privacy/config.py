"""What consent.yml and retention.yml may say."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from settings import StrictModel


class LegalBasis(StrEnum):
    """Grounds other than consent on which data may be used: GDPR Article 6(1)(b) to (f)."""

    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTERESTS = "legitimate_interests"


class Purpose(StrictModel):
    """One purpose for which people are asked."""

    description: str = Field(min_length=1, description="What a person agrees to, in one sentence.")


class ExemptSource(StrictModel):
    """A source whose people need no consent for some purposes."""

    basis: LegalBasis = Field(description="The legal basis that stands in place of consent.")
    purposes: tuple[str, ...] = Field(min_length=1, description="The purposes it covers.")
    reason: str = Field(min_length=1, description="Why the basis applies, for whoever audits it.")


def _inside_landing(files: tuple[str, ...]) -> tuple[str, ...]:
    for file in files:
        if file.startswith("/") or ".." in file.split("/"):
            raise ValueError(f"{file!r} leaves the landing folder; paths are relative to it")
    return files


class ConsentConfig(StrictModel):
    """consent.yml: the purposes, and who need not be asked."""

    purposes: dict[str, Purpose] = Field(min_length=1, description="Each purpose by its key.")
    exempt_sources: dict[str, ExemptSource] = Field(
        default_factory=dict, description="Sources, by name, that rest on another legal basis."
    )
    consent_merge: Literal["most_restrictive", "latest"] = Field(
        "most_restrictive",
        description="Which decision holds where one person decided under several records, "
        "addresses or devices: a denial by any of them until one that it named grants, or the latest.",
    )
    customer_id_sources: tuple[str, ...] = Field(
        (),
        description="Sources whose record ids a request may give as controller_customer_id; "
        "empty for all of them. A user id is always accepted.",
    )

    approve_requests: bool = Field(
        False,  # noqa: FBT003 - a default, and pydantic takes it by position
        description="Whether somebody must approve each request of a person (`candor privacy "
        "approve`) before it is carried out.",
    )
    request_files: Annotated[tuple[str, ...], AfterValidator(_inside_landing)] = Field(
        (),
        description="Files in the landing folder that hold data-subject requests, one OpenDSR "
        "body per line; relative paths. They are served with those of the drop folder.",
    )

    @model_validator(mode="after")
    def _exemptions_name_purposes(self) -> ConsentConfig:
        for source, exempt in self.exempt_sources.items():
            unknown = sorted(set(exempt.purposes) - set(self.purposes))
            if unknown:
                allowed = ", ".join(sorted(self.purposes))
                raise ValueError(f"exempt source {source}: {unknown} are no purposes: {allowed}")
        return self


class RetentionRule(StrictModel):
    """How long the rows of one table are kept."""

    days: int = Field(gt=0, description="Rows older than this many days go.")
    aged_by: str | None = Field(
        None, description="The timestamp that tells a row's age; the table's own when absent."
    )
    action: Literal["delete"] = Field("delete", description="What happens to old rows.")


class RetentionConfig(StrictModel):
    """retention.yml: rules by table; a table that is not named keeps its rows."""

    archive_days: int = Field(
        14,
        gt=0,
        description="Days that the archive of an access request waits to be handed out; then it is "
        "removed.",
    )

    tables: dict[str, RetentionRule] = Field(
        default_factory=dict, description="Each rule by schema.table."
    )
