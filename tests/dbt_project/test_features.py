from __future__ import annotations

from typing import Any

import pytest

from tests.dbt_project import small_company
from tests.dbt_project.project import Company, Project, failures, moment
from tests.dbt_project.small_company import SITE, event, record

pytestmark = pytest.mark.warehouse


def features(company: Company, person_id: str, as_of: str) -> dict[str, Any]:
    (found,) = company.read(
        f"select * from marts.features_as_of where person_id = '{person_id}' "
        f"and as_of = timestamp '{as_of}'"
    )
    return found


@pytest.mark.parametrize(
    ("feature", "then", "now"),
    [
        ("page_views_7d", 0, 0),
        ("page_views_30d", 2, 4),
        ("page_views_total", 2, 4),
        ("content_views_total", 1, 1),
        ("sessions_total", 1, 3),
        ("active_days_total", 1, 3),
        ("downloads_total", 1, 1),
        ("other_tracks_30d", 0, 1),
        ("distinct_track_events", 2, 3),
        ("device_count", 1, 2),
        ("mean_scroll_depth", 0.5, 0.5),
        ("mean_time_on_page_s", 60, 60),
        ("days_since_first_seen", 13 + 14 / 24, 27 + 14 / 24),
        ("distinct_topics", 1, 1),
        ("topic_entropy", 0, 0),
        ("decision_share", 1, 1),
        ("orders_total", 2, 2),
        ("spent_total", 30.3, 30.3),
        ("is_known", 1, 1),
        ("record_count", 2, 2),
        ("has_company", 1, 1),
        ("employee_count_log", 4.60517, 4.60517),
        ("page_views_14d", 2, 2),
        ("page_views_14_28d", 0, 2),
        ("deep_readings_30d", 0, 0),
        ("decision_readings_30d", 1, 1),
        ("has_crm_record", 1, 1),
    ],
)
def test_features_are_what_was_known_by_then(
    small: Company, feature: str, then: float, now: float
) -> None:
    values = [features(small, "p_ann", as_of)[feature] for as_of in ("2026-02-15", "2026-03-01")]

    assert values == pytest.approx([then, now], abs=1e-5)


def test_a_person_who_never_came_has_zeros_and_unknown_days(small: Company) -> None:
    found = features(small, "p_bob", "2026-02-15")

    assert found["page_views_total"] == 0
    assert found["days_since_last_seen"] is None
    assert found["tickets_total"] == 1


def test_nothing_that_becomes_known_later_changes_features_of_an_earlier_date(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    company = project.company(tmp_path_factory.mktemp("leaks"))
    small_company.fill(company)
    assert failures(company.build("--select", "+features_as_of")) == []
    before = _features_of(company, "2026-02-15")

    _learn_more(company)
    assert failures(company.build("--select", "+features_as_of")) == []

    assert _features_of(company, "2026-02-15").equals(before)
    assert features(company, "p_ann", "2026-03-01")["page_views_total"] == 7


def _features_of(company: Company, as_of: str) -> Any:
    return company.table(
        f"select * from marts.features_as_of where as_of = timestamp '{as_of}' order by person_id"
    )


def _learn_more(company: Company) -> None:
    """A later visit, a late message, a merge, a record that changed, and a new order."""
    page = {"page_url": SITE + "/pricing", "page_path": "/pricing"}
    company.add(
        "raw.events",
        event("g1", "2026-02-16 10:00", "page", anonymous_id="d1", **page),
        event(
            "g2",
            "2026-02-01 10:15",
            "page",
            anonymous_id="d1",
            received_at="2026-02-17 00:00",
            **page,
        ),
        event("g3", "2026-02-25 10:00", "page", anonymous_id="d3", **page),
    )
    company.execute(
        "update identity.members_history set valid_to = timestamp '2026-02-24' "
        "where person_id = 'p_visitor'"
    )
    company.add(
        "identity.members_history",
        {
            "source": "devices",
            "source_record_id": "d3",
            "person_id": "p_ann",
            "valid_from": moment("2026-02-24"),
        },
    )
    company.execute("update identity.members set person_id = 'p_ann' where person_id = 'p_visitor'")
    company.execute("update identity.devices set person_id = 'p_ann' where person_id = 'p_visitor'")
    company.add(
        "raw.person_records",
        record(
            "crm_contacts",
            "1",
            email="ann@elsewhere.example",
            record_updated_at=moment("2026-02-20"),
        ),
    )
    company.add(
        "raw.orders",
        {
            **small_company.orders()[0],
            "order_id": "o9",
            "record_hash": "9",
            "ordered_at": moment("2026-02-15"),
        },
    )
