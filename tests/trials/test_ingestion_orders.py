"""The same events, in whatever order, files and copies they come, make the same table."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from ingestion.formats.snowplow_fields import FIELDS as SNOWPLOW_FIELDS
from tests.ingestion.conftest import NOW, Landing
from tests.trials.ingestion_good import mparticle_line, segment_line, snowplow_line

ORDERS = {"sample": 6, "full": 100}
EVENTS = 120
# Where a row lies and when it was loaded: what the order of files is free to change.
WHERE = ("load_id", "file", "line", "loaded_at")
SOURCES: dict[str, Any] = {
    source: {"kind": kind, "files": f"{source}/**/*", "optional": True}
    for source, kind in (
        ("web", "segment"), ("shop", "rudderstack"), ("app", "mparticle"), ("site", "snowplow"),
    )
}  # fmt: skip
Event = tuple[str, bytes]


@pytest.mark.timeout(1_200)
def test_order_batches_and_copies_change_nothing(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    size = request.config.getoption("--trials")
    chance = Random(1)
    events = _events(chance, ("web", "app") if size == "sample" else tuple(SOURCES))
    # Some say two things at one moment: one of them stays, always the same.
    twins = [_received_later(event, 0) for event in events[::9] if event[0] in {"web", "shop"}]
    copies = [copy for event in events for copy in _copies(chance, event)]
    wanted = _loaded(tmp_path / "once", [[*events, *twins]], chance, parts=1)
    assert wanted.num_rows == len(events)

    for number in range(ORDERS[size]):
        mixed = [
            *events,
            *twins,
            *chance.choices(events, k=20),
            *chance.sample(copies, len(copies) * 2 // 3),
        ]
        chance.shuffle(mixed)
        runs = _cut(chance, mixed, chance.randrange(1, 4 if size == "full" else 3))

        found = _loaded(tmp_path / str(number), runs, chance, parts=chance.randrange(1, 5))

        assert found.equals(wanted), f"order {number}"


@pytest.mark.timeout(1_200)
def test_of_copies_the_one_received_first_stays_whichever_comes_first(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    chance = Random(2)
    first = ("web", segment_line(chance, "m1"))
    later = [_received_later(first, minutes) for minutes in range(1, 8)]

    for number in range(ORDERS[request.config.getoption("--trials")] // 5):
        mixed = [first, *later]
        chance.shuffle(mixed)
        found = _loaded(tmp_path / str(number), [[one] for one in mixed], chance, parts=1)

        received = json.loads(first[1])["receivedAt"]
        assert found["received_at"].to_pylist() == [
            datetime.fromisoformat(received).replace(tzinfo=None)
        ]


def _events(chance: Random, sources: tuple[str, ...]) -> list[Event]:
    """Good events of several formats, each with an id of its own."""
    makers = {
        "web": segment_line,
        "shop": segment_line,
        "app": mparticle_line,
        "site": snowplow_line,
    }
    return [
        (source, makers[source](chance, f"{source}-{number}"))
        for number in range(EVENTS)
        for source in (chance.choice(sources),)
    ]


def _copies(chance: Random, event: Event) -> list[Event]:
    """Copies that were received later than the event itself, saying something else."""
    if event[0] == "app":  # a batch says when it was sent, not when it was received
        return [event]
    return [_received_later(event, chance.randrange(1, 9_000)) for _ in range(chance.randrange(3))]


def _received_later(event: Event, minutes: int) -> Event:
    source, line = event
    if source == "site":
        fields = line.decode().split("\t")
        fields[SNOWPLOW_FIELDS.index("collector_tstamp")] = f"2026-11-0{2 + minutes % 8} 10:00:00"
        return source, "\t".join(fields).encode()
    call = json.loads(line)
    received = datetime.fromisoformat(call["receivedAt"]) + timedelta(minutes=minutes)
    said = {"receivedAt": received.isoformat(), "properties": {"changed": minutes}}
    return source, json.dumps({**call, **said}).encode()


def _cut(chance: Random, events: list[Event], parts: int) -> list[list[Event]]:
    places = sorted(chance.sample(range(1, len(events)), parts - 1))
    return [events[a:b] for a, b in zip([0, *places], [*places, len(events)], strict=True)]


def _loaded(folder: Path, runs: list[list[Event]], chance: Random, *, parts: int) -> pa.Table:
    """The table after as many loads as there are runs, each with its files."""
    landing = Landing(folder)
    landing.sources = SOURCES
    for run, events in enumerate(runs):
        for part, some in enumerate(_cut(chance, events, min(parts, len(events)))):
            for source in SOURCES:
                lines = [line for name, line in some if name == source]
                _put(landing, f"{source}/{chance.randrange(99)}-{run}-{part}", lines, chance)
        landing.load(NOW + timedelta(minutes=run))
    _assert_counted(landing)
    return landing.warehouse.read(
        f"select * exclude ({', '.join(WHERE)}) from raw.events order by event_id"
    )


def _put(landing: Landing, name: str, lines: list[bytes], chance: Random) -> None:
    if lines:
        content = b"\n".join(lines) + chance.choice((b"", b"\n"))
        ending = ".tsv" if name.startswith("site/") else ".jsonl"
        is_packed = chance.random() < 0.5
        path = landing.folder / (name + ending + (".gz" if is_packed else ""))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content) if is_packed else content)


def _assert_counted(landing: Landing) -> None:
    (told,) = landing.rows(
        """
        select sum(rows_in) as rows_in, sum(rows_loaded) as loaded, sum(rows_quarantined) as refused,
            bool_and(rows_in = rows_loaded + rows_deduplicated + rows_quarantined) as adds_up,
            (select count(*) from raw.events) as stored
        from raw.loads
        """
    )
    assert told["adds_up"]
    assert told["refused"] == 0
    assert told["loaded"] == told["stored"]
