"""Any number of Segment lines, made in the engine: varied, some of them broken, some of them twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from isal import igzip

from warehouse import DuckDBWarehouse, Warehouse

LINES_PER_FILE = 250_000
# Two of a thousand lines are not whole JSON, one tells a time that cannot be read.
BROKEN_PER_MILLE = 3
# One of a hundred lines repeats one of those before it.
REPEATED_PER_CENT = 1


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes:
        lines: All lines.
        broken: Those that must be refused.
        unique: Events among the others.
    """

    lines: int
    broken: int
    unique: int


def write_events(folder: Path, lines: int, *, first: int = 0) -> Written:
    """Write lines number ``first`` to ``first + lines`` as gzip files of 250,000."""
    folder.mkdir(parents=True, exist_ok=True)
    warehouse = DuckDBWarehouse.in_memory()
    for start in range(first, first + lines, LINES_PER_FILE):
        stop = min(start + LINES_PER_FILE, first + lines)
        with igzip.open(folder / f"part-{start:09}.jsonl.gz", "wb", compresslevel=1) as stream:
            for text in _texts(warehouse, start, stop):
                stream.write(text)
    counted = warehouse.read(
        f"select count(*) filter (is_broken) as broken, "
        f"count(distinct event_no) filter (not is_broken) as unique_events from ({_NUMBERS})",
        {"start": first, "stop": first + lines},
    ).to_pylist()[0]
    return Written(lines, counted["broken"], counted["unique_events"])


def _texts(warehouse: Warehouse, start: int, stop: int) -> Iterator[memoryview]:
    """The bytes of the lines, as Arrow holds them: one after the other."""
    column = warehouse.read(_LINES, {"start": start, "stop": stop})["line"]
    for chunk in column.cast(pa.large_string()).chunks:
        _, offsets, text = chunk.buffers()
        ends = memoryview(offsets).cast("q")
        yield memoryview(text)[ends[chunk.offset] : ends[chunk.offset + len(chunk)]]


def _drawn(name: str, below: int) -> str:
    return f"(hash(event_no, '{name}') % {below})::bigint as {name}"


_NUMBERS = f"""
    select line_no, hash(line_no) % 1000 < {BROKEN_PER_MILLE} as is_broken,
        case when hash(line_no, 'again') % 100 < {REPEATED_PER_CENT}
            then greatest(line_no - 1 - (hash(line_no, 'which') % 50000)::bigint, 0)
            else line_no end as event_no
    from range($start::bigint, $stop::bigint) as numbers(line_no)
"""

_LINES = f"""
    with numbered as ({_NUMBERS}),
    drawn as (
        select line_no, is_broken, event_no,
            {_drawn("device", 400_000)}, {_drawn("kind", 10)}, {_drawn("page", 5_000)},
            {_drawn("rest", 1_000_000_007)},
            timestamp '2025-01-01' + to_milliseconds(event_no * 750) as received_at
        from numbered
    ),
    named as (
        select *, md5(device::varchar) as device_id,
            case when kind = 0 then 'identify' when kind < 5 then 'page' else 'track' end as type,
            case when kind >= 5 then ['Article Read', 'Block Clicked', 'Search Result Clicked',
                'Asset Downloaded', 'Recommendation Shown'][kind - 4] end as event,
            '/guides/' || ['plan', 'buy', 'grow', 'mend', 'sell'][page % 5 + 1] || '-' || page as path
        from drawn
    ),
    written as (
        select line_no, is_broken, rest, concat(
            '{{"type":"', type, '",', '"event":"' || event || '",', '"messageId":"ajs-', md5(event_no::varchar),
            '","anonymousId":"', device_id[:8], '-', device_id[9:12], '-4', device_id[14:16], '-a',
            device_id[18:20], '-', device_id[21:], '",',
            case when device % 4 = 0 then '"userId":"003W7' || device_id[:13] || '",' end,
            case type
                when 'identify' then '"traits":{{"email":"person' || device || '@firm' || device % 9000
                    || '.example","plan":"trial"}}'
                when 'page' then '"properties":{{"path":"' || path || '","url":"https://www.maple.example'
                    || path || '","title":"Guide ' || page || '","content_id":"cnt_' || page || '"}}'
                else '"properties":{{"content_id":"cnt_' || page || '","scroll_depth":0.' || rest % 90 + 10
                    || ',"time_on_page_s":' || rest % 400 || ',"block":"sidebar","items":["a'
                    || rest % 97 || '","b' || rest % 89 || '"]}}' end,
            ',"context":{{"ip":"', rest % 200 + 20, '.', rest % 251, '.', device % 241, '.', device % 239,
            '","userAgent":"Mozilla/5.0 (', ['Windows NT 10.0; Win64; x64', 'Macintosh; Intel Mac OS X 10_15_7',
                'X11; Linux x86_64', 'iPhone; CPU iPhone OS 18_6 like Mac OS X'][device % 4 + 1],
            ') AppleWebKit/537.36 (KHTML, like Gecko) Chrome/', device % 12 + 130, '.0.0.0 Safari/537.36","locale":"',
            ['en-US', 'en-GB', 'de-DE', 'es-MX'][device % 4 + 1], '","timezone":"America/Boise",',
            '"device":{{"type":"', ['desktop', 'desktop', 'mobile'][device % 3 + 1], '"}},"page":{{"path":"', path,
            '","url":"https://www.maple.example', path, '","referrer":"https://www.google.com/"}},',
            case when rest % 5 = 0 then '"campaign":{{"source":"mail","medium":"email","name":"autumn-'
                || rest % 40 || '"}},' end,
            '"consent":{{"categoryPreferences":{{"analytics":true,"personalization":',
            (device % 3 > 0)::varchar, ',"advertising":false}}}}}},"originalTimestamp":"',
            strftime(received_at - to_milliseconds(900), '%Y-%m-%dT%H:%M:%S.%gZ'), '","sentAt":"',
            strftime(received_at - to_milliseconds(400), '%Y-%m-%dT%H:%M:%S.%gZ'), '","receivedAt":"',
            strftime(received_at, '%Y-%m-%dT%H:%M:%S.%gZ'), '"}}'
        ) as line
        from named
    )
    select case
            when not is_broken then line
            when rest % 3 = 0 then replace(line, '"receivedAt":"2025-', '"receivedAt":"in ')
            else left(line, 200 + (rest % 200)::int)
        end || chr(10) as line
    from written order by line_no
"""
