"""The event files: Segment's clocks, copies, late and broken lines, browsers with an owner."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from tests.sample.conftest import Made

RESERVED = [ip_network(net) for net in ("198.18.0.0/15", "100.64.0.0/10", "192.0.2.0/24")]


@pytest.fixture(scope="module")
def broken(made: Made) -> set[tuple[str, int]]:
    table = made.truth_table("malformed")
    return {
        (file, int(line))
        for file, line in zip(table["file"].to_pylist(), table["line"].to_pylist(), strict=True)
    }


@pytest.fixture(scope="module")
def calls(made: Made, broken: set[tuple[str, int]]) -> list[tuple[str, dict[str, Any]]]:
    """Every whole line with the file it stands in."""
    return [
        (file, json.loads(line))
        for file, lines in made.event_lines.items()
        for number, line in enumerate(lines, start=1)
        if (file, number) not in broken
    ]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_every_line_that_is_not_listed_as_broken_is_a_whole_call(
    calls: list[tuple[str, dict[str, Any]]],
) -> None:
    needed = {
        "type",
        "messageId",
        "anonymousId",
        "originalTimestamp",
        "sentAt",
        "receivedAt",
        "timestamp",
        "context",
    }

    assert all(needed <= call.keys() for _, call in calls)
    assert {call["type"] for _, call in calls} == {"identify", "page", "track", "group", "alias"}


def test_a_line_stands_in_the_file_of_the_day_it_was_received(
    calls: list[tuple[str, dict[str, Any]]],
) -> None:
    assert all(file.startswith(f"events/date={call['receivedAt'][:10]}/") for file, call in calls)


def test_the_timestamp_follows_from_the_three_other_clocks(
    calls: list[tuple[str, dict[str, Any]]],
) -> None:
    for _, call in calls:
        waited = moment(call["sentAt"]) - moment(call["originalTimestamp"])
        assert moment(call["timestamp"]) == moment(call["receivedAt"]) - waited


def test_nothing_was_received_after_the_last_day(
    made: Made, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    end = (made.landing / "as_of.txt").read_text().strip()

    assert max(call["receivedAt"] for _, call in calls) < end


def test_some_lines_are_late_some_clocks_are_wrong_some_lines_are_copies(
    calls: list[tuple[str, dict[str, Any]]],
) -> None:
    waits = [moment(call["receivedAt"]) - moment(call["timestamp"]) for _, call in calls]
    skews = [
        abs(moment(call["originalTimestamp"]) - moment(call["timestamp"])) for _, call in calls
    ]
    copies = [
        count for count in Counter(call["messageId"] for _, call in calls).values() if count > 1
    ]

    assert timedelta(days=1) < max(waits) < timedelta(days=10)
    assert 0.002 < sum(wait > timedelta(hours=1) for wait in waits) / len(waits) < 0.03
    assert 0.002 < sum(skew > timedelta(hours=1) for skew in skews) / len(skews) < 0.06
    assert 0.005 < len(copies) / len(calls) < 0.03


def test_every_browser_in_the_files_is_in_the_truth_and_the_reverse(
    made: Made, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    truth = made.truth_table("devices")
    told = {row["anonymous_id"]: row for row in truth.to_pylist()}
    events = Counter({call["messageId"]: call["anonymousId"] for _, call in calls}.values())

    assert told.keys() == events.keys()
    assert all(int(row["events"]) == events[name] for name, row in told.items())


def test_a_browser_is_linkable_where_somebody_was_named(
    made: Made, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    named = {
        call["anonymousId"]
        for _, call in calls
        if "userId" in call or "email" in call.get("properties", {})
    }

    linkable = {
        row["anonymous_id"]
        for row in made.truth_table("devices").to_pylist()
        if row["linkable"] == "1"
    }
    assert linkable == named


def test_user_ids_are_ids_of_records(made: Made, calls: list[tuple[str, dict[str, Any]]]) -> None:
    records = set(made.truth_table("records")["source_record_id"].to_pylist())

    users = {call[name] for _, call in calls for name in ("userId", "previousId") if name in call}
    assert users
    assert users <= records


def test_addresses_come_from_reserved_networks(calls: list[tuple[str, dict[str, Any]]]) -> None:
    addresses = {call["context"]["ip"] for _, call in calls}

    assert all(any(ip_address(address) in net for net in RESERVED) for address in addresses)


def test_content_that_is_read_is_in_the_library_and_already_published(
    made: Made, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    content = made.table("content/content.csv")
    published = dict(
        zip(content["content_id"].to_pylist(), content["published_at"].to_pylist(), strict=True)
    )

    reads = [call for _, call in calls if call.get("event") == "Content Viewed"]
    assert reads
    early = [
        call for call in reads if published[call["properties"]["content_id"]] > call["timestamp"]
    ]
    assert not early


def test_nobody_starts_two_trials(made: Made, calls: list[tuple[str, dict[str, Any]]]) -> None:
    trials = {
        call["messageId"]: call["properties"]["email"]
        for _, call in calls
        if call.get("event") == "Trial Started"
    }

    assert trials
    assert max(Counter(trials.values()).values()) == 1
