"""The sidebar of recommended items that the old website shows, and clicks on it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from sample.browsing import LAND, Steps, read_items
from sample.chance import happens, pick
from sample.content import Library
from sample.events import RECOMMENDATION_CLICKED, RECOMMENDATION_SHOWN, Events, make_events
from sample.people import People
from sample.text import Bools, Ints, choose, join, take, tokens, whole

ITEMS_SHOWN = 4
_RANDOM_SLATES = 400


def recommend(
    rng: np.random.Generator, people: People, steps: Steps, held_out: Bools, library: Library
) -> list[Events]:
    """Recommendation Shown on some home pages, and on a click the item that is read.

    Three in ten lists are drawn at random, so that a policy can be judged from the log.
    """
    shown = steps.where(
        (steps.kind == LAND) & happens(rng, len(steps.kind), 0.14) & ~held_out[steps.person]
    )
    n = len(shown.session)
    slates = _slates(rng, library)
    slate = np.where(happens(rng, n, 0.3), rng.integers(1, len(slates), n), 0)
    place = pick(rng, n, [4, 3, 2, 1])
    item = slates[slate, place]
    taste = people.interests[shown.person, library.topic[item]]
    clicks = happens(rng, n, np.clip(0.04 + 0.9 * taste, 0, 0.6))
    rec_id = join(',"recommendation_id":"list-', tokens(rng, n, 10), '"')
    seen = join(rec_id, take(_slate_text(slates, library), slate),
                choose(slate == 0, ',"policy":"most_read"', ',"policy":"random"'))  # fmt: skip
    clicked = join(rec_id, ',"position":', whole(place + 1))
    at = np.flatnonzero(clicks)
    session, moment = shown.session[at], shown.at_ms[at] + 11_000
    return [
        make_events(shown.session, shown.at_ms + 500, RECOMMENDATION_SHOWN, extra=seen),
        make_events(session, moment, RECOMMENDATION_CLICKED, content=item[at], extra=clicked.take(pa.array(at))),
        *read_items(rng, session, moment + 2_000, item[at], np.clip(shown.scroll[at] + 0.1, 0, 1).round(2)),
    ]  # fmt: skip


def _slates(rng: np.random.Generator, library: Library) -> Ints:
    """Lists of four old items, the most popular first, shape (lists, 4)."""
    old = np.flatnonzero(library.published_ms <= np.sort(library.published_ms)[ITEMS_SHOWN * 10])
    popular = old[np.argsort(-library.popularity[old], kind="stable")][:ITEMS_SHOWN]
    drawn = np.argsort(rng.random((_RANDOM_SLATES, len(old))), axis=1)[:, :ITEMS_SHOWN]
    return np.vstack((popular, old[drawn]))


def _slate_text(slates: Ints, library: Library) -> pa.Array:
    ids = [library.content_id.take(pa.array(slates[:, place])) for place in range(ITEMS_SHOWN)]
    return join(
        ',"items":["',
        ids[0],
        '","',
        ids[1],
        '","',
        ids[2],
        '","',
        ids[3],
        '"],"placement":"sidebar"',
    )
