"""Ask the parts that send to make destinations forget, and judge what these answered."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from privacy.context import DestinationEraser, DestinationEvidence
from privacy.steps import Outcome


def tell_destinations(
    destinations: DestinationEraser,
    persons: Mapping[str, Sequence[str]],
    *,
    run_id: str,
    now: datetime,
) -> Outcome:
    """Tell every destination that ever got one of the persons, of all requests together.

    Args:
        destinations: Who tells them.
        persons: Every id that the persons of each request ever had, by request.
        run_id: The run to name.
        now: Time to record, UTC without a zone.

    Returns:
        What was told for each request that every destination has confirmed; for each other one
        every reason why that is not enough.
    """
    held = destinations.find_all(persons)
    sent = {request_id: ids for request_id, ids in persons.items() if held[request_id]}
    told = destinations.erase_all(sent, run_id=run_id, now=now) if sent else {}
    reasons = {
        request_id: _reasons(held[request_id], told.get(request_id, ())) for request_id in sent
    }
    details = {
        request_id: {"destinations": [_fact(item) for item in told.get(request_id, ())]}
        for request_id in persons
    }
    blocked = {request_id: why for request_id, why in reasons.items() if why}
    return Outcome({name: details[name] for name in persons if name not in blocked}, blocked)


def _reasons(held: Collection[str], evidence: Sequence[DestinationEvidence]) -> Sequence[str]:
    """Every reason why the evidence is not enough for what destinations hold."""
    silent = sorted(set(held) - {item.destination_key for item in evidence})
    return [f"destination {name} gave no evidence" for name in silent] + [
        f"destination {item.destination_key} ({item.sync_key}) is {item.status}: {item.code}"
        for item in evidence
        if not item.is_confirmed
    ]


def _fact(item: DestinationEvidence) -> Mapping[str, object]:
    return {
        "destination": item.destination_key,
        "sync": item.sync_key,
        "persons": item.persons,
        "status": item.status,
        "told": item.told,
        "batch": item.batch_id,
        "answer": item.answer,
    }
