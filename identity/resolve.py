"""Work out who is who: the one call that orchestration makes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from identity.around import outer_stay
from identity.block import KeyCount, add_pairs, block_records
from identity.collect import collect_links
from identity.compare import compare_pairs, drop_levels
from identity.config import IdentityConfig
from identity.decide import RecordName, read_decisions
from identity.extent import WHOLE, Extent
from identity.fingerprint import ROW_HASHES, fingerprint_input, fingerprint_records
from identity.frequencies import apply_frequencies, count_names
from identity.increment import PART, TOO_FAR, gather_changes
from identity.inventory import RUNS, TABLES
from identity.knowledge import Knowledge, knowledge_key, load_knowledge, save_knowledge
from identity.learn import Lesson, apply_knowledge, heed_reviews, learn
from identity.mailbox import read_mailboxes
from identity.match import match_identifiers
from identity.nodes import count_nodes, number_kept_rows, number_nodes
from identity.observe import observe_events
from identity.prepare import SOURCE, complete_names, prepare_records
from identity.remember import Moment
from identity.report import ResolutionReport, last_run
from identity.settle import publish, settle_persons
from identity.share import share_values
from identity.state import hash_nodes
from identity.task import STEP, Progress, Task, Weighing
from identity.weigh import weigh_nothing
from warehouse import TableName, Warehouse

Confirm = Callable[[], None]
_AS_OF = TableName("raw", "as_of")
# Pairs that are compared whatever the budget per record: small data afford it.
_ALWAYS_COMPARED = 2_000_000
# Of what a run writes the engine keeps in memory what it may.
_RECORDS_PER_GIB = 500_000
_NO_BOUND = datetime(9999, 12, 31)  # noqa: DTZ001 - as the machine's clock, UTC without a zone


def resolve(  # noqa: PLR0913 - each is something that only the caller knows
    warehouse: Warehouse,
    config: IdentityConfig,
    *,
    run_id: str,
    now: datetime,
    seed: int,
    artifacts: Path,
    default_region: str,
    progress: Progress | None = None,
    confirm: Confirm | None = None,
) -> ResolutionReport:
    """Resolve all staged records, sign-ins, addresses and devices into persons.

    The same input gives the same persons, ids and times, whatever its order; a run of what was
    resolved before writes nothing. All tables change in one transaction.

    Args:
        warehouse: Holds ``staging.stg_raw__person_records`` and ``staging.stg_raw__events``.
        config: How records become persons.
        run_id: Written beside what this run assigns.
        now: The machine's clock, UTC without a zone: when something was done.
        seed: Of the random pairs from which chance agreement is measured.
        artifacts: Folder in which trained parameters are kept.
        default_region: ISO country of phone numbers that name none.
        progress: Told the step and the share of it that is done.
        confirm: Called when the tables are written and before they are kept; when it raises, all
            tables stay as they were. Not called where nothing has changed.

    Raises:
        UnusableModelError: The data teach a model that would link different people.
    """
    task = Task(warehouse, config, artifacts, seed, default_region, now, progress or _say_nothing)
    warehouse.create_missing(TABLES)
    records = fingerprint_records(warehouse, config, settings=task.settings)
    given = fingerprint_input(warehouse, records=records)
    before = last_run(warehouse, fingerprint=given)
    if before is not None:
        return before
    number_kept_rows(warehouse)
    with warehouse.within_memory(_memory(warehouse)):
        report = _resolve(task, run_id, now, given=given, confirm=confirm)
    return replace(report, seconds=dict(task.watch.seconds))


def compare_again(
    warehouse: Warehouse,
    config: IdentityConfig,
    *,
    seed: int,
    artifacts: Path,
    default_region: str,
    also: Sequence[tuple[RecordName, RecordName]] = (),
) -> Knowledge | None:
    """Fill the temporary tables of compared and weighed pairs as the last run did; write nothing.

    Args:
        warehouse: Holds the staged records and events.
        config: As in ``resolve``, and so are seed, artifacts and default_region.
        seed: As the run's.
        artifacts: Folder in which the run kept what it learned.
        default_region: As the run's.
        also: Pairs to compare although no blocking key may bring them together.

    Returns:
        What weighs the pairs; None where rules alone decide, or where what was learned holds no
        longer: then the pairs have no probability.
    """
    now = _last_moment(warehouse)
    task = Task(warehouse, config, artifacts, seed, default_region, now, _say_nothing)
    lesson = _recall(task)
    _gather(task, lesson, also=also)
    if lesson.known is None or not config.probabilistic:
        weigh_nothing(warehouse)
        return None
    apply_knowledge(warehouse, config, lesson.known)
    return lesson.known


def _resolve(
    task: Task, run_id: str, now: datetime, *, given: str, confirm: Confirm | None
) -> ResolutionReport:
    warehouse = task.warehouse
    extent, weighing, keys = _settle(task)
    moment = Moment(run_id, now, _as_of(warehouse, now))
    drop_levels(warehouse)
    task.watch.lap("cluster")
    task.progress(STEP, 0.8)
    with warehouse.transaction():
        report = publish(task, moment, weighing, keys, extent, given=given)
        if confirm is not None:
            confirm()
    task.watch.lap("publish")
    return report


def _memory(warehouse: Warehouse) -> str:
    """How much the engine may hold: its default, most of the machine, it would fill."""
    records = int(warehouse.scalar(f"select count(row_hash) from {ROW_HASHES}"))
    return f"{max(2, math.ceil(records / _RECORDS_PER_GIB))} GiB"


def _settle(task: Task) -> tuple[Extent, Weighing, tuple[KeyCount, ...]]:
    """Settle the persons whom changes reach; or everybody, and say why."""
    gathered = gather_changes(task)
    reason = gathered.reason
    if gathered.known is not None:
        weighing = Weighing.by(gathered.known)
        settle_persons(task, weighing, PART)
        if outer_stay(task.warehouse):
            return PART, weighing, ()
        reason = TOO_FAR
    weighing, keys = _find_links(task)
    extent = replace(WHOLE, because=reason)
    settle_persons(task, weighing, extent)
    return extent, weighing, keys


def _find_links(task: Task) -> tuple[Weighing, tuple[KeyCount, ...]]:
    """Fill the temporary tables of links with those of everything."""
    lesson = _recall(task)
    keys = _gather(task, lesson)
    lesson = replace(lesson, limits=tuple(one.limit for one in keys))
    weighing = Weighing.by(_weigh(task, lesson))
    hash_nodes(task.warehouse)
    collect_links(
        task.warehouse, threshold=1.1 if weighing.threshold is None else weighing.threshold
    )
    return weighing, keys


def _recall(task: Task) -> Lesson:
    """Prepare the records' values and take up what was learned about them, if it still holds."""
    warehouse = task.warehouse
    key = knowledge_key(task.config, settings=task.settings)
    count = int(warehouse.scalar(f"select count(*) from {SOURCE}"))
    known, reason = load_knowledge(task.path, key=key, records=count)
    reading = prepare_records(
        warehouse,
        default_region=task.default_region,
        reading=None if known is None else known.reading,
        latest_birth=task.now.date(),
    )
    read_mailboxes(warehouse)
    complete_names(warehouse)
    task.watch.lap("prepare")
    task.progress(STEP, 0.1)
    frequencies = count_names(warehouse) if known is None else known.frequencies
    limits = () if known is None else known.limits
    return Lesson(key, count, reason, frequencies, reading, limits, known)


def _gather(
    task: Task, lesson: Lesson, *, also: Sequence[tuple[RecordName, RecordName]] = ()
) -> tuple[KeyCount, ...]:
    """Fill the temporary tables of everything that is to be linked."""
    warehouse, config = task.warehouse, task.config
    apply_frequencies(warehouse, lesson.frequencies)
    observe_events(warehouse)
    number_nodes(warehouse)
    counts = count_nodes(warehouse)
    read_decisions(warehouse)
    share_values(warehouse, config)
    keys = block_records(
        warehouse,
        limits=lesson.limits,
        max_block_size=config.max_block_size,
        max_pairs=max(int(config.max_pairs_per_record * counts.records), _ALWAYS_COMPARED),
    )
    add_pairs(warehouse, also)
    compare_pairs(warehouse)
    match_identifiers(warehouse)
    task.watch.lap("block and compare")
    task.progress(STEP, 0.2)
    return keys


def _weigh(task: Task, lesson: Lesson) -> Knowledge | None:
    """Give pairs their probabilities, by what these records taught or have taught before."""
    if not task.config.probabilistic or lesson.records < task.config.min_model_records:
        weigh_nothing(task.warehouse)
        return None
    known = lesson.known
    if known is None:
        known = learn(task.warehouse, task.config, lesson, seed=task.seed)
        if known is None:
            weigh_nothing(task.warehouse)
            return None
    else:
        apply_knowledge(task.warehouse, task.config, known)
        known = heed_reviews(task.warehouse, task.config, known)
    if known is not lesson.known:
        save_knowledge(known, task.path)
    task.watch.lap("learn and weigh")
    task.progress(STEP, 0.6)
    return known


def _as_of(warehouse: Warehouse, now: datetime) -> datetime:
    """Up to when the warehouse knows; see ADR 0006."""
    known = (
        warehouse.scalar(f"select as_of from {_AS_OF.sql}") if warehouse.exists(_AS_OF) else None
    )
    return now if known is None else min(known, now)


def _last_moment(warehouse: Warehouse) -> datetime:
    """When the last run was; without one no day is too late."""
    last: datetime | None = (
        warehouse.scalar(f"select max(finished_at) from {RUNS.name.sql}")
        if warehouse.exists(RUNS.name)
        else None
    )
    return last or _NO_BOUND


def _say_nothing(step: str, share: float | None) -> None:
    """Stand in for progress that nobody wants."""
