"""What a run did, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from identity.block import KeyCount
from identity.extent import Extent
from identity.inventory import DEVICES, LINKS, PERSONS, PREPARED, REVIEW_QUEUE, RUNS
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
        is_partial: Only what changes can reach was resolved.
        whole_because: Why everything was; None where only what changes can reach was.
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
        quality: What can be said of the persons without a truth; None unless all were resolved.
        findings: What ``draw_findings`` draws; None unless all were resolved.
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
    is_partial: bool = False
    whole_because: str | None = None
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
    merges: int
    splits: int
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


def count_rows(
    warehouse: Warehouse, tally: Tally, extent: Extent, *, run_id: str
) -> ResolutionReport:
    """Count what there is after a run; what a run of everything can draw is None after another."""
    counts = warehouse.read(_COUNTS_SQL).to_pylist()[0]
    report = ResolutionReport(
        run_id=run_id,
        is_unchanged=False,
        threshold=tally.threshold,
        merges=tally.merges,
        splits=tally.splits,
        whole_because=extent.because,
        pairs_by_key={one.key: one.pairs for one in tally.keys},
        pairs_left_out_by_key={one.key: one.left_out for one in tally.keys},
        **counts,
    )
    if not extent.is_whole:
        return replace(report, is_partial=True)
    quality = measure_persons(warehouse)
    findings = Findings(
        tally.fields,
        tally.threshold,
        expected_curve(warehouse),
        quality.sizes,
        linked_sources(warehouse),
    )
    return replace(report, quality=quality, findings=findings)


_COUNTS_SQL = f"""
    select
        (select count(*) from {PREPARED.name.sql}) as records,
        (select count(*) from {PERSONS.name.sql} where status = 'active') as persons,
        count(*) filter (not is_cut) as links,
        count(*) filter (is_cut) as cut_links,
        (select count(*) from {REVIEW_QUEUE.name.sql}) as review_pairs,
        (select count(distinct email) from {PREPARED.name.sql} where email_is_shared)
            + (select count(distinct phone) from {PREPARED.name.sql} where phone_is_shared)
            as shared_values,
        (select count(distinct anonymous_id) from {DEVICES.name.sql} where is_shared)
            as shared_devices
    from {LINKS.name.sql}
"""
