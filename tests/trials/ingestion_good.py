"""Good events and records of every format and kind, from which the trials make bad ones."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, get_args

from ingestion.config import RecordSource
from ingestion.formats.snowplow_fields import FIELDS as SNOWPLOW_FIELDS
from ingestion.mapping import KINDS, FieldType

NAMES = ("Ann Lee", "Zoë Ångström", "李小龍", "O'Brien; drop", "محمد", "Ben  Ray", "Ünal", "😀 Cy")
TOPICS = ("pricing", "cloud cost", "Datenschutz", "größe", "k8s")


def segment_call(chance: Random, key: str) -> dict[str, Any]:
    """One call of any of the six kinds, with everything that Candor reads."""
    second = chance.randrange(50)
    made: dict[str, Any] = {
        "messageId": key,
        "type": chance.choice(("identify", "page", "screen", "track", "group", "alias")),
        "event": chance.choice(("Seen", "Order Completed", "Search Performed")),
        "anonymousId": f"device-{chance.randrange(10_000)}",
        "userId": chance.choice((f"user-{chance.randrange(500)}", None)),
        "originalTimestamp": f"2026-11-01T10:00:{second:02}Z",
        "sentAt": f"2026-11-01T10:01:{second:02}.250Z",
        "receivedAt": f"2026-11-01T10:01:{second + 2:02}Z",
        "properties": {
            "scroll_depth": chance.random(),
            "time_on_page_s": chance.randrange(900),
            "query": chance.choice(TOPICS),
            "position": chance.randrange(1, 20),
            "tags": [chance.choice(TOPICS), {"a": [1, 2.5, True, None]}],
        },
        "traits": {"email": f"p{chance.randrange(500)}@x.example", "name": chance.choice(NAMES)},
        "context": {
            "ip": "198.18.0.7",
            "userAgent": "Mozilla/5.0",
            "page": {"url": "https://x.example/a?b=c", "path": "/a", "title": "A"},
            "campaign": {"source": "news", "medium": "email"},
            "consent": {"categoryPreferences": {"analytics": True}},
        },
    }
    return {name: value for name, value in made.items() if value is not None}


def segment_line(chance: Random, key: str) -> bytes:
    return json.dumps(segment_call(chance, key), ensure_ascii=chance.random() < 0.5).encode()


def mparticle_line(chance: Random, key: str) -> bytes:
    """A batch of one event, on one line."""
    second = 1_793_527_200_000 + chance.randrange(10**6)
    data = {
        "source_message_id": key,
        "timestamp_unixtime_ms": second,
        "event_name": "Seen",
        "custom_event_type": "navigation",
        "custom_attributes": {"query": chance.choice(TOPICS), "name": chance.choice(NAMES)},
    }
    batch = {
        "environment": "production",
        "mp_deviceid": f"device-{chance.randrange(10_000)}",
        "timestamp_unixtime_ms": second + 2_000,
        "user_identities": {"customer_id": f"user-{chance.randrange(500)}"},
        "events": [{"event_type": "custom_event", "data": data}],
    }
    return json.dumps(batch, ensure_ascii=chance.random() < 0.5).encode()


def snowplow_line(chance: Random, key: str) -> bytes:
    """A page view as a line of the enriched stream."""
    second = chance.randrange(50)
    said = {
        "app_id": "site", "platform": "web", "event": "page_view", "event_name": "page_view",
        "event_id": key, "domain_userid": f"device-{chance.randrange(10_000)}",
        "collector_tstamp": f"2026-11-01 10:00:{second + 2:02}", "page_title": chance.choice(NAMES),
        "dvce_created_tstamp": f"2026-11-01 10:00:{second:02}", "page_url": "https://x.example/a",
        "dvce_sent_tstamp": f"2026-11-01 10:00:{second + 1:02}", "user_id": f"user-{second}",
    }  # fmt: skip
    return "\t".join(said.get(name, "") for name in SNOWPLOW_FIELDS).encode()


# How a good line of each event format is made. Every format of Candor must be here.
EVENT_LINES: Mapping[str, Callable[[Random, str], bytes]] = {
    "segment": segment_line,
    "rudderstack": segment_line,
    "mparticle": mparticle_line,
    "snowplow": snowplow_line,
}


@dataclass(frozen=True, slots=True)
class Records:
    """How the rows of one kind are written.

    Attributes:
        kind: Key of ``KINDS``.
        marker: The field that tells a good row from the others once it is stored.
    """

    kind: str
    marker: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the file; the last is mapped to nothing."""
        return (*KINDS[self.kind].fields, "Free text")

    def source(self, files: str) -> dict[str, Any]:
        """What ``sources.yml`` says of it."""
        made: dict[str, Any] = {"kind": self.kind, "files": files, "optional": True}
        if self.kind == "lifecycle_events":  # refused where nobody is named
            made |= {"person": {"email": "Free text"}}
        return made | {"map": {name: name for name in KINDS[self.kind].fields}}

    def values(self, chance: Random, key: str, number: int) -> list[str]:
        """One good row; ``number`` makes it unlike all others."""
        typed = {
            FieldType.TEXT: chance.choice(NAMES).replace(";", ""),
            FieldType.EMAIL: f"{key}@x.example",
            FieldType.NUMBER: f"{chance.random() * 1000:.2f}",
            FieldType.WHOLE: str(chance.randrange(10_000)),
            FieldType.TIME: f"2026-10-0{chance.randrange(1, 9)}T10:00:",
            "flag": chance.choice(("true", "false", "yes")),
            FieldType.CONSENT: chance.choice(("granted", "denied")),
        }
        # Unlike in every column: a row that is taken for a header has no name twice.
        own = {FieldType.TEXT: " {name}", FieldType.TIME: "{place:02}Z"}
        made = {
            name: typed[of] + own.get(of, "").format(name=name, place=place)
            for place, (name, of) in enumerate(KINDS[self.kind].fields.items())
        }
        made |= {KINDS[self.kind].key: key, self.marker: key}
        if self.kind == "consent_events":
            made |= {"subject_email": f"{key}@x.example"}
        if self.kind == "ip_ranges":
            made |= {"cidr": f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}/32"}
            made |= {"confidence": f"{chance.random():.2f}"}
        return [made.get(name, "free") for name in self.columns]

    def json_line(self, chance: Random, key: str, number: int) -> bytes:
        row = dict(zip(self.columns, self.values(chance, key, number), strict=True))
        return json.dumps(row, ensure_ascii=chance.random() < 0.5).encode()

    def csv_line(self, chance: Random, key: str, number: int, delimiter: str = ",") -> bytes:
        return csv_line(self.values(chance, key, number), delimiter)

    @property
    def csv_header(self) -> bytes:
        return csv_line(self.columns)


def csv_line(values: Sequence[str], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="").writerow(values)
    return text.getvalue().encode()


# The field that tells a good row once it is stored, where it is not the key.
_MARKERS = {"ip_ranges": "domain", "consent_events": "subject_email", "lifecycle_events": "stage"}
RECORDS: Mapping[str, Records] = {
    kind: Records(kind, _MARKERS.get(kind, made.key))
    for kind, made in KINDS.items()
    if kind == made.table and kind in get_args(RecordSource.model_fields["kind"].annotation)
}
