"""Events as lines of JSON in the form of the Segment spec."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.content import SITE, Library
from sample.delivery import Deliveries
from sample.devices import Devices
from sample.events import (
    ALIAS,
    CONTENT_PAGES,
    CONTENT_VIEWED,
    GROUP,
    IDENTIFY,
    STATIC_PAGES,
    Events,
)  # fmt: skip
from sample.malformed import as_bytes
from sample.text import Bools, Ints, choose, iso_ms, join, padded, take, whole
from sample.traffic import Traffic
from sample.visits import CAMPAIGNS, REFERRERS

EXPERIMENT = "exp_home_hero"
_SEEN = (
    f',"experiment_id":"{EXPERIMENT}","experiment_name":"Picture on the home page","variation_id":"'
)
# By kind of event: type and name, then what every event of the kind has among its properties.
_KINDS: tuple[tuple[str, str], ...] = (
    ("", ""), ("Content Viewed", ""), ("Asset Downloaded", ',"asset":"print.pdf"'), ("Site Searched", ""),
    ("Search Result Clicked", ""),
    ("CTA Clicked", ',"cta_id":"hero-button","text":"See it at work","location":"hero"'),
    ("CTA Clicked", ',"cta_id":"talk-to-us","text":"Talk to us","location":"prices"'),
    ("Experiment Viewed", f'{_SEEN}control","variation_name":"Shelves"'),
    ("Experiment Viewed", f'{_SEEN}hero_b","variation_name":"People at work"'),
    ("Experiment Viewed", f'{_SEEN}holdout","variation_name":"Nothing new"'),
    ("Recommendation Shown", ""), ("Recommendation Clicked", ""), ("Demo Requested", ',"form":"book-a-demo"'),
    ("Trial Started", ',"plan":"starter","trial_days":21'), ("Trial Started", ',"plan":"team","trial_days":21'),
    ("Trial Started", ',"plan":"business","trial_days":21'),
    ("Subscription Upgraded", ',"plan":"team","mrr_usd":89'),
    ("Subscription Upgraded", ',"plan":"business","mrr_usd":240'),
    ("", ""), ("", ""), ("", ""),
)  # fmt: skip
_CALLS = {IDENTIFY: "identify", GROUP: "group", ALIAS: "alias"}


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that the lines of one block refer to."""

    events: Events
    message_id: pa.Array
    traffic: Traffic
    consent: pa.Array
    devices: Devices
    library: Library


def event_lines(site: Site, sent: Deliveries) -> pa.Array:
    """One line of bytes per delivery, newline included."""
    at = pa.array(sent.event)
    events = site.events.at(sent.event)
    session = pa.array(events.session)
    text = join(
        "{", take(_heads(), events.kind), '"messageId":"', site.message_id.take(at), '","anonymousId":"',
        site.devices.anonymous_id.take(pa.array(site.traffic.device[events.session])), '",',
        _user_part(site.traffic, events), _clocks(site, events, sent), _properties(events, site.library), ",",
        site.traffic.start_of_context.take(session), _page_part(site, events),
        take(CAMPAIGNS, site.traffic.campaign[events.session]), site.consent.take(session), "}}",
    )  # fmt: skip
    return as_bytes(text, sent.damage)


def is_signed_in(traffic: Traffic, events: Events) -> Bools:
    """Whether each event carries a user id."""
    return np.asarray(events.at_ms >= traffic.signed_in_ms[events.session], dtype=np.bool_)


def _user_part(traffic: Traffic, events: Events) -> pa.Array:
    user = join('"userId":"', traffic.user_id.take(pa.array(events.session)), '",')
    return choose(is_signed_in(traffic, events), user, "")


def _heads() -> list[str]:
    """Type and name by kind of event."""
    return [
        f'"type":"track","event":"{name}",' if name else f'"type":"{_CALLS.get(kind, "page")}",'
        for kind, (name, _) in enumerate(_KINDS)
    ]


def _clocks(site: Site, events: Events, sent: Deliveries) -> pa.Array:
    """Segment's four clocks; the device's may be wrong, their difference never is."""
    skew = site.devices.skew_ms[site.traffic.device[events.session]]
    original = events.at_ms + skew
    moments = (original, original + sent.wait_ms, sent.received_ms, sent.received_ms - sent.wait_ms)
    names = ("originalTimestamp", "sentAt", "receivedAt", "timestamp")
    parts = [
        part
        for name, moment in zip(names, moments, strict=True)
        for part in (f'"{name}":"', iso_ms(moment), '",')
    ]
    return join(*parts)


def _properties(events: Events, library: Library) -> pa.Array:
    """The properties (or traits, or other fields) with their key."""
    kind = events.kind
    is_page, is_other = kind == 0, kind >= IDENTIFY
    item = take(library.content_id, np.maximum(events.content, 0))
    reading = join(',"content_id":"', item, '"', _depth(events))
    body = join(
        choose(is_page, _page_fields(events.page, library), ""), choose(events.content >= 0, reading, ""),
        take([extra for _, extra in _KINDS], kind), events.extra,
    )  # fmt: skip
    inner = pc.utf8_slice_codeunits(body, 1)  # every part starts with a comma
    return choose(is_other, inner, join('"properties":{', inner, "}"))


def _depth(events: Events) -> pa.Array:
    percent = np.round(np.maximum(events.scroll, 0) * 100).astype(np.int64)
    hundredths = join(whole(percent // 100), ".", padded(percent % 100, 2))
    text = join(',"scroll_depth":', hundredths, ',"time_on_page_s":', whole(events.seconds))
    return choose(events.kind == CONTENT_VIEWED, text, "")


def _page_fields(page: Ints, library: Library) -> pa.Array:
    table = [join(',"path":"', path, '","url":"', SITE, path, '","title":"', title, '"')
             for path, title in (_static(), (library.path, library.title))]  # fmt: skip
    item = np.maximum(page - CONTENT_PAGES, 0)
    about = join(table[1], ',"content_id":"', library.content_id, '"').take(pa.array(item))
    return choose(
        page >= CONTENT_PAGES, about, table[0].take(pa.array(np.minimum(page, CONTENT_PAGES - 1)))
    )


def _static() -> tuple[pa.Array, pa.Array]:
    paths, titles = zip(*STATIC_PAGES, strict=True)
    return pa.array(paths), pa.array(titles)


def _page_part(site: Site, events: Events) -> pa.Array:
    """The page in the event's context; the referrer stands where the visit began."""
    static, _ = _static()
    paths = pa.concat_arrays([static, site.library.path])
    path = paths.take(pa.array(events.page))
    is_first = events.at_ms - site.traffic.start_ms[events.session] < 75_000
    referrer = site.traffic.referrer[events.session] * is_first
    texts = ["" if not url else f',"referrer":"{url}"' for url in REFERRERS]
    return join(',"page":{"path":"', path, '","url":"', SITE, path, '"', take(texts, referrer), "}")
