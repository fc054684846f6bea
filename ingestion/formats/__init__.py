"""How events are written: one module a format, all giving the same columns."""

from __future__ import annotations

from collections.abc import Mapping

from ingestion.formats import rudderstack
from ingestion.formats.judged import EventFormat
from ingestion.formats.segment import SegmentCalls

FORMATS: Mapping[str, EventFormat] = {
    "segment": SegmentCalls(),
    "rudderstack": rudderstack.RUDDERSTACK_CALLS,
}

# Every code of a refusal, and what it means in some format.
REASONS = {code: why for form in FORMATS.values() for code, why in form.reasons.items()}

__all__ = ["FORMATS", "REASONS", "EventFormat"]
