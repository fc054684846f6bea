"""Rows of a person that also name somebody under a legal hold: to erase one would erase both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from privacy.context import ErasureContext
from privacy.holds import Holds
from privacy.plan import distinct_keys
from warehouse import SharedLocation


def kept_by_holds(context: ErasureContext, keys: pa.Table) -> Mapping[str, Sequence[str]]:
    """Why legal holds let nothing be erased for some requests, by request.

    The person is held; or stands in a row together with somebody who is. As in retention, an
    address or a device that others use too names a held person as well.

    Args:
        context: What to work with.
        keys: ``(subject_request_id, kind, value)`` of the persons whom the requests name.
    """
    holds = Holds.of(context)
    against = holds.against(keys)
    are_held = pc.is_in(keys["subject_request_id"], value_set=pa.array(list(against), pa.string()))
    return {**against, **_sharing(context, keys.filter(pc.invert(are_held)), holds.held_keys())}


def _sharing(
    context: ErasureContext, keys: pa.Table, held: pa.Table
) -> Mapping[str, Sequence[str]]:
    if not held.num_rows or not keys.num_rows:
        return {}
    together = distinct_keys(keys)
    sharing = [
        place
        for place in context.locations
        if isinstance(place, SharedLocation) and place.count_shared(together, held)
    ]
    if not sharing:
        return {}
    names = keys["subject_request_id"].unique().to_pylist()
    reasons = {name: _reasons(sharing, _of(keys, name), held) for name in names}
    return {name: why for name, why in reasons.items() if why}


def _of(keys: pa.Table, request_id: str) -> pa.Table:
    return distinct_keys(keys.filter(pc.equal(keys["subject_request_id"], request_id)))


def _reasons(places: Sequence[SharedLocation], keys: pa.Table, held: pa.Table) -> Sequence[str]:
    counted = [(place.name, place.count_shared(keys, held)) for place in places]
    return [
        f"{rows} rows of {name} are shared with a person under a legal hold"
        for name, rows in counted
        if rows
    ]
