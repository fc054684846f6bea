"""Contacts as marketing (HubSpot) and sales (Salesforce) keep them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.calendar import Calendar
from sample.chance import happens, pick, scatter
from sample.companies import Companies
from sample.contacts import Contact, Habits, mixed_up, write_down
from sample.known import NEVER, Known
from sample.names import CONTACT_OWNERS
from sample.noise import recase
from sample.people import People
from sample.records import Records, shuffled
from sample.text import (
    DAY_MS,
    Bools,
    Ints,
    choose,
    iso_dates,
    iso_minutes,
    iso_ms,
    join,
    padded,
    take,
    tokens,
)  # fmt: skip

HUBSPOT = Habits(emails=(21, 61, 4, 6, 3, 0.3, 4.7), phones=(58, 4, 15, 0.3, 22.7),
                 nickname=0.16, slip=0.025, birth=0.25, address=0.66)  # fmt: skip
SALESFORCE = Habits(emails=(46, 40, 4, 3, 3, 0.3, 3.7), phones=(62, 4, 12, 0.3, 21.7),
                    nickname=0.1, slip=0.02, birth=0.32, address=0.66)  # fmt: skip
_HUBSPOT_TWICE, _SALESFORCE_TWICE = 0.07, 0.04
_MIXED_UP = 0.004
_STAGES = ("subscriber", "lead", "marketingqualifiedlead", "opportunity", "customer", "")
_LEAD_SOURCES = ("Web", "Trade fair", "Phone", "Partner", "")


def hubspot_contacts(
    rng: np.random.Generator, people: People, companies: Companies, known: Known, calendar: Calendar
) -> Records:
    """Whoever filled in a form; one in fourteen twice, and a few with a housemate's details."""
    person, is_copy = _with_copies(rng, known.in_hubspot, _HUBSPOT_TWICE)
    n, at = len(person), pa.array(person)
    contact, mixed = _with_mix_ups(rng, people, companies, person)
    created, modified = _moments(rng, n, calendar)
    table = pa.table({
        "Record ID": choose(is_copy, _copy_ids(people, person), known.hubspot_id.take(at)),
        "First Name": contact.first, "Last Name": contact.last, "Email": contact.email,
        "Phone Number": contact.phone, "Company Name": _company_names(rng, people, companies, person),
        "Job Title": choose(happens(rng, n, 0.7), people.title.take(at), None),
        "Lifecycle Stage": _stages(rng, known.billing_since_ms[person]),
        "Street Address": contact.street, "City": contact.city, "State/Region": contact.state,
        "Postal Code": contact.postal_code, "Date of Birth": contact.birth_date,
        "Create Date": iso_minutes(created), "Last Modified Date": iso_minutes(modified),
        "Contact owner": take(CONTACT_OWNERS, pick(rng, n, [30, 25, 25, 20])),
    })  # fmt: skip
    return shuffled(rng, Records("hubspot_contacts", "Record ID", table, person, mixed))


def salesforce_contacts(
    rng: np.random.Generator, people: People, companies: Companies, known: Known, calendar: Calendar
) -> Records:
    """Whoever sales spoke to, mostly with the employer's account."""
    person, is_copy = _with_copies(rng, known.in_salesforce, _SALESFORCE_TWICE)
    n, at = len(person), pa.array(person)
    contact = write_down(rng, people, companies, person, SALESFORCE)
    created, modified = _moments(rng, n, calendar)
    company = people.company[person]
    account = companies.account_id.take(pa.array(np.maximum(company, 0)))
    has_account = (
        (company >= 0) & companies.has_account[np.maximum(company, 0)] & happens(rng, n, 0.94)
    )
    table = pa.table({
        "Id": choose(is_copy, join("003W7001", tokens(rng, n, 10)), known.salesforce_id.take(at)),
        "AccountId": choose(has_account, account, None),
        "FirstName": contact.first, "LastName": contact.last, "Email": contact.email,
        "Phone": contact.phone, "Title": choose(happens(rng, n, 0.8), people.title.take(at), None),
        "MailingStreet": contact.street, "MailingCity": contact.city, "MailingState": contact.state,
        "MailingPostalCode": contact.postal_code,
        "MailingCountry": choose(happens(rng, n, 0.6), "US", None), "Birthdate": _iso(contact, people, person),
        "LeadSource": take(_LEAD_SOURCES, pick(rng, n, [40, 15, 15, 15, 15])),
        "CreatedDate": iso_ms(created), "SystemModstamp": iso_ms(modified),
    })  # fmt: skip
    return shuffled(
        rng, Records("salesforce_contacts", "Id", table, person, np.zeros(n, dtype=np.bool_))
    )


def _with_copies(rng: np.random.Generator, mask: Bools, share: float) -> tuple[Ints, Bools]:
    """Everybody in the tool, then those who are there a second time."""
    once = np.flatnonzero(mask)
    again = once[happens(rng, len(once), share)]
    return np.concatenate((once, again)), np.arange(len(once) + len(again)) >= len(once)


def _with_mix_ups(
    rng: np.random.Generator, people: People, companies: Companies, person: Ints
) -> tuple[Contact, Bools]:
    """Records of which a few were merged by mistake with the next person of the household."""
    own = write_down(rng, people, companies, person, HUBSPOT)
    other = np.minimum(person + 1, len(people) - 1)
    lives_here = (people.home.household[other] == people.home.household[person]) & (other != person)
    mixed = lives_here & happens(rng, len(person), 3 * _MIXED_UP)
    return mixed_up(mixed, own, write_down(rng, people, companies, other, HUBSPOT)), mixed


def _copy_ids(people: People, person: Ints) -> pa.Array:
    """Ids for second records, from a stretch of numbers that first records never use."""
    return padded(10_000_000_000 + scatter(people.start + person + 50_000_000, 89_999_999_977), 11)


def _company_names(
    rng: np.random.Generator, people: People, companies: Companies, person: Ints
) -> pa.Array:
    """The employer's name, often without its legal form; empty for a few employees."""
    company = people.company[person]
    full = companies.name.take(pa.array(np.maximum(company, 0)))
    short = pc.replace_substring_regex(full, " (Inc|LLC|Corp)$", "")
    name = recase(rng, choose(happens(rng, len(person), 0.4), short, full), 0.08)
    return choose((company >= 0) & happens(rng, len(person), 0.93), name, None)


def _stages(rng: np.random.Generator, billing_since_ms: Ints) -> pa.Array:
    """Mostly right about who is a customer."""
    n = len(billing_since_ms)
    stage = np.where(billing_since_ms != NEVER, 4, pick(rng, n, [30, 40, 15, 10, 1]))
    return take(_STAGES, np.where(happens(rng, n, 0.08), 5, stage))


def _iso(contact: Contact, people: People, person: Ints) -> pa.Array:
    """Salesforce checks its dates: one form only."""
    return choose(contact.birth_date.is_valid().to_numpy(zero_copy_only=False),
                  iso_dates(people.home.birth_day[person]), None)  # fmt: skip


def _moments(rng: np.random.Generator, n: int, calendar: Calendar) -> tuple[Ints, Ints]:
    """When records were made and last touched, before the last day."""
    age = rng.integers(DAY_MS, 900 * DAY_MS, n)
    created = calendar.end_ms - age
    return created, created + (age * rng.random(n) * 0.999).astype(np.int64)
