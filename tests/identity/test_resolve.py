"""Who becomes one person, and that ids stay."""

from __future__ import annotations

import pytest

from identity import IdentityConfig
from identity.nodes import number_kept_rows
from identity.share import SHARED, find_shared
from tests.identity.conftest import RECORDS, Company
from warehouse import DuckDBWarehouse

ANN, SAME_ANN, BOB = ("crm", "1"), ("billing", "c1"), ("crm", "2")


def fill(company: Company) -> None:
    """Ann in two systems, with a sign-in, a laptop and an address; Bob; a visitor."""
    company.record("crm", "1", first_name="Ann", last_name="Lee", email="ann@lee.example")
    company.record("billing", "c1", full_name="Lee, Ann", email="ann@lee.example", user_id="u1")
    company.record("crm", "2", first_name="Bob", last_name="Ray", email="bob@ray.example")
    company.event(5, anonymous_id="laptop")
    company.event(6, "identify", anonymous_id="laptop", user_id="u1", email="ann@lee.example")
    company.event(7, anonymous_id="visitor")
    company.event(8, "track", email="bob@ray.example")


def test_everything_of_one_person_is_one(company: Company) -> None:
    fill(company)

    company.resolve()

    assert company.are_one(
        ANN, SAME_ANN, ("users", "u1"), ("devices", "laptop"), ("emails", "ann@lee.example")
    )
    assert not company.are_one(ANN, BOB)


def test_every_record_sign_in_address_and_device_has_one_person(company: Company) -> None:
    fill(company)

    company.resolve()

    assert set(company.members()) == {
        ANN, SAME_ANN, BOB, ("users", "u1"), ("devices", "laptop"), ("devices", "visitor"),
        ("emails", "ann@lee.example"), ("emails", "bob@ray.example"),
    }  # fmt: skip


def test_ids_are_opaque(company: Company) -> None:
    fill(company)

    company.resolve()

    assert {(len(person), person[:2]) for person in company.members().values()} == {(28, "p_")}


def test_a_second_run_changes_no_row_nor_does_a_version_that_says_the_same(
    company: Company,
) -> None:
    fill(company)
    company.resolve()
    before = company.everything()
    company.warehouse.execute(
        "update staging.stg_raw__person_records "
        "set record_hash = 'another', attributes = 'another', loaded_at = now(), "
        "record_updated_at = case when record_created_at is not null then now() end"
    )

    report = company.resolve()

    assert report.is_unchanged
    assert company.everything() == before


def test_who_is_untouched_by_new_data_keeps_every_row(company: Company) -> None:
    fill(company)
    company.resolve()
    before = company.rows("identity.members"), company.rows("identity.members_history")
    company.record(
        "crm", "9", first_name="Eve", last_name="Sun", email="eve@sun.example", created=20
    )

    company.resolve()

    old = "source_record_id not in ('9', 'eve@sun.example')"
    assert company.rows("identity.members", old) == before[0]
    assert company.rows("identity.members_history", old) == before[1]


def test_an_empty_home_gives_the_same_ids_whatever_the_order(
    company: Company, another: Company
) -> None:
    fill(company)
    another.warehouse.execute("drop table staging.stg_raw__person_records")
    another.warehouse.execute("drop table staging.stg_raw__events")
    for table in ("person_records", "events"):
        rows = company.warehouse.read(
            f"select * from staging.stg_raw__{table} order by hash(rowid)"
        )
        with another.warehouse.view("given", rows):
            another.warehouse.execute(
                f"create table staging.stg_raw__{table} as select * from given"
            )

    company.resolve()
    another.resolve()

    assert another.everything() == company.everything()


def test_increments_end_with_the_persons_of_a_rebuild(company: Company, another: Company) -> None:
    fill(company)
    company.resolve()
    for late in (company, another):
        if late is another:
            fill(another)
        late.record("shop", "s1", full_name="Ann Lee", email="ann@lee.example", created=25)
        late.event(26, "identify", anonymous_id="visitor", user_id="u1")
        late.resolve()

    assert company.members() == another.members()
    assert company.rows("identity.devices") == another.rows("identity.devices")


def test_repeated_events_change_nothing(company: Company, another: Company) -> None:
    fill(company)
    fill(another)
    another.warehouse.execute(
        "insert into staging.stg_raw__events select * from staging.stg_raw__events"
    )

    company.resolve()
    another.resolve()

    assert another.everything() == company.everything()


def test_a_family_with_one_mailbox_stays_a_family(company: Company) -> None:
    family = {"last_name": "Lee", "email": "lees@home.example"}
    company.record("crm", "1", first_name="Ann", birth_date="1980-02-03", **family)
    company.record("crm", "2", first_name="Robert", birth_date="1978-11-23", **family)
    company.record("shop", "3", first_name="Ann", **family)

    company.resolve()

    assert company.are_one(("crm", "1"), ("shop", "3"))
    assert not company.are_one(("crm", "1"), ("crm", "2"))
    assert not company.are_one(("crm", "1"), ("emails", "lees@home.example"))


@pytest.mark.parametrize(
    ("first_name", "birth_date", "are_one"),
    [
        ("John", None, False),
        ("John", "1980-02-03", True),
        ("Rob", None, True),
        ("Robbert", None, True),
        ("R", None, True),
    ],
)
def test_another_first_name_at_a_mailbox_named_after_somebody(
    company: Company, first_name: str, birth_date: str | None, are_one: bool
) -> None:
    """A nickname or a slip is one person; a name that is unlike needs more to be one."""
    mailbox = {"last_name": "Smith", "email": "robert.smith@home.example"}
    company.record("crm", "1", first_name="Robert", birth_date="1980-02-03", **mailbox)
    company.record("shop", "2", first_name=first_name, birth_date=birth_date, **mailbox)

    company.resolve()

    assert company.are_one(("crm", "1"), ("shop", "2")) is are_one


@pytest.mark.parametrize(
    ("role", "mailbox", "is_shared"),
    [
        ("büro", "büro", True),
        ("büro", "bro", False),
        ("info1", "info1", True),
        ("in-fo", "info2", True),
        ("info", "information", False),
    ],
)
def test_roles_are_told_by_the_letters_of_a_mailbox(
    role: str, mailbox: str, is_shared: bool
) -> None:
    warehouse = DuckDBWarehouse.in_memory()
    held = (
        f"(select '{mailbox}@acme.example' as email, null as phone, null as given_name, "
        "null as last_name, null as birth_date)"
    )

    find_shared(warehouse, IdentityConfig(role_mailboxes=(role,)), held)

    assert bool(warehouse.scalar(f"select count(*) from {SHARED}")) is is_shared


@pytest.mark.parametrize("role", ["24", "Info", "BÜRO", "info@acme.example"])
def test_what_is_no_role_of_an_address_is_refused(role: str) -> None:
    with pytest.raises(ValueError, match="role_mailboxes"):
        IdentityConfig(role_mailboxes=(role,))


def test_a_role_mailbox_links_nobody(company: Company) -> None:
    company.record("crm", "1", first_name="Ann", last_name="Lee", email="sales@acme.example")
    company.record("crm", "2", first_name="Ann", last_name="Ray", email="sales@acme.example")

    company.resolve()

    assert not company.are_one(("crm", "1"), ("crm", "2"))
    shared = company.rows("identity.identifiers", "source = 'crm'")
    assert [row["is_shared"] for row in shared] == [True, True]


@pytest.mark.parametrize("junk", ["test@test.com", "null", "noreply@example.com"])
def test_junk_addresses_link_nobody(company: Company, junk: str) -> None:
    company.record("crm", "1", email=junk)
    company.record("crm", "2", email=junk)

    company.resolve()

    assert len(company.members()) == 2
    assert not company.are_one(("crm", "1"), ("crm", "2"))


def test_two_sign_ins_of_one_system_are_two_people(company: Company) -> None:
    company.record("crm", "1", full_name="Ann Lee", email="ann@lee.example", user_id="1")
    company.record("crm", "2", full_name="Ann Lee", email="ann@lee.example", user_id="2")
    company.event(1, user_id="1", anonymous_id="a")
    company.event(1, user_id="2", anonymous_id="b")

    company.resolve()

    assert not company.are_one(("crm", "1"), ("crm", "2"))
    cuts = company.rows("identity.links", "is_cut")
    assert [cut["cut_reason"] for cut in cuts] == ["two different sign-ins"]


@pytest.mark.parametrize("call", ["alias", "merge"])
def test_an_alias_or_merge_joins_two_sign_ins(company: Company, call: str) -> None:
    company.event(1, user_id="old", anonymous_id="a")
    company.event(2, call, user_id="new", previous_id="old")

    company.resolve()

    assert company.are_one(("users", "old"), ("users", "new"), ("devices", "a"))


def test_a_different_birth_date_and_first_name_are_two_people(company: Company) -> None:
    mailbox = {"email": "j.lee@lee.example"}
    company.record("a", "1", first_name="Joan", last_name="Lee", birth_date="1950-01-02", **mailbox)
    company.record("b", "2", last_name="Lee", **mailbox)
    company.record(
        "c", "3", first_name="Maximilian", last_name="Lee", birth_date="1988-10-30", **mailbox
    )

    company.resolve()

    assert not company.are_one(("a", "1"), ("c", "3"))


def test_too_large_a_person_is_taken_apart_and_the_links_say_why(company: Company) -> None:
    company.configure(max_records_per_person=3)
    for number in range(4):
        company.record(
            "crm", str(number), first_name="Ann", last_name="Lee", email="ann@lee.example"
        )
    company.record("shop", "1", full_name="Eve Sun", email="eve@sun.example")
    company.record("shop", "2", full_name="Eve Sun", email="eve@sun.example")

    company.resolve()

    assert len({company.members()["crm", str(number)] for number in range(4)}) == 4
    assert company.are_one(("shop", "1"), ("shop", "2"))
    cuts = company.rows("identity.links", "is_cut")
    assert {cut["cut_reason"] for cut in cuts} == {"more records than a person can own"}
    assert len(cuts) == 3


def test_a_blocked_value_links_nobody(company: Company) -> None:
    fill(company)
    company.configure(blocked_values=["ann@lee.example"])

    company.resolve()

    assert not company.are_one(ANN, SAME_ANN)


def test_a_decision_joins_and_the_merge_is_written_down(company: Company) -> None:
    fill(company)
    company.resolve()
    before = company.members()
    company.decide("must_link", ANN, BOB)

    report = company.resolve()

    assert company.are_one(ANN, BOB)
    assert company.members()[ANN] == before[ANN], "Ann has more records, so her id stays"
    assert report.merges == 1
    change = company.rows("identity.changes", "run_id = 'run-2'")[0]
    assert (change["person_id"], change["other_person_id"]) == (before[ANN], before[BOB])
    assert change["cause"] == "decision: must link"
    merged = company.rows("identity.persons", f"person_id = '{before[BOB]}'")[0]
    assert (merged["status"], merged["merged_into"]) == ("merged", before[ANN])


def test_a_decision_separates_and_the_larger_part_keeps_the_id(company: Company) -> None:
    fill(company)
    company.record("shop", "s1", full_name="Ann Lee", email="ann@lee.example", user_id="u1")
    company.resolve()
    before = company.members()
    company.decide("cannot_link", ANN, SAME_ANN)

    company.resolve()

    assert not company.are_one(ANN, SAME_ANN)
    assert company.members()[SAME_ANN] == before[SAME_ANN]
    split_off = f"change_type = 'split' and other_person_id = '{company.members()[ANN]}'"
    change = company.rows("identity.changes", split_off)[0]
    assert (change["person_id"], change["cause"]) == (before[ANN], "decision: cannot link")


def test_the_latest_decision_holds_and_undoes_the_merge(company: Company) -> None:
    fill(company)
    company.resolve()
    before = company.members()
    company.decide("must_link", ANN, BOB, number=1)
    company.resolve()
    company.decide("cannot_link", BOB, ANN, number=2)

    company.resolve()

    assert company.members() == before
    assert {
        row["status"] for row in company.rows("identity.persons", f"person_id = '{before[BOB]}'")
    } == {"active"}


def test_whoever_was_erased_is_gone_and_all_other_ids_stay(company: Company) -> None:
    fill(company)
    company.resolve()
    before = company.members()
    person = before[BOB]
    company.forget("staging.stg_raw__person_records", "source_record_id = '2'")
    company.forget("staging.stg_raw__events", "email = 'bob@ray.example'")
    for table in ("members", "members_history", "persons"):
        company.forget(f"identity.{table}", f"person_id = '{person}'")

    company.resolve()

    assert company.members() == {name: one for name, one in before.items() if one != person}
    assert company.rows("identity.persons", f"person_id = '{person}'") == []


def test_rows_of_a_version_that_did_not_number_them_are_numbered(company: Company) -> None:
    fill(company)
    company.resolve()
    before = company.everything()
    for table, name in (("members", "node"), ("members_history", "node"), ("identifiers", "node"),
                        ("links", "left_node"), ("links", "right_node")):  # fmt: skip
        company.warehouse.execute(f"update identity.{table} set {name} = null")
    assert company.everything() != before

    number_kept_rows(company.warehouse)

    assert company.everything() == before


def test_a_company_without_data_has_no_persons(company: Company) -> None:
    report = company.resolve()

    assert (report.records, report.persons) == (0, 0)


def test_names_and_addresses_alone_are_learned_from(company: Company) -> None:
    """Every round of Splink's training would leave out all fields that there are."""
    company.warehouse.execute(
        f"""
        insert into {RECORDS.sql} by name
        with parts as (select ['ma', 'ri', 'ton', 'lo', 'rek', 'ka', 'el', 'jos', 'ber', 'nic', 'vul', 'dor', 'wil', 'hap', 'zu'] as s),
        people as (
            select i, ['Sarah', 'Thomas', 'Nancy', 'Kevin', 'Olga', 'Boris'][i % 6 + 1] as first_name,
                s[i % 15 + 1] || s[i * 7 // 15 % 15 + 1] || s[i * 11 // 30 % 15 + 1] as last_name
            from range(400) as numbers(i), parts
        )
        select source, source || i as source_record_id, first_name, last_name,
            lower(first_name) || i * 37 % 900 + 10 || '@mail.example' as email
        from people, (values ('crm'), ('shop')) as sources(source) where source = 'crm' or i % 2 = 0
        """
    )

    report = company.resolve()

    assert report.findings is not None
    assert {field.origin for field in report.findings.fields} == {"convention"}
    assert report.persons == 400
