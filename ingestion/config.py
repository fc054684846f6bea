"""What a user writes about the files of a company: ``sources.yml``."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from ingestion.mapping import KINDS, RecordKind
from ingestion.pull_config import Pull, pulled_pattern, with_default_files
from ingestion.tracking_plan import compile_schema
from settings import StrictModel


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _inside_landing(patterns: list[str]) -> list[str]:
    for pattern in patterns:
        if pattern.startswith("/") or ".." in pattern.split("/"):
            message = f"{pattern!r} leaves the landing folder; paths are relative to it"
            raise ValueError(message)
    return patterns


def _read_schema(value: object, info: ValidationInfo) -> object:
    """The schema itself, where its file is named."""
    if not isinstance(value, str):
        return value
    folder = (info.context or {}).get("folder")
    try:
        return json.loads((folder / value).read_text("utf-8")) if folder else value
    except OSError as error:
        raise ValueError(
            f"this file of the configuration cannot be read: {error.strerror}"
        ) from None
    except ValueError:
        raise ValueError("this file is not JSON") from None


def _is_schema(schema: dict[str, Any]) -> dict[str, Any]:
    compile_schema(schema)
    return schema


SchemaFile = Annotated[
    dict[str, Any],
    BeforeValidator(_read_schema, json_schema_input_type=str | dict[str, Any]),
    AfterValidator(_is_schema),
]

Patterns = Annotated[
    list[str], BeforeValidator(_listed), AfterValidator(_inside_landing), Field(min_length=1)
]


class SourceBase(StrictModel):
    """What every source says."""

    files: Patterns = Field(
        description="Glob, or list of globs, relative to the landing folder; ** means any folders."
    )
    optional: bool = Field(default=False, description="true: it is no mistake if no file is there.")
    erase: Literal["rewrite", "report"] = Field(
        "rewrite",
        description="What an erasure does to these files: rewrite them without the person, or list "
        "them for a person to confirm.",
    )


class EventSource(SourceBase):
    """Events as a tracking tool writes them; nothing to map."""

    kind: Literal["segment", "rudderstack", "mparticle", "snowplow"] = Field(
        description="segment: Segment-spec calls, one JSON object a line, plain or gzipped; "
        "rudderstack: the same with RudderStack's merge call and channel; mparticle: batches of "
        "events, one a line, printed over several lines, or as an array; snowplow: enriched events, "
        "as lines of the stream (TSV) or as the events table (CSV with header, Parquet)."
    )
    data_plan: SchemaFile | None = Field(
        None,
        description="mparticle only: a JSON file with the JSON Schema of a whole batch, relative to "
        "the configuration folder. Batches and events that break it are quarantined.",
    )

    @model_validator(mode="after")
    def _has_a_plan_of_batches(self) -> Self:
        if self.data_plan is not None and self.kind != "mparticle":
            raise ValueError("data_plan: only sources of kind mparticle have one")
        return self


class PersonReference(StrictModel):
    """Whose an order or ticket is."""

    source: str | None = Field(None, description="A source of person records ...")
    id: str | None = Field(None, description="... and the column that holds its record's id.")
    email: str | None = Field(None, description="Or the column that holds an e-mail address.")

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.source is None) != (self.id is None):
            raise ValueError("write source and id together")
        if self.source is None and self.email is None:
            raise ValueError("write source and id, or email")
        return self


class RecordSource(SourceBase):
    """Rows of a CSV, Parquet or JSON lines file, mapped to Candor's names."""

    kind: Literal[
        "person_records", "accounts", "orders", "tickets", "content_items", "ip_ranges",
        "consent_events",
    ] = Field(description="What one row is.")  # fmt: skip
    id: str | None = Field(None, description="Column that identifies a row in this source.")
    user_id: str | None = Field(
        None, description="Column whose value appears as userId in events (person records only)."
    )
    created_at: str | None = Field(None, description="Column with the time of creation.")
    updated_at: str | None = Field(None, description="Column with the time of the last change.")
    person: PersonReference | None = Field(None, description="Whose the row is (orders, tickets).")
    map: dict[str, str] = Field(
        default_factory=dict,
        description="Candor's name on the left, the file's column on the right; in JSON lines a "
        "dotted path.",
    )
    pull: Pull | None = Field(
        None,
        description="The API or database that the files come from; `files` may be left out then.",
    )
    delimiter: str = Field(
        ",", pattern=r"^[\t !#-,./:-@\[-`{-~]$", description="Of CSV files: one sign."
    )

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        kind = KINDS[self.kind]
        unknown = sorted(set(self.map) - set(kind.fields))
        if unknown:
            raise ValueError(
                f"map: {', '.join(unknown)} is no field of {self.kind}; fields: "
                f"{', '.join(sorted(kind.fields))}"
            )
        if self.id is None and kind.needs_id and kind.key not in self.map:
            raise ValueError(
                f"id: a source of kind {self.kind} needs the column that identifies a row"
            )
        if self.user_id is not None and self.kind != "person_records":
            raise ValueError("user_id: only person records have one")
        if self.kind == "consent_events" and self.person is not None and self.person.email:
            raise ValueError(
                "person.email: a consent event names its address under map, as subject_email"
            )
        return self

    @property
    def record_kind(self) -> RecordKind:
        """How rows of this kind are stored."""
        return KINDS[self.kind]


Source = Annotated[EventSource | RecordSource, Field(discriminator="kind")]


class SourcesConfig(StrictModel):
    """The whole of ``sources.yml``."""

    default_region: str = Field(
        "US",
        pattern="^[A-Z]{2}$",
        description="ISO country of phone numbers that are written without one.",
    )
    sources: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")], Source] = Field(
        description="Sources by name; the name stands in every row."
    )

    @field_validator("sources", mode="before")
    @classmethod
    def _pulls_have_files(cls, sources: object) -> object:
        return with_default_files(sources)

    @model_validator(mode="after")
    def _pulled_files_are_read(self) -> Self:
        for name, source in self.sources.items():
            pattern = pulled_pattern(name)
            if getattr(source, "pull", None) is not None and pattern not in source.files:
                raise ValueError(
                    f"sources.{name}.files: the pull writes {pattern!r}: add it, or leave files out"
                )
        return self

    @model_validator(mode="after")
    def _references_are_known(self) -> Self:
        reserved = {"users", "devices", "emails"} & set(self.sources)
        if reserved:
            raise ValueError(f"sources: the name {', '.join(sorted(reserved))} is taken by Candor")
        people = {n for n, s in self.sources.items() if s.kind == "person_records"}
        for name, source in self.sources.items():
            reference = source.person if isinstance(source, RecordSource) else None
            if (
                reference is not None
                and reference.source is not None
                and reference.source not in people
            ):
                raise ValueError(
                    f"sources.{name}.person.source: {reference.source!r} is no source of person "
                    f"records; there are {', '.join(sorted(people)) or 'none'}"
                )
        return self
