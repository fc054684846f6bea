"""Which content each persona responds to, and where there is none for it.

A persona's readings of a topic (a type, a stage, a content) are compared with what they would be,
did it read as all readers do. The ratio is drawn towards 1 by as much as chance explains of the
spread of all ratios: gamma-Poisson empirical Bayes.

It describes. Personas are found in what people read, so that one reads more of its topics is
partly how it was made; that showing it more of them helps, only an experiment tells.

Sources: Clayton & Kaldor (1987), "Empirical Bayes estimates of age-standardized relative risks",
Biometrics 43; spread by moments: Marshall (1991), Applied Statistics 40.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from personalization.config import PURPOSE
from personalization.inventory import TABLES
from personalization.inventory_personas import CONTENT_GAPS, PERSONA_CONTENT
from personalization.readings import FACETS, Floats
from warehouse import TableName, Warehouse

PERSONA_MEMBERS = TableName("prediction", "persona_members")
# A member who has fewer left to read will soon have read it all.
FEWEST_UNREAD = 3
# Readers at which a measured depth counts as much as that of all.
DEPTH_EVIDENCE = 5.0

_MEMBERS = f"""
    members as (
        select persona.person_id, any_value(persona.persona_id) as persona_id,
            any_value(persona.persona_name) as persona_name
        from {PERSONA_MEMBERS.sql} as persona
        inner join marts.consent_current as consents
            on persona.person_id = consents.person_id
            and consents.purpose = $purpose and consents.status = 'granted'
        where persona.as_of = (select max(as_of) from {PERSONA_MEMBERS.sql})
        group by persona.person_id
    ),
    items as (
        select content_id, topic, content_type, funnel_stage, target_persona
        from marts.content_items where published_at is null or published_at < $as_of
    ),
    readings as (
        select members.*, items.* exclude (target_persona), engagement.max_scroll_depth as depth
        from marts.content_engagement as engagement
        inner join members using (person_id)
        inner join items using (content_id)
        where engagement.first_viewed_at < $as_of
    ),
    sizes as (
        select persona_id, any_value(persona_name) as persona_name, count(*) as members
        from (select distinct person_id, persona_id, persona_name from readings)
        where persona_id is not null group by persona_id
    )
"""
_CELLS = f"""
    with {_MEMBERS},
    facets as ({{facets}}),
    everybody as (
        select facet, value, count(*) / sum(count(*)) over (partition by facet) as share,
            avg(depth) as depth
        from facets group by facet, value
    ),
    own as (
        select persona_id, facet, value, count(*) as readings, count(depth) as measured,
            sum(depth) as depth
        from facets where persona_id is not null group by persona_id, facet, value
    ),
    totals as (
        select persona_id, facet, sum(readings) as readings from own group by persona_id, facet
    )
    select sizes.persona_id, sizes.persona_name, sizes.members, everybody.facet, everybody.value,
        coalesce(own.readings, 0) as readings, totals.readings * everybody.share as expected,
        (coalesce(own.depth, 0) + $depth_evidence * everybody.depth)
            / (coalesce(own.measured, 0) + $depth_evidence) as depth
    from totals
    inner join sizes using (persona_id)
    inner join everybody on totals.facet = everybody.facet
    left join own
        on own.persona_id = totals.persona_id and own.facet = everybody.facet
        and own.value = everybody.value
    order by everybody.facet, everybody.value, sizes.persona_id
"""
_GAPS = f"""
    with {_MEMBERS},
    liked as (
        select persona_id, value as topic from {PERSONA_CONTENT.name.sql}
        where facet = 'topic' and verdict = 'more'
    ),
    stages as (select distinct funnel_stage from items where funnel_stage is not null),
    meant as (
        select sizes.persona_id, items.content_id, items.funnel_stage
        from sizes cross join items
        where lower(items.target_persona) in (lower(sizes.persona_id), lower(sizes.persona_name))
            or items.topic in (select topic from liked where liked.persona_id = sizes.persona_id)
            or sizes.persona_id not in (select persona_id from liked)
    ),
    counted as (
        select persona_id, funnel_stage, count(*) as items from meant group by persona_id, funnel_stage
    ),
    read as (
        select meant.persona_id, meant.funnel_stage, count(*) as readings
        from readings inner join meant using (persona_id, content_id)
        group by meant.persona_id, meant.funnel_stage
    ),
    cells as (
        select sizes.persona_id, sizes.persona_name, sizes.members, stages.funnel_stage,
            coalesce(counted.items, 0) as items,
            coalesce(counted.items, 0) - coalesce(read.readings, 0) / sizes.members as unread,
            (
                select coalesce(cast(to_json(list(topic order by topic)) as varchar), '[]')
                from liked where liked.persona_id = sizes.persona_id
            ) as topics
        from sizes cross join stages
        left join counted
            on counted.persona_id = sizes.persona_id and counted.funnel_stage = stages.funnel_stage
        left join read
            on read.persona_id = sizes.persona_id and read.funnel_stage = stages.funnel_stage
    )
    select *, case when items = 0 then 'gap' when unread < $fewest then 'thin' else 'covered' end
        as status, $as_of as as_of, $run_id as run_id
    from cells
"""


@dataclass(frozen=True, slots=True)
class PersonaContentReport:
    """What was found, in counts.

    Attributes:
        personas: Published personas with members who agreed and read.
        more: Cells of which a persona surely reads more than all readers.
        gaps: Persona and stage without content.
        thin: Persona and stage with little left to read.
    """

    personas: int
    more: int
    gaps: int
    thin: int


@dataclass(frozen=True, slots=True)
class Responses:
    """Ratios of readings to expected ones, and their 95 % intervals; arrays of equal length."""

    ratio: Floats
    low: Floats
    high: Floats


def write_persona_content(
    warehouse: Warehouse, *, as_of: dt.datetime, run_id: str
) -> PersonaContentReport:
    """Replace what each persona responds to, and the gaps; nothing where no persona is published.

    Args:
        warehouse: With the marts and personas of this run.
        as_of: The moment up to which readings count, UTC.
        run_id: Stored with every row.
    """
    warehouse.create_missing(TABLES)
    stamp = {"as_of": as_of, "run_id": run_id, "purpose": PURPOSE}
    facets = " union all ".join(
        f"select person_id, persona_id, '{name}' as facet, {column} as value, depth from readings "
        f"where {column} is not null"
        for name, column in (("content", "content_id"), *((facet, facet) for facet in FACETS))
    )
    cells = warehouse.read(
        _CELLS.format(facets=facets),
        {"as_of": as_of, "purpose": PURPOSE, "depth_evidence": DEPTH_EVIDENCE},
    )
    with warehouse.transaction():
        warehouse.replace(PERSONA_CONTENT.name, _judged(cells, stamp))
        warehouse.replace(CONTENT_GAPS.name, _GAPS, {**stamp, "fewest": FEWEST_UNREAD})
    return _report(warehouse)


def shrink_ratios(readings: Floats, expected: Floats) -> Responses:
    """Ratios drawn towards 1 by evidence; as far as the spread of all ratios is chance.

    Args:
        readings: Counts, (n,).
        expected: Of these, above 0, (n,).
    """
    from scipy import stats  # noqa: PLC0415 - slow to load

    spread = ((readings - expected) ** 2 - expected).sum() / (expected**2).sum()
    # Without spread beyond chance all are alike: so much evidence for 1 that nothing is told.
    prior = 1 / max(float(spread), 1e-6)
    shape, rate = readings + prior, expected + prior
    low, high = (stats.gamma.ppf(q, shape, scale=1 / rate) for q in (0.025, 0.975))
    return Responses(shape / rate, np.asarray(low), np.asarray(high))


def _judged(cells: pa.Table, stamp: Mapping[str, object]) -> pa.Table:
    """The rows of the table: cells with their shrunken ratios, each facet by itself."""
    facets = np.asarray(cells["facet"].to_pylist(), dtype=np.str_)
    readings, expected = _floats(cells, "readings"), _floats(cells, "expected")
    found = np.ones((3, len(facets)))
    for facet in np.unique(facets):
        mine = facets == facet
        responses = shrink_ratios(readings[mine], expected[mine])
        found[:, mine] = responses.ratio, responses.low, responses.high
    verdict = np.where(found[1] > 1, "more", np.where(found[2] < 1, "less", "alike"))
    columns = {
        "response": pa.array(found[0]), "response_low": pa.array(found[1]),
        "response_high": pa.array(found[2]), "verdict": pa.array(verdict.tolist(), pa.string()),
        "as_of": pa.repeat(pa.scalar(stamp["as_of"], pa.timestamp("us")), len(facets)),
        "run_id": pa.repeat(pa.scalar(stamp["run_id"], pa.string()), len(facets)),
    }  # fmt: skip
    for name, values in columns.items():
        cells = cells.append_column(name, values)
    return cells


def _report(warehouse: Warehouse) -> PersonaContentReport:
    statuses = warehouse.read(f"select status from {CONTENT_GAPS.name.sql}")["status"].to_pylist()
    told = warehouse.read(
        f"select count(distinct persona_id) as personas, "
        f"count(*) filter (where verdict = 'more') as more from {PERSONA_CONTENT.name.sql}"
    ).to_pylist()[0]
    return PersonaContentReport(**told, gaps=statuses.count("gap"), thin=statuses.count("thin"))


def _floats(rows: pa.Table, name: str) -> Floats:
    return np.asarray(rows[name].to_numpy(zero_copy_only=False), dtype=np.float64)
