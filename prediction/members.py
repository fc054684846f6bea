"""Write who is in which persona, and what the personas are."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from prediction.config import PersonasConfig
from prediction.dataset import Flags, Integers
from prediction.inventory import PERSONA_MEMBERS, PERSONAS
from prediction.naming import Trait, describe, rename
from prediction.persona_files import Personas
from prediction.readers import Readers
from prediction.relations import granted_sql
from warehouse import Warehouse

UNASSIGNED = "unassigned"

_SCHEMA = pa.schema(
    [
        ("persona_id", pa.string()),
        ("persona_name", pa.string()),
        ("status", pa.string()),
        ("description", pa.string()),
        ("traits", pa.string()),
        ("members", pa.int64()),
        ("as_of", pa.timestamp("us")),
        ("model_version", pa.string()),
    ]
)


def write_members(
    warehouse: Warehouse,
    personas: Personas | None,
    readers: Readers,
    config: PersonasConfig,
    *,
    as_of: dt.datetime,
) -> int:
    """Put the members of this date in place; other dates stay. Nobody where none is published."""
    rows = assign_members(personas, readers, config, as_of=as_of) if personas else _NOBODY
    written = warehouse.replace_where(
        PERSONA_MEMBERS.name, "as_of = $as_of", rows, {"as_of": as_of}
    )
    _withdraw(warehouse, config, as_of)
    return written


def assign_members(
    personas: Personas, readers: Readers, config: PersonasConfig, *, as_of: dt.datetime
) -> pa.Table:
    """Every reader with the likeliest persona, or with none where that is unsure."""
    chances = personas.mixture.memberships(readers.arranged(personas.facets, personas.values))
    # Rounded first: the last digits depend on how many others are assigned.
    chances = np.round(chances, 9)
    best, confidence = chances.argmax(axis=1), chances.max(axis=1)
    enough = readers.items >= config.assign_from_readings
    sure = enough & (confidence >= config.min_confidence)
    names = rename(personas.ids, personas.names, config.names)
    found = pa.table(
        {
            "person_id": readers.person_ids,
            "persona_id": _labelled(best, personas.ids, sure),
            "persona_name": _labelled(best, names, sure),
            "confidence": pa.array(np.round(confidence, 6)),
            "as_of": pa.array([as_of] * len(readers), pa.timestamp("us")),
        }
    )
    return found if config.assigned == "all" else found.filter(pa.array(readers.may_teach))


def write_personas_table(
    warehouse: Warehouse,
    version: str,
    personas: Personas,
    config: PersonasConfig,
    *,
    as_of: dt.datetime,
) -> None:
    """One row per group of this version; groups of older versions are retired."""
    sizes = _sizes(warehouse, as_of)
    names = rename(personas.ids, personas.names, config.names)
    rows = [
        _row(key, name, personas.status, describe(traits), traits)
        for key, name, traits in zip(personas.ids, names, personas.traits, strict=True)
    ]
    rows.append(_row(UNASSIGNED, "Unassigned", personas.status, "too few readings to tell", ()))
    facts = {"as_of": as_of, "model_version": version}
    whole = [{**row, "members": sizes.get(row["persona_id"], 0), **facts} for row in rows]
    warehouse.execute("update prediction.personas set status = 'retired'")
    warehouse.replace_where(
        PERSONAS.name,
        "model_version = $version",
        pa.Table.from_pylist(whole, schema=_SCHEMA),
        {"version": version},
    )


def read_sizes(warehouse: Warehouse, version: str) -> dict[str, int]:
    """Members by name of the personas of a version, the largest first."""
    rows = warehouse.read(
        "select persona_name, members from prediction.personas where model_version = $version "
        "and status <> 'retired' order by members desc, persona_name",
        {"version": version},
    )
    return dict(zip(rows["persona_name"].to_pylist(), rows["members"].to_pylist(), strict=True))


def _sizes(warehouse: Warehouse, as_of: dt.datetime) -> dict[str, int]:
    rows = warehouse.read(
        f"""
        select coalesce(persona_id, '{UNASSIGNED}') as persona_id, count(*) as members
        from prediction.persona_members where as_of = $as_of group by all order by all
        """,
        {"as_of": as_of},
    )
    return dict(zip(rows["persona_id"].to_pylist(), rows["members"].to_pylist(), strict=True))


def _withdraw(warehouse: Warehouse, config: PersonasConfig, as_of: dt.datetime) -> None:
    """Remove personas of any date of who has not granted the purpose (any more)."""
    if config.assigned == "all":
        return
    person = "coalesce(current_person.current_person_id, members.person_id)"
    warehouse.execute(
        f"""
        delete from prediction.persona_members where person_id in (
            select members.person_id from prediction.persona_members as members
            left join marts.current_person as current_person using (person_id)
            where not {granted_sql(person, "$as_of::timestamp")}
        )
        """,
        {"purpose": config.purpose, "as_of": as_of},
    )


def _labelled(best: Integers, labels: Sequence[str], sure: Flags) -> pa.Array:
    return pa.array(np.asarray(labels, dtype=object)[best], pa.string(), mask=~sure)


def _row(
    key: str, name: str, status: str, description: str, traits: Sequence[Trait]
) -> dict[str, Any]:
    return {
        "persona_id": key,
        "persona_name": name,
        "status": status,
        "description": description,
        "traits": json.dumps([asdict(trait) for trait in traits]),
    }


_NOBODY = "select * from prediction.persona_members where false"
