"""The people whom the company knows, as they truly are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.chance import happens, pick, scatter
from sample.companies import Companies
from sample.households import GIVEN_NAMES, Households, form_households
from sample.names import (
    AREA_CODES,
    CITIES,
    JOB_TITLES,
    MAILBOX_PROVIDERS,
    STREET_KINDS,
    STREETS,
    SURNAMES,
)  # fmt: skip
from sample.personas import PERSONAS, topic_weights
from sample.text import Bools, Floats, Ints, choose, join, padded, take, whole

_PHONES = len(AREA_CODES) * 10_000
_TASTE = 9.0  # how closely a person keeps to the persona's topics; larger is closer


@dataclass(frozen=True, slots=True)
class People:
    """One block of people, one per row; row i is person number ``start + i``.

    Null text means that the person has no such thing. Former values (``old_``) live on in
    records that nobody has updated.
    """

    start: int
    person_id: pa.Array
    home: Households
    first: pa.Array
    last: pa.Array
    company: Ints
    is_customer_before: Bools
    title: pa.Array
    city: Ints
    street: pa.Array
    old_street: pa.Array
    postal_code: pa.Array
    personal_email: pa.Array
    work_email: pa.Array
    old_email: pa.Array
    family_email: pa.Array
    mobile: pa.Array
    old_mobile: pa.Array
    landline: pa.Array
    persona: Ints
    interests: Floats
    engagement: Floats

    def __len__(self) -> int:
        """How many there are."""
        return len(self.company)


def meet_people(
    rng: np.random.Generator, start: int, n: int, companies: Companies, today: int
) -> People:
    """Draw a block of n people; households and employers stay inside the block."""
    home = form_households(rng, n, today)
    first, last = (
        take([names[0] for names in GIVEN_NAMES], home.given),
        take(SURNAMES, home.surname),
    )
    company, former = _employers(rng, n, companies)
    persona = pick(rng, n, [kind.share for kind in PERSONAS])
    city = rng.integers(0, len(CITIES), n)[home.household]
    personal = _personal_emails(rng, first, last, start)
    phones = _phones(rng, start, home)
    return People(
        start=start, person_id=join("P", padded(scatter(start + np.arange(n), 90_000_000) + 10_000_000, 8)),
        home=home, first=first, last=last, company=company,
        is_customer_before=happens(rng, n, 0.27), title=_titles(rng, persona, company),
        city=city, street=_streets(rng, home.household), old_street=_streets(rng, np.arange(n)),
        postal_code=join(take([city[2] for city in CITIES], city), padded(rng.integers(0, 100, n)[home.household], 2)),
        personal_email=personal,
        work_email=_work_emails(rng, first, last, company, companies),
        old_email=_old_emails(rng, first, last, former, companies, start),
        family_email=_family_emails(last, home.household, start),
        mobile=phones[0], old_mobile=phones[1], landline=phones[2],
        persona=persona, interests=_interests(rng, persona), engagement=rng.normal(0, 1, n),
    )  # fmt: skip


def _employers(rng: np.random.Generator, n: int, companies: Companies) -> tuple[Ints, Ints]:
    """Present and former employer of each person; -1 where there is none."""
    pull = np.sqrt(companies.employees.astype(np.float64))
    company = np.where(happens(rng, n, 0.64), pick(rng, n, pull), -1)
    former = np.where((company >= 0) & happens(rng, n, 0.07), pick(rng, n, pull), -1)
    return company, np.where(former == company, -1, former)


def _titles(rng: np.random.Generator, persona: Ints, company: Ints) -> pa.Array:
    """A job that mostly fits the persona; null without an employer."""
    n = len(persona)
    field = np.where(happens(rng, n, 0.7), persona, rng.integers(0, len(JOB_TITLES), n))
    flat = [title for titles in JOB_TITLES for title in titles]
    return choose(company >= 0, take(flat, field * 5 + rng.integers(0, 5, n)), None)


def _streets(rng: np.random.Generator, household: Ints) -> pa.Array:
    """A street address for each household, in its short form."""
    n = len(household)
    number = whole(rng.integers(1, 9_900, n)[household])
    street = take(STREETS, rng.integers(0, len(STREETS), n)[household])
    kind = take(
        [short for short, _ in STREET_KINDS], rng.integers(0, len(STREET_KINDS), n)[household]
    )
    return join(number, " ", street, " ", kind)


def _phones(
    rng: np.random.Generator, start: int, home: Households
) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Mobile, former mobile and landline numbers, ten digits each.

    One in eighty former numbers is somebody else's mobile today.
    """
    n = len(home.household)
    own = scatter(3 * (start + np.arange(n)), _PHONES)
    former = scatter(3 * (start + np.arange(n)) + 1, _PHONES)
    former = np.where(happens(rng, n, 1 / 80), own[rng.permutation(n)], former)
    landline = scatter(3 * (start + home.household) + 2, _PHONES)
    return _ten_digits(own), _ten_digits(former), _ten_digits(landline)


def _ten_digits(number: Ints) -> pa.Array:
    return join(take(AREA_CODES, number // 10_000), "555", padded(number % 10_000, 4))


def _personal_emails(
    rng: np.random.Generator, first: pa.Array, last: pa.Array, start: int
) -> pa.Array:
    """Addresses at mailbox providers, each one person's."""
    n = len(first)
    given, family = pc.utf8_lower(first), pc.utf8_lower(last)
    digits = padded(rng.integers(0, 100, n), 2)
    local = _pattern(pick(rng, n, [3, 2, 3, 3, 2]), (
        join(given, ".", family), join(given, "_", family), join(given, family, digits),
        join(pc.utf8_slice_codeunits(given, 0, 1), family, digits), join(family, ".", given, digits),
    ))  # fmt: skip
    provider = take(MAILBOX_PROVIDERS, pick(rng, n, [38, 16, 15, 10, 8, 4, 5, 4]))
    return _distinct(join(local, _block_mark(start), "@", provider))


def _work_emails(
    rng: np.random.Generator, first: pa.Array, last: pa.Array, company: Ints, companies: Companies
) -> pa.Array:
    """Addresses at the employer, in the employer's own pattern; null without one."""
    given, family = pc.utf8_lower(first), pc.utf8_lower(last)
    style = pick(rng, len(companies), [5, 4, 1])[company]
    local = _pattern(style, (
        join(given, ".", family), join(pc.utf8_slice_codeunits(given, 0, 1), family), join(given, family),
    ))  # fmt: skip
    address = _distinct(join(local, "@", take(companies.domain, np.maximum(company, 0))))
    return choose(company >= 0, address, None)


def _old_emails(
    rng: np.random.Generator,
    first: pa.Array,
    last: pa.Array,
    former: Ints,
    companies: Companies,
    start: int,
) -> pa.Array:
    """A former employer's address, or a mailbox given up; null for those who never changed."""
    n = len(first)
    work = _work_emails(rng, first, last, former, companies)
    gone = join(pc.utf8_lower(last), padded(rng.integers(0, 100, n), 2), padded(np.arange(n) % 100, 2),
                _block_mark(start), "@aol.com")  # fmt: skip
    return choose(former >= 0, work, choose(happens(rng, n, 0.12), _distinct(gone), None))


def _family_emails(last: pa.Array, household: Ints, start: int) -> pa.Array:
    """One address per household, named after its first member."""
    surname = pc.utf8_lower(last.take(pa.array(np.searchsorted(household, household))))
    return join("the.", surname, "s.", whole(start + household), "@harborpost.example")


def _pattern(style: Ints, variants: tuple[pa.Array, ...]) -> pa.Array:
    """The variant of each row's style."""
    return pc.choose(pa.array(style), *variants)


def _block_mark(start: int) -> str:
    """What keeps addresses of different blocks apart: nothing in the first, then three digits."""
    return f"{start // 24_000:03d}" if start else ""


def _distinct(addresses: pa.Array) -> pa.Array:
    """Addresses made different where several people would have the same."""
    codes = addresses.dictionary_encode().indices.to_numpy().astype(np.int64)
    order = np.argsort(codes, kind="stable")
    ranked = codes[order]
    place = np.empty(len(codes), dtype=np.int64)
    place[order] = np.arange(len(codes)) - np.searchsorted(ranked, ranked)
    at = pc.binary_join_element_wise("x", whole(place), "@", "")
    return pc.if_else(pa.array(place > 0), _replace_at(addresses, at), addresses)


def _replace_at(addresses: pa.Array, at: pa.Array) -> pa.Array:
    halves = pc.split_pattern(addresses, "@", max_splits=1)
    return join(pc.list_element(halves, 0), at, pc.list_element(halves, 1))


def _interests(rng: np.random.Generator, persona: Ints) -> Floats:
    """Each person's share of attention per topic, shape (n, topics); rows sum to 1."""
    drawn = rng.standard_gamma(_TASTE * topic_weights()[persona]) + 1e-4
    return np.asarray(drawn / drawn.sum(axis=1, keepdims=True), dtype=np.float64)
