"""Requests of people to see or erase what is stored of them, in the form of OpenDSR 2.0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.block import Block
from sample.calendar import Calendar
from sample.chance import happens, pick
from sample.content import DOMAIN
from sample.text import DAY_MS, choose, iso_seconds, join, take, uuids

_PEOPLE_PER_REQUEST = 200
_TYPES = ("erasure", "access", "portability")


@dataclass(frozen=True, slots=True)
class Requests:
    """Request bodies as lines, and every record that each of them is about."""

    lines: pa.Array
    expected: pa.Table


def draw_requests(block: Block, calendar: Calendar) -> Requests:
    """A request from one customer in many, by sign-in address or by customer id."""
    rng, known, people = block.draws("requests"), block.cast.known, block.cast.people
    customers = np.flatnonzero(known.billing_since_ms < calendar.end_ms)
    person = rng.permutation(customers)[: 1 + len(people) // _PEOPLE_PER_REQUEST]
    n, at = len(person), pa.array(person)
    request_id, kind = uuids(rng, n), take(_TYPES, pick(rng, n, [70, 22, 8]))
    submitted = np.sort(calendar.end_ms - rng.integers(1, 25 * DAY_MS, n))
    by_id = happens(rng, n, 0.4)
    identity = choose(by_id, join('controller_customer_id","identity_value":"', known.billing_id.take(at)),
                      join('email","identity_value":"', known.login_email.take(at)))  # fmt: skip
    lines = join(
        '{"regulation":"', choose(happens(rng, n, 0.5), "ccpa", "gdpr"), '","subject_request_id":"', request_id,
        '","subject_request_type":"', kind, '","submitted_time":"', iso_seconds(submitted),
        '","subject_identities":[{"identity_type":"', identity, '","identity_format":"raw"}],"api_version":"2.0",'
        f'"status_callback_urls":["https://privacy.{DOMAIN}/opendsr"]}}\n',
    )  # fmt: skip
    return Requests(lines, _expected(block, people.person_id.take(at), request_id, kind))


def _expected(block: Block, person_id: pa.Array, request_id: pa.Array, kind: pa.Array) -> pa.Table:
    """The records of the people who asked."""
    records = pa.concat_tables([records.truth(block.cast.people) for records in block.records])
    asked = pc.index_in(records.column("person_id").combine_chunks(), person_id)
    records, at = records.filter(asked.is_valid()), asked.drop_null()
    return pa.table({
        "subject_request_id": request_id.take(at), "type": kind.take(at),
        "person_id": records.column("person_id"), "source": records.column("source"),
        "source_record_id": records.column("source_record_id"),
    })  # fmt: skip
