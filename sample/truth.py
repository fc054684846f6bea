"""What is true about a block, for judging what the pipeline makes of its files."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.block import Block, World
from sample.calendar import WEEK_MS, WEEKS
from sample.chance import cumulative, pick_rows
from sample.consents import final_consents
from sample.content import Library
from sample.conversions import CUTOFF_WEEKS
from sample.devices import BOT, HOUSEHOLD, KIOSK, OWNED
from sample.events import DEMO_REQUESTED, TRIAL_BUSINESS
from sample.experiment import ARMS, SEGMENTS
from sample.known import NEVER
from sample.malformed import WHOLE
from sample.personas import PERSONAS, TOPICS
from sample.text import DAY_MS, Bools, Floats, Ints, choose, iso_dates, padded, take, whole


def block_truth(block: Block, world: World) -> dict[str, pa.Table]:
    """Tables by name of their file, without its suffix."""
    people = block.cast.people
    return {
        "records": pa.concat_tables([records.truth(people) for records in block.records]),
        "devices": _devices(block), "companies": _companies(block),
        "consent_final": final_consents(block.decisions, block.site.devices, people),
        "personas": _personas(block), "interests": _interests(block),
        "propensity": _propensity(block, world), "experiment_units": _units(block),
        "recommendations": _readings_to_come(block, world.library),
    }  # fmt: skip


def _devices(block: Block) -> pa.Table:
    """Every browser that is in the files, and whose it is."""
    devices, traffic, events = block.site.devices, block.site.traffic, block.site.events
    arrived = np.unique(block.sent.event[block.sent.damage == WHOLE])
    device = traffic.device[events.session[arrived]]
    count = np.bincount(device, minlength=len(devices))
    pairs = np.unique(np.stack((device, traffic.person[events.session[arrived]])), axis=1)
    seen = np.bincount(pairs[0], minlength=len(devices))
    last = np.full(len(devices), -1, dtype=np.int64)
    last[pairs[0]] = pairs[1]
    is_shared = np.isin(devices.kind, (HOUSEHOLD, KIOSK)) & (seen > 1)
    owner = block.cast.people.person_id.take(pa.array(np.maximum(last, 0)))
    owner = choose(devices.kind == BOT, "bot", choose(is_shared, "shared", owner))
    names = {HOUSEHOLD: "household", KIOSK: "kiosk"}
    shared_kind = take(
        [names.get(kind, "") for kind in (OWNED, HOUSEHOLD, KIOSK, BOT)], devices.kind
    )
    table = pa.table({
        "anonymous_id": devices.anonymous_id, "person_id": owner,
        "shared_kind": choose(is_shared, shared_kind, None),
        "linkable": whole(_named(block, arrived).astype(np.int64)),
        "events": whole(count), "people_seen": whole(seen),
    })  # fmt: skip
    return table.filter(pa.array(count > 0))


def _named(block: Block, arrived: Ints) -> Bools:
    """Whether anybody ever signed in on a browser, or left an address in a form."""
    traffic, events = block.site.traffic, block.site.events
    at, session = events.at_ms[arrived], events.session[arrived]
    form = (events.kind[arrived] >= DEMO_REQUESTED) & (events.kind[arrived] <= TRIAL_BUSINESS)
    named = np.zeros(len(block.site.devices), dtype=np.bool_)
    named[traffic.device[session[form | (at >= traffic.signed_in_ms[session])]]] = True
    return named


def _companies(block: Block) -> pa.Table:
    people, companies = block.cast.people, block.cast.companies
    employed = np.flatnonzero(people.company >= 0)
    return pa.table({
        "person_id": people.person_id.take(pa.array(employed)),
        "domain": companies.domain.take(pa.array(people.company[employed])),
    })  # fmt: skip


def _personas(block: Block) -> pa.Table:
    people, steps = block.cast.people, block.deeds.steps
    views = np.bincount(steps.person[steps.item >= 0], minlength=len(people))
    return pa.table({
        "person_id": people.person_id, "persona": take([kind.name for kind in PERSONAS], people.persona),
        "content_views": whole(views),
    })  # fmt: skip


def _interests(block: Block) -> pa.Table:
    """Shares of attention by topic, of people who visit."""
    people, visitor = block.cast.people, np.unique(block.deeds.visits.person)
    percent = np.round(people.interests[visitor] * 1000).astype(np.int64)
    columns = {name: _decimal(percent[:, place], 3) for place, (name, _) in enumerate(TOPICS)}
    return pa.table({"person_id": people.person_id.take(pa.array(visitor)), **columns})


def _propensity(block: Block, world: World) -> pa.Table:
    """Chance and outcome of a trial after each cutoff, of people seen before it without one."""
    trials, people = block.deeds.trials, block.cast.people
    parts = [np.flatnonzero(trials.is_eligible[:, place]) for place in range(len(CUTOFF_WEEKS))]
    place, row = (
        np.repeat(np.arange(len(parts)), [len(part) for part in parts]),
        np.concatenate(parts),
    )
    days = (world.calendar.end_ms - (WEEKS - np.array(CUTOFF_WEEKS)) * WEEK_MS) // DAY_MS
    return pa.table({
        "person_id": people.person_id.take(pa.array(row)), "cutoff": iso_dates(days[place]),
        "p_true": _decimal(np.round(trials.chance[row, place] * 100_000).astype(np.int64), 5),
        "outcome_30d": whole(trials.outcome[row, place].astype(np.int64)),
    })  # fmt: skip


def _units(block: Block) -> pa.Table:
    """Who was in the experiment, and whether it came to a demo."""
    experiment, people = block.deeds.experiment, block.cast.people
    row = np.flatnonzero(experiment.exposed_ms != NEVER)
    return pa.table({
        "person_id": people.person_id.take(pa.array(row)),
        "segment": take(SEGMENTS, experiment.segment[row]), "first_arm": take(ARMS, experiment.arm[row]),
        "demo_within_14d": whole(experiment.succeeded()[row].astype(np.int64)),
    })  # fmt: skip


def _readings_to_come(block: Block, library: Library) -> pa.Table:
    """What visitors read in the 30 days after the last day, each item once."""
    people, steps = block.cast.people, block.deeds.steps
    rng, visitor = block.draws("future"), np.unique(block.deeds.visits.person)
    person = np.repeat(visitor, rng.poisson(np.exp(0.1 + 0.55 * people.engagement[visitor])))
    topic = pick_rows(rng, cumulative(people.interests), person)
    item = pick_rows(rng, library.reading_cdf(), people.persona[person] * len(TOPICS) + topic)
    items = len(library.topic)
    key = np.unique(person * items + item)
    before = np.unique(steps.person[steps.item >= 0] * items + steps.item[steps.item >= 0])
    return pa.table({
        "person_id": people.person_id.take(pa.array(key // items)),
        "content_id": library.content_id.take(pa.array(key % items)),
        "seen_before": whole(np.isin(key, before).astype(np.int64)),
    })  # fmt: skip


def _decimal(value: Ints, places: int) -> pa.Array:
    """Whole numbers of so many decimal places as text, 0.074."""
    scale = 10**places
    return pc.binary_join_element_wise(whole(value // scale), padded(value % scale, places), ".")


def experiment_sums(block: Block) -> Floats:
    """Exposed, demos, sum of base rates and of effects; shape (segments, arms, 4)."""
    experiment = block.deeds.experiment
    row = np.flatnonzero(experiment.exposed_ms != NEVER)
    cell = experiment.segment[row] * len(ARMS) + experiment.arm[row]
    facts = (
        np.ones(len(row)),
        experiment.succeeded()[row],
        experiment.base[row],
        experiment.effect[row],
    )
    sums = [np.bincount(cell, fact, len(SEGMENTS) * len(ARMS)) for fact in facts]
    shape = (len(SEGMENTS), len(ARMS), len(facts))
    return np.asarray(np.stack(sums, axis=1).reshape(shape), dtype=np.float64)


def experiment_table(sums: Floats) -> pa.Table:
    """The planted effect of each segment beside what chance made of it; the last row is all."""
    all_sums = np.concatenate((sums, sums.sum(axis=0, keepdims=True)))
    n, demos, base, effect = (all_sums[:, :, part] for part in range(4))
    rate = demos / np.maximum(n, 1)
    error = np.sqrt((rate * (1 - rate) / np.maximum(n, 1))[:, :2].sum(axis=1))
    everybody = np.maximum(n.sum(axis=1), 1)
    return pa.table({
        "segment": pa.array([*SEGMENTS, "global"]),
        **{f"n_{arm}": whole(n[:, place].astype(np.int64)) for place, arm in enumerate(ARMS)},
        "true_control_rate": _rounded(base.sum(axis=1) / everybody),
        "true_abs_effect": _rounded(effect.sum(axis=1) / everybody),
        "realised_difference": _rounded(rate[:, 1] - rate[:, 0]), "standard_error": _rounded(error),
    })  # fmt: skip


def _rounded(values: Floats) -> pa.Array:
    return pa.array(np.round(values, 4)).cast(pa.string())
