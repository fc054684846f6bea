"""Say why pairs that are one person in truth were not found."""

from __future__ import annotations

import pyarrow as pa

from identity.block import PAIRS
from identity.nodes import NODES
from identity.truth import TRUTH_RECORDS
from identity.weigh import JUDGED
from warehouse import Warehouse

NO_RECORD = "a record is not here"
CUT = "cut by a constraint"
NEVER_COMPARED = "never blocked together"
BELOW = "scored below the threshold"
UNWEIGHED = "compared, and no rule links them"


def count_misses(warehouse: Warehouse) -> pa.Table:
    """Count the true pairs that were missed, by cause; inside ``judging``.

    A pair has the first cause that holds: a record is not here; a link between the two persons was
    cut; the two records share no blocking key; their probability is below the threshold (without a
    model: no identifier links them).

    Args:
        warehouse: Holds the temporary tables of the last comparison (``compare_again``).

    Returns:
        One row per cause: cause, pairs; most first.
    """
    return warehouse.read(_MISSES_SQL)


_MISSES_SQL = f"""
    with nodes as (
        select truth.*, node from {TRUTH_RECORDS} as truth
        left join {NODES} as nodes using (source, source_record_id)
    ),
    missed as (
        select least(one.node, other.node) as left_record,
            greatest(one.node, other.node) as right_record,
            least(one.found_id, other.found_id) as left_id,
            greatest(one.found_id, other.found_id) as right_id,
            one.found_id is null or other.found_id is null as is_absent
        from nodes as one join nodes as other using (true_id)
        where (one.source, one.source_record_id) < (other.source, other.source_record_id)
            and (one.found_id <> other.found_id or one.found_id is null or other.found_id is null)
    ),
    cuts as (
        select distinct least(mine.person_id, theirs.person_id) as left_id,
            greatest(mine.person_id, theirs.person_id) as right_id
        from identity.links
        join identity.members as mine
            on mine.source = left_source and mine.source_record_id = left_record_id
        join identity.members as theirs
            on theirs.source = right_source and theirs.source_record_id = right_record_id
        where is_cut and mine.person_id <> theirs.person_id
    ),
    explained as (
        select case
            when is_absent then '{NO_RECORD}'
            when cuts.left_id is not null then '{CUT}'
            when pairs.left_record is null then '{NEVER_COMPARED}'
            when judged.probability is null then '{UNWEIGHED}'
            else '{BELOW}' end as cause
        from missed
        left join cuts using (left_id, right_id)
        left join {PAIRS} as pairs using (left_record, right_record)
        left join {JUDGED} as judged using (left_record, right_record)
    )
    select cause, count(*) as pairs from explained group by cause order by pairs desc, cause
"""
