"""A company's own JSON Schema of whole mParticle batches, as mParticle's data plans are written.

The library judges batches by the list; only what is wrong is touched one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
import pyarrow as pa
from pydantic_core import from_json

from ingestion.tracking_plan import compile_schema

# What is wrong with which batch, or with which of its events (from 1), for people.
BREACHES = pa.schema([("batch_no", pa.int64()), ("event_no", pa.int64()), ("fields", pa.string())])

# As many as the library judges in one call: bounds the memory.
_BATCHES_AT_ONCE = 2_000
# A reason names so many places; a batch that was never planned would fill pages.
_NAMED_PLACES = 10

_UNREADABLE = "a number or sign that no parser takes"


@dataclass(frozen=True, slots=True)
class DataPlan:
    """What every batch of a source must be.

    Attributes:
        validator: Judges a list of batches at once.
        names: Every name that the schema says; a name beside these comes from the data.
    """

    validator: jsonschema_rs.Validator
    names: frozenset[str]

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> DataPlan:
        """Compile a schema.

        Raises:
            ValueError: It is no JSON Schema.
        """
        return cls(compile_schema(schema), frozenset(_names(schema)))

    def breaches(self, numbers: Sequence[int], batches: Sequence[str]) -> pa.Table:
        """What is wrong, of schema ``BREACHES``; a fault of the batch itself has no event_no.

        Args:
            numbers: n numbers of batches.
            batches: n texts in JSON.
        """
        found: dict[tuple[int, int | None], list[str]] = {}
        for start in range(0, len(batches), _BATCHES_AT_ONCE):
            for place, event_no, told in self._faults(batches[start : start + _BATCHES_AT_ONCE]):
                told_before = found.setdefault((numbers[start + place], event_no), [])
                if told not in told_before:
                    told_before.append(told)
        rows = [
            {"batch_no": batch_no, "event_no": event_no, "fields": _listed(told)}
            for (batch_no, event_no), told in found.items()
        ]
        return pa.Table.from_pylist(rows, BREACHES)

    def _faults(
        self, batches: Sequence[str], first: int = 0
    ) -> Iterator[tuple[int, int | None, str]]:
        """Place of the batch, event, and what is wrong; a text beyond the parser is halved off."""
        try:
            errors = list(self.validator.iter_errors(from_json(f"[{','.join(batches)}]")))
        except ValueError:
            if len(batches) == 1:
                yield first, None, _UNREADABLE
                return
            half = len(batches) // 2
            yield from self._faults(batches[:half], first)
            yield from self._faults(batches[half:], first + half)
            return
        for error in errors:
            place, *path = error.instance_path
            is_of_event = len(path) > 1 and path[0] == "events"
            event_no = int(path[1]) + 1 if is_of_event else None
            shown = self._shown(path[2:] if is_of_event else path)
            yield first + int(place), event_no, f"{shown} ({error.kind.name})".strip()

    def _shown(self, path: Iterable[str | int]) -> str:
        """A place, without names that only the data says: an attribute may be named after a person."""
        steps = (
            f"[{step}]" if isinstance(step, int) else f".{step if step in self.names else '*'}"
            for step in path
        )
        return "".join(steps).removeprefix(".")


def _listed(told: Sequence[str]) -> str:
    more = len(told) - _NAMED_PLACES
    rest = f" and {more} more" if more > 0 else ""
    return ", ".join(sorted(told)[:_NAMED_PLACES]) + rest


def _names(schema: object) -> Iterator[str]:
    """Every property name that a schema says, however deep."""
    if isinstance(schema, list):
        for part in schema:
            yield from _names(part)
    elif isinstance(schema, dict):
        properties = schema.get("properties")
        yield from properties if isinstance(properties, dict) else ()
        yield from _names(list(schema.values()))
