"""What a user writes about the files of a company: ``sources.yml``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from identifiers import is_region
from ingestion.file_form import Decimal, Delimiter, Order, Zone
from ingestion.json_schema import Schema
from ingestion.mapping import EVENT_FIELDS, KINDS, RecordKind
from ingestion.presets import PRESETS, Preset, row_kind
from ingestion.pull_config import Pull, pulled_pattern, with_default_files
from ingestion.status_words import PeriodWords, StatusWords, unfit_words
from settings import StrictModel, misfit, unfit_name

# What stands for a source where an id was seen in events only.
RESERVED = frozenset({"users", "devices", "emails"})


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
    Schema.of(schema)
    return schema


SchemaFile = Annotated[
    dict[str, Any],
    BeforeValidator(_read_schema, json_schema_input_type=str | dict[str, Any]),
    AfterValidator(_is_schema),
]

EventType = Literal["identify", "page", "screen", "track", "group", "alias"]
Patterns = Annotated[
    list[Annotated[str, Field(min_length=1)]],
    BeforeValidator(_listed),
    AfterValidator(_inside_landing),
    Field(min_length=1),
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
    """Events, however they are written."""

    kind: str


class TrackedEventSource(EventSource):
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


Columns = Annotated[
    dict[str, str],
    Field(
        description="Candor's name on the left, the file's column on the right; in JSON lines a "
        "dotted path."
    ),
]


def _refuse_unknown(mapped: Columns, known: Iterable[str], kind: str) -> None:
    unknown = sorted(set(mapped) - set(known))
    if unknown:
        raise unfit_name(("map", unknown[0]), unknown[0], list(known), what=f"fields of {kind}")


def _refuse_said_otherwise(mapped: Columns, said: Mapping[str, object]) -> None:
    for name, value in said.items():
        if value is not None and name in mapped:
            allowed = "what all rows are is said already: write one of both"
            raise misfit(("map", name), mapped[name], allowed)


class MappedEventSource(EventSource):
    """Events as any table has them, one a row, mapped to Candor's names."""

    kind: Literal["events", "hubspot_email_events"] = Field(
        description="events: rows of a CSV, Parquet or JSON lines file, mapped by `map`; "
        "hubspot_email_events: HubSpot's Email Events API or its export, nothing to map."
    )
    id: str | None = Field(
        None,
        description="Column that identifies an event in this source; without it equal rows are one "
        "event.",
    )
    event_name: str | None = Field(
        None, min_length=1, description="Name of all events, where no column says it."
    )
    type: EventType | None = Field(
        None, description="Type of all events, where no column says it: track, if not said."
    )
    map: Columns = Field(default_factory=dict)
    delimiter: Delimiter = ","
    decimal: Decimal = None
    date_order: Order = None
    timezone: Zone = "UTC"

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        _refuse_unknown(self.map, EVENT_FIELDS, self.kind)
        _refuse_said_otherwise(self.map, {"event": self.event_name, "type": self.type})
        if self.preset is not None:
            return self
        needs = {
            "the time of an event": ("occurred_at", "original_timestamp", "received_at"),
            "whose it is": ("email", "user_id", "anonymous_id"),
        }
        for what, names in needs.items():
            if not set(names) & set(self.map):
                raise ValueError(f"map: {what} is missing: map one of {', '.join(names)}")
        is_named = self.event_name is not None or "event" in self.map
        if not is_named and self.type in {None, "track"} and "type" not in self.map:
            raise ValueError("map: the name of the event is missing: map event, or set event_name")
        return self

    @property
    def preset(self) -> Preset | None:
        """What is known of the files, if the kind names an export."""
        return PRESETS.get(self.kind)

    @property
    def named_columns(self) -> frozenset[str]:
        """The columns that the configuration names: without them a file cannot be read."""
        named = {self.id, *self.map.values()}
        return frozenset(name for name in named if name is not None)


class PersonReference(StrictModel):
    """Whose an order, subscription, deal, ticket or change of stage is."""

    source: str | None = Field(None, description="A source of person records ...")
    id: str | None = Field(
        None,
        description="... and the column that holds its record's id; known exports have their own.",
    )
    email: str | None = Field(None, description="Or the column that holds an e-mail address.")

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.source is None and self.id is not None:
            raise ValueError("write source and id together")
        if self.source is None and self.email is None:
            raise ValueError("write source and id, or email")
        return self


class RecordSource(SourceBase):
    """Rows of a CSV, Parquet or JSON lines file, mapped to Candor's names."""

    kind: Literal[
        "person_records", "accounts", "orders", "subscriptions", "lifecycle_events", "deals",
        "tickets", "content_items", "ip_ranges", "consent_events", "hubspot_contacts",
        "hubspot_lifecycle", "hubspot_companies", "hubspot_deals", "salesforce_contacts",
        "salesforce_leads", "salesforce_accounts", "salesforce_opportunities",
    ] = Field(
        description="What one row is; or the export that the files are, whose columns are known: "
        "then nothing must be mapped, and what is mapped goes before what is known."
    )  # fmt: skip
    id: str | None = Field(None, description="Column that identifies a row in this source.")
    user_id: str | None = Field(
        None, description="Column whose value appears as userId in events (person records only)."
    )
    created_at: str | None = Field(None, description="Column with the time of creation.")
    updated_at: str | None = Field(None, description="Column with the time of the last change.")
    person: PersonReference | None = Field(
        None, description="Whose the row is (orders, subscriptions, deals, tickets, stages)."
    )
    map: Columns = Field(default_factory=dict)
    statuses: StatusWords | None = Field(
        None,
        description="What the words of the mapped status of orders, subscriptions or consent events, "
        "or stage of deals, mean; common ones are known. With any other an order is not paid, a "
        "subscription runs, a deal is open, a consent event is refused.",
    )
    periods: PeriodWords | None = Field(
        None, description="What the words of the mapped billing_period mean (subscriptions only)."
    )
    pull: Pull | None = Field(
        None,
        description="The API or database that the files come from; `files` may be left out then.",
    )
    delimiter: Delimiter = ","
    decimal: Decimal = None
    date_order: Order = None
    timezone: Zone = "UTC"

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        _refuse_unknown(self.map, self.record_kind.fields, self.kind)
        problems = [*self._lacking(), *self._misplaced()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _lacking(self) -> Iterator[str]:
        """What a row of this kind needs and nobody says."""
        kind = self.record_kind
        if self.preset is not None:
            return
        if self.id is None and kind.needs_id and kind.key not in self.map:
            yield f"id: a source of kind {self.kind} needs the column that identifies a row"
        lacking = [name for name in kind.required if name not in {kind.key, *self.map}]
        if lacking:
            yield f"map: a row of kind {self.kind} needs {' and '.join(lacking)}"
        if self.person is not None and self.person.source is not None and self.person.id is None:
            yield "person: write source and id together"

    def _misplaced(self) -> Iterator[str]:
        """What is said and no row of this kind has."""
        if self.user_id is not None and self.row_kind != "person_records":
            yield "user_id: only person records have one"
        if self.person is not None and not self.record_kind.has_person:
            yield f"person: a row of kind {self.kind} is nobody's"
        if self.kind == "consent_events" and self.person is not None and self.person.email:
            yield "person.email: a consent event names its address under map, as subject_email"
        if self.preset is None or self.pull is None:
            return
        pulled = getattr(self.pull, "object", None)
        if (self.pull.from_, pulled) != (self.preset.tool, self.preset.object):
            yield (
                f"pull: rows of kind {self.kind} come from: {self.preset.tool}, object: "
                f"{self.preset.object}"
            )

    @property
    def row_kind(self) -> str:
        """What a row is, whatever export it stands in."""
        return row_kind(self.kind)

    @property
    def preset(self) -> Preset | None:
        """What is known of the files, if the kind names an export."""
        return PRESETS.get(self.kind)

    @property
    def named_columns(self) -> frozenset[str]:
        """The columns that the configuration names: without them a file cannot be read."""
        person = self.person
        named = {
            self.id, self.user_id, self.created_at, self.updated_at, *self.map.values(),
            person.id if person else None, person.email if person else None,
        }  # fmt: skip
        return frozenset(name for name in named if name is not None)

    @property
    def record_kind(self) -> RecordKind:
        """How rows of this kind are stored."""
        return KINDS[self.kind]

    @model_validator(mode="after")
    def _words_fit_its_kind(self) -> Self:
        mapped = {*self.map, *(self.preset.fields if self.preset is not None else ())}
        problems = sorted(unfit_words(self.row_kind, mapped, self.statuses, self.periods))
        if problems:
            raise ValueError("; ".join(problems))
        return self


Source = Annotated[
    TrackedEventSource | MappedEventSource | RecordSource, Field(discriminator="kind")
]


def _is_source_name(name: str) -> str:
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise ValueError("a name of a source is small letters, digits and _, a letter first")
    return name


def _is_known_region(code: str) -> str:
    if not is_region(code):
        raise ValueError("write a country as the two capital letters of ISO 3166, such as US or DE")
    return code


class SourcesConfig(StrictModel):
    """The whole of ``sources.yml``."""

    default_region: Annotated[str, AfterValidator(_is_known_region)] = Field(
        "US", description="ISO country of phone numbers that are written without one."
    )
    sources: dict[Annotated[str, AfterValidator(_is_source_name)], Source] = Field(
        description="Sources by name; the name stands in every row."
    )

    @field_validator("sources")
    @classmethod
    def _something_is_read(cls, sources: dict[str, Source]) -> dict[str, Source]:
        if not sources:
            raise ValueError("name one source at least: nothing could be loaded")
        return sources

    @field_validator("sources", mode="before")
    @classmethod
    def _pulls_have_files(cls, sources: object) -> object:
        return with_default_files(sources)

    @model_validator(mode="after")
    def _pulled_files_are_read(self) -> Self:
        for name, source in self.sources.items():
            pattern = pulled_pattern(name)
            if getattr(source, "pull", None) is not None and pattern not in source.files:
                place = ("sources", name, "files")
                allowed = f"the pull writes {pattern!r}: add it, or leave files out"
                raise misfit(place, source.files, allowed)
        return self

    @model_validator(mode="after")
    def _references_are_known(self) -> Self:
        for name in sorted(RESERVED & set(self.sources)):
            raise misfit(
                ("sources", name),
                name,
                "Candor gives this name to what it finds in events: choose another",
            )
        people = {n for n, s in self.sources.items() if row_kind(s.kind) == "person_records"}
        for name, source in self.sources.items():
            reference = source.person if isinstance(source, RecordSource) else None
            referred = None if reference is None else reference.source
            if referred is not None and referred not in people:
                place = ("sources", name, "person", "source")
                raise unfit_name(place, referred, people, what="sources of person records")
        return self
