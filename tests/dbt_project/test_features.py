from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest

from tests.dbt_project import small_company
from tests.dbt_project.project import Company, Project, Row, failures, moment
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
    _say_when_files_came(company)
    assert failures(company.build("--select", "+features_as_of")) == []
    before = {as_of: _features_of(company, as_of) for as_of in ("2026-02-15", "2026-03-01")}

    _learn_more(company)
    assert failures(company.build("--select", "+features_as_of")) == []

    after = {as_of: _features_of(company, as_of) for as_of in ("2026-02-15", "2026-03-01")}
    assert after["2026-02-15"].num_rows == 5
    assert _bytes(after["2026-02-15"]) == _bytes(before["2026-02-15"])
    now = features(company, "p_ann", "2026-03-01")
    assert {name: now[name] for name in LEARNT} == LEARNT


# What a later date sees of all that came in: each would have shown in the earlier one if it leaked.
LEARNT = {
    "page_views_total": 7,  # a later visit, a late message, and a device that joined
    "device_count": 3,
    "record_count": 3,  # a record that came late, created long before
    "has_crm_record": 1,
    "employee_count_log": round(math.log(1 + 5000), 6),  # a company that grew, without a date
    "distinct_topics": 1,
    "decision_share": 0,  # an item filed elsewhere since
    "orders_total": 4,  # an order of that day, and one of January told late
    "spent_total": 1052.5,  # an amount that was corrected
    "tickets_total": 1,  # a ticket of January told late
}
FILES = ("crm_contacts", "billing", "purchases", "support", "crm_accounts", "companies", "content")


def _features_of(company: Company, as_of: str) -> pa.Table:
    return company.table(
        f"select * from marts.features_as_of where as_of = timestamp '{as_of}' order by person_id"
    )


def _bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table.combine_chunks())
    return sink.getvalue().to_pybytes()


def _say_when_files_came(company: Company) -> None:
    days = {"first": "2026-01-31", "later": "2026-02-20"}
    company.add(
        "raw.loads",
        *[
            {"load_id": f"{source} {name}", "source": source, "received_date": moment(day).date()}
            for source in FILES
            for name, day in days.items()
        ],
    )


def _learn_more(company: Company) -> None:
    """Later visits and merges, and rows of every kind that came later, whatever date they bear."""
    _visit_more(company)
    _merge(company)
    company.add(
        "raw.person_records",
        later(
            record(
                "crm_contacts",
                "1",
                email="ann.lee@acme.example",
                record_updated_at=moment("2026-02-20"),
            )
        ),
        later(record("billing", "c7", company_name="Elsewhere", lifecycle_stage="customer")),
        later(record("crm_contacts", "2", record_updated_at=moment("2026-01-02"))),
    )
    always = {"source": "crm_contacts", "source_record_id": "2", "person_id": "p_ann"}
    company.add("identity.members", always)
    company.add("identity.members_history", {**always, "valid_from": moment("2026-01-01")})
    for table, row in _later_versions():
        company.add(table, later(row, record_hash="9"))


def _later_versions() -> list[tuple[str, Row]]:
    acme, firm = small_company.accounts()
    order = small_company.orders()[1]
    (ticket,) = small_company.tickets()
    (item,) = small_company.content_items()
    of_ann = {"person_email": None, "person_source": "billing", "person_record_id": "c7"}
    return [
        ("raw.accounts", {**acme, "name": "Acme Group"}),
        ("raw.accounts", {**firm, "employee_count": 5000, "industry": None}),
        ("raw.content_items", {**item, "topic": "news", "funnel_stage": "awareness"}),
        ("raw.orders", {**order, "amount": 1020.2, "record_updated_at": moment("2026-02-10")}),
        (
            "raw.orders",
            {**order, "order_id": "o8", "amount": 2, "ordered_at": moment("2026-01-12")},
        ),
        ("raw.orders", {**order, "order_id": "o9", "ordered_at": moment("2026-02-15")}),
        ("raw.tickets", {**ticket, **of_ann, "ticket_id": "t2", "opened_at": moment("2026-01-05")}),
    ]


def later(row: Row, **facts: Any) -> Row:
    """The same row in a file that came on 20 February."""
    came = {"load_id": f"{row['source']} later", "loaded_at": moment("2026-03-02")}
    return {**row, **came, **facts}


def _visit_more(company: Company) -> None:
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


def _merge(company: Company) -> None:
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
