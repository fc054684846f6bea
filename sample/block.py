"""One block of people and everything they do, drawn from the seed and the block's number."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from sample.behaviour import observe, readiness
from sample.billing import billing_customers
from sample.browsing import Steps, browse, walk
from sample.calendar import Calendar
from sample.chance import happens, stream
from sample.companies import Companies, Networks, found_companies
from sample.consents import Decisions, carried_consents, decide, make_up_minds
from sample.content import Library
from sample.conversions import Trials, conversion_events, conversion_visits, draw_trials
from sample.crm import hubspot_contacts, salesforce_contacts
from sample.delivery import Deliveries, deliver
from sample.devices import hand_out_devices
from sample.events import Events, all_events
from sample.experiment import HOLDOUT, Experiment, exposures, run_experiment, segments
from sample.known import NEVER, Known, introduce, with_trials
from sample.lines import Site
from sample.newsletter import Mailings, mail_issues, subscriber_emails, subscribers
from sample.people import People, meet_people
from sample.recommendations import recommend
from sample.records import Records
from sample.support import support_tickets
from sample.text import DAY_MS, Ints, uuids
from sample.traffic import crawl, observe_visits, sign_in_events
from sample.visits import Sessions, plan_visits

BLOCK_PEOPLE = 24_000
_PEOPLE_PER_BOT = 400
_OPENS_ACCOUNT = 0.8  # share of trials by people without an account that open one


@dataclass(frozen=True, slots=True)
class World:
    """What all blocks share."""

    seed: int
    calendar: Calendar
    library: Library
    networks: Networks


@dataclass(frozen=True, slots=True)
class Draws:
    """The random streams of one block, one for each subject."""

    seed: int
    block: int

    def __call__(self, subject: str) -> np.random.Generator:
        """The stream of a subject, from its beginning."""
        return stream(self.seed, self.block, subject)


@dataclass(frozen=True, slots=True)
class Cast:
    """The people of a block, their employers, and who knows them at the end."""

    people: People
    companies: Companies
    known: Known
    mail: Mailings
    mail_emails: pa.Array


@dataclass(frozen=True, slots=True)
class Deeds:
    """What the people of a block did, as it truly was."""

    visits: Sessions
    steps: Steps
    experiment: Experiment
    trials: Trials


@dataclass(frozen=True, slots=True)
class Block:
    """A whole block; its files follow from it."""

    cast: Cast
    deeds: Deeds
    site: Site
    sent: Deliveries
    decisions: Decisions
    records: tuple[Records, ...]
    draws: Draws


def make_block(world: World, number: int, start: int, people: int) -> Block:
    """Draw block ``number``, which begins at person number ``start``."""
    draws = Draws(world.seed, number)
    cast, deeds = _live(world, draws, start, people)
    site, decisions = _browse(world, draws, cast, deeds)
    sent = deliver(draws("delivery"), site.events.at_ms, world.calendar)
    return Block(cast, deeds, site, sent, decisions, _records(world, draws, cast), draws)


def known_people(
    world: World, number: int, start: int, people: int
) -> tuple[Cast, tuple[Records, ...]]:
    """Draw the people of a block and their records as ``make_block`` does, without their events."""
    draws = Draws(world.seed, number)
    cast, _ = _live(world, draws, start, people)
    return cast, _records(world, draws, cast)


def _live(world: World, draws: Draws, start: int, people: int) -> tuple[Cast, Deeds]:
    """Who they are and what they did; whoever tried the product has an account."""
    cast = _introduce(world, draws, start, people)
    deeds = _act(world, draws, cast)
    known = with_trials(
        cast.known, deeds.trials.trial_ms, happens(draws("accounts"), people, _OPENS_ACCOUNT)
    )
    return replace(cast, known=known), deeds


def _introduce(world: World, draws: Draws, start: int, n: int) -> Cast:
    companies = found_companies(draws("companies"), start, n, world.networks)
    today = world.calendar.end_ms // DAY_MS
    people = meet_people(draws("people"), start, n, companies, today)
    known = introduce(draws("tools"), people, world.calendar)
    emails, is_first = subscriber_emails(draws("subscribers"), people)
    known = replace(known, in_newsletter=known.in_newsletter & is_first)
    mail = mail_issues(draws("newsletter"), people, known.in_newsletter, world.calendar)
    return Cast(people, companies, known, mail, emails)


def _act(world: World, draws: Draws, cast: Cast) -> Deeds:
    people, clicks = cast.people, cast.mail.clicks()
    visits = plan_visits(draws("visits"), people, clicks, world.calendar)
    steps = walk(draws("steps"), people, visits, world.library)
    behaviour = observe(steps, clicks, len(people), world.library, world.calendar)
    ready = readiness(behaviour, people.company >= 0)
    experiment = run_experiment(
        draws("experiment"), segments(people, cast.companies), steps, ready, world.calendar
    )
    seen = _first_seen(visits, len(people))
    return Deeds(
        visits, steps, experiment, draw_trials(draws("trials"), ready, seen, world.calendar)
    )


def _first_seen(visits: Sessions, people: int) -> Ints:
    """The first visit of each person, ``NEVER`` without one."""
    first = np.full(people, NEVER, dtype=np.int64)
    np.minimum.at(first, visits.person, visits.start_ms)
    return first


def _browse(world: World, draws: Draws, cast: Cast, deeds: Deeds) -> tuple[Site, Decisions]:
    """What the website saw of it."""
    people, known, calendar = cast.people, cast.known, world.calendar
    conversions = conversion_visits(deeds.experiment.demo_ms, deeds.trials, calendar)
    sessions = deeds.visits.joined(conversions.visits)
    bots = 1 + len(people) // _PEOPLE_PER_BOT
    offices = (cast.companies, world.networks)
    devices, usage = hand_out_devices(draws("devices"), people, sessions, bots, offices)
    traffic = observe_visits(
        draws("sign-ins"), sessions, devices, usage, known, deeds.trials.trial_ms
    )
    will = make_up_minds(draws("will"), people, known, calendar)
    decisions = decide(draws("consent"), will, traffic, devices, calendar)
    consent = carried_consents(draws("carried"), will, traffic, decisions, len(devices))
    events = _in_order(all_events([
        *browse(draws("browsing"), deeds.steps),
        exposures(deeds.experiment, deeds.steps, calendar),
        *recommend(draws("lists"), people, deeds.steps, deeds.experiment.arm == HOLDOUT, world.library),
        *conversion_events(draws("conversions"), conversions, len(deeds.visits), known.login_email),
        *sign_in_events(draws("groups"), traffic, people, cast.companies, known),
        crawl(draws("bots"), traffic, world.library),
    ]))  # fmt: skip
    return Site(
        events, uuids(draws("messages"), len(events)), traffic, consent, devices, world.library
    ), decisions


def _in_order(events: Events) -> Events:
    return events.at(np.argsort(events.at_ms, kind="stable"))


def _records(world: World, draws: Draws, cast: Cast) -> tuple[Records, ...]:
    """The records of every tool."""
    shared = (cast.people, cast.companies, cast.known, world.calendar)
    return (
        hubspot_contacts(draws("hubspot"), *shared),
        salesforce_contacts(draws("salesforce"), *shared),
        billing_customers(draws("billing"), *shared),
        subscribers(
            draws("list"),
            cast.people,
            cast.known.in_newsletter,
            cast.mail_emails,
            cast.mail,
            world.calendar,
        ),
        support_tickets(draws("support"), *shared),
    )
