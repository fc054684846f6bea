"""A company's own JSON Schema of whole mParticle batches, as mParticle's data plans are written.

Names of attributes that only the data says are not shown: they may be somebody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ingestion.json_schema import UNREADABLE, Fault, Schema

# What is wrong with which batch, or with which of its events (from 1), for people.
BREACHES = pa.schema([("batch_no", pa.int64()), ("event_no", pa.int64()), ("fields", pa.string())])

# As many as the library judges in one call: bounds the memory.
_BATCHES_AT_ONCE = 2_000
# A reason names so many places; a batch that was never planned would fill pages.
_NAMED_PLACES = 10

_UNREADABLE = "a number or sign that no parser takes"


@dataclass(frozen=True, slots=True)
class DataPlan:
    """What every batch of a source must be."""

    schema: Schema

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> DataPlan:
        """Compile a schema.

        Raises:
            ValueError: It is no JSON Schema.
        """
        return cls(Schema.of(schema))

    def breaches(self, numbers: Sequence[int], batches: Sequence[str]) -> pa.Table:
        """What is wrong, of schema ``BREACHES``; a fault of the batch itself has no event_no.

        Args:
            numbers: n numbers of batches.
            batches: n texts in JSON.
        """
        found: dict[tuple[int, int | None], list[str]] = {}
        for start in range(0, len(batches), _BATCHES_AT_ONCE):
            some = batches[start : start + _BATCHES_AT_ONCE]
            for fault in self.schema.faults(some, start):
                event_no, told = self._told(fault)
                known = found.setdefault((numbers[fault.document_no], event_no), [])
                if told not in known:
                    known.append(told)
        rows = [
            {"batch_no": batch_no, "event_no": event_no, "fields": _listed(told)}
            for (batch_no, event_no), told in found.items()
        ]
        return pa.Table.from_pylist(rows, BREACHES)

    def _told(self, fault: Fault) -> tuple[int | None, str]:
        """The event at fault, from 1, None for the batch itself; and what is wrong."""
        if fault.rule == UNREADABLE:
            return None, _UNREADABLE
        path = fault.path
        is_of_event = len(path) > 1 and path[0] == "events"
        shown = self._shown(path[2:] if is_of_event else path)
        return int(path[1]) + 1 if is_of_event else None, f"{shown} ({fault.rule})".strip()

    def _shown(self, path: Iterable[str | int]) -> str:
        """A place, without names that only the data says: an attribute may be named after a person."""
        steps = (
            f"[{step}]"
            if isinstance(step, int)
            else f".{step if step in self.schema.names else '*'}"
            for step in path
        )
        return "".join(steps).removeprefix(".")


def _listed(told: Sequence[str]) -> str:
    more = len(told) - _NAMED_PLACES
    rest = f" and {more} more" if more > 0 else ""
    return ", ".join(sorted(told)[:_NAMED_PLACES]) + rest
