"""The order, the files and the repetition in which events arrive change nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from tests.ingestion.conftest import NOW, Landing
from tests.trials.ingestion_good import segment_call

SEED = 20261125
EVENTS = 400
ORDERS = {"sample": 5, "full": 100}
# Say which copy in which file stands in the table, and when it was read.
PLACE = ("load_id", "file", "line", "loaded_at")


@pytest.mark.timeout(1_200)
def test_events_in_any_order_and_batching_give_the_same_table(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    chance = Random(SEED)
    calls = [segment_call(chance, f"m{number:04}") for number in range(EVENTS)]
    expected = _loaded(tmp_path / "once", [[calls]])

    for number in range(ORDERS[request.config.getoption("--trials")]):
        chance = Random(SEED + number + 1)
        runs = _batched(chance, _shuffled(chance, [*calls, *_later_copies(chance, calls)]))

        assert _loaded(tmp_path / str(number), runs).equals(expected), f"order {number} differs"


def _later_copies(chance: Random, calls: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Redelivered calls: received later, and byte for byte the same."""
    chosen = chance.choices(calls, k=EVENTS // 2)
    return [
        call if chance.random() < 0.5 else call | {"receivedAt": f"2026-11-01T11:{minute:02}:00Z"}
        for minute, call in zip((chance.randrange(60) for _ in chosen), chosen, strict=True)
    ]


def _shuffled(chance: Random, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return chance.sample(calls, len(calls))


def _batched(
    chance: Random, calls: Sequence[dict[str, Any]]
) -> list[list[Sequence[dict[str, Any]]]]:
    """Cut the calls into files and the files into runs."""
    cuts = sorted(chance.sample(range(1, len(calls)), k=chance.randrange(1, 9)))
    files = [calls[start:end] for start, end in zip([0, *cuts], [*cuts, len(calls)], strict=True)]
    runs: list[list[Sequence[dict[str, Any]]]] = [[]]
    for file in files:
        runs[-1].append(file)
        if chance.random() < 0.3:
            runs.append([])
    return runs


def _loaded(folder: Path, runs: Sequence[Sequence[Sequence[dict[str, Any]]]]) -> pa.Table:
    """Load the files of each run, one run after the other, and return the events."""
    folder.mkdir()
    landing = Landing(folder)
    rows_in = 0
    for number, files in enumerate(runs):
        for place, calls in enumerate(files):
            packed = ".gz" if (number + place) % 2 else ""
            text = "".join(json.dumps(call) + "\n" for call in calls)
            landing.put(f"web/{number}-{place}.jsonl{packed}", text.encode())
            rows_in += len(calls)
        landing.load(NOW + timedelta(hours=number))
    assert sum(count[1] for count in landing.counts()) == rows_in
    assert all(count[1] == sum(count[2:]) for count in landing.counts())
    stored = landing.warehouse.read("select * from raw.events order by event_id")
    return stored.drop_columns(list(PLACE)).combine_chunks()
