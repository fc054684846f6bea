"""Choose what each person's next mailing holds, and store why; no slot is ever empty.

    a rule's content, unread --> the block's content, unread --> a default
    the list for everybody   --> what is popular in the block --> a default

The first line is for the arms ``personalised`` and ``none`` (as ghosts: stored, not sent), the
second for business as usual, where nothing of a person is looked at. What was chosen for a send
stays until the next one, unless a consent, the hold-out or, before a sync has handed it over, the
catalogue or the configuration changed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from personalization.blocks import discoverable_content
from personalization.champion import read_champion
from personalization.config import PURPOSE, ContentConfig
from personalization.email_config import NONE, USUAL, EmailRule
from personalization.email_fill import (
    Candidates,
    banned_ids,
    fill_slots,
    offer,
    slot_columns,
)
from personalization.email_people import arm_probabilities, check_rules, read_recipients
from personalization.email_sends import (
    NO_LIMITS,
    POLICY,
    Send,
    SendLimits,
    forget_reasons,
    forget_stale,
    positions,
    sent_lately,
)
from personalization.email_usual import SAME_FOR_ALL, usual_columns, usual_slots
from personalization.half_lives import read_half_life
from personalization.interests import ReadingModel, learn_interests
from personalization.inventory import TABLES
from personalization.inventory_email import EMAIL_BLOCKS
from personalization.readings import (
    Catalogue,
    Flags,
    Integers,
    Readers,
    Readings,
    read_catalogue,
    read_readers,
    read_views,
)
from personalization.recommend import BATCH_CELLS, LEVELS, fallback_levels
from warehouse import Warehouse

_PERSON = ("person_id", "arm", "is_randomised", "rule")


@dataclass(frozen=True, slots=True)
class EmailReport:
    """What one block holds for its current send, in counts.

    Attributes:
        block: Its key.
        send_id: The send.
        persons: For whom it is.
        chosen: Persons chosen for in this run; the others keep what they had.
        by_arm: Persons by arm.
        by_level: Slots by fallback level.
    """

    block: str
    send_id: str
    persons: int
    chosen: int
    by_arm: Mapping[str, int]
    by_level: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Library:
    """What is published and not banned everywhere, and what its readers say."""

    catalogue: Catalogue
    readers: Readers
    readings: Readings
    model: ReadingModel
    discoverable: Flags
    banned: frozenset[str]


def write_email_blocks(
    warehouse: Warehouse,
    content: ContentConfig,
    *,
    as_of: dt.datetime,
    seed: int,
    run_id: str,
    limits: SendLimits = NO_LIMITS,
) -> tuple[EmailReport, ...]:
    """Choose for the current send of every block; sends of the past stay as they were.

    The same warehouse, configuration, seed and day give the same rows.

    Args:
        warehouse: With the marts of this run.
        content: The blocks.
        as_of: The moment up to which readings count (``raw.as_of``), UTC.
        seed: Of the slots that are drawn at random.
        run_id: Stored with every row.
        limits: The hold-out, and which syncs hand the blocks over.

    Raises:
        InvalidEmailBlockError: A rule asks for a column that is not there.
    """
    warehouse.create_missing(TABLES)
    if not content.email_blocks:
        return ()
    check_rules(warehouse, content.email_blocks)
    forget_reasons(warehouse, PURPOSE)
    library = _read(warehouse, content, as_of=as_of, seed=seed)
    stamp = {"policy": POLICY, "as_of": as_of, "run_id": run_id}
    return tuple(
        _write(
            warehouse,
            Send.due(key, block, as_of),
            library,
            stamp,
            due=read_recipients(warehouse, key, block, limits.holdout),
            syncs=limits.syncs.get(key, ()),
        )
        for key, block in content.email_blocks.items()
    )


def _read(
    warehouse: Warehouse, content: ContentConfig, *, as_of: dt.datetime, seed: int
) -> _Library:
    catalogue = read_catalogue(warehouse, as_of=as_of)
    readers = read_readers(warehouse, salt=f"email|{seed}|{as_of:%Y-%m-%d}")
    shape = (len(readers), len(catalogue))
    views = read_views(warehouse, shape, as_of=as_of)
    usual, popular = content.half_life_days, read_half_life(warehouse)
    readings = views.readings(half_life_days=usual, popular_days=popular)
    champion = read_champion(warehouse)
    model = learn_interests(catalogue, readings, champion, standing=champion)
    discoverable = discoverable_content(catalogue, readings, model.popularity, new_days=usual)
    return _Library(catalogue, readers, readings, model, discoverable, frozenset(content.bans))


def _write(
    warehouse: Warehouse,
    send: Send,
    library: _Library,
    stamp: Mapping[str, object],
    *,
    due: pa.Table,
    syncs: Sequence[str],
) -> EmailReport:
    banned = banned_ids(send.block, library.banned)
    offered = sorted(set(library.catalogue.content_ids.tolist()) - banned)
    with warehouse.transaction():
        fresh = forget_stale(
            warehouse, send, due=due, offered=[*offered, *send.block.defaults], syncs=syncs
        )
        for rows in _chosen(warehouse, send, library, fresh):
            warehouse.append(EMAIL_BLOCKS.name, _stamped(rows, send, stamp))
    return _report(warehouse, send, due=due, chosen=fresh.num_rows)


def _chosen(
    warehouse: Warehouse, send: Send, library: _Library, people: pa.Table
) -> Iterator[pa.Table]:
    """Rows of business as usual, then of one batch of persons under one rule after the other."""
    is_usual = pc.equal(people["arm"], USUAL)
    yield _usual(send, library, people.filter(is_usual))
    rest = people.filter(pc.invert(is_usual))
    lately = sent_lately(
        warehouse, send, person_ids=library.readers.person_ids,
        content_ids=library.catalogue.content_ids.tolist(),
        ghosts=people.filter(pc.equal(people["arm"], NONE))["person_id"],
    )  # fmt: skip
    fitting = np.asarray(rest["rule"].fill_null("").to_pylist(), dtype=np.str_)
    size = max(1, BATCH_CELLS // max(len(library.catalogue), 1))
    for rule in (*send.block.rules, None):
        mine = np.flatnonzero(fitting == (rule.name if rule else ""))
        candidates = _offer(send, library, rule)
        for start in range(0, len(mine), size):
            batch = rest.take(pa.array(mine[start : start + size]))
            yield _personal(library, candidates, batch, lately)


def _offer(send: Send, library: _Library, rule: EmailRule | None) -> Candidates:
    return offer(
        send.block, rule, library.catalogue, discoverable=library.discoverable,
        banned=library.banned, salt=send.send_id,
    )  # fmt: skip


def _usual(send: Send, library: _Library, people: pa.Table) -> pa.Table:
    slots = usual_slots(
        send.block.usual, _offer(send, library, None), library.catalogue, library.model.popularity
    )
    persons = np.repeat(np.arange(people.num_rows), len(slots))
    columns = usual_columns(slots, people.num_rows)
    return _table(people, persons, columns, pa.repeat(SAME_FOR_ALL, len(persons)))


def _personal(
    library: _Library, candidates: Candidates, people: pa.Table, lately: sparse.csr_matrix
) -> pa.Table:
    """Every slot of a batch of persons who are known by their readings."""
    places = positions(people["person_id"], library.readers.person_ids)
    known = library.readings.per_person[places]
    expectation = library.model.expect(library.readings.liked[places], known)
    blocked = library.readings.counts[places] + lately[places]
    filled = fill_slots(candidates, expectation.scores, blocked, library.readers.draws[places])
    columns = slot_columns(filled, candidates, library.catalogue, expectation)
    levels = pa.array(LEVELS).take(pa.array(fallback_levels(known)[filled.persons]))
    return _table(people, filled.persons, columns, levels)


def _table(
    people: pa.Table, persons: Integers, columns: Mapping[str, pa.Array], ranking: pa.Array
) -> pa.Table:
    own = {name: people[name].take(pa.array(persons)) for name in _PERSON}
    return pa.table({**own, **columns, "ranking": ranking})


def _stamped(rows: pa.Table, send: Send, stamp: Mapping[str, object]) -> pa.Table:
    """Rows with what is the same for the whole send, and the exact probability of the arm."""
    shares = arm_probabilities(send.block)
    arms = rows["arm"].cast(pa.string())
    drawn = pa.array([shares[arm] for arm in shares]).take(
        pc.index_in(arms, value_set=pa.array(list(shares)))
    )
    constant = {
        "block": pa.scalar(send.key),
        "send_id": pa.scalar(send.send_id),
        "send_date": pa.scalar(send.date, pa.date32()),
        "config_version": pa.scalar(send.config_version),
        "policy": pa.scalar(stamp["policy"], pa.string()),
        "as_of": pa.scalar(stamp["as_of"], pa.timestamp("us")),
        "run_id": pa.scalar(stamp["run_id"], pa.string()),
    }
    rows = rows.append_column("is_ghost", pc.equal(arms, NONE))
    rows = rows.append_column("arm_probability", pc.if_else(rows["is_randomised"], drawn, 1.0))
    for name, value in constant.items():
        rows = rows.append_column(name, pa.repeat(value, rows.num_rows))
    return rows


def _report(warehouse: Warehouse, send: Send, *, due: pa.Table, chosen: int) -> EmailReport:
    levels = warehouse.read(
        f"select fallback_level, count(*) as slots from {EMAIL_BLOCKS.name.sql} "
        "where block = $block and send_id = $send_id group by all order by all",
        send.parameters,
    )
    return EmailReport(
        block=send.key,
        send_id=send.send_id,
        persons=due.num_rows,
        chosen=chosen,
        by_arm=_counted(due["arm"]),
        by_level=dict(
            zip(levels["fallback_level"].to_pylist(), levels["slots"].to_pylist(), strict=True)
        ),
    )


def _counted(values: pa.ChunkedArray) -> Mapping[str, int]:
    counts = pc.value_counts(values).to_pylist()
    return {row["values"]: row["counts"] for row in sorted(counts, key=lambda row: row["values"])}
