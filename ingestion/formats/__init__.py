"""How events are written: one module a format, all giving the same columns."""

from __future__ import annotations

from collections.abc import Mapping

from ingestion.config import EventSource, MappedEventSource, TrackedEventSource
from ingestion.earlier_loads import KeptOrders
from ingestion.formats import rudderstack
from ingestion.formats.data_plan import DataPlan
from ingestion.formats.judged import EventFormat
from ingestion.formats.mapped import REASONS as MAPPED_REASONS
from ingestion.formats.mapped import MappedEvents
from ingestion.formats.mparticle import MparticleBatches
from ingestion.formats.segment import SegmentCalls
from ingestion.formats.snowplow import SnowplowEvents
from ingestion.presets import PRESETS

FORMATS: Mapping[str, EventFormat] = {
    "segment": SegmentCalls(),
    "rudderstack": rudderstack.RUDDERSTACK_CALLS,
    "mparticle": MparticleBatches(),
    "snowplow": SnowplowEvents(),
}


def event_format(
    source: EventSource, kept_orders: Mapping[str, KeptOrders] | None = None
) -> EventFormat:
    """How a source's files are read and judged.

    Args:
        source: The source.
        kept_orders: How the dates of mapped files are to be read that do not tell it, by load.
    """
    if isinstance(source, MappedEventSource):
        return MappedEvents(source, kept_orders=kept_orders or {})
    if isinstance(source, TrackedEventSource) and source.data_plan is not None:
        return MparticleBatches(DataPlan.of(source.data_plan))
    return FORMATS[source.kind]


# Kinds of events that are read by a mapping, which stands in their source.
MAPPED_KINDS = ("events", *(name for name, preset in PRESETS.items() if preset.kind == "events"))

# Every code of a refusal, and what it means in some format.
REASONS = {
    **MAPPED_REASONS,
    **{code: why for form in FORMATS.values() for code, why in form.reasons.items()},
}

__all__ = ["FORMATS", "MAPPED_KINDS", "REASONS", "EventFormat", "event_format"]
