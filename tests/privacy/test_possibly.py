"""Who may be the same person is shown and never taken along; who is by likeness alone is shown too."""

from __future__ import annotations

import json

import pytest

from identity.inventory import DECISIONS, LINKS, PREPARED, REVIEW_QUEUE
from orchestration.cli.output import console
from orchestration.cli.privacy_subject import show_plans
from privacy import ErasurePlan, plan_erasure
from privacy.likely import JoinedByLikeness
from privacy.plan import PlanStore
from privacy.possibly import PossiblySame
from tests.privacy.company import ALL_TABLES, ANN, ANN_DEVICE, BEN, Company

ANN_AGAIN = "p_ann_again"
TABLES = (*ALL_TABLES, PREPARED, REVIEW_QUEUE)


@pytest.fixture
def in_pieces(company: Company) -> Company:
    """Ann has two more records that identity left apart, Ben one that waits for review with hers."""
    warehouse = company.warehouse
    warehouse.create_missing((PREPARED, REVIEW_QUEUE))
    warehouse.execute(
        "insert into identity.members values ('crm', 'ann-record-3', $again), "
        "('shop', 'ann-record-4', $again)", {"again": ANN_AGAIN},
    )  # fmt: skip
    warehouse.execute(
        "insert into identity.review_queue by name select 'crm' as left_source, "
        "'ben-record-1' as left_record_id, 'crm' as right_source, "
        "'ann-record-1' as right_record_id, 0.71 as probability"
    )
    warehouse.execute(
        """
        insert into identity.prepared_records by name
        select row_number() over () as record, *, 'maple.example' as email_domain
        from (values
            ('crm', 'ann-record-1', 'ann', 'lee', 'ann.lee'), ('crm', 'ann-record-3', 'ann', 'lee', null),
            ('shop', 'ann-record-4', null, 'lee', 'ann.lee'), ('crm', 'joann-record', 'joann', 'lee', 'joann.lee')
        ) as given (source, source_record_id, given_name, last_name, local_part)
        """
    )
    company.ask(("email", ANN, "raw"))
    return company


def _plan(company: Company) -> ErasurePlan:
    plans, _ = plan_erasure(company.request_file.read(), company.context(tables=TABLES))
    return plans[0]


def test_who_may_be_the_same_person_is_told_and_left_out(in_pieces: Company) -> None:
    plan = _plan(in_pieces)

    assert plan.possible == (
        PossiblySame("crm", "waits in the review queue", 1, 1, 0.71, ("p_ben_00001",)),
        PossiblySame("crm", "the same first and last name", 1, 1, None, (ANN_AGAIN,)),
        PossiblySame("shop", "the same mailbox, written otherwise", 1, 1, None, (ANN_AGAIN,)),
    )
    assert not {ANN_AGAIN, "p_ben_00001"} & set(plan.person_ids)


def test_whose_address_or_number_the_persons_own_rows_tell_is_shown(company: Company) -> None:
    """A second address in a column that nobody maps, a telephone in a trait of a sign-in."""
    company.warehouse.execute(
        """
        insert into identity.identifiers values
            ('shop', 'shop-5', 'email', 'ann+2@alt.example', false),
            ('clinic', 'clinic-5', 'phone', '+4915112345678', false);
        insert into identity.members values ('shop', 'shop-5', 'p_5'), ('clinic', 'clinic-5', 'p_6');
        update raw.person_records set attributes = '{"E-Mail 2": " Ann+2@Alt.example"}'
            where source_record_id = 'ann-record-1';
        update raw.events set properties = '{"tel": "+49 (151) 123-45678", "by": "thelees@maple.example"}'
            where event_id in ('e2', 'e7');
        """
    )
    company.ask(("email", ANN, "raw"))

    reason = "an address or number in a field that is not mapped"
    assert _plan(company).possible == (
        PossiblySame("clinic", reason, 1, 1, None, ("p_6",)),
        PossiblySame("shop", reason, 1, 1, None, ("p_5",)),
    )


def test_who_signed_in_on_the_persons_browser_is_not_shown(company: Company) -> None:
    """What Ben tells there is his, and an address that an event of Ann maps is no news; `0` is nobody."""
    company.warehouse.execute(
        """
        insert into identity.members values
            ('users', 'ben-user-1', 'p_ben_00001'), ('shop', 'shop-5', 'p_5');
        insert into identity.identifiers values ('shop', 'shop-5', 'phone', '+4915112345678', false);
        insert into raw.events by name
        select event_id, $device as anonymous_id, user_id, email, properties
        from (values
            ('b1', null, $ben, $told), ('b2', 'ben-user-1', null, $told), ('b3', 'ben-user-1', $ann, $told),
            ('a1', 'ann-user-77', $ben, $told), ('a2', '0', null, '{"tel": "+4915112345678"}')
        ) as given (event_id, user_id, email, properties)
        """,
        {"device": ANN_DEVICE, "ann": ANN, "ben": BEN, "told": json.dumps({"email": BEN})},
    )
    company.ask(("email", ANN, "raw"))

    reason = "an address or number in a field that is not mapped"
    assert _plan(company).possible == (PossiblySame("shop", reason, 1, 1, None, ("p_5",)),)


def test_whom_somebody_parted_is_not_offered_again(in_pieces: Company) -> None:
    in_pieces.warehouse.create_missing((DECISIONS,))
    in_pieces.warehouse.execute(
        "insert into identity.decisions by name select 'd1' as decision_id, "
        "'cannot_link' as decision, 'crm' as left_source, 'ben-record-1' as left_record_id, "
        "'crm' as right_source, 'ann-record-1' as right_record_id, null::timestamp as revoked_at"
    )
    assert "p_ben_00001" not in str(_plan(in_pieces).possible)

    in_pieces.warehouse.execute("update identity.decisions set revoked_at = timestamp '2026-01-01'")
    assert "p_ben_00001" in str(_plan(in_pieces).possible)


def test_two_names_of_one_provider_are_one(in_pieces: Company) -> None:
    in_pieces.warehouse.execute(
        "update identity.prepared_records set gmail_mailbox = 'annlee', given_name = null, "
        "email_domain = case source when 'crm' then 'gmail.com' else 'googlemail.com' end "
        "where local_part = 'ann.lee'"
    )

    reasons = {item.reason for item in _plan(in_pieces).possible}
    assert "the same mailbox, written otherwise" in reasons


def test_a_name_of_very_many_is_no_sign(
    in_pieces: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("privacy.possibly.MAX_ALIKE", 1)

    assert [item.reason for item in _plan(in_pieces).possible] == ["waits in the review queue"]


def test_what_is_kept_of_it_leads_to_nobody(in_pieces: Company) -> None:
    in_pieces.erase(tables=TABLES)

    (kept,) = [
        json.loads(str(row["detail"]))["possibly_same"]
        for row in in_pieces.warehouse.read(
            "select detail from privacy.request_steps where step = 'planned'"
        ).to_pylist()
    ]
    assert [row["records"] for row in kept] == [1, 1, 1]
    assert "p_" not in json.dumps(kept)


def test_a_frozen_plan_keeps_it_and_one_of_before_has_none(in_pieces: Company) -> None:
    plan, store = _plan(in_pieces), PlanStore(in_pieces.home)
    store.freeze(plan)
    path = store.folder(plan.subject_request_id) / "plan.json"

    assert store.read(plan.subject_request_id) == plan

    body = json.loads(path.read_text())
    del body["possible"], body["likely"]
    path.write_text(json.dumps(body))
    assert store.read(plan.subject_request_id).possible == ()


def test_a_plan_says_how_to_include_them_and_shows_no_value(in_pieces: Company) -> None:
    with console.capture() as shown:
        show_plans([_plan(in_pieces)], {})

    said = " ".join(shown.get().split())
    assert "Possibly the same person: not included" in said
    assert "candor identity merge" in said
    assert [value for value in (ANN, "ann-record-3", "ben.lee") if value in said] == []


@pytest.fixture
def by_likeness(company: Company) -> Company:
    """Ann's records hang together by her mailbox and user id, but two: one is like hers, one like that."""
    warehouse = company.warehouse
    warehouse.create_missing((LINKS,))
    warehouse.execute(
        "insert into identity.members values ('shop', 'shop-8', 'p_ann_00001'), "
        "('shop', 'shop-9', 'p_ann_00001')"
    )
    warehouse.execute(
        """
        insert into identity.links by name
        from (values
            ('billing', 'ann-record-2', 'crm', 'ann-record-1', 'deterministic', null, false),
            ('users', 'ann-user-77', 'billing', 'ann-record-2', 'deterministic', null, false),
            ('devices', $device, 'users', 'ann-user-77', 'deterministic', null, false),
            ('emails', $ann, 'crm', 'ann-record-1', 'deterministic', null, false),
            ('shop', 'shop-8', 'crm', 'ann-record-1', 'probabilistic', 0.72, false),
            ('crm', 'ben-record-1', 'crm', 'ann-record-1', 'deterministic', null, true),
            ('shop', 'shop-9', 'shop', 'shop-8', 'deterministic', null, false)
        ) as link (left_source, left_record_id, right_source, right_record_id, kind, probability, is_cut)
        """,
        {"device": ANN_DEVICE, "ann": ANN},
    )
    company.ask(("email", ANN, "raw"))
    return company


def test_what_is_joined_by_likeness_alone_is_counted_and_taken(by_likeness: Company) -> None:
    tables = (*ALL_TABLES, LINKS)
    (plan,), _ = plan_erasure(by_likeness.request_file.read(), by_likeness.context(tables=tables))

    assert plan.likely == (JoinedByLikeness("shop", 2, 0.72),)
    assert ("source_record", "shop|shop-9") in plan.keys
    with console.capture() as shown:
        show_plans([plan], {})
    assert "Joined by likeness alone: included" in shown.get()

    by_likeness.erase(tables=tables)
    (kept,) = (
        by_likeness.warehouse.read(
            "select detail from privacy.request_steps where step = 'planned'"
        )
        .column("detail")
        .to_pylist()
    )
    assert json.loads(kept)["joined_by_likeness"] == [
        {"source": "shop", "records": 2, "probability": 0.72}
    ]
