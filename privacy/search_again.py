"""Search for somebody again, at any time after an erasure: what a receipt said of then, told of now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import uuid4

import pyarrow as pa

from privacy.backups import Backup
from privacy.closure import close_identities, named_identities
from privacy.context import ErasureContext
from privacy.errors import SharedIdentityError
from privacy.neighbours import needles_among_neighbours
from privacy.plan_requests import find_keys
from privacy.requests import SubjectIdentity, SubjectRequest
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
        person_ids: Who has today what was given; it may be somebody who shared it.
        shared: Kinds of what was given that several persons hold: it names nobody, and nothing
            was searched by it.
        backups: Backups of the data home, which were not searched.
    """

    rows: tuple[Trace, ...]
    scan: ScanReport | None
    person_ids: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    backups: tuple[Backup, ...] = ()

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
        SharedIdentityError: Several persons hold all that is named.
        ScannerRecallError: The search cannot be trusted.
    """
    shared = _find_shared(request, context)
    kinds = tuple(sorted({str(identity.identity_type) for identity in shared}))
    alone = tuple(item for item in request.subject_identities if item not in shared)
    if not alone:
        raise SharedIdentityError(kinds)
    keys = _keys(request.model_copy(update={"subject_identities": alone}), context)
    backups = context.backups.all() if context.backups else ()
    found = (trace for place in context.places for trace in place.find(keys))
    if rows := tuple(trace for trace in found if trace.rows):
        ids = [row["value"] for row in keys.to_pylist() if row["kind"] == SubjectKind.PERSON_ID]
        return SearchReport(rows, None, tuple(ids), kinds, backups)
    needles = needles_among_neighbours(context.warehouse, keys, context.tables, waiting=waiting)
    scan = scan_home(
        context.warehouse, context.roots, needles, warehouse_file=context.warehouse_file
    )
    return SearchReport((), scan, shared=kinds, backups=backups)


def _find_shared(request: SubjectRequest, context: ErasureContext) -> tuple[SubjectIdentity, ...]:
    """What is named that several persons hold, or held: after an erasure one of them is left."""
    asked = [  # each by itself: together, one that is clear hides the others
        request.model_copy(
            update={"subject_request_id": uuid4(), "subject_identities": (identity,)}
        )
        for identity in request.subject_identities
    ]
    unclear = close_identities(
        context.warehouse,
        asked,
        tables=context.tables,
        customer_id_sources=context.customer_id_sources,
        default_region=context.default_region,
    ).unclear
    named = named_identities(
        context.warehouse, asked, tables=context.tables, default_region=context.default_region
    )
    with context.warehouse.view("candor_asked", named):
        marked = context.warehouse.read(_MARKED)["subject_request_id"].to_pylist()
    return tuple(
        one.subject_identities[0]
        for one in asked
        if one.request_id in unclear or one.request_id in marked
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


# Identity marks what several hold; the mark stays until the next run, also where one of them is left.
_MARKED = """
    select distinct asked.subject_request_id
    from candor_asked as asked
    inner join identity.identifiers as held
        on held.identifier_value = asked.value
        and held.identifier_type
            = case asked.kind when 'customer_id' then 'user_id' else asked.kind end
    where held.is_shared
"""
