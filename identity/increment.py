"""Resolve only what has changed since the last run, and what that can reach.

The tables of the steps are filled with a part of the records, and then the steps are those of a
full run. Whatever the part, the persons, their ids, links and histories are those that a full run
would write; tests compare the two. Where that cannot be had, because the last run's tables are not
as it left them, something must be learned anew or too much has changed, everything is resolved.
"""

from __future__ import annotations

from dataclasses import dataclass

from identity.calibrate import reviewed_until
from identity.collect import FOUND, collect_links
from identity.decide import read_decisions
from identity.detect import find_changes
from identity.extent import Extent
from identity.fingerprint import ROW_HASHES
from identity.knowledge import Knowledge, knowledge_key, load_knowledge
from identity.learn import apply_knowledge
from identity.match import match_identifiers
from identity.region import draw_line, is_closed, narrow
from identity.resize import open_blocks
from identity.share import list_identifiers
from identity.state import digest_state, last_state
from identity.task import STEP, Task
from identity.touch import prepare_touched
from warehouse import Warehouse

PART = Extent(is_whole=False)
# When more of the nodes have changed, resolving all of them is no slower.
MOST_CHANGED = 0.1
TOO_FAR = "changes reach further than was foreseen"


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a run of what has changed begins with.

    Attributes:
        known: What weighed the pairs; None where everything is to be resolved.
        reason: Why everything is; None where only what has changed is.
    """

    known: Knowledge | None
    reason: str | None


def gather_changes(task: Task) -> Gathered:
    """Fill the temporary tables of links with what changes reach, if that can be had."""
    warehouse = task.warehouse
    known, reason = _still_known(task)
    if known is None:
        return Gathered(None, reason)
    if find_changes(warehouse) > MOST_CHANGED * known.records:
        return Gathered(None, f"more than {MOST_CHANGED:.0%} has changed")
    task.watch.lap("find changes")
    prepare_touched(
        warehouse, task.config, known, default_region=task.default_region,
        latest_birth=task.now.date(),
    )  # fmt: skip
    task.watch.lap("prepare")
    open_blocks(warehouse, known)
    draw_line(warehouse, task.config, known)
    narrow(warehouse)
    task.watch.lap("draw the line")
    task.progress(STEP, 0.3)
    read_decisions(warehouse)
    list_identifiers(warehouse)
    match_identifiers(warehouse)
    apply_knowledge(warehouse, task.config, known)
    task.watch.lap("compare and weigh")
    task.progress(STEP, 0.6)
    collect_links(warehouse, threshold=known.threshold)
    if not is_closed(warehouse, FOUND):
        return Gathered(None, TOO_FAR)
    return Gathered(known, None)


def _still_known(task: Task) -> tuple[Knowledge | None, str]:
    """What was learned, if it holds and the tables are as the last run left them; else why not."""
    warehouse = task.warehouse
    key = knowledge_key(task.config, settings=task.settings)
    count = int(warehouse.scalar(f"select count(row_hash) from {ROW_HASHES}"))
    known, reason = load_knowledge(task.path, key=key, records=count)
    if not task.config.probabilistic or count < task.config.min_model_records:
        return None, "rules alone decide"
    if known is None:
        return None, reason
    if _is_reviewed_since(warehouse, known):
        return None, "pairs were reviewed"
    if last_state(warehouse) != digest_state(warehouse, task.path):
        return None, "the tables are not as the last run left them"
    return known, ""


def _is_reviewed_since(warehouse: Warehouse, known: Knowledge) -> bool:
    latest = reviewed_until(warehouse)
    return latest is not None and (known.reviewed_until is None or latest > known.reviewed_until)
