"""Say what an erasure would do, and everything that stands against it; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from privacy.classification import unclassified
from privacy.closure import Closure, close_identities
from privacy.context import ErasureContext
from privacy.plan import ErasurePlan, LearntModel, distinct_keys, keys_of, make_plans
from privacy.requests import SubjectRequest
from privacy.shared_rows import kept_by_holds
from warehouse import Location


def plan_erasure(
    requests: Sequence[SubjectRequest], context: ErasureContext
) -> tuple[Sequence[ErasurePlan], Mapping[str, Sequence[str]]]:
    """Say what an erasure would do, and why it could not; writes nothing.

    Returns:
        One plan for each request that names somebody, and every reason against each, by request.
    """
    plans, unclear = find_persons(requests, context)
    refusals = _refusals(plans, context.places)
    reasons = {plan.subject_request_id: why for plan, why in zip(plans, refusals, strict=True)}
    held = kept_by_holds(context, keys_of(plans))
    against = {
        name: [*held.get(name, ()), *unclear.get(name, ()), *reasons.get(name, ())]
        for name in (*unclear, *reasons)
    }
    return plans, {name: why for name, why in against.items() if why}


def find_persons(
    requests: Sequence[SubjectRequest], context: ErasureContext
) -> tuple[Sequence[ErasurePlan], Mapping[str, Sequence[str]]]:
    """Say what is held of the persons and where; writes nothing.

    Returns:
        One plan for each request that names somebody, and every reason why it is not known, or not
        known in full, what is held, by request.
    """
    undeclared = [*unclassified(context.warehouse, context.tables), *context.undeclared]
    closure = _closure(requests, context)
    clear = [item.request_id for item in requests if item.request_id not in closure.unclear]
    plans = _with_models(make_plans(_only(closure, clear), clear, context.places), context)
    reasons = {
        item.request_id: [*closure.unclear.get(item.request_id, ()), *undeclared]
        for item in requests
    }
    return plans, {name: why for name, why in reasons.items() if why}


def find_keys(
    requests: Sequence[SubjectRequest], context: ErasureContext
) -> Mapping[str, frozenset[tuple[str, str]]]:
    """By what the persons of each request are found, as ``(kind, value)``; no place is searched."""
    closure = _closure(requests, context)
    clear = [item.request_id for item in requests if item.request_id not in closure.unclear]
    found: dict[str, set[tuple[str, str]]] = {}
    for row in _only(closure, clear).keys.to_pylist():
        found.setdefault(row["subject_request_id"], set()).add((row["kind"], row["value"]))
    return {request_id: frozenset(keys) for request_id, keys in found.items()}


def _closure(requests: Sequence[SubjectRequest], context: ErasureContext) -> Closure:
    return close_identities(
        context.warehouse,
        requests,
        tables=context.tables,
        customer_id_sources=context.customer_id_sources,
        default_region=context.default_region,
    )


def _only(closure: Closure, request_ids: Sequence[str]) -> Closure:
    wanted = pa.array(list(request_ids), pa.string())
    kept = pc.is_in(closure.keys["subject_request_id"], value_set=wanted)
    return replace(closure, keys=closure.keys.filter(kept))


def _with_models(plans: Sequence[ErasurePlan], context: ErasureContext) -> Sequence[ErasurePlan]:
    """The plans with the models that learnt from their persons: only their rows tell which."""
    if context.models is None:
        return plans
    learnt = context.models.learnt_from(
        {plan.subject_request_id: plan.person_ids for plan in plans}
    )
    return [
        replace(
            plan,
            models=tuple(
                LearntModel(
                    item.model_key, item.model_version, item.algorithm, item.status, item.has_learnt
                )
                for item in learnt[plan.subject_request_id]
            ),
        )
        for plan in plans
    ]


def _refusals(plans: Sequence[ErasurePlan], places: Sequence[Location]) -> Sequence[Sequence[str]]:
    """Every reason against each plan; places are asked one by one only where one refuses."""
    together = distinct_keys(keys_of(plans))
    refusing = [place for place in places if place.refusals(together)]
    return [
        [why for place in refusing for why in place.refusals(distinct_keys(keys_of([plan])))]
        for plan in plans
    ]
