"""What every event format gives: judged calls for a load, and whom each line names for an erasure.

A format reads blocks of lines in the engine and leaves a table of one row per event. The rules that
do not depend on the format, how an address is written and which moments are believed, stand here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from ingestion.field_values import DateOrder
from ingestion.files import LandingFile
from ingestion.inventory import EVENTS
from warehouse import Warehouse, quoted

# What one block becomes: a row per event, with a code where it is refused.
CALLS = "candor_calls"
# Who is named in each line of a block.
CARRIED = "candor_carried_calls"
# The files of the lines: file_no, load_id, source, file, modified_at.
FILES = "candor_files"
# Lines of a file that were refused when it was loaded.
REFUSED_LINES = "candor_refused_lines"

# Nothing was tracked before; device clocks that restart at 1970 or 1980 fall below.
EARLIEST = "2000-01-01"
# A server's clock may be wrong by a time zone, not by days.
MAX_AHEAD = "48 hours"
# Snowplow's own bound; what comes later was kept on a device that was offline.
LATE_AFTER = "3 days"

# Why an event is refused in every format; the reason never holds a value of the line.
REASONS = {
    "invalid_timestamp": "a timestamp cannot be read",
    "implausible_timestamp": f"the time lies before {EARLIEST} or more than {MAX_AHEAD} ahead",
    "suppressed": "the line belongs to a person who was erased",
}

# Columns that hold what a property or trait says, and every place where else it may be read, the
# first one first; as the formats read them.
READ_FROM: Mapping[str, Sequence[tuple[str, str]]] = {
    "email": (("traits", "email"), ("context", "traits.email"), ("properties", "email")),
    "page_url": (("context", "page.url"), ("properties", "url")),
    "page_path": (("context", "page.path"), ("properties", "path")),
    "page_title": (("context", "page.title"), ("properties", "title")),
    "page_referrer": (("context", "page.referrer"), ("properties", "referrer")),
    "content_id": (("properties", "content_id"),),
    "scroll_depth": (("properties", "scroll_depth"),),
    "time_on_page_s": (("properties", "time_on_page_s"),),
    "search_query": (("properties", "query"),),
    "download": (("properties", "asset"), ("properties", "file_name")),
    "item_position": (("properties", "position"),),
    "block": (("properties", "block"), ("properties", "placement"), ("properties", "location")),
}

# Everything but where the row came from.
LINE_COLUMNS = tuple(
    name
    for name in EVENTS.column_names
    if name not in {"load_id", "source", "file", "line", "position", "loaded_at"}
)

_TIE_COLUMNS = (
    "type", "event", "anonymous_id", "user_id", "previous_id", "group_id", "email", "timestamp",
    "original_timestamp", "sent_at", "page_url", "ip", "properties", "traits", "context",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MappedFields:
    """What became of the mapped fields of a file.

    Attributes:
        file_no: The place of the file among those that are judged.
        absent: Those that no line has, as the configuration names them.
        unread: How many good events have a value that cannot be read, by Candor's field.
        orders: What dates told of their order, by Candor's field; None where there are none mapped.
    """

    file_no: int
    absent: tuple[str, ...]
    unread: Mapping[str, int]
    orders: Mapping[str, DateOrder] | None = None


class EventFormat(Protocol):
    """One way in which events are written."""

    @property
    def reasons(self) -> Mapping[str, str]:
        """Every code of a refusal and what it means, for people; no value of a line."""

    @property
    def own_columns(self) -> AbstractSet[str]:
        """Columns of ``READ_FROM`` that the format reads elsewhere: no omission touches them."""

    def judge(
        self, warehouse: Warehouse, files: Sequence[LandingFile], *, now: datetime
    ) -> Iterator[MappedFields | None]:
        """Turn the files into tables ``candor_calls``, one block after the other.

        At each yield the table holds one row per event of a block: file_no (the place in
        ``files``), line, position (of the event in its line, from 1), code (null when good; a line
        that holds no readable event is one refused row), and ``LINE_COLUMNS``; where the format
        can tell, detail: which fields are at fault, never what they hold. The view
        ``candor_files`` is there. Where fields are mapped, a file is one block, and what it lacks
        is yielded.

        Raises:
            UnreadableFileError: A file cannot be decompressed or read.
            WrongColumnError: A file lacks columns that the format cannot do without.
        """

    def carry(
        self, warehouse: Warehouse, file: LandingFile, worth: Callable[[pa.Table], pa.Table]
    ) -> Iterator[None]:
        """Turn a file into tables ``candor_carried_calls`` of whom its lines name.

        At each yield the table holds a row per event: line, last_line (the same but in CSV files,
        where a row may reach over several), event_id as :meth:`judge` gives it, anonymous_id,
        user_id, previous_id, email, and ``refused``: the text of a line that cannot be taken apart
        or that the view ``candor_refused_lines`` (line) lists, as ``refused_text_sql`` writes it.

        Args:
            warehouse: The engine.
            file: The landing file.
            worth: Takes away those of a block's lines (schema ``LINES``) that name none of the
                persons who are looked for; a format that does not read lines ignores it.
        """


def email_sql(address: str) -> str:
    """An expression for an address without what surrounds it: blanks, angle brackets, mailto.

    As identifiers.normalise_email takes it away: whoever was erased is known by the bare address.
    """
    bare = r"'^[\s\p{Z}<>]*(mailto:)?[\s\p{Z}<>]*|[\s\p{Z}<>]+$', '', 'g'"
    return f"nullif(regexp_replace(lower({address}), {bare}), '')"


def time_sql(text: str) -> str:
    """An expression for a moment in UTC; null where the text tells none."""
    return f"try_cast({text} as timestamptz)::timestamp"


def happened_sql() -> str:
    """Segment's clock rule: receivedAt - (sentAt - originalTimestamp), else the best clock given.

    Wants the columns received_at, sent_at, original_timestamp, given_timestamp, ``candor_files`` as
    files, and the parameter ``now``. An event that tells no time was received, as far as anybody
    knows, when its file was written.

    Source: Segment Spec, common fields, "Timestamps".
    """
    return """
    coalesce(
        try(received_at - (sent_at - original_timestamp)),
        given_timestamp, original_timestamp, received_at, sent_at,
        least(files.modified_at, $now)
    )"""


def is_implausible_sql(*moments: str) -> str:
    """Whether one of these moments lies too early or too far ahead; wants the parameter ``now``."""
    limit = f"coalesce(received_at, $now) + interval '{MAX_AHEAD}'"
    tests = " or ".join(
        f"{moment} < timestamp '{EARLIEST}' or {moment} > {limit}" for moment in moments
    )
    return f"(({tests}) or received_at > $now + interval '{MAX_AHEAD}')"


def is_late_sql(happened: str) -> str:
    """Whether an event came long after it happened; null where nobody says when it came."""
    return f"try(received_at - {happened}) > interval '{LATE_AFTER}'"


def tie_sql(relation: str) -> str:
    """A number by which two copies of an event that were received at one moment are told apart.

    It follows from what the event says alone, so that it does not matter which came first.
    """
    said = ", ".join(f"{relation}.{quoted(name)}::varchar" for name in _TIE_COLUMNS)
    return f"md5_number_lower(concat_ws(chr(31), {said}))"
