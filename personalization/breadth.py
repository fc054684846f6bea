"""What people meet of the content, for whom it is chosen and for whom it is not (the bubble index).

Only persons who granted the purpose ``personalization`` are looked at, as only they are drawn:

* readings of the last 28 days, by the hold-out of ``experiments.yml``;
* draws of the last 90 days whose week is over: on pages against the draws of the held-out, which
  were logged and not shown; in mailings against those of the arm ``none``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from measurement import (
    BreadthFinding,
    Holdout,
    Interval,
    ReadersOfContent,
    Sample,
    compare_gini,
    compare_means,
    gini,
)
from measurement.breadth import HIDDEN, NO_HOLDOUT, NOT_SHOWN, hide_few
from measurement.samples import ADDED_UP, sample_of
from personalization.config import PURPOSE
from personalization.draws import HOLDOUT_DRAW, drawn_as_sql
from personalization.held_out import held_out_sql
from personalization.inventory import DECISIONS, RECOMMENDATIONS, TABLES
from personalization.inventory_breadth import BREADTH
from personalization.inventory_email import EMAIL_BLOCKS
from personalization.readings import Floats
from settings import plain_number
from warehouse import Warehouse

WINDOW_DAYS = 28
DRAWN_DAYS = 90
# A draw that leads to no reading within so many days is counted as not taken up.
YIELD_DAYS = 7
_CHOSEN, _HELD_OUT = "chosen", "held_out"

_READERS = """
    readers as (
        select drawn.person_id, drawn.drawn_as as unit_id,
               held_out.person_id is not null as is_held_out
        from ({drawn}) as drawn
        inner join marts.profiles as profiles on drawn.person_id = profiles.person_id
        inner join marts.consent_current as consents
            on drawn.person_id = consents.person_id
            and consents.purpose = $purpose and consents.status = 'granted'
        left join ({held_out}) as held_out on drawn.person_id = held_out.person_id
        where not profiles.is_bot
    )
"""
_READ = """
    read as (
        select readers.unit_id, readers.is_held_out, engagement.person_id, items.content_id, items.topic
        from marts.content_engagement as engagement
        inner join readers on engagement.person_id = readers.person_id
        inner join marts.content_items as items on engagement.content_id = items.content_id
        where engagement.first_viewed_at < $as_of and engagement.last_viewed_at >= $since
            and (items.published_at is null or items.published_at < $as_of)
    )
"""
_PUBLISHED = """
    select content_id from marts.content_items where published_at is null or published_at < $as_of
"""
_TOPICS = f"""
    with {{readers}}, {_READ},
    persons as (
        select unit_id, is_held_out, person_id, count(distinct topic) as topics
        from read group by all
    ),
    units as (
        select '' as segment, if(is_held_out, '{_HELD_OUT}', '{_CHOSEN}') as arm, unit_id, count(*) as n,
               cast(sum(topics) as double) as s0, cast(count(*) as double) as s1, cast(0 as double) as s2,
               cast(count(*) as double) as s3
        from persons group by all
    )
    select {ADDED_UP} from units group by segment, arm
"""
_CELLS = f"""
    with {{readers}}, {_READ},
    items as (
        select content_id, row_number() over (order by content_id) - 1 as item
        from ({_PUBLISHED})
    ),
    cells as (
        select unit_id, is_held_out, content_id, count(*) as readers from read group by all
    )
    select dense_rank() over (order by cells.unit_id, cells.is_held_out) - 1 as unit,
           cells.is_held_out, items.item, cells.readers
    from cells inner join items on cells.content_id = items.content_id
    order by unit, item
"""
_ITEMS = f"select count(*) from ({_PUBLISHED})"

_ON_PAGES = f"""
    select coalesce(current_person.current_person_id, decisions.person_id) as person_id,
           decisions.action_id as content_id, decisions.decided_at as drawn_at,
           decisions.is_ghost as is_held_out
    from {DECISIONS.name.sql} as decisions
    left join marts.current_person as current_person
        on decisions.person_id = current_person.person_id
    where decisions.slot_kind = 'block' and decisions.is_discovery
        and decisions.person_id is not null
"""
_IN_MAILINGS = f"""
    select coalesce(current_person.current_person_id, mails.person_id) as person_id,
           mails.content_id, cast(mails.send_date as timestamp) as drawn_at,
           mails.is_ghost as is_held_out
    from {EMAIL_BLOCKS.name.sql} as mails
    left join marts.current_person as current_person on mails.person_id = current_person.person_id
    where mails.is_discovery and mails.is_randomised and mails.arm <> 'business_as_usual'
"""
# What was drawn twice for somebody counts from the first time; nothing is drawn that was read before.
_YIELD = f"""
    with {{readers}},
    drawn as (
        select person_id, content_id, min(drawn_at) as drawn_at,
               arg_min(is_held_out, (drawn_at, is_held_out)) as is_held_out
        from ({{drawn}})
        where drawn_at >= $since and drawn_at < $until
        group by person_id, content_id
    ),
    units as (
        select '' as segment, if(drawn.is_held_out, '{_HELD_OUT}', '{_CHOSEN}') as arm,
               {{unit}} as unit_id, count(distinct drawn.person_id) as n,
               cast(count(*) filter (
                   where engagement.first_viewed_at >= drawn.drawn_at
                       and engagement.first_viewed_at < drawn.drawn_at + to_days({YIELD_DAYS})
               ) as double) as s0,
               cast(count(*) as double) as s1, cast(0 as double) as s2,
               cast(count(distinct drawn.person_id) as double) as s3
        from drawn
        inner join readers on drawn.person_id = readers.person_id
        left join marts.content_engagement as engagement
            on drawn.person_id = engagement.person_id and drawn.content_id = engagement.content_id
        group by all
    )
    select {ADDED_UP} from units group by segment, arm
"""
# What pages showed of blocks, and to whom; where none asked, what lists hold.
_SHOWN = f"""
    select action_id as content_id, coalesce(person_id, unit_id) as person_id from {DECISIONS.name.sql}
    where slot_kind = 'block' and not is_ghost and action_id is not null
        and decided_at >= $since and decided_at < $as_of
"""
_LISTED = f"select content_id, person_id from {RECOMMENDATIONS.name.sql} where not is_ghost"
# Content that is shown to nobody counts as 0, and what was shown and is published no more counts too.
_TIMES_SHOWN = f"""
    select count(shown.content_id) as shown,
           (select count(distinct person_id) from ({{shown}})) as people
    from ({_PUBLISHED}) as items
    full join ({{shown}}) as shown on items.content_id = shown.content_id
    group by coalesce(items.content_id, shown.content_id)
"""


def write_breadth(
    warehouse: Warehouse, *, holdout: Holdout | None, as_of: dt.datetime, run_id: str
) -> tuple[BreadthFinding, ...]:
    """Replace what was found of how much people meet.

    Args:
        warehouse: With the marts, decisions and mailings of this run.
        holdout: Who is held out of everything; None: nobody is.
        as_of: The moment up to which readings count, UTC.
        run_id: Stored with every row.
    """
    warehouse.create_missing(TABLES)
    found = tuple(_measured(warehouse, holdout, as_of))
    rows = [{**_row(finding), "as_of": as_of, "run_id": run_id} for finding in found]
    warehouse.replace(BREADTH.name, pa.Table.from_pylist(rows, schema=BREADTH.arrow_schema))
    return found


def read_breadth(warehouse: Warehouse) -> tuple[BreadthFinding, ...]:
    """What the last run found."""
    warehouse.create_missing([BREADTH])
    rows = warehouse.read(
        "select measure, subject, n, n_held_out, value, value_held_out, effect, ci_low, ci_high, "
        f"verdict, reason from {BREADTH.name.sql} order by measure desc, subject"
    ).to_pylist()
    return tuple(
        BreadthFinding(**row, interval=None if low is None else Interval(low, high))
        for row in rows
        for low, high in [(row.pop("ci_low"), row.pop("ci_high"))]
    )


def _measured(
    warehouse: Warehouse, holdout: Holdout | None, as_of: dt.datetime
) -> Iterator[BreadthFinding]:
    readers = _readers(holdout)
    window: dict[str, object] = {"as_of": as_of, "since": as_of - dt.timedelta(days=WINDOW_DAYS)}
    read = {**window, "purpose": PURPOSE}
    arms = _arms(warehouse, _TOPICS.format(readers=readers), read)
    yield _or_no_holdout(compare_means("topics_per_reader", "readings", *arms), holdout)
    cells = _cells(warehouse, _CELLS.format(readers=readers), read)
    yield _or_no_holdout(compare_gini(cells), holdout)
    yield _shown(warehouse, window)
    drawn: dict[str, object] = {
        "purpose": PURPOSE,
        "since": as_of - dt.timedelta(days=DRAWN_DAYS),
        "until": as_of - dt.timedelta(days=YIELD_DAYS),
    }
    pages = _YIELD.format(readers=readers, drawn=_ON_PAGES, unit="readers.unit_id")
    found = compare_means("discovery_yield", "pages", *_arms(warehouse, pages, drawn))
    yield _or_no_holdout(found, holdout)
    # Arms of mailings are drawn by person, whatever the hold-out is drawn by.
    mailings = _YIELD.format(readers=readers, drawn=_IN_MAILINGS, unit="drawn.person_id")
    yield compare_means("discovery_yield", "mailings", *_arms(warehouse, mailings, drawn))


def _readers(holdout: Holdout | None) -> str:
    drawn = drawn_as_sql(HOLDOUT_DRAW, unit=holdout.unit if holdout else "person")
    return _READERS.format(drawn=drawn, held_out=held_out_sql(holdout))


def _arms(
    warehouse: Warehouse, sql: str, values: dict[str, object]
) -> tuple[Sample | None, Sample | None]:
    rows = warehouse.read(sql, values).to_pylist()  # one row per arm
    found = {row["arm"]: sample_of(row) for row in rows}
    return found.get(_CHOSEN), found.get(_HELD_OUT)


def _cells(warehouse: Warehouse, sql: str, values: dict[str, object]) -> ReadersOfContent:
    rows = warehouse.read(sql, values)
    units = rows["unit"].to_numpy().astype(np.int64)
    is_first = np.diff(units, prepend=-1) > 0
    return ReadersOfContent(
        units=units,
        items=rows["item"].to_numpy().astype(np.int64),
        readers=rows["readers"].to_numpy().astype(np.float64),
        is_held_out=rows["is_held_out"].to_numpy(zero_copy_only=False).astype(np.bool_)[is_first],
        n_items=int(warehouse.scalar(_ITEMS, {"as_of": values["as_of"]})),
    )


def _shown(warehouse: Warehouse, window: dict[str, object]) -> BreadthFinding:
    """How unevenly content is shown."""
    counts, people = _times_shown(warehouse, _SHOWN, window)
    if not counts.any():
        counts, people = _times_shown(warehouse, _LISTED, {"as_of": window["as_of"]})
    found = BreadthFinding(
        "exposure_gini", "shown", n=int(counts.sum()), reason=NOT_SHOWN,
        value=gini(counts) if counts.any() else None,
    )  # fmt: skip
    return hide_few(found, (people, 0))


def _times_shown(warehouse: Warehouse, shown: str, values: dict[str, object]) -> tuple[Floats, int]:
    """Of each item how often it was shown, and to how many people all of it."""
    rows = warehouse.read(_TIMES_SHOWN.format(shown=shown), values)
    people = int(rows["people"][0].as_py()) if len(rows) else 0
    return np.asarray(rows["shown"].to_numpy(), dtype=np.float64), people


def _or_no_holdout(found: BreadthFinding, holdout: Holdout | None) -> BreadthFinding:
    if holdout:
        return found
    return replace(
        found, reason=f"{NO_HOLDOUT}; {HIDDEN}" if HIDDEN in found.reason else NO_HOLDOUT
    )


def _row(finding: BreadthFinding) -> dict[str, object]:
    interval = finding.interval
    return {
        "measure": finding.measure, "subject": finding.subject, "n": finding.n,
        "n_held_out": finding.n_held_out, "value": finding.value,
        "value_held_out": finding.value_held_out, "effect": finding.effect,
        "ci_low": interval and interval.low, "ci_high": interval and interval.high,
        "verdict": finding.verdict, "reason": finding.reason,
    }  # fmt: skip


def describe_breadth(findings: Sequence[BreadthFinding]) -> dict[str, str]:
    """One sentence for each measure, for logs and metadata; numbers alone."""
    return {f"{f.measure}: {f.subject}": _sentence(f) for f in findings}


def _sentence(finding: BreadthFinding) -> str:
    if finding.value is None:
        return finding.reason
    against = (
        "" if finding.value_held_out is None else f" against {plain_number(finding.value_held_out)}"
    )
    return f"{plain_number(finding.value)}{against}: {finding.verdict} ({finding.reason})"
