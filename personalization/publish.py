"""Write the artefact that decisions are taken from, in place of the former one, by one rename."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from measurement import Experiment, ExperimentsConfig, standing_segments
from personalization.artefact import (
    FORMAT,
    META,
    SCHEMA,
    BlockSlot,
    Meta,
    Shares,
    VariantSlot,
    keyed_sql,
    pads,
)
from personalization.config import PURPOSE, ContentConfig
from personalization.decide import Listed
from personalization.draws import company_draws
from personalization.errors import SlotKeyTwiceError
from personalization.inventory import (
    CONTEXT_LISTS,
    DRAW_UNITS,
    RECOMMENDATIONS,
    TABLES,
    VARIANT_POLICIES,
)
from personalization.policies import STATE
from privacy.storage import make_private, sync_folder
from warehouse import Warehouse

_ROWS_AT_ONCE = 20_000

_PERSONS = f"""
    with granted as (
        select profiles.person_id, profiles.account_id,
               strftime(consents.decided_at, '%Y-%m-%dT%H:%M:%S') as consent_version
        from marts.profiles as profiles
        inner join marts.consent_current as consents
            on profiles.person_id = consents.person_id
            and consents.purpose = $purpose and consents.status = 'granted'
        where not profiles.is_bot
    ),
    blocks as (
        select person_id, block,
               json_object('level', min(fallback_level), 'items', to_json(list(json_array(
                   content_id, reason, is_discovery, propensity) order by rank))) as listed
        from {RECOMMENDATIONS.name.sql}
        group by person_id, block
    ),
    lists as (
        select person_id, json_group_object(block, listed) as lists
        from blocks group by person_id
    ),
    read as (
        select person_id, to_json(list(content_id order by content_id)) as read
        from marts.content_engagement
        where first_viewed_at < $as_of
            and content_id in (select content_id from {CONTEXT_LISTS.name.sql})
        group by person_id
    ),
    standing as ({{segments}}),
    segments as (
        select person_id, json_group_object(experiment_key, segment) as segments
        from standing where segment is not null group by person_id
    ),
    drawn as (
        select granted.person_id, json_group_object(units.draw, units.drawn_as) as drawn
        from granted
        inner join {DRAW_UNITS.name.sql} as units
            on units.unit_id = case when list_contains($by_account::varchar[], units.draw)
                then coalesce(granted.account_id, granted.person_id) else granted.person_id end
        group by granted.person_id
    )
    select granted.person_id, granted.account_id, granted.consent_version,
           cast(segments.segments as varchar) as segments, cast(lists.lists as varchar) as lists,
           cast(read.read as varchar) as read, cast(drawn.drawn as varchar) as drawn
    from granted
    left join segments using (person_id)
    left join lists using (person_id)
    left join read using (person_id)
    left join drawn using (person_id)
    order by granted.person_id
"""
_NO_SEGMENTS = "select null as person_id, null as experiment_key, null as segment where false"

KEYS = f"""
    with named as (
        select {keyed_sql("anonymous_id", "anonymous_id")} as key, person_id
        from identity.devices
        where valid_to is null and not is_shared and person_id is not null
        union
        select {keyed_sql("user_id", "source_record_id")} as key, person_id
        from identity.members where source = 'users'
    )
    select key, min(person_id) as person_id
    from named
    where person_id in (
        select person_id from marts.consent_current
        where purpose = $purpose and status = 'granted'
    )
    group by key having count(distinct person_id) = 1
    order by key
"""

_CONTEXT = f"""
    select block, topic, content_id, reason, is_drawable, rank, policy
    from {CONTEXT_LISTS.name.sql} order by block, topic, rank nulls last, content_id
"""

# What is written of a paused arm to those who are shown it: why it is paused is no matter of theirs.
_STILL_SHOWN = "shown to few, so that what is known of it stays up to date"

_SHARES = f"""
    select experiment_key, segment, arm, probability, fallback_level, as_of,
        case when {STATE} = 'paused' then '{_STILL_SHOWN}' else reason end as reason
    from {VARIANT_POLICIES.name.sql} order by experiment_key, segment, arm
"""


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What the artefact holds, in counts: persons, keyed ids, slots; and its version."""

    version: str
    persons: int
    keys: int
    slots: int


def publish_artefact(  # noqa: PLR0913 - what it reads, where it goes, under which key, and two moments
    warehouse: Warehouse,
    path: Path,
    content: ContentConfig,
    experiments: ExperimentsConfig,
    *,
    secret: bytes,
    as_of: dt.datetime,
    now: dt.datetime | None = None,
) -> PublishReport:
    """Replace the artefact by what this run chose.

    Whoever has the former one open goes on reading it until they open the new one.

    Args:
        warehouse: With recommendations, context lists and variant policies of this run.
        path: The file; its folder is made, for its owner alone.
        content: The blocks.
        experiments: Those with ``variants`` are slots.
        secret: The key of the keyed hashes, at most 64 bytes.
        as_of: The moment up to which the warehouse knows, UTC.
        now: When this is, UTC: its age counts from here. None: it never grows too old.

    Raises:
        SlotKeyTwiceError: A block and an experiment have the same key.
    """
    warehouse.create_missing(TABLES)
    meta = replace(
        _meta(warehouse, content, experiments, as_of=as_of),
        published_at=now,
        stale_after_days=content.stale_after_days,
    )
    varied = {key: e for key, e in experiments.experiments.items() if key in meta.slots}
    segments, values = standing_segments(varied, as_of=as_of) if varied else (_NO_SEGMENTS, {})
    by_account = company_draws(experiments)
    values = {**values, "as_of": as_of, "purpose": PURPOSE, "by_account": by_account}
    persons = warehouse.read(_PERSONS.format(segments=segments), values)
    keys = warehouse.read(KEYS, {**pads(secret), "purpose": PURPOSE})
    _write(path, meta, persons, keys)
    return PublishReport(meta.version, persons.num_rows, keys.num_rows, len(meta.slots))


def _meta(
    warehouse: Warehouse,
    content: ContentConfig,
    experiments: ExperimentsConfig,
    *,
    as_of: dt.datetime,
) -> Meta:
    varied = {key: e for key, e in experiments.experiments.items() if e.variants}
    twice = sorted(content.blocks.keys() & varied.keys())
    if twice:
        raise SlotKeyTwiceError(twice)
    slots: dict[str, BlockSlot | VariantSlot] = {
        **_blocks(warehouse, content),
        **_variants(warehouse, varied),
    }
    unnamed = Meta(FORMAT, "", as_of, experiments.holdout, slots)
    version = hashlib.sha256(META.dump_json(unnamed)).hexdigest()[:16]
    return Meta(FORMAT, version, as_of, experiments.holdout, slots)


def _blocks(warehouse: Warehouse, content: ContentConfig) -> dict[str, BlockSlot]:
    lists: dict[str, dict[str, list[Listed]]] = {key: {"": []} for key in content.blocks}
    pools: dict[str, list[str]] = {key: [] for key in content.blocks}
    policies: dict[str, str] = {}
    for row in warehouse.read(_CONTEXT).to_pylist():  # of content, none of a person
        if row["block"] not in lists:
            continue
        policies[row["block"]] = row["policy"]
        if row["rank"] is not None:
            listed = Listed(row["content_id"], row["reason"])
            lists[row["block"]].setdefault(row["topic"], []).append(listed)
        if row["is_drawable"]:
            pools[row["block"]].append(row["content_id"])
    return {
        key: BlockSlot(
            size=block.size,
            discovery_slots=block.discovery_slots,
            repeats=block.shows_read,
            policy=policies.get(key, ""),
            lists={topic: tuple(items) for topic, items in lists[key].items()},
            pool=tuple(sorted(pools[key])),
        )
        for key, block in content.blocks.items()
    }


def _variants(
    warehouse: Warehouse, experiments: Mapping[str, Experiment]
) -> dict[str, VariantSlot]:
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in warehouse.read(_SHARES).to_pylist():  # one row per experiment, segment and arm
        found.setdefault(row["experiment_key"], {}).setdefault(row["segment"], []).append(row)
    return {
        key: VariantSlot(
            baseline=experiment.baseline,
            held_out=experiment.held_out,
            held_out_share=experiment.shares.get(experiment.held_out or "", 0.0),
            unit=experiment.unit,
            policy=f"thompson_by_segment_v1 as of {_latest(found[key])}",
            segments={segment: _shares(rows) for segment, rows in found[key].items()},
        )
        for key, experiment in experiments.items()
        if key in found
    }


def _latest(segments: Mapping[str, list[dict[str, Any]]]) -> str:
    latest: dt.datetime = max(row["as_of"] for rows in segments.values() for row in rows)
    return latest.isoformat(timespec="seconds")


def _shares(rows: list[dict[str, Any]]) -> Shares:
    return Shares(
        level=rows[0]["fallback_level"],
        shares={row["arm"]: row["probability"] for row in rows},
        reasons={row["arm"]: row["reason"] for row in rows},
    )


def _write(path: Path, meta: Meta, persons: pa.Table, keys: pa.Table) -> None:
    make_private(path.parent)
    fresh = unfinished(path)
    fresh.unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(fresh)) as connection:
        # Nobody sees the file before it is whole, so nothing need be undone.
        connection.executescript("pragma journal_mode = off; pragma synchronous = off;")
        connection.executescript(SCHEMA)
        connection.execute("insert into meta values (?)", (META.dump_json(meta).decode(),))
        _fill(connection, "persons", persons)
        _fill(connection, "keys", keys)
        connection.commit()
    swap_in(fresh, path)


def unfinished(path: Path) -> Path:
    """Where the file is written before it is put in place."""
    return path.with_name(path.name + ".new")


def swap_in(fresh: Path, path: Path) -> None:
    """Put a finished file in place of another, durably."""
    descriptor = os.open(fresh, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(path)
    sync_folder(path.parent)


def _fill(connection: sqlite3.Connection, table: str, rows: pa.Table) -> None:
    places = ", ".join("?" * rows.num_columns)
    for batch in rows.to_batches(max_chunksize=_ROWS_AT_ONCE):
        values = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        connection.executemany(f"insert into {table} values ({places})", values)
