"""Search for somebody again, at any time after an erasure: what a receipt said of then, told of now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa

from privacy.closure import named_identities
from privacy.context import ErasureContext
from privacy.neighbours import needles_among_neighbours
from privacy.plan_requests import find_keys
from privacy.requests import SubjectRequest
from privacy.verify import ScanReport, scan_home
from warehouse import SubjectKind, Trace

_KINDS = frozenset(SubjectKind)


@dataclass(frozen=True, slots=True)
class SearchReport:
    """What a search for one person saw.

    Attributes:
        rows: Places whose rows or files are found by the person's keys, with how many.
        scan: What the search of every table and file for the values saw; None where ``rows`` tell
            that the person is held.
    """

    rows: tuple[Trace, ...]
    scan: ScanReport | None

    @property
    def is_clean(self) -> bool:
        """Whether everything was read, and nothing found by key or by value."""
        return self.scan is not None and self.scan.is_clean


def search_again(
    request: SubjectRequest, context: ErasureContext, *, waiting: Collection[str] = ()
) -> SearchReport:
    """Search every table and file for the person whom a request names; nothing is written.

    Rows are looked up by what is named and all that belongs to it today. Where there are none, values
    are sought in everything; an id of fewer than eight signs by key alone, as it is a part of much
    that is not the person's.

    Args:
        request: Names the person; its type does not matter.
        context: What to search.
        waiting: Values that other requests name, who need not be in the warehouse.

    Raises:
        ScannerRecallError: The search cannot be trusted.
    """
    keys = _keys(request, context)
    found = (trace for place in context.places for trace in place.find(keys))
    if rows := tuple(trace for trace in found if trace.rows):
        return SearchReport(rows, None)
    needles = needles_among_neighbours(context.warehouse, keys, context.tables, waiting=waiting)
    return SearchReport(
        (),
        scan_home(context.warehouse, context.roots, needles, warehouse_file=context.warehouse_file),
    )


def _keys(request: SubjectRequest, context: ErasureContext) -> pa.Table:
    """``(kind, value)`` of what is named and of what belongs to it, each once."""
    named = named_identities(
        context.warehouse, [request], tables=context.tables, default_region=context.default_region
    ).select(["kind", "value"])
    pairs = set(zip(*(named[name].to_pylist() for name in ("kind", "value")), strict=True))
    # A record's id without its source is sought as any other id is.
    pairs = {(kind if kind in _KINDS else SubjectKind.USER_ID, value) for kind, value in pairs}
    pairs |= find_keys([request], context).get(request.request_id, frozenset())
    rows = [{"kind": str(kind), "value": value} for kind, value in sorted(pairs)]
    return pa.Table.from_pylist(rows, schema=pa.schema({"kind": pa.string(), "value": pa.string()}))
