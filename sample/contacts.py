"""What a tool writes down about a person: one of several addresses, a nickname, an old phone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.chance import happens, pick
from sample.companies import Companies
from sample.names import CITIES, JUNK_EMAILS, JUNK_PHONES, ROLE_MAILBOXES, SURNAMES
from sample.noise import (
    misspell,
    mistype_address,
    recase,
    shorten,
    write_birth_date,
    write_phone,
    write_street,
)  # fmt: skip
from sample.people import People
from sample.text import Bools, Ints, blanks, choose, join, take


@dataclass(frozen=True, slots=True)
class Habits:
    """How carefully the users of one tool work.

    Attributes:
        emails: Weights of the address at work, the personal, the former, the family's, the
            company's role mailbox, a placeholder, none.
        phones: Weights of the mobile, the former mobile, the landline, a placeholder, none.
        nickname: Share of people called by a nickname.
        slip: Share of names and addresses with a typing error.
        birth: Share of people whose date of birth is asked.
        address: Share of people whose street is known.
        moved: Share of the known streets that are former ones.
    """

    emails: tuple[float, ...]
    phones: tuple[float, ...]
    nickname: float = 0.1
    slip: float = 0.02
    birth: float = 0.0
    address: float = 0.0
    moved: float = 0.06


@dataclass(frozen=True, slots=True)
class Contact:
    """One row per record; null where nothing was written down."""

    first: pa.Array
    last: pa.Array
    email: pa.Array
    phone: pa.Array
    street: pa.Array
    city: pa.Array
    state: pa.Array
    postal_code: pa.Array
    birth_date: pa.Array


def write_down(
    rng: np.random.Generator, people: People, companies: Companies, person: Ints, habits: Habits
) -> Contact:
    """One record of each person given (rows of ``people``)."""
    n, at = len(person), pa.array(person)
    city, known = people.city[person], happens(rng, n, habits.address)
    moved = happens(rng, n, habits.moved)
    street = choose(moved, people.old_street.take(at), people.street.take(at))
    has_zip = known & ~moved & happens(rng, n, 0.9)
    has_city = known | happens(rng, n, 0.5 * (habits.address > 0))
    return Contact(
        first=_first_names(rng, people, person, habits), last=_last_names(rng, people, person, habits),
        email=_emails(rng, people, companies, person, habits), phone=_phones(rng, people, person, habits),
        street=choose(known, write_street(rng, street), None),
        city=choose(has_city, recase(rng, take([row[0] for row in CITIES], city), 0.06), None),
        state=choose(has_city, take([row[1] for row in CITIES], city), None),
        postal_code=choose(has_zip, people.postal_code.take(at), None),
        birth_date=write_birth_date(rng, people.home.birth_day[person], habits.birth),
    )  # fmt: skip


def _first_names(
    rng: np.random.Generator, people: People, person: Ints, habits: Habits
) -> pa.Array:
    name = shorten(
        rng, people.first.take(pa.array(person)), people.home.given[person], habits.nickname
    )
    name = recase(rng, misspell(rng, name, habits.slip), 0.05)
    return choose(happens(rng, len(person), 0.02), None, name)


def _last_names(rng: np.random.Generator, people: People, person: Ints, habits: Habits) -> pa.Array:
    """The present name, the maiden name in records that nobody updated, sometimes with Jr."""
    maiden = happens(rng, len(person), 0.4)
    surname = np.where(maiden, people.home.maiden[person], people.home.surname[person])
    name = recase(rng, misspell(rng, take(SURNAMES, surname), habits.slip), 0.05)
    junior = people.home.is_junior[person] & happens(rng, len(person), 0.35)
    return choose(happens(rng, len(person), 0.03), None, choose(junior, join(name, " Jr"), name))


def _emails(
    rng: np.random.Generator, people: People, companies: Companies, person: Ints, habits: Habits
) -> pa.Array:
    n, at = len(person), pa.array(person)
    personal, company = people.personal_email.take(at), people.company[person]
    mailbox = join(take(ROLE_MAILBOXES, rng.integers(0, len(ROLE_MAILBOXES), n)), "@",
                   take(companies.domain, np.maximum(company, 0)))  # fmt: skip
    email = pc.choose(
        pa.array(pick(rng, n, habits.emails)), pc.coalesce(people.work_email.take(at), personal), personal,
        pc.coalesce(people.old_email.take(at), personal), people.family_email.take(at),
        choose(company >= 0, mailbox, personal), take(JUNK_EMAILS, rng.integers(0, len(JUNK_EMAILS), n)), blanks(n),
    )  # fmt: skip
    return mistype_address(rng, email, habits.slip)


def _phones(rng: np.random.Generator, people: People, person: Ints, habits: Habits) -> pa.Array:
    n, at = len(person), pa.array(person)
    kind = pick(rng, n, habits.phones)
    digits = pc.choose(pa.array(np.minimum(kind, 2)), people.mobile.take(at), people.old_mobile.take(at),
                       people.landline.take(at))  # fmt: skip
    junk = take(JUNK_PHONES, rng.integers(0, len(JUNK_PHONES), n))
    return choose(kind == 4, None, choose(kind == 3, junk, write_phone(rng, digits)))


def mixed_up(mask: Bools, own: Contact, other: Contact) -> Contact:
    """Records that hold one person's name and another's address, phone and birthday."""
    return Contact(
        own.first, own.last, choose(mask, other.email, own.email), choose(mask, other.phone, own.phone),
        own.street, own.city, own.state, own.postal_code, choose(mask, other.birth_date, own.birth_date),
    )  # fmt: skip
