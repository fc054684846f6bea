"""What people do on a visit: pages, reading, searching, clicking."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from sample.chance import cumulative, happens, pick, pick_rows
from sample.content import Library
from sample.events import (
    ASSET_DOWNLOADED,
    CONTENT_PAGES,
    CONTENT_VIEWED,
    CTA_HERO,
    CTA_PRICING,
    HOME,
    PAGE,
    PRICING,
    SEARCH,
    SEARCH_RESULT_CLICKED,
    SIGNUP,
    SITE_SEARCHED,
    Events,
    make_events,
)  # fmt: skip
from sample.people import People
from sample.personas import PERSONAS, TOPICS
from sample.text import Bools, Floats, Ints, join, take, whole
from sample.visits import Sessions

READ, LAND, PRICE, LOOK_UP = 0, 1, 2, 3  # read an item, see the home page, prices, or search
_SECOND = 1000


@dataclass(frozen=True, slots=True)
class Steps:
    """One row per thing done on a visit; ``item`` is -1 where nothing was read."""

    session: Ints
    person: Ints
    at_ms: Ints
    kind: Ints
    topic: Ints
    item: Ints
    scroll: Floats

    def where(self, mask: Bools) -> Steps:
        """Only the rows that the mask holds for."""
        return Steps(*(getattr(self, part.name)[mask] for part in fields(self)))


def walk(rng: np.random.Generator, people: People, visits: Sessions, library: Library) -> Steps:
    """Draw the steps of every visit from the visitor's persona and interests."""
    depth = np.array([kind.mean_steps for kind in PERSONAS])[people.persona[visits.person]]
    steps = 1 + rng.poisson(depth - 0.6)
    session = np.repeat(np.arange(len(visits)), steps)
    person = visits.person[session]
    n = len(session)
    place = np.arange(n) - np.repeat(np.cumsum(steps) - steps, steps)
    at_ms = (
        visits.start_ms[session]
        + (place * 75 + rng.integers(0, 60, n)) * _SECOND
        + rng.integers(0, _SECOND, n)
    )
    keenness = np.clip(0.11 * np.exp(0.45 * people.engagement[person]), 0, 0.35)
    kind = np.where(place == 0, pick(rng, n, [56, 34, 6, 4]), pick(rng, n, [70, 16, 5, 9]))
    kind = np.where((kind == READ) & (place > 0) & happens(rng, n, keenness), PRICE, kind)
    topic = pick_rows(rng, cumulative(people.interests), person)
    item = np.where(
        (kind == READ) | (kind == LOOK_UP), _items(rng, people, person, topic, at_ms, library), -1
    )
    return Steps(session, person, at_ms, kind, topic, item, _depth(rng, people, person, topic))


def _items(
    rng: np.random.Generator,
    people: People,
    person: Ints,
    topic: Ints,
    at_ms: Ints,
    library: Library,
) -> Ints:
    """An item of the topic, by the persona's taste and the item's pull, already published."""
    cdf, row = library.reading_cdf(), people.persona[person] * len(TOPICS) + topic
    item = pick_rows(rng, cdf, row)
    for _ in range(4):
        early = np.flatnonzero(library.published_ms[item] > at_ms)
        item[early] = pick_rows(rng, cdf, row[early])
    # Row `topic` of the library is an old item of that topic.
    return np.where(library.published_ms[item] > at_ms, topic, item)


def _depth(rng: np.random.Generator, people: People, person: Ints, topic: Ints) -> Floats:
    """How far a page is scrolled, 0..1: a matter of persona and of interest in the topic."""
    mean = np.array([kind.mean_scroll for kind in PERSONAS])[people.persona[person]]
    mean = np.clip(mean + 0.35 * (people.interests[person, topic] - 0.2), 0.08, 0.92)
    return rng.beta(mean * 5, (1 - mean) * 5).round(2)


def browse(rng: np.random.Generator, steps: Steps) -> list[Events]:
    """The events of the steps, but for experiments, recommendations and conversions."""
    reading = steps.where(steps.item >= 0)
    later = np.where(reading.kind == LOOK_UP, 25 * _SECOND, 0)
    return [
        _static_pages(steps), *_searches(rng, steps),
        *read_items(rng, reading.session, reading.at_ms + later, reading.item, reading.scroll),
        *_clicks(rng, steps),
    ]  # fmt: skip


def read_items(
    rng: np.random.Generator, session: Ints, at_ms: Ints, item: Ints, scroll: Floats
) -> list[Events]:
    """Page, Content Viewed and, for one in fourteen, Asset Downloaded."""
    n = len(session)
    seconds = np.maximum(2, scroll * rng.gamma(3.0, 28.0, n)).astype(np.int64)
    loads = happens(rng, n, np.where(scroll > 0.5, 0.12, 0.03))
    viewed = make_events(session, at_ms + 3 * _SECOND, CONTENT_VIEWED, content=item)
    viewed = replace(viewed, scroll=scroll, seconds=seconds)
    return [
        make_events(session, at_ms, PAGE, page=CONTENT_PAGES + item), viewed,
        make_events(session[loads], at_ms[loads] + 20 * _SECOND, ASSET_DOWNLOADED, content=item[loads]),
    ]  # fmt: skip


def _static_pages(steps: Steps) -> Events:
    page = np.array([-1, HOME, PRICING, SEARCH])[steps.kind]
    seen = page >= 0
    return make_events(steps.session[seen], steps.at_ms[seen], PAGE, page=page[seen])


def _searches(rng: np.random.Generator, steps: Steps) -> list[Events]:
    """Site Searched with words of the topic, then a click on a result."""
    looking = steps.where(steps.kind == LOOK_UP)
    n = len(looking.session)
    words = [word for _, topic in TOPICS for word in topic]
    first = take(words, looking.topic * 4 + rng.integers(0, 4, n))
    query = join(
        ',"query":"', first, take(("", " guide", " examples", ""), rng.integers(0, 4, n)), '"'
    )
    results = join(query, ',"results":', whole(rng.integers(1, 15, n)))
    clicked = join(query, ',"position":', whole(1 + rng.poisson(0.8, n)))
    return [
        make_events(looking.session, looking.at_ms + _SECOND, SITE_SEARCHED, extra=results),
        make_events(looking.session, looking.at_ms + 20 * _SECOND, SEARCH_RESULT_CLICKED,
                    content=looking.item, extra=clicked),
    ]  # fmt: skip


def _clicks(rng: np.random.Generator, steps: Steps) -> list[Events]:
    """Calls to action on the home and pricing pages, and looks at the sign-up form."""
    hero = (steps.kind == LAND) & happens(rng, len(steps.kind), 0.06)
    contact = (steps.kind == PRICE) & happens(rng, len(steps.kind), 0.08)
    form = (steps.kind == PRICE) & happens(rng, len(steps.kind), 0.12)
    later = steps.at_ms + 9 * _SECOND
    return [
        make_events(steps.session[hero], later[hero], CTA_HERO, page=HOME),
        make_events(steps.session[contact], later[contact], CTA_PRICING, page=PRICING),
        make_events(steps.session[form], later[form], PAGE, page=SIGNUP),
    ]  # fmt: skip
