"""What a run did, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from identity.block import KeyCount
from identity.inventory import RUNS
from identity.pictures import Findings
from identity.quality import PersonQuality, linked_sources, measure_persons
from identity.threshold import expected_curve
from identity.train import FieldParameters
from warehouse import Warehouse


@dataclass(frozen=True, slots=True)
class ResolutionReport:
    """What a run did; numbers only.

    Attributes:
        run_id: The run that wrote what is there: an earlier one if nothing changed.
        is_unchanged: Nothing that identity reads has changed: no row was written.
        records: Source records.
        persons: Active persons.
        links: Links that hold persons together.
        cut_links: Links that were cut because two cannot be one person.
        threshold: Probability from which pairs link; None without a model.
        review_pairs: Pairs in the review queue.
        merges: Persons merged into others by this run.
        splits: Persons split off by this run.
        shared_values: E-mails and phones that link nobody.
        shared_devices: Devices that several persons sign in on.
        pairs_by_key: Pairs that each blocking key brought, whether or not another brought them too.
        pairs_left_out_by_key: Pairs of its blocks that were too large for the budget.
        quality: What can be said of the persons without a truth; None if nothing changed.
        findings: What ``draw_findings`` draws; None if nothing changed.
        seconds: How long each step took.
    """

    run_id: str
    is_unchanged: bool
    records: int
    persons: int
    links: int = 0
    cut_links: int = 0
    threshold: float | None = None
    review_pairs: int = 0
    merges: int = 0
    splits: int = 0
    shared_values: int = 0
    shared_devices: int = 0
    pairs_by_key: Mapping[str, int] = field(default_factory=dict)
    pairs_left_out_by_key: Mapping[str, int] = field(default_factory=dict)
    quality: PersonQuality | None = field(default=None, repr=False)
    findings: Findings | None = field(default=None, repr=False)
    seconds: Mapping[str, float] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Tally:
    """What the steps counted on their way; see ``ResolutionReport``."""

    threshold: float | None
    fields: tuple[FieldParameters, ...]
    review_pairs: int
    merges: int
    splits: int
    shared_values: int
    shared_devices: int
    keys: tuple[KeyCount, ...]


def last_run(warehouse: Warehouse, *, fingerprint: str) -> ResolutionReport | None:
    """Return what is there already, if the last run resolved this very input."""
    rows = warehouse.read(
        f"select run_id, fingerprint, records, persons, threshold from {RUNS.name.sql} "
        "order by finished_at desc, run_id limit 1"
    ).to_pylist()
    if not rows or rows[0].pop("fingerprint") != fingerprint:
        return None
    return ResolutionReport(is_unchanged=True, **rows[0])


def count_rows(warehouse: Warehouse, tally: Tally, *, run_id: str) -> ResolutionReport:
    """Count what was written."""
    links = warehouse.read(
        "select count(*) filter (not is_cut) as links, count(*) filter (is_cut) as cut_links "
        "from identity.links"
    ).to_pylist()[0]
    quality = measure_persons(warehouse)
    records, persons = (quality.sizes.column(name).to_numpy() for name in ("records", "persons"))
    findings = Findings(
        tally.fields,
        tally.threshold,
        expected_curve(warehouse),
        quality.sizes,
        linked_sources(warehouse),
    )
    return ResolutionReport(
        run_id=run_id,
        is_unchanged=False,
        records=int((records * persons).sum()),
        persons=int(persons.sum()),
        threshold=tally.threshold,
        review_pairs=tally.review_pairs,
        merges=tally.merges,
        splits=tally.splits,
        shared_values=tally.shared_values,
        shared_devices=tally.shared_devices,
        quality=quality,
        findings=findings,
        pairs_by_key={one.key: one.pairs for one in tally.keys},
        pairs_left_out_by_key={one.key: one.left_out for one in tally.keys},
        **links,
    )
