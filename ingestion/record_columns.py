"""Which columns of one file its source means: what is configured, then what is known of an export.

Exports of one tool differ from file to file, so the columns are chosen for each file from its own
header; of JSON lines, from the fields that its objects have.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ingestion.config import MappedEventSource, PersonReference, RecordSource
from ingestion.csv_rows import likely_delimiter
from ingestion.errors import WrongColumnError
from ingestion.field_values import DateOrder
from ingestion.files import LandingFile
from ingestion.presets import Choice
from ingestion.record_rows import ROWS, Rows, is_parquet
from warehouse import Warehouse

# Fields of nested objects are looked for down to this depth: Account.Name, properties.email.
_DEPTH = 2


@dataclass(frozen=True, slots=True)
class ChosenColumns:
    """What one file of a source is read as.

    Attributes:
        source: The source, of a basic kind, with this file's column for every field that it has.
        stages: Stage to the column with the date on which it was reached, where a row holds several.
        lists_persons: Whether the column that says whose a row is may list several, by semicolons.
        orders: Which number of dates with slashes or hyphens comes first, by field.
    """

    source: RecordSource
    stages: Mapping[str, str] = field(default_factory=dict)
    lists_persons: bool = False
    orders: Mapping[str, DateOrder] = field(default_factory=dict)


def chosen_columns(
    warehouse: Warehouse,
    file: LandingFile,
    source: RecordSource,
    rows: Rows,
    *,
    may_lack: bool = False,
) -> ChosenColumns:
    """The columns of a file whose rows stand in ``candor_rows``.

    Raises:
        WrongColumnError: The file has columns, but not those that a known export cannot lack, and
            it may not lack them.
    """
    source = _as_written(source, rows, file)
    if source.preset is None:
        return ChosenColumns(source)
    columns = _columns(warehouse, rows)
    choice = source.preset.choose(columns)
    says_id = source.id is not None or source.record_kind.key in source.map
    person = _person(source, choice)
    missing = []
    if columns and not says_id and source.record_kind.needs_id and choice.id is None:
        missing.append(_shown(source.preset.id))
    if columns and source.preset.has_stages:
        missing += _lacking_stages(source, choice, person)
    _refuse(file, () if may_lack else missing, columns, choice)
    chosen = source.model_copy(
        update={
            "kind": source.row_kind,
            "id": source.id if says_id else choice.id,
            "created_at": source.created_at or choice.created_at,
            "updated_at": source.updated_at or choice.updated_at,
            "person": person,
            "map": {**choice.fields, **source.map},
        }
    )
    return ChosenColumns(chosen, choice.stages, lists_persons=True)


def chosen_events(
    warehouse: Warehouse,
    file: LandingFile,
    source: MappedEventSource,
    rows: Rows,
    *,
    may_lack: bool = False,
) -> MappedEventSource:
    """The same for a file of events.

    Raises:
        WrongColumnError: The file has columns, but not those that a known export cannot lack, and
            it may not lack them.
    """
    source = _as_written(source, rows, file)
    if source.preset is None:
        return source
    columns = _columns(warehouse, rows)
    choice = source.preset.choose(columns)
    mapped = {**choice.fields, **source.map}
    mapped = {name: column for name, column in mapped.items() if not _is_said(source, name)}
    needed = {name: source.preset.fields[name] for name in ("event", "occurred_at", "email")}
    missing = [
        _shown(names)
        for name, names in needed.items()
        if columns and name not in mapped and not _is_said(source, name)
    ]
    _refuse(file, () if may_lack else missing, columns, choice)
    return source.model_copy(update={"id": source.id or choice.id, "map": mapped})


S = TypeVar("S", MappedEventSource, RecordSource)


def _as_written(source: S, rows: Rows, file: LandingFile) -> S:
    """JSON and Parquet have numbers of their own: no decimal sign holds for them."""
    if source.decimal is None or (rows.columns is not None and not is_parquet(file.path)):
        return source
    return source.model_copy(update={"decimal": None})


def _is_said(source: MappedEventSource, name: str) -> bool:
    return name == "event" and source.event_name is not None


def _person(source: RecordSource, choice: Choice) -> PersonReference | None:
    """Whose the rows are: as configured, else by the columns that are known."""
    said = source.person
    record = (said.id or choice.person_id) if said and said.source else None
    email = (said.email if said else None) or choice.person_email
    if record is None and email is None:
        return None
    return PersonReference.model_construct(
        source=said.source if said and record else None, id=record, email=email
    )


def _lacking_stages(
    source: RecordSource, choice: Choice, person: PersonReference | None
) -> Iterator[str]:
    if not choice.stages and "stage" not in source.map:
        yield "Became a Lead Date / hs_lifecyclestage_lead_date / ..."
    if person is None and source.preset is not None:
        yield _shown(source.preset.person_email)


def _refuse(
    file: LandingFile, missing: Sequence[str], columns: Sequence[str], choice: Choice
) -> None:
    if missing:
        found = columns if choice.knows_something else ()
        sign = likely_delimiter(columns)
        raise WrongColumnError(file.source, file.name, missing, found, delimiter=sign)


def _shown(names: Sequence[str]) -> str:
    return " / ".join(names)


def _columns(warehouse: Warehouse, rows: Rows) -> Sequence[str]:
    """The columns of the file; of JSON lines the paths of the fields that any object has."""
    if rows.columns is not None:
        return rows.columns
    structure = warehouse.scalar(
        f"select json_group_structure(document::json)::varchar from {ROWS}"
    )
    return [] if structure is None else list(_paths(json.loads(structure), _DEPTH))


def _paths(structure: object, depth: int) -> Iterator[str]:
    if not isinstance(structure, dict):
        return
    for name, inner in structure.items():
        yield name
        if depth > 1:
            yield from (f"{name}.{path}" for path in _paths(inner, depth - 1))
