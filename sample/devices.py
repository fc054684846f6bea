"""Browsers: personal ones, ones that a household or a kiosk shares, and bots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from sample.chance import happens, pick
from sample.companies import Companies, Networks, dotted, office_addresses
from sample.names import CITIES
from sample.people import People
from sample.text import Bools, Ints, choose, join, take, uuids
from sample.visits import Sessions

OWNED, HOUSEHOLD, KIOSK, BOT = range(4)
_HOME_BASE = (100 << 24) + (64 << 16)  # 100.64.0.0/10: homes and mobile carriers
_BOT_BASE = (192 << 24) + (2 << 8)  # 192.0.2.0/24
_HOUR_MS = 3_600_000
DESKTOPS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36 Edg/139.0.0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
)
MOBILES = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14; SM-S921U) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
)
BOTS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36",
    "python-requests/2.32.3",
)
_PER_PERSON = 3  # places kept for each person's own browsers


@dataclass(frozen=True, slots=True)
class Devices:
    """One row per browser that was used.

    ``person`` is an owner (for a shared one: any of its users; for a bot: -1). ``at_home`` and
    ``at_office`` are the start of the event context on each network.
    """

    anonymous_id: pa.Array
    kind: Ints
    person: Ints
    skew_ms: Ints
    at_home: pa.Array
    at_office: pa.Array

    def __len__(self) -> int:
        """How many there are."""
        return len(self.kind)


@dataclass(frozen=True, slots=True)
class Usage:
    """Which browser each visit used, as a row number of ``Devices``, and on which network."""

    device: Ints
    in_office: Bools


def hand_out_devices(
    rng: np.random.Generator, people: People, visits: Sessions, bots: int,
    offices: tuple[Companies, Networks],
) -> tuple[Devices, Usage]:  # fmt: skip
    """Give every visit a browser; ``bots`` more browsers at the end belong to bots."""
    slot = _slots(rng, people, visits)
    used, device = np.unique(slot, return_inverse=True)
    shared = used >= len(people) * _PER_PERSON
    household = shared & (used < len(people) * (_PER_PERSON + 1))
    kind = np.concatenate(
        (np.select([household, shared], [HOUSEHOLD, KIOSK], OWNED), np.full(bots, BOT))
    )
    user = np.zeros(len(used), dtype=np.int64)
    user[device] = visits.person
    person = np.concatenate((user, np.full(bots, -1)))
    mobile = (np.concatenate((used, np.zeros(bots, dtype=np.int64))) % _PER_PERSON == 1) & (
        kind == OWNED
    )
    in_office = ~mobile[device] & (people.company[visits.person] >= 0) & _working(visits)
    in_office &= (kind[device] == OWNED) & happens(rng, len(visits), 0.75)
    in_office &= offices[0].network[np.maximum(people.company[visits.person], 0)] >= 0
    home, office = _contexts(rng, people, person, kind, mobile, offices)
    skew = (rng.normal(0, 9, len(kind)) * _HOUR_MS).astype(np.int64)
    skew = np.where(happens(rng, len(kind), 0.02), skew, 0)
    return Devices(uuids(rng, len(kind)), kind, person, skew, home, office), Usage(
        device, in_office
    )


def _slots(rng: np.random.Generator, people: People, visits: Sessions) -> Ints:
    """A number per browser: three places a person, one a household, then the kiosks."""
    n = len(people)
    owned = pick(rng, n, [0.5, 0.36, 0.14])[visits.person]  # browsers beside the first
    second = (owned >= 1) & happens(rng, len(visits), 0.38)
    third = (owned >= 2) & happens(rng, len(visits), 0.2)
    slot = visits.person * _PER_PERSON + np.select([third, second], [2, 1], 0)
    household = people.home.household[visits.person]
    lives_with_others = np.bincount(people.home.household, minlength=n)[household] > 1
    has_tablet = happens(rng, n, 0.1)[household] & lives_with_others
    slot = np.where(has_tablet & happens(rng, len(visits), 0.5), n * _PER_PERSON + household, slot)
    kiosks = max(1, n // 3_000)
    at_kiosk = happens(rng, len(visits), 0.004)
    return np.where(at_kiosk, n * (_PER_PERSON + 1) + rng.integers(0, kiosks, len(visits)), slot)


def _working(visits: Sessions) -> Bools:
    """Monday to Friday, 13 to 23 hours UTC: office hours across American time zones."""
    hour, day = visits.start_ms // _HOUR_MS % 24, visits.start_ms // (24 * _HOUR_MS)
    return (hour >= 13) & (hour < 23) & ((day + 3) % 7 < 5)  # 1970-01-01 was a Thursday


def _contexts(
    rng: np.random.Generator, people: People, person: Ints, kind: Ints, mobile: Bools,
    offices: tuple[Companies, Networks],
) -> tuple[pa.Array, pa.Array]:  # fmt: skip
    """The start of the event context of each browser at home and at the office."""
    n, somebody = len(person), np.maximum(person, 0)
    agent = _agents(rng, kind, mobile)
    zones = take([city[3] for city in CITIES], people.city[somebody])
    device = choose(mobile, '"mobile"}', '"desktop"}')
    rest = join('","userAgent":"', agent, '","locale":"', take(("en-US", "en-US", "en-GB", "es-US"), pick(rng, n, [80, 10, 5, 5])),
                '","timezone":"', zones, '","device":{"type":', device)  # fmt: skip
    home_ip = choose(kind == BOT, dotted(_BOT_BASE + rng.integers(1, 255, n)),
                     dotted(_HOME_BASE + rng.integers(1, 1 << 22, n)))  # fmt: skip
    company = np.maximum(people.company[somebody], 0)
    office_ip = office_addresses(*offices, company, rng.integers(0, 1 << 12, n))
    start = '"context":{"ip":"'
    return join(start, home_ip, rest), join(start, office_ip, rest)


def _agents(rng: np.random.Generator, kind: Ints, mobile: Bools) -> pa.Array:
    n = len(kind)
    human = choose(mobile, take(MOBILES, rng.integers(0, len(MOBILES), n)),
                   take(DESKTOPS, rng.integers(0, len(DESKTOPS), n)))  # fmt: skip
    return choose(kind == BOT, take(BOTS, rng.integers(0, len(BOTS), n)), human)
