"""Splits and merges: what they write, that they hold, and that they can be taken back."""

from __future__ import annotations

import datetime as dt

import pytest

from identity import (
    Act,
    ContradictionError,
    InvalidDecisionError,
    Origin,
    RecordName,
    UnknownDecisionError,
    UnknownPersonError,
    Verdict,
    add_decision,
    list_decisions,
    merge_persons,
    plan_split,
    revoke_decision,
    split_person,
)
from identity.churn import measure_churn, remember_members
from tests.identity.conftest import NOW, Company

ANN, ANNA, BEN, BENNY = (RecordName("crm", number) for number in ("1", "2", "3", "4"))
USER = RecordName("users", "u9")


def act(origin: Origin, hours: float = 0) -> Act:
    return Act(origin, NOW + dt.timedelta(hours=hours))


@pytest.fixture
def family(company: Company) -> Company:
    """Four records with one mailbox and no names: one person, of two people."""
    for number in "1234":
        company.record("crm", number, created=int(number), email="home@pine.example")
    company.record("shop", "s", email="other@oak.example")
    company.resolve()
    return company


def person(company: Company, name: RecordName) -> str:
    return company.members()[(name.source, name.source_record_id)]


def groups(company: Company) -> dict[str, list[str]]:
    """The numbers of the crm's records, by person."""
    found: dict[str, list[str]] = {}
    for (source, record_id), person_id in sorted(company.members().items()):
        if source == "crm":
            found.setdefault(person_id, []).append(record_id)
    return found


def split(company: Company, *names: RecordName) -> str:
    plan = plan_split(company.warehouse, person(company, ANN), names)
    return split_person(company.warehouse, plan, act(Origin.SPLIT))


def test_a_split_parts_the_named_from_the_rest_and_each_side_stays_together(
    family: Company,
) -> None:
    """Although all hang together by the first record alone."""
    split(family, ANN, BEN)
    family.resolve()

    assert sorted(groups(family).values()) == [["1", "3"], ["2", "4"]]


def test_a_split_holds_when_new_links_arrive(family: Company) -> None:
    split(family, ANN, BEN)
    family.resolve()
    family.record("crm", "0", email="home@pine.example")
    family.record("shop", "t", email="home@pine.example")
    family.resolve()

    parts = ["".join(sorted({*part} & {*"1234"})) for part in groups(family).values()]
    assert sorted(parts) == ["13", "24"]


def test_a_split_taken_back_gives_the_same_persons_and_ids(family: Company) -> None:
    before = family.members()
    act_id = split(family, BEN, BENNY)
    family.resolve()
    apart = family.members()
    revoke_decision(family.warehouse, act_id, now=NOW + dt.timedelta(hours=3))
    family.resolve()

    assert apart != before
    assert family.members() == before


def test_a_revoked_decision_explains_the_change_that_follows(family: Company) -> None:
    act_id = split(family, BEN, BENNY)
    family.resolve()
    since = NOW + dt.timedelta(hours=family.runs)
    remember_members(family.warehouse)
    revoke_decision(family.warehouse, act_id, now=since + dt.timedelta(minutes=1))
    family.resolve()
    churn = measure_churn(family.warehouse, since=since)

    assert (churn.changed > 0, churn.unexplained) == (True, 0)


def test_a_split_taken_back_and_done_again_gives_the_ids_of_the_first_time(
    family: Company,
) -> None:
    act_id = split(family, BEN, BENNY)
    family.resolve()
    apart = family.members()
    revoke_decision(family.warehouse, act_id, now=NOW + dt.timedelta(hours=3))
    family.resolve()
    plan = plan_split(family.warehouse, person(family, ANN), [BEN, BENNY])
    split_person(family.warehouse, plan, act(Origin.SPLIT, 5))
    family.resolve()

    assert family.members() == apart


@pytest.mark.parametrize("sizes", [(1, 1), (1, 3), (3, 1)])
def test_a_merge_taken_back_gives_the_same_persons_and_ids(
    company: Company, sizes: tuple[int, int]
) -> None:
    for source, size, first in zip(("b", "a"), sizes, (9, 1), strict=True):
        for number in range(size):
            company.record(source, str(number), created=first + number, email=f"{source}@x.example")
    company.resolve()
    before = company.members()
    one, other = (before[(source, "0")] for source in ("a", "b"))
    act_id = merge_persons(company.warehouse, one, other, act(Origin.MERGE))
    company.resolve()
    joined = set(company.members().values())
    revoke_decision(company.warehouse, act_id, now=NOW + dt.timedelta(hours=3))
    company.resolve()

    assert len(joined) == 1
    assert company.members() == before


def test_a_part_of_a_former_person_does_not_take_up_what_was_written_of_the_whole(
    company: Company,
) -> None:
    for number in "123":
        company.record("crm", number, created=1, email="one@x.example")
    for number in "45":
        company.record("crm", number, created=2, email="two@x.example")
    company.resolve()
    former = company.members()[("crm", "4")]
    merge_persons(company.warehouse, company.members()[("crm", "1")], former, act(Origin.MERGE))
    company.resolve()
    plan = plan_split(company.warehouse, company.members()[("crm", "1")], [BENNY])
    split_person(company.warehouse, plan, act(Origin.SPLIT, 2))
    company.resolve()

    assert plan.pieces == (1, 2)  # the must-link was the fourth's
    assert sorted(groups(company).values()) == [["1", "2", "3"], ["4"], ["5"]]
    assert former not in groups(company)


def test_a_merge_joins_all_records_although_birth_dates_and_sign_ins_differ(
    company: Company,
) -> None:
    for source, born, name in (("a", "1980-01-01", "Ann"), ("b", "1991-05-05", "Zoe")):
        for number in range(3):
            company.record(
                source, str(number), email=f"{source}@x.example", first_name=name,
                last_name="Lee", birth_date=born, user_id=f"{source}-u",
            )  # fmt: skip
        company.event(2, "identify", user_id=f"{source}-u", anonymous_id=f"{source}-d")
    company.resolve()
    members = company.members()
    merge_persons(company.warehouse, members[("a", "0")], members[("b", "0")], act(Origin.MERGE))
    company.resolve()

    assert len(set(members.values())) == 2
    assert len(set(company.members().values())) == 1


def test_without_records_the_split_is_proposed_at_the_weakest_link(company: Company) -> None:
    company.record("crm", "1", email="a@x.example", user_id="u1")
    company.record("crm", "2", email="a@x.example")
    company.record("crm", "3", user_id="u1")
    company.resolve()

    plan = plan_split(company.warehouse, person(company, ANN))

    assert [plan.parts.names[place] for place in plan.side.tolist()] == [ANNA]
    assert (plan.weakest, plan.pieces) == ("same email", (1, 1))


def test_a_side_without_links_of_its_own_is_said_to_fall_apart(company: Company) -> None:
    company.record("crm", "1", email="a@x.example", phone="+12025550143")
    company.record("crm", "2", email="a@x.example")
    company.record("crm", "3", phone="+12025550143")
    company.resolve()

    assert plan_split(company.warehouse, person(company, ANN), [ANN]).pieces == (1, 2)


def test_a_split_of_what_was_decided_to_be_one_overrules_it(company: Company) -> None:
    company.record("crm", "1", email="a@x.example")
    company.record("crm", "2", email="b@x.example")
    company.resolve()
    add_decision(company.warehouse, Verdict.MUST_LINK, ANN, ANNA, reason=None, now=NOW)
    company.resolve()
    plan = plan_split(company.warehouse, person(company, ANN), [ANN])
    split_person(company.warehouse, plan, act(Origin.SPLIT, 2))
    company.resolve()

    states = {
        row["decision"]: row["state"] for row in list_decisions(company.warehouse).to_pylist()
    }
    assert not company.are_one(("crm", "1"), ("crm", "2"))
    assert states == {"must_link": "superseded", "cannot_link": "in force"}


def test_whom_a_split_parted_a_merge_does_not_join_until_it_is_revoked(family: Company) -> None:
    act_id = split(family, BEN, BENNY)
    family.resolve()

    with pytest.raises(ContradictionError, match=act_id):
        merge_persons(family.warehouse, person(family, ANN), person(family, BEN), act(Origin.MERGE))


def test_must_links_over_others_do_not_contradict_a_cannot_link(family: Company) -> None:
    shop = RecordName("shop", "s")
    split(family, BEN, BENNY)
    add_decision(family.warehouse, Verdict.MUST_LINK, ANN, shop, reason=None, now=NOW)

    with pytest.raises(ContradictionError, match="revoke one side"):
        add_decision(family.warehouse, Verdict.MUST_LINK, BEN, shop, reason=None, now=NOW)


def test_a_decision_on_a_record_that_is_gone_is_not_in_force_and_stops_nothing(
    family: Company,
) -> None:
    add_decision(
        family.warehouse, Verdict.MUST_LINK, BEN, RecordName("shop", "s"), reason=None, now=NOW
    )
    family.forget("staging.stg_raw__person_records", "source = 'shop'")
    family.resolve()

    (row,) = list_decisions(family.warehouse).to_pylist()
    assert row["state"].startswith("not in force")
    assert list(groups(family).values()) == [["1", "2", "3", "4"]]


def test_a_revoked_decision_stays_in_the_table(family: Company) -> None:
    act_id = split(family, BEN)
    revoke_decision(family.warehouse, act_id, now=NOW)

    rows = family.rows("identity.decisions")
    assert len(rows) == 3
    assert {row["revoked_at"] for row in rows} == {NOW}
    with pytest.raises(InvalidDecisionError, match="revoked already"):
        revoke_decision(family.warehouse, act_id, now=NOW)


def test_an_unknown_decision_is_said(family: Company) -> None:
    with pytest.raises(UnknownDecisionError, match="decisions list"):
        revoke_decision(family.warehouse, "nosuch", now=NOW)


def test_an_unknown_person_is_said(family: Company) -> None:
    with pytest.raises(UnknownPersonError, match="no person p_no"):
        plan_split(family.warehouse, "p_no")


def test_a_merged_person_is_answered_with_who_it_became(family: Company) -> None:
    shop = person(family, RecordName("shop", "s"))
    stays = person(family, ANN)
    merge_persons(family.warehouse, shop, stays, act(Origin.MERGE))
    family.resolve()

    with pytest.raises(UnknownPersonError, match=f"{shop} became {stays}"):
        plan_split(family.warehouse, shop)


@pytest.mark.parametrize(
    ("whose", "named", "said"),
    [
        pytest.param(RecordName("shop", "s"), (), "one record only", id="single"),
        pytest.param(ANN, (RecordName("shop", "s"),), "is not one of", id="strange"),
        pytest.param(ANN, (ANN, ANNA, BEN, BENNY), "leave some", id="all"),
    ],
)
def test_what_cannot_be_split_is_said(
    family: Company, whose: RecordName, named: tuple[RecordName, ...], said: str
) -> None:
    with pytest.raises(InvalidDecisionError, match=said):
        plan_split(family.warehouse, person(family, whose), named)


def test_a_person_is_not_merged_with_itself(family: Company) -> None:
    ann = person(family, ANN)

    with pytest.raises(InvalidDecisionError, match="the same person"):
        merge_persons(family.warehouse, ann, ann, act(Origin.MERGE))
