"""Say what an erasure would do, and everything that stands against it; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from privacy.classification import unclassified
from privacy.closure import Closure, close_identities
from privacy.context import ErasureContext
from privacy.plan import ErasurePlan, distinct_keys, keys_of, make_plans
from privacy.requests import SubjectRequest
from warehouse import Location


def plan_erasure(
    requests: Sequence[SubjectRequest], context: ErasureContext
) -> tuple[Sequence[ErasurePlan], Mapping[str, Sequence[str]]]:
    """Say what an erasure would do, and why it could not; writes nothing.

    Returns:
        One plan for each request that names somebody, and every reason against each, by request.
    """
    undeclared = unclassified(context.warehouse, context.tables)
    closure = close_identities(
        context.warehouse,
        requests,
        tables=context.tables,
        customer_id_sources=context.customer_id_sources,
        default_region=context.default_region,
    )
    clear = [item.request_id for item in requests if item.request_id not in closure.unclear]
    plans = make_plans(_only(closure, clear), clear, context.places)
    reasons: dict[str, Sequence[str]] = {
        plan.subject_request_id: [*undeclared, *refusals]
        for plan, refusals in zip(plans, _refusals(plans, context.places), strict=True)
    }
    unclear = {name: [*why, *undeclared] for name, why in closure.unclear.items()}
    return plans, {name: why for name, why in {**reasons, **unclear}.items() if why}


def _only(closure: Closure, request_ids: Sequence[str]) -> Closure:
    wanted = pa.array(list(request_ids), pa.string())
    kept = pc.is_in(closure.keys["subject_request_id"], value_set=wanted)
    return Closure(closure.keys.filter(kept), closure.left_alone, closure.unclear)


def _refusals(plans: Sequence[ErasurePlan], places: Sequence[Location]) -> Sequence[Sequence[str]]:
    """Every reason against each plan; places are asked one by one only where one refuses."""
    together = distinct_keys(keys_of(plans))
    refusing = [place for place in places if place.refusals(together)]
    return [
        [why for place in refusing for why in place.refusals(distinct_keys(keys_of([plan])))]
        for plan in plans
    ]
