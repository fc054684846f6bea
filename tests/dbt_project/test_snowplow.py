"""Sessions of Snowplow's own test events, against the sessions that Snowplow's package makes of them.

Snowplow keeps the visit that its tracker counts; the project ends a visit of one visitor after 30
minutes without an event, whatever tracked it. Where the two differ, the reason stands here.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from ingestion import SourcesConfig, load_landing
from tests.dbt_project.project import Company, Project, Row, failures
from warehouse import DuckDBWarehouse

_SOURCES = {"sources": {"web": {"kind": "snowplow", "files": "*.csv"}}}


def short(visit: str) -> str:
    """Enough of a visit's id to tell the test's visits apart."""
    return f"{visit[:6]}-{visit[-1]}"


@dataclass(frozen=True, slots=True)
class Visits:
    """What each side says, by the tracker's visit id; :func:`short` names it.

    Attributes:
        expected: Snowplow's sessions by visit.
        ours: Sessions of the project that hold events of each visit, in order of time.
    """

    expected: Mapping[str, Row]
    ours: Mapping[str, list[Row]]

    def shapes(self, visit: str) -> list[tuple[int, int]]:
        """Events and page views of our sessions."""
        return [(one["event_count"], one["page_view_count"]) for one in self.ours[visit]]

    def is_same(self, visit: str) -> bool:
        """Whether our one session has the times and counts of Snowplow's."""
        theirs = self.expected[visit]
        return [
            (one["started_at"], one["ended_at"], one["event_count"], one["page_view_count"])
            for one in self.ours[visit]
        ] == [(
            datetime.fromisoformat(theirs["start_tstamp"]),
            datetime.fromisoformat(theirs["end_tstamp"]),
            int(theirs["total_events"]), int(theirs["page_views"]),
        )]  # fmt: skip


@pytest.fixture(scope="module")
def snowplow(
    project: Project, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Company:
    """A company whose only source are Snowplow's test events, built; tests only read it."""
    company = project.company(tmp_path_factory.mktemp("snowplow"))
    landing = tmp_path_factory.mktemp("landing")
    source = shared_data / "formats" / "snowplow" / "source" / "snowplow_web_events.csv"
    shutil.copy(source, landing / "events.csv")
    with DuckDBWarehouse.open(company.path) as warehouse:
        load_landing(
            warehouse, SourcesConfig.model_validate(_SOURCES), landing,
            now=datetime.fromisoformat("2021-03-31"), is_suppressed=lambda asked: asked.slice(0, 0),
        )  # fmt: skip
    assert failures(company.build("--select", "+sessions")) == []
    return company


@pytest.fixture(scope="module")
def visits(snowplow: Company, shared_data: Path) -> Visits:
    folder = shared_data / "formats" / "snowplow" / "expected"
    with (folder / "snowplow_web_sessions_expected.csv").open(
        encoding="utf-8", newline=""
    ) as lines:
        expected = {short(row["domain_sessionid"]): row for row in csv.DictReader(lines)}
    rows = snowplow.read(
        """
        select distinct raw_events.session_id as visit, sessions.*
        from marts.sessions as sessions
        inner join marts.events as events on sessions.session_id = events.session_id
        inner join raw.events as raw_events on events.event_id = raw_events.event_id
        where raw_events.session_id is not null
        order by sessions.started_at
        """
    )
    ours: dict[str, list[Row]] = {}
    for row in rows:
        ours.setdefault(short(row["visit"]), []).append(row)
    return Visits(expected, ours)


# The tracker counts on, though nothing happened for half an hour.
_SPLIT = {
    "2bfc2c-5": [(1, 1), (1, 0), (1, 1), (1, 0), (1, 0), (1, 0), (1, 1), (1, 0), (1, 1), (1, 0), (1, 0)],
    "d21c00-d": [(1, 1), (1, 1)],
}  # fmt: skip
# The visitor's id changed within the visit, as Snowplow's test case wants it, a day apart.
_OF_SEVERAL_VISITORS = {"540b6c-5": [(2, 1), (2, 1), (1, 1)]}
# Two visits of one visitor within seconds are one session: what Snowplow counts for each.
_JOINED = {("6f19f1-6", "df2bf4-2"): (7, 4), ("cde5b9-2", "93c111-8"): (6, 4)}
# Only a ping is left of these: Snowplow counts the page that was viewed before the visit, and adds
# the five seconds that the tracker had waited.
_PINGS = 3
# One page view of this visit was sent twice under two event ids: Snowplow counts page view ids,
# sessions count page calls.
_TWICE_VIEWED = "760534-0"
_SAME = {"067bcc-8", "0b0c7b-c", "37b340-f", "4d34b5-e", "6b379f-1", "79831f-8", "b5c493-b"}


def _is_ping(row: Row) -> bool:
    return bool(row["event_counts"].replace(" ", "") == '{"page_ping":1}')


def test_every_session_of_snowplows_is_the_same_or_differs_for_a_known_reason(
    visits: Visits,
) -> None:
    same = {visit for visit in visits.expected if visits.is_same(visit)}
    pings = {visit for visit, row in visits.expected.items() if _is_ping(row)}

    assert same == _SAME
    assert len(pings) == _PINGS
    joined = {visit for pair in _JOINED for visit in pair}
    known = {*_SPLIT, *_OF_SEVERAL_VISITORS, *joined, *pings, _TWICE_VIEWED}
    assert visits.expected.keys() - same == known


def test_a_visit_with_a_pause_is_several_sessions(visits: Visits) -> None:
    for visit, shapes in (_SPLIT | _OF_SEVERAL_VISITORS).items():
        assert visits.shapes(visit) == shapes
    (whole,) = (visits.ours[visit] for visit in _OF_SEVERAL_VISITORS)
    assert len({one["anonymous_id"] for one in whole}) == 3


def test_two_visits_at_once_are_one_session_with_the_events_of_both(visits: Visits) -> None:
    for pair, shape in _JOINED.items():
        events = sum(int(visits.expected[visit]["total_events"]) for visit in pair)
        pages = sum(int(visits.expected[visit]["page_views"]) for visit in pair)
        assert (events, pages) == shape
        for visit in pair:
            assert visits.shapes(visit) == [shape]


def test_a_visit_of_one_ping_is_a_session_without_a_page_view(visits: Visits) -> None:
    pings = [visit for visit, row in visits.expected.items() if _is_ping(row)]

    assert [visits.shapes(visit) for visit in pings] == [[(1, 0)]] * _PINGS
    for visit in pings:
        assert visits.ours[visit][0]["ended_at"] == datetime.fromisoformat(
            visits.expected[visit]["end_tstamp"]
        )


def test_a_page_view_that_was_sent_twice_counts_twice(visits: Visits) -> None:
    assert visits.shapes(_TWICE_VIEWED) == [(11, 8)]
    assert visits.expected[_TWICE_VIEWED]["page_views"] == "7"
    assert '"page_view" :8' in visits.expected[_TWICE_VIEWED]["event_counts"]


def test_no_session_is_taken_for_a_programs_as_snowplow_takes_none(snowplow: Company) -> None:
    assert snowplow.read("select count(*) as n from marts.sessions where is_bot") == [{"n": 0}]


def test_sessions_that_snowplow_lacks_are_accounted_for(snowplow: Company, visits: Visits) -> None:
    pages = snowplow.read("select count(*) as n from marts.events where activity = 'page_view'")
    more = {visit: visits.shapes(visit) for visit in visits.ours.keys() - visits.expected.keys()}

    # All copies of an event aside: 43 in Snowplow's table, one sent twice, five that it leaves out.
    assert pages == [{"n": 49}]
    # Without a page view id, and sent more than three days after it was made.
    assert {visit: shapes for visit, shapes in more.items() if any(p for _, p in shapes)} == {
        "e79711-8": [(2, 1)], "7edb16-c": [(2, 1)],
    }  # fmt: skip
    # Visits of which there are only answers to a consent banner.
    assert sum(1 for shapes in more.values() if not any(p for _, p in shapes)) == 26
