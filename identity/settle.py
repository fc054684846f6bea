"""From links to persons, and from persons to tables: for everybody, or for the part that changed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from identity.agree import find_doubted
from identity.around import ID_HISTORY, INNER_HISTORY, INNER_IDS, NEAR, OUTER, place_outer
from identity.assign import assign_ids
from identity.attach import attach_addresses, keep_clusters
from identity.attach_devices import attach_devices
from identity.block import KeyCount
from identity.cluster import KEPT, Bools, Clusters, Edges, Ints, connect, separate
from identity.collect import LINKS, PLACES, place_links
from identity.constrain import SPOKEN_AGAINST, find_conflicts
from identity.detect import states_of
from identity.extent import INNER, Extent
from identity.inventory import MEMBERS, MEMBERS_HISTORY, RUNS
from identity.limit import limit_size
from identity.persons import EVERYBODY, Concerned, write_persons
from identity.publish import write_identifiers, write_links, write_review_queue
from identity.region import RETOLD, REWRITTEN
from identity.remember import (
    BEGUN,
    CURRENT,
    FORMER,
    Moment,
    find_members,
    recall_members,
    write_devices,
    write_history,
    write_members,
)
from identity.report import ResolutionReport, Tally, count_rows
from identity.resize import keep_large_blocks
from identity.state import digest_state, keep_all, keep_some
from identity.task import Task, Weighing
from identity.touch import REWEIGHED_NODES, STALE
from warehouse import Warehouse


def settle_persons(task: Task, weighing: Weighing, extent: Extent) -> None:
    """Fill the temporary tables of clusters, device owners and ids."""
    warehouse = task.warehouse
    place_links(warehouse, extent)
    edges = _read_edges(warehouse)
    is_record = _read_places(warehouse)
    conflicts = find_conflicts(
        warehouse, connect(edges, nodes=len(is_record)), trust=weighing.trust
    )
    is_doubted = find_doubted(warehouse, threshold=weighing.threshold or 0.0, once=weighing.once)
    kept = edges.chosen(~is_doubted)
    found = limit_size(
        kept,
        separate(kept, connect(kept, nodes=len(is_record)), conflicts),
        is_record=is_record,
        limit=task.config.max_records_per_person,
    )
    _mark_cuts(warehouse, _all_cuts(edges, is_doubted, found))
    keep_clusters(warehouse, found.clusters)
    if not extent.is_whole:
        place_outer(warehouse)
    attach_addresses(warehouse)
    attach_devices(warehouse, task.config)
    if extent.is_whole:
        recall_members(warehouse, extent, members=MEMBERS.name.sql)
        assign_ids(warehouse, former=FORMER, history=_ALL_HISTORY)
    else:
        recall_members(warehouse, extent, members=NEAR)
        assign_ids(warehouse, former=_FORMER_AROUND, history=_HISTORY_AROUND)


_PERSONS = "select node, source, person_id from"
_FORMER_AROUND = f"({_PERSONS} {FORMER} union all {_PERSONS} {OUTER})"
_ALL_HISTORY = MEMBERS_HISTORY.name.sql
_HISTORY_AROUND = (
    f"({_PERSONS} {INNER_HISTORY} union all "
    f"{_PERSONS} {_ALL_HISTORY} semi join {OUTER} using (node))"
)


# Whose ids the nodes that were resolved ever had.
_CONCERNED = Concerned(
    ids=f"from {INNER_IDS} union select person_id from {BEGUN}",
    history=f"({_PERSONS} {ID_HISTORY} union all {_PERSONS} {BEGUN})",
    members=f"({_PERSONS} {CURRENT} union all {_PERSONS} {NEAR} anti join {INNER} using (node))",
)


def publish(
    task: Task,
    moment: Moment,
    weighing: Weighing,
    keys: tuple[KeyCount, ...],
    extent: Extent,
    *,
    given: str,
) -> ResolutionReport:
    """Write all tables.

    Args:
        task: What the run was given.
        moment: When it writes.
        weighing: What weighed the pairs.
        keys: What blocking brought.
        extent: What was resolved.
        given: The fingerprint of what was read.
    """
    warehouse = task.warehouse
    find_members(warehouse, extent)
    is_whole = extent.is_whole
    write_history(warehouse, moment, history=_ALL_HISTORY if is_whole else INNER_HISTORY)
    write_members(warehouse, moment)
    changes = write_persons(warehouse, moment, EVERYBODY if is_whole else _CONCERNED)
    write_devices(warehouse, extent)
    write_identifiers(warehouse, extent, retold=None if is_whole else RETOLD)
    write_links(warehouse, extent)
    write_review_queue(
        warehouse, extent, lowest=task.config.review_probability,
        threshold=weighing.threshold or 0.0,
        reweighed=None if is_whole else REWEIGHED_NODES,
    )  # fmt: skip
    if is_whole:
        keep_all(warehouse)
    else:
        keep_some(warehouse, gone=STALE, came=REWRITTEN, inner=INNER, states=states_of(INNER))
        keep_large_blocks(warehouse)
    tally = Tally(
        threshold=weighing.threshold, fields=weighing.fields, merges=changes.merges,
        splits=changes.splits, keys=keys,
    )  # fmt: skip
    report = count_rows(warehouse, tally, extent, run_id=moment.run_id)
    journal = {
        "run_id": moment.run_id, "fingerprint": given, "records": report.records,
        "persons": report.persons, "threshold": weighing.threshold, "whole_because": extent.because,
        "state": digest_state(warehouse, task.path), "finished_at": moment.now,
    }  # fmt: skip
    warehouse.append(RUNS.name, pa.Table.from_pylist([journal]))
    return report


def _read_edges(warehouse: Warehouse) -> Edges:
    rows = warehouse.read(f"select left_place, right_place, strength from {LINKS} order by link")
    left, right, strength = (rows.column(name).to_numpy() for name in rows.column_names)
    return Edges(left, right, strength)


def _read_places(warehouse: Warehouse) -> Bools:
    """Whether each linked node, by its place, is a record."""
    rows = warehouse.read(f"select is_record from {PLACES} order by place")
    return np.asarray(rows.column("is_record").to_numpy(), dtype=np.bool_)


def _all_cuts(edges: Edges, is_doubted: Bools, found: Clusters) -> Ints:
    """What cut each link; one that is doubted and whose ends are one person all the same is kept."""
    cuts = np.full(len(edges.left), KEPT)
    cuts[~is_doubted] = found.cuts
    parted = found.clusters[edges.left] != found.clusters[edges.right]
    cuts[is_doubted & parted] = SPOKEN_AGAINST
    return cuts


def _mark_cuts(warehouse: Warehouse, cuts: Ints) -> None:
    rows = pa.table({"link": np.arange(len(cuts)), "cut_rule": cuts})
    with warehouse.view("identity_arriving_cuts", rows):
        warehouse.execute(
            f"create or replace temp table {LINKS} as "
            f"select * from {LINKS} join identity_arriving_cuts using (link)"
        )
