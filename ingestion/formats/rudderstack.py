"""RudderStack calls: the Segment spec, with a merge call and a channel."""

from __future__ import annotations

from ingestion.formats.segment import TYPES, SegmentCalls

# RudderStack's SDKs and gateway take calls of up to 4 MB.
MAX_CALL_BYTES = 4 * 1024 * 1024

RUDDERSTACK_CALLS = SegmentCalls(types=(*TYPES, "merge"), max_bytes=MAX_CALL_BYTES)
