"""Signals of browsers (Global Privacy Control), read from events and kept as objections.

Source: CCPA regulations section 7025; https://www.w3.org/TR/gpc/ (Sec-GPC).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from privacy.config import ConsentConfig, Objection
from privacy.inventory import SIGNAL_SCANS
from privacy.inventory_people import OBJECTIONS
from warehouse import Warehouse, literal


def record_signals(warehouse: Warehouse, config: ConsentConfig, *, now: datetime) -> int:
    """Deny purposes for browsers that send Global Privacy Control, and for who was signed in.

    Events are read once: those that were loaded since the last time. All of them are read again
    where what counts as a signal, or what it denies, has changed; and where somebody withdrew an
    objection since, as a signal that is sent again after a withdrawal counts again.

    Returns:
        Rows that are new.
    """
    purposes = list(config.denied_by("ccpa", Objection.GPC))
    settings = json.dumps({"fields": list(config.gpc_fields), "purposes": purposes})
    known = {"kind": str(Objection.GPC), "settings": settings}
    bound = {"kind": str(Objection.GPC), "regulation": "ccpa", "purposes": purposes, "now": now}
    with warehouse.transaction():
        since = warehouse.scalar(_SINCE, known)
        query = _of_signals(config.gpc_fields, _events_since(warehouse, since))
        rows = warehouse.append(OBJECTIONS.name, query, bound)
        warehouse.replace(SIGNAL_SCANS.name, _SCANNED, {"settings": settings, "now": now})
    return rows


def _events_since(warehouse: Warehouse, since: datetime | None) -> str:
    """A test that an event was stored after a moment; true of all where there is none."""
    if since is None:
        return "true"
    fresh = warehouse.read(
        "select load_id from raw.loads where coalesce(stored_at, loaded_at) > $since "
        "order by load_id",
        {"since": since},
    )["load_id"].to_pylist()
    # As literals: the engine then skips the blocks of a table that hold none of them.
    listed = ", ".join(literal(load_id) for load_id in fresh)
    return f"(load_id in ({listed}) or load_id is null)" if fresh else "load_id is null"


def _of_signals(fields: Sequence[str], is_fresh: str) -> str:
    """Names of headers come in any case (RFC 9110 section 5.1), HTTP/2 and Node give small letters."""
    small = [field.lower() for field in fields]
    paths = ["$" + "".join(f'."{key}"' for key in field.split(".")) for field in small]
    hints = " or ".join(
        f"contains(lower(context), {literal(field.rpartition('.')[2])})" for field in small
    )
    signals = " or ".join(
        f"coalesce(json_extract_string(context, {literal(path)}) in ('1', 'true'), false)"
        for path in paths
    )
    return _OF_SIGNALS.format(is_fresh=is_fresh, hints=hints or "false", signals=signals or "false")


# Up to when whatever was stored was read; null: read all.
_SINCE = f"""
    select scanned_until from {SIGNAL_SCANS.name.sql} as scans
    where settings = $settings and not exists (
        select 1 from {OBJECTIONS.name.sql} as objections
        where objections.kind = $kind and objections.withdrawal_recorded_at >= scans.scanned_at
    )
"""
_SCANNED = """
    select $settings::varchar as settings, max(coalesce(stored_at, loaded_at)) as scanned_until,
        $now::timestamp as scanned_at
    from raw.loads
"""

# Rows of signals that are new; `hints` finds few events quickly, `signals` reads those.
_OF_SIGNALS = f"""
    with likely as (
        select anonymous_id, user_id, email, timestamp, lower(context) as context
        from raw.events
        where {{is_fresh}} and context is not null and ({{hints}})
    ),
    signals as (
        select anonymous_id, user_id, email, timestamp from likely
        where case when json_valid(context) then {{signals}} else false end
    ),
    subjects as (
        select null::varchar as email, null::varchar as user_id, anonymous_id, timestamp
        from signals where anonymous_id is not null
        union all
        select null, user_id, null, timestamp from signals where user_id is not null
        union all
        select lower(trim(email)), null, null, timestamp from signals where email is not null
    ),
    known as (
        select email, user_id, anonymous_id, purpose,
            bool_or(withdrawn_at is null) as stands, max(withdrawn_at) as withdrawn_at
        from {OBJECTIONS.name.sql} where kind = $kind group by all
    )
    select null::varchar as subject_request_id, $kind::varchar as kind,
        $regulation::varchar as regulation, purposes.purpose, null::varchar as source,
        null::varchar as source_record_id, subjects.email, null::varchar as phone,
        subjects.user_id, subjects.anonymous_id,
        coalesce(min(subjects.timestamp), $now::timestamp) as objected_at,
        $now::timestamp as recorded_at,
        null::timestamp as withdrawn_at, null::timestamp as withdrawal_recorded_at
    from subjects
    cross join (select unnest($purposes::varchar[]) as purpose) as purposes
    left join known
        on known.purpose = purposes.purpose
        and known.email is not distinct from subjects.email
        and known.user_id is not distinct from subjects.user_id
        and known.anonymous_id is not distinct from subjects.anonymous_id
    where known.purpose is null
        or (not known.stands and subjects.timestamp > known.withdrawn_at)
    group by all
"""
