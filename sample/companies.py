"""Employers: firmographics, networks, and the accounts that sales keeps of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.calendar import Calendar
from sample.chance import happens, pick, scatter
from sample.names import COMPANY_FIRST, COMPANY_SECOND, INDUSTRIES, LEGAL_FORMS, TECH_TAGS
from sample.text import (
    DAY_MS,
    Bools,
    Ints,
    blanks,
    choose,
    iso_ms,
    join,
    padded,
    take,
    tokens,
    whole,
)  # fmt: skip

PEOPLE_PER_COMPANY = 12
_OFFICE_BITS = 17  # 198.18.0.0/15 holds 2**17 addresses
_OFFICE_BASE = (198 << 24) + (18 << 16)


@dataclass(frozen=True, slots=True)
class Companies:
    """Employers of one block of people, one per row; ``network`` is -1 where none is known."""

    name: pa.Array
    domain: pa.Array
    industry: Ints
    employees: Ints
    network: Ints
    account_id: pa.Array
    has_account: Bools

    def __len__(self) -> int:
        """How many there are."""
        return len(self.employees)


@dataclass(frozen=True, slots=True)
class Networks:
    """How the office address space is cut for a company of this size."""

    bits: int

    @property
    def addresses(self) -> int:
        """Addresses of one network."""
        return 1 << (_OFFICE_BITS - self.bits)

    @property
    def prefix(self) -> int:
        """Length of its CIDR prefix."""
        return 32 - (_OFFICE_BITS - self.bits)


def networks_for(people: int) -> Networks:
    """Networks small enough that every company has one, at least 16 addresses each."""
    wanted = max(people // PEOPLE_PER_COMPANY, 256)
    return Networks(min(int(np.ceil(np.log2(wanted))), _OFFICE_BITS - 4))


def found_companies(
    rng: np.random.Generator, start: int, people: int, networks: Networks
) -> Companies:
    """Employers for a block of people that begins at person number ``start``."""
    n = max(people // PEOPLE_PER_COMPANY, 4)
    number = start // PEOPLE_PER_COMPANY + np.arange(n)
    name, domain, industry = _names(rng, number)
    size = np.clip(rng.lognormal(4.6, 1.6, n), 2, 60_000).astype(np.int64)
    slot = scatter(number, 1 << networks.bits)
    network = np.where(number < 1 << networks.bits, slot, -1)
    return Companies(name, domain, industry, size, network,
                     join("001W7000", tokens(rng, n, 10)), happens(rng, n, 0.92))  # fmt: skip


def _names(rng: np.random.Generator, number: Ints) -> tuple[pa.Array, pa.Array, Ints]:
    """A name, a domain that no other company has, and an industry."""
    first, second, kinds = len(COMPANY_FIRST), len(COMPANY_SECOND), len(INDUSTRIES)
    spread = scatter(number, first * second * kinds)
    word = join(take(COMPANY_FIRST, spread % first), take(COMPANY_SECOND, spread // first % second))
    industry = spread // (first * second)
    suffixes = [suffix for _, words in INDUSTRIES for suffix in words]
    suffix = take(suffixes, industry * 3 + rng.integers(0, 3, len(number)))
    name = join(word, " ", suffix, take(LEGAL_FORMS, rng.integers(0, 6, len(number))))
    tail = pc.utf8_lower(
        pc.replace_substring_regex(take([kind for kind, _ in INDUSTRIES], industry), r" .*", "")
    )
    domain = join(pc.utf8_lower(word), tail, ".example")
    return name, domain, industry


def firmographics(rng: np.random.Generator, companies: Companies) -> pa.Table:
    """What a data vendor sells about them; some are missing."""
    n = len(companies)
    tags = [take(TECH_TAGS, (rng.integers(0, 12, n) + step * 4) % 12) for step in range(3)]
    table = pa.table({
        "domain": companies.domain, "company_name": companies.name,
        "industry": take([name for name, _ in INDUSTRIES], companies.industry),
        "employee_count": whole(companies.employees),
        "annual_revenue_usd": whole(companies.employees * rng.integers(60, 400, n) * 1000),
        "country": pa.array(["US"] * n), "founded_year": whole(rng.integers(1950, 2024, n)),
        "tech_tags": join(tags[0], "|", tags[1], "|", tags[2]),
    })  # fmt: skip
    return table.filter(pa.array(happens(rng, n, 0.93)))


def office_addresses(
    companies: Companies, networks: Networks, company: Ints, host: Ints
) -> pa.Array:
    """An address inside each given company's network; ``host`` counts from 0."""
    number = companies.network[company] * networks.addresses + 1 + host % (networks.addresses - 2)
    return dotted(_OFFICE_BASE + number)


def dotted(address: Ints) -> pa.Array:
    """IPv4 addresses as text."""
    octets = [whole(address >> shift & 255) for shift in (24, 16, 8, 0)]
    return join(octets[0], ".", octets[1], ".", octets[2], ".", octets[3])


def ip_ranges(rng: np.random.Generator, companies: Companies, networks: Networks) -> pa.Table:
    """The networks that a vendor has seen at companies; incomplete, with a confidence."""
    known = np.flatnonzero((companies.network >= 0) & happens(rng, len(companies), 0.9))
    first = _OFFICE_BASE + companies.network[known] * networks.addresses
    percent = rng.integers(55, 99, len(known))
    return pa.table({
        "cidr": join(dotted(first), f"/{networks.prefix}"),
        "domain": companies.domain.take(pa.array(known)),
        "confidence": join("0.", padded(percent, 2)),
    })  # fmt: skip


def sales_accounts(rng: np.random.Generator, companies: Companies, calendar: Calendar) -> pa.Table:
    """The accounts that sales keeps, with gaps and stale head counts."""
    n = len(companies)
    created = calendar.end_ms - rng.integers(2 * DAY_MS, 800 * DAY_MS, n)
    modified = calendar.end_ms - rng.integers(0, 90 * DAY_MS, n)
    headcount = (companies.employees * rng.uniform(0.8, 1.2, n)).astype(np.int64) + 1
    industry = take([name for name, _ in INDUSTRIES], companies.industry)
    table = pa.table({
        "Id": companies.account_id, "Name": companies.name,
        "Website": choose(happens(rng, n, 0.82), join("https://www.", companies.domain), blanks(n)),
        "Industry": choose(happens(rng, n, 0.8), industry, blanks(n)),
        "NumberOfEmployees": choose(happens(rng, n, 0.72), whole(headcount), blanks(n)),
        "Type": take(("Customer", "Prospect", "Partner"), pick(rng, n, [30, 45, 25])),
        "CreatedDate": iso_ms(created), "SystemModstamp": iso_ms(np.maximum(created, modified)),
    })  # fmt: skip
    return table.filter(pa.array(companies.has_account))
