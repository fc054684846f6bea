"""Work out who is who: the one call that orchestration makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from identity.assign import assign_ids
from identity.attach import attach_addresses
from identity.attach_devices import attach_devices
from identity.block import KeyCount, add_pairs, block_records
from identity.cluster import Edges, Ints, connect, separate
from identity.collect import LINKS, PLACES, collect_links
from identity.compare import compare_pairs, drop_levels
from identity.config import IdentityConfig
from identity.constrain import Trust, find_conflicts
from identity.decide import RecordName, read_decisions
from identity.fingerprint import fingerprint_input, fingerprint_records
from identity.frequencies import apply_frequencies, count_names
from identity.inventory import RUNS, TABLES
from identity.knowledge import Knowledge, knowledge_key, load_knowledge, save_knowledge
from identity.learn import Lesson, apply_knowledge, heed_reviews, learn
from identity.limit import Bools, limit_size
from identity.mailbox import read_mailboxes
from identity.match import match_identifiers
from identity.nodes import NodeCounts, number_nodes
from identity.observe import observe_events
from identity.persons import write_persons
from identity.prepare import complete_names, prepare_records
from identity.publish import write_identifiers, write_links, write_review_queue
from identity.remember import Moment, find_members, write_devices, write_history, write_members
from identity.report import ResolutionReport, Tally, count_rows, last_run
from identity.share import share_values
from identity.stopwatch import Stopwatch
from identity.train import FieldParameters
from identity.weigh import weigh_nothing
from warehouse import TableName, Warehouse

Progress = Callable[[str, float | None], None]
Confirm = Callable[[], None]
_AS_OF = TableName("raw", "as_of")
_STEP = "Resolving identities"
# Pairs that are compared whatever the budget per record: small data afford it.
_ALWAYS_COMPARED = 2_000_000


@dataclass(frozen=True, slots=True)
class _Task:
    """What one run is given."""

    warehouse: Warehouse
    config: IdentityConfig
    artifacts: Path
    seed: int
    default_region: str
    progress: Progress
    watch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def settings(self) -> str:
        """What the caller sets besides the configuration, as far as it changes persons."""
        return f"{self.default_region}|{self.seed}"

    @property
    def path(self) -> Path:
        """The file of what was learned."""
        return self.artifacts / "identity" / "match_parameters.json"


@dataclass(frozen=True, slots=True)
class _Gathered:
    """What was found before anything is weighed."""

    counts: NodeCounts
    shared_values: int
    keys: tuple[KeyCount, ...]


@dataclass(frozen=True, slots=True)
class _Weighing:
    """The model's part: None and empty where rules alone decide."""

    threshold: float | None
    fields: tuple[FieldParameters, ...]
    trust: Trust


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
    task = _Task(warehouse, config, artifacts, seed, default_region, progress or _say_nothing)
    warehouse.create_missing(TABLES)
    records = fingerprint_records(warehouse, config, settings=task.settings)
    given = fingerprint_input(warehouse, records=records)
    before = last_run(warehouse, fingerprint=given)
    if before is not None:
        return before
    lesson = _recall(task)
    gathered = _gather(task, lesson)
    lesson = replace(lesson, limits=tuple(one.limit for one in gathered.keys))
    weighing = _weigh(task, gathered.counts, lesson)
    shared_devices = _cluster(task, weighing)
    moment = Moment(run_id, now, _as_of(warehouse, now))
    drop_levels(warehouse)
    task.watch.lap("cluster")
    task.progress(_STEP, 0.8)
    with warehouse.transaction():
        report = _publish(
            task, moment, weighing, gathered, given=given, shared_devices=shared_devices
        )
        if confirm is not None:
            confirm()
    task.watch.lap("publish")
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
    task = _Task(warehouse, config, artifacts, seed, default_region, _say_nothing)
    lesson = _recall(task)
    _gather(task, lesson, also=also)
    if lesson.known is None or not config.probabilistic:
        weigh_nothing(warehouse)
        return None
    apply_knowledge(warehouse, config, lesson.known)
    return lesson.known


def _recall(task: _Task) -> Lesson:
    """Prepare the records' values and take up what was learned about them, if it still holds."""
    records = prepare_records(task.warehouse, default_region=task.default_region)
    read_mailboxes(task.warehouse)
    complete_names(task.warehouse)
    task.watch.lap("prepare")
    task.progress(_STEP, 0.1)
    key = knowledge_key(task.config, settings=task.settings)
    known, reason = load_knowledge(task.path, key=key, records=records)
    frequencies = count_names(task.warehouse) if known is None else known.frequencies
    limits = () if known is None else known.limits
    return Lesson(key, records, reason, frequencies, limits, known)


def _gather(
    task: _Task, lesson: Lesson, *, also: Sequence[tuple[RecordName, RecordName]] = ()
) -> _Gathered:
    """Fill the temporary tables of everything that is to be linked."""
    warehouse, config = task.warehouse, task.config
    apply_frequencies(warehouse, lesson.frequencies)
    observe_events(warehouse)
    counts = number_nodes(warehouse)
    read_decisions(warehouse)
    shared = share_values(warehouse, config)
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
    task.progress(_STEP, 0.2)
    return _Gathered(counts, shared, keys)


def _weigh(task: _Task, counts: NodeCounts, lesson: Lesson) -> _Weighing:
    """Give pairs their probabilities, by what these records taught or have taught before."""
    if not task.config.probabilistic or counts.records < task.config.min_model_records:
        weigh_nothing(task.warehouse)
        return _Weighing(None, (), Trust())
    known = lesson.known
    if known is None:
        known = learn(task.warehouse, task.config, lesson, seed=task.seed)
        if known is None:
            weigh_nothing(task.warehouse)
            return _Weighing(None, (), Trust())
    else:
        apply_knowledge(task.warehouse, task.config, known)
        known = heed_reviews(task.warehouse, task.config, known)
    if known is not lesson.known:
        save_knowledge(known, task.path)
    task.watch.lap("learn and weigh")
    task.progress(_STEP, 0.6)
    return _Weighing(known.threshold, known.mixture.fields(known.fields), known.trust)


def _cluster(task: _Task, weighing: _Weighing) -> int:
    """Fill the temporary tables of clusters, device owners and ids; return shared devices."""
    warehouse = task.warehouse
    collect_links(warehouse, threshold=1.1 if weighing.threshold is None else weighing.threshold)
    edges = _read_edges(warehouse)
    is_record = _read_places(warehouse)
    components = connect(edges, nodes=len(is_record))
    conflicts = find_conflicts(warehouse, components, trust=weighing.trust)
    found = limit_size(
        edges,
        separate(edges, components, conflicts),
        is_record=is_record,
        limit=task.config.max_records_per_person,
    )
    _mark_cuts(warehouse, found.cuts)
    attach_addresses(warehouse, found.clusters)
    shared = attach_devices(warehouse, task.config)
    assign_ids(warehouse)
    return shared


def _read_edges(warehouse: Warehouse) -> Edges:
    rows = warehouse.read(f"select left_place, right_place, strength from {LINKS} order by link")
    left, right, strength = (rows.column(name).to_numpy() for name in rows.column_names)
    return Edges(left, right, strength)


def _read_places(warehouse: Warehouse) -> Bools:
    """Whether each linked node, by its place, is a record."""
    rows = warehouse.read(f"select is_record from {PLACES} order by place")
    return np.asarray(rows.column("is_record").to_numpy(), dtype=np.bool_)


def _mark_cuts(warehouse: Warehouse, cuts: Ints) -> None:
    rows = pa.table({"link": np.arange(len(cuts)), "cut_rule": cuts})
    with warehouse.view("identity_arriving_cuts", rows):
        warehouse.execute(
            f"create or replace temp table {LINKS} as "
            f"select * from {LINKS} join identity_arriving_cuts using (link)"
        )


def _publish(
    task: _Task,
    moment: Moment,
    weighing: _Weighing,
    gathered: _Gathered,
    *,
    given: str,
    shared_devices: int,
) -> ResolutionReport:
    """Write all tables."""
    warehouse = task.warehouse
    find_members(warehouse)
    write_history(warehouse, moment)
    write_members(warehouse, moment)
    changes = write_persons(warehouse, moment)
    write_devices(warehouse)
    write_identifiers(warehouse)
    write_links(warehouse)
    review = write_review_queue(
        warehouse, lowest=task.config.review_probability, threshold=weighing.threshold or 0.0
    )
    tally = Tally(
        threshold=weighing.threshold, fields=weighing.fields, review_pairs=review,
        merges=changes.merges, splits=changes.splits, shared_values=gathered.shared_values,
        shared_devices=shared_devices, keys=gathered.keys,
    )  # fmt: skip
    report = count_rows(warehouse, tally, run_id=moment.run_id)
    journal = {
        "run_id": moment.run_id, "fingerprint": given, "records": report.records,
        "persons": report.persons, "threshold": weighing.threshold, "finished_at": moment.now,
    }  # fmt: skip
    warehouse.append(RUNS.name, pa.Table.from_pylist([journal]))
    return report


def _as_of(warehouse: Warehouse, now: datetime) -> datetime:
    """Up to when the warehouse knows; see ADR 0006."""
    known = (
        warehouse.scalar(f"select as_of from {_AS_OF.sql}") if warehouse.exists(_AS_OF) else None
    )
    return now if known is None else min(known, now)


def _say_nothing(step: str, share: float | None) -> None:
    """Stand in for progress that nobody wants."""
