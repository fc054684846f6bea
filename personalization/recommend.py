"""Choose content for every person who granted personalization, and store why."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from measurement import Holdout
from personalization.blocks import (
    BlockRules,
    FilledBlock,
    allowed_content,
    discoverable_content,
    fill_block,
    pinned_content,
)
from personalization.calibrations import (
    Calibration,
    judge_calibrations,
    read_judged,
    topic_shares,
    write_calibrations,
)
from personalization.champion import Backtest, choose_method, read_standing, write_backtest
from personalization.config import ContentConfig
from personalization.context_lists import context_rows
from personalization.half_lives import (
    HalfLife,
    choose_half_life,
    read_standing_half_life,
    write_half_life,
)
from personalization.interests import Expectation, ReadingModel, learn_interests
from personalization.inventory import CONTEXT_LISTS, RECOMMENDATIONS, TABLES
from personalization.look_back import look_back
from personalization.readings import (
    Catalogue,
    Flags,
    Floats,
    Integers,
    Readers,
    Readings,
    read_catalogue,
    read_readers,
    read_views,
)
from personalization.reasons import reasons_of
from warehouse import Warehouse

LEVELS = ("popular", "similar", "personal")
# Of the method in use; counts up where the same method would choose otherwise.
POLICY = "{method}_v2"
# Of a block whose lists keep to their readers' topics, with how far.
CALIBRATED_POLICY = "{method}_v2_calibrated_{strength:g}"
# Of lists whose popularity fades otherwise than is configured, with its half-life.
FADING = "_half_life_{days:g}"
# Readings from which a person's own interests lead, and below which only the last ones do.
PERSONAL_FROM = 3
# Cells of one batch's dense arrays; a handful of them at 4 bytes stays below 100 MB.
BATCH_CELLS = 4_000_000


@dataclass(frozen=True, slots=True)
class RecommendationReport:
    """What was chosen, in counts.

    Attributes:
        persons: Persons who granted personalization.
        rows: Recommendations written.
        items: Published content.
        items_shown: Of these, how many somebody got.
        discoveries: Rows that were drawn at random.
        by_level: Persons by fallback level.
        half_life: How fast popularity fades, and why.
        backtest: Which method is used, and how good it would have been.
        calibrations: Of each block, whether its lists keep to their readers' topics, and why.
        unknown_ids: Pinned or banned ids that are not published.
        empty_blocks: Blocks whose filters and bans fit nothing that is published: they show nothing.
    """

    persons: int
    rows: int
    items: int
    items_shown: int
    discoveries: int
    by_level: Mapping[str, int]
    half_life: HalfLife
    backtest: Backtest
    calibrations: Mapping[str, Calibration]
    unknown_ids: tuple[str, ...]
    empty_blocks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Company:
    """Everything that the batches share."""

    catalogue: Catalogue
    readers: Readers
    readings: Readings
    half_life: HalfLife
    is_usual_half_life: bool
    backtest: Backtest
    model: ReadingModel
    calibrations: Mapping[str, Calibration]
    rules: Mapping[str, BlockRules]

    def policy(self, key: str) -> str:
        """Name and version of how a block is filled."""
        method, strength = self.backtest.champion, self.rules[key].calibration
        policy = CALIBRATED_POLICY if strength else POLICY
        fading = "" if self.is_usual_half_life else FADING.format(days=self.half_life.days)
        return policy.format(method=method, strength=strength) + fading


def recommend(
    warehouse: Warehouse,
    content: ContentConfig,
    *,
    as_of: dt.datetime,
    seed: int,
    run_id: str,
    holdout: Holdout | None = None,
) -> RecommendationReport:
    """Replace every recommendation by today's.

    The same warehouse, configuration, seed and day give the same rows. What the last run used is
    part of the warehouse: it takes less to stay than to come in.

    Args:
        warehouse: With the marts of this run.
        content: The blocks.
        as_of: The moment up to which readings count (``raw.as_of``), UTC.
        seed: Of the places that are drawn at random; its draws change by day and person.
        run_id: Stored with every row.
        holdout: Who is held out of everything: their rows are ghosts; None: nobody is.
    """
    warehouse.create_missing(TABLES)
    company = _read(warehouse, content, as_of=as_of, seed=seed, holdout=holdout)
    stamp = {"as_of": as_of, "run_id": run_id}
    with warehouse.transaction():
        write_half_life(warehouse, company.half_life, as_of=as_of, run_id=run_id)
        write_backtest(warehouse, company.backtest, as_of=as_of, run_id=run_id)
        write_calibrations(warehouse, company.calibrations, as_of=as_of, run_id=run_id)
        warehouse.execute(f"delete from {RECOMMENDATIONS.name.sql}")
        for rows in _chosen(company):
            warehouse.append(RECOMMENDATIONS.name, _stamped(rows, stamp))
        warehouse.execute(f"delete from {CONTEXT_LISTS.name.sql}")
        for rows in _for_everybody(company, as_of.date()):
            warehouse.append(CONTEXT_LISTS.name, _stamped(rows, stamp))
    return _report(warehouse, content, company)


def _read(
    warehouse: Warehouse,
    content: ContentConfig,
    *,
    as_of: dt.datetime,
    seed: int,
    holdout: Holdout | None,
) -> _Company:
    catalogue = read_catalogue(warehouse, as_of=as_of)
    readers = read_readers(warehouse, salt=f"{seed}|{as_of:%Y-%m-%d}", holdout=holdout)
    shape = (len(readers), len(catalogue))
    views = read_views(warehouse, shape, as_of=as_of)
    usual = content.half_life_days
    half_life = choose_half_life(
        catalogue, views, usual=usual, tried=content.half_lives_tried,
        standing=read_standing_half_life(warehouse),
    )  # fmt: skip
    popular = half_life.days
    past = look_back(
        catalogue, views, half_life_days=usual, popular_days=popular,
        standing=read_standing(warehouse),
    )  # fmt: skip
    backtest = choose_method(past)
    readings = views.readings(half_life_days=usual, popular_days=popular)
    champion = backtest.champion
    model = learn_interests(catalogue, readings, champion, standing=champion)
    discoverable = discoverable_content(catalogue, readings, model.popularity, new_days=usual)
    rules = block_rules(content, catalogue, discoverable)
    calibrations = judge_calibrations(past, champion, rules, read_judged(warehouse, rules))
    rules = {key: replace(rule, calibration=calibrations[key].used) for key, rule in rules.items()}
    return _Company(
        catalogue,
        readers,
        readings,
        half_life,
        popular == usual,
        backtest,
        model,
        calibrations,
        rules,
    )


def block_rules(
    content: ContentConfig, catalogue: Catalogue, discoverable: Flags
) -> Mapping[str, BlockRules]:
    """Turn the configured blocks into positions of the catalogue.

    A block whose filters and bans fit no published content is left out: it shows nothing, and the
    others are filled all the same.
    """
    banned = frozenset(content.bans)
    rules: dict[str, BlockRules] = {}
    for key, block in content.blocks.items():
        allowed = allowed_content(block, catalogue, banned)
        pins = pinned_content(block, catalogue, banned)
        shown = allowed.copy()
        shown[pins] = True
        rules[key] = BlockRules(
            allowed=shown,
            pins=pins,
            discoverable=discoverable & allowed,
            size=block.size,
            discovery_slots=block.discovery_slots,
            shows_read=block.shows_read,
            calibration=block.calibration,
            salt=int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big"),
        )
    return {key: rule for key, rule in rules.items() if rule.allowed.any() or not len(catalogue)}


def fallback_levels(counts: Floats) -> Integers:
    """How much is known of each person, as a position in :data:`LEVELS`."""
    return np.where(counts >= PERSONAL_FROM, 2, np.minimum(counts, 1)).astype(np.int64)


def _chosen(company: _Company) -> Iterator[pa.Table]:
    """The rows of one batch of persons and one block after the other."""
    if not len(company.catalogue):
        return
    size = max(1, BATCH_CELLS // len(company.catalogue))
    for start in range(0, len(company.readers), size):
        batch = slice(start, min(start + size, len(company.readers)))
        counts = company.readings.counts[batch]
        expectation = company.model.expect(
            company.readings.liked[batch], company.readings.per_person[batch]
        )
        topics = topic_shares(company.model, expectation)
        for key, rules in company.rules.items():
            filled = fill_block(
                rules, expectation.scores, counts, company.readers.draws[batch], topics=topics
            )
            yield _rows(company, key, batch, filled, expectation)


def _for_everybody(company: _Company, day: dt.date) -> Iterator[pa.Table]:
    """What each block shows to whom nothing is known of."""
    if not len(company.catalogue):
        return
    for key, rules in company.rules.items():
        rows = context_rows(company.catalogue, company.model, key, rules, day=day)
        yield _stamped(rows, {"policy": company.policy(key)})


def _rows(
    company: _Company, key: str, batch: slice, filled: FilledBlock, expectation: Expectation
) -> pa.Table:
    persons, places = np.nonzero(filled.is_filled)
    items = filled.items[persons, places]
    levels = fallback_levels(company.readings.per_person[batch])
    is_discovery = filled.is_discovery[persons, places]
    return pa.table(
        {
            "person_id": company.readers.person_ids.take(pa.array(persons + batch.start)),
            "block": pa.repeat(key, len(items)),
            "rank": (places + 1).astype(np.int32),
            "content_id": pa.array(company.catalogue.content_ids.tolist()).take(pa.array(items)),
            "score": expectation.scores[persons, items].astype(np.float64),
            "reason": reasons_of(
                company.catalogue, expectation, (persons, items),
                is_pinned=np.isin(items, company.rules[key].pins), is_discovery=is_discovery,
                is_lifted=filled.is_lifted[persons, places],
            ),
            "is_discovery": is_discovery,
            "propensity": filled.propensity[persons, places],
            "fallback_level": pa.array(LEVELS).take(pa.array(levels[persons])),
            "is_ghost": company.readers.is_held_out[batch][persons],
            "policy": pa.repeat(company.policy(key), len(items)),
        }
    )  # fmt: skip


def _stamped(rows: pa.Table, stamp: Mapping[str, object]) -> pa.Table:
    for name, value in stamp.items():
        scalar = pa.scalar(value, pa.timestamp("us") if name == "as_of" else pa.string())
        rows = rows.append_column(name, pa.repeat(scalar, rows.num_rows))
    return rows


def _report(
    warehouse: Warehouse, content: ContentConfig, company: _Company
) -> RecommendationReport:
    facts = warehouse.read(
        "select count(*) as row_count, count(distinct content_id) as shown, "
        f"count(*) filter (where is_discovery) as drawn from {RECOMMENDATIONS.name.sql}"
    ).to_pylist()[0]
    levels = fallback_levels(company.readings.per_person)
    tally = np.bincount(levels, minlength=len(LEVELS)).tolist()
    named = {i for b in content.blocks.values() for i in (*b.pins, *b.bans)} | set(content.bans)
    return RecommendationReport(
        persons=len(company.readers),
        rows=facts["row_count"],
        items=len(company.catalogue),
        items_shown=facts["shown"],
        discoveries=facts["drawn"],
        by_level=dict(zip(LEVELS, tally, strict=True)),
        half_life=company.half_life,
        backtest=company.backtest,
        calibrations=company.calibrations,
        unknown_ids=tuple(sorted(named - set(company.catalogue.content_ids.tolist()))),
        empty_blocks=tuple(sorted(set(content.blocks) - set(company.rules))),
    )
