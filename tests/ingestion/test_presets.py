from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from ingestion import SourcesConfig, WrongColumnError
from ingestion.inventory import table_of
from ingestion.mapping import KINDS
from ingestion.presets import PRESETS
from ingestion.pull.feed import wanted_columns
from tests.ingestion.conftest import Landing, keys

HUBSPOT = "Record ID,First Name,Last Name,Email,Phone Number,Lifecycle Stage,Create Date"


def _only(landing: Landing, kind: str, **more: Any) -> None:
    landing.sources = {"crm": {"kind": kind, "files": "crm/*", **more}}


def _put(landing: Landing, *lines: str, name: str = "crm/a.csv") -> Path:
    return landing.put(name, "".join(f"{line}\n" for line in lines).encode())


def _json(landing: Landing, *documents: Mapping[str, Any], name: str = "crm/a.jsonl") -> Path:
    return _put(landing, *(json.dumps(document) for document in documents), name=name)


# The same rows as by mapping


@pytest.mark.parametrize(
    "source", ["hubspot_contacts", "salesforce_contacts", "salesforce_accounts"]
)
def test_an_export_that_is_known_gives_the_rows_of_its_mapping(
    shared_data: Path, tmp_path: Path, source: str
) -> None:
    declared = Path(__file__).parent.parent / "fernhill" / "config" / "sources.yml"
    mapped = YAML(typ="safe").load(declared)["sources"][source]
    # Only the company knows whether its events name the record.
    said = {"user_id": mapped["user_id"]} if "user_id" in mapped else {}
    known = {"kind": source, "files": mapped["files"], **said}
    first, second = Landing(shared_data / "fernhill"), Landing(shared_data / "fernhill")
    first.sources, second.sources = {source: mapped}, {source: known}

    first.load()
    second.load()

    table = table_of(source)
    columns = ", ".join(name for name in table.column_names if name != "load_id")
    sql = f"select {columns} from {table.name.sql} order by all"
    assert len(first.rows(sql)) > 100
    assert first.rows(sql) == second.rows(sql)


# How columns are recognised


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("Record ID,First Name,Email,Phone Number,Street Address,Create Date", id="ui"),
        pytest.param(
            " record id,FIRST  NAME,e mail,phonenumber,Street address,create date", id="case"
        ),
        pytest.param("hs_object_id,firstname,email,phone,address,createdate", id="property-names"),
        pytest.param(
            "id,properties.firstname,properties.email,properties.phone,properties.address,createdAt",
            id="api",
        ),
        pytest.param(
            "id,properties_firstname,properties_email,properties_phone,properties_address,createdAt",
            id="loader",
        ),
        pytest.param(
            "id,property_firstname,property_email,property_phone,property_address,property_createdate",
            id="other-loader",
        ),
    ],
)
def test_a_hubspot_contact_is_known_whatever_its_columns_are_called(header: str) -> None:
    columns = header.split(",")

    choice = PRESETS["hubspot_contacts"].choose([*columns, "Contact owner"])

    fields = choice.fields
    assert [
        choice.id, fields["first_name"], fields["email"], fields["phone"], fields["street"],
        choice.created_at,
    ] == columns  # fmt: skip
    assert len(fields) == 4


def test_of_two_columns_that_fit_the_api_name_then_the_first_is_taken() -> None:
    columns = ["Phone Number", "phone", "PHONE", "Associated Company", "Company Name"]

    choice = PRESETS["hubspot_contacts"].choose(columns)

    assert choice.fields == {"phone": "phone", "company_name": "Company Name"}


def test_stages_are_known_by_labels_and_names_of_both_generations() -> None:
    columns = [
        "hs_v2_date_entered_lead",
        "Became a Lead Date",
        "Became an Other Lifecycle Date",
        "Became a Nurtured Date",
        "properties.hs_lifecyclestage_customer_date",
        'Date entered "Sales Qualified Lead (Lifecycle Stage Pipeline)"',
        'Date exited "Lead (Lifecycle Stage Pipeline)"',
    ]

    assert PRESETS["hubspot_lifecycle"].choose(columns).stages == {
        "customer": columns[4],
        "lead": columns[1],
        "other": columns[2],
        "nurtured": columns[3],
        "salesqualifiedlead": columns[5],
    }


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("Id,AccountId,FirstName,LastName,MailingState,SystemModstamp", id="loader"),
        pytest.param(
            "Contact ID,Account ID,First Name,Last Name,Mailing State/Province,Last Modified Date",
            id="report",
        ),
    ],
)
def test_a_salesforce_contact_is_read_from_a_loader_or_a_report(
    landing: Landing, header: str
) -> None:
    _only(landing, "salesforce_contacts")
    _put(landing, header, "003A,001A,Ann,Lee,OR,3/4/2026 5:06 PM")

    landing.load()

    assert landing.rows(
        "select source_record_id as id, account_id, last_name, state, record_updated_at as at "
        "from raw.person_records"
    ) == [
        {"id": "003A", "account_id": "001A", "last_name": "Lee", "state": "OR",
         "at": datetime.fromisoformat("2026-03-04T17:06")}
    ]  # fmt: skip


def test_objects_of_the_api_are_read_by_path_and_those_of_one_file_may_differ(
    landing: Landing,
) -> None:
    _only(landing, "hubspot_contacts")
    _json(
        landing,
        {"id": 1, "properties": {"firstname": "Ann"}, "createdAt": "2026-01-01T00:00:00.000Z"},
        {"id": "2", "properties": {"email": "b@x.org", "createdate": None}, "archived": True},
        {"id": "3", "properties": None},
    )

    landing.load()

    assert landing.rows("select source_record_id as id, first_name, email from raw.person_records "
                        "order by 1") == [
        {"id": "1", "first_name": "Ann", "email": None},
        {"id": "2", "first_name": None, "email": "b@x.org"},
        {"id": "3", "first_name": None, "email": None},
    ]  # fmt: skip


def test_nested_objects_of_a_query_are_read(landing: Landing) -> None:
    _only(landing, "salesforce_contacts")
    _json(landing, {"Id": "003A", "Account": {"Name": "Acme"}, "LastName": "Lee"})

    landing.load()

    assert landing.values("select company_name from raw.person_records") == ["Acme"]


def test_ids_that_are_numbers_in_parquet_are_written_whole(landing: Landing) -> None:
    _only(landing, "hubspot_contacts")
    (landing.folder / "crm").mkdir()
    table = {"Record ID": [25918004584.0, None, 1.5], "Associated Company IDs": [[1], [], None]}
    pq.write_table(pa.table(table), landing.folder / "crm" / "a.parquet")

    landing.load()

    assert landing.rows(
        "select source_record_id as id, account_id from raw.person_records order by 1"
    ) == [{"id": "1.5", "account_id": None}, {"id": "25918004584", "account_id": "[1]"}]
    assert landing.codes() == [(2, "no_key")]


def test_a_leads_company_is_not_an_account(landing: Landing) -> None:
    _only(landing, "salesforce_leads")
    _put(landing, "Lead ID,Last Name,Company / Account,Lead Status", "00Q,Lee,Acme,Open")

    landing.load()

    assert landing.rows("select company_name, account_id, attributes from raw.person_records") == [
        {"company_name": "Acme", "account_id": None, "attributes": '{"Lead Status":"Open"}'}
    ]


def test_companies_are_read_as_accounts(landing: Landing) -> None:
    _only(landing, "hubspot_companies")
    _put(
        landing,
        "Record ID,Company name,Company Domain Name,Number of Employees,Annual Revenue",
        '7,Acme,acme.example,"1,200","$1,500,000.00"',
    )

    landing.load()

    assert landing.rows("select name, domain, employee_count, annual_revenue from raw.accounts") == [
        {"name": "Acme", "domain": "acme.example", "employee_count": 1200,
         "annual_revenue": 1500000.0}
    ]  # fmt: skip


# Deals


@pytest.mark.parametrize(
    ("kind", "header", "row"),
    [
        pytest.param(
            "hubspot_deals",
            "Record ID,Deal Name,Deal Stage,Amount,Close Date,Is Closed Won,Associated Contact IDs",
            '9,Big,Closed Won,"12,000.50",2026-03-04 05:06,true,1;2',
            id="hubspot",
        ),
        pytest.param(
            "salesforce_opportunities",
            "Opportunity ID,Opportunity Name,Stage,Amount,Close Date,Won,Contact ID",
            '9,Big,Closed Won,"USD 12,000.50",3/4/2026 5:06 AM,1,1',
            id="salesforce",
        ),
    ],
)
def test_a_deal_is_no_order_and_names_its_first_contact(
    landing: Landing, kind: str, header: str, row: str
) -> None:
    people = {"kind": "hubspot_contacts", "files": "none/*", "optional": True}
    _only(landing, kind, person={"source": "people"})
    landing.sources = {**landing.sources, "people": people}
    _put(landing, header, row)

    landing.load()

    assert landing.rows(
        "select deal_id, name, stage, amount, closed_at, is_won, is_closed, person_source, "
        "person_record_id from raw.deals"
    ) == [
        {"deal_id": "9", "name": "Big", "stage": "Closed Won", "amount": 12000.5,
         "closed_at": datetime.fromisoformat("2026-03-04T05:06"), "is_won": True,
         "is_closed": None, "person_source": "people", "person_record_id": "1"}
    ]  # fmt: skip
    assert landing.warehouse.scalar("select count(*) from raw.orders") == 0


# The history of stages


STAGES = "Record ID,Email,Became a Lead Date,Became an Opportunity Date,hs_v2_date_entered_lead"


def test_every_date_of_a_stage_is_an_event(landing: Landing) -> None:
    _only(landing, "hubspot_lifecycle")
    _put(
        landing,
        STAGES,
        "1,Ann@X.org,2026-01-01,2026-02-01,2026-01-02",
        "2,ben@x.org,,,",
        "3,cy@x.org,soon,2026-02-03,",
        "4,,2026-01-01,,",
        "5,di@x.org,2026-01-01",
    )

    report = landing.load()

    assert landing.rows(
        "select person_email, stage, changed_at from raw.lifecycle_events order by all"
    ) == [
        {"person_email": email, "stage": stage, "changed_at": datetime.fromisoformat(at)}
        for email, stage, at in [
            ("ann@x.org", "lead", "2026-01-01"),
            ("ann@x.org", "opportunity", "2026-02-01"),
            ("cy@x.org", "opportunity", "2026-02-03"),
        ]
    ]
    assert landing.codes() == [(4, "missing_value"), (5, "no_subject"), (6, "unreadable_row")]
    assert "changed_at cannot be read as a time between 1900 and 2200" in landing.values(
        "select reason from raw.quarantine"
    )
    assert (report.rows_in, report.rows_loaded) == (6, 3)


def test_a_later_export_adds_only_what_changed(landing: Landing) -> None:
    _only(landing, "hubspot_lifecycle")
    _put(landing, STAGES, "1,ann@x.org,2026-01-01,,", name="crm/a.csv")
    landing.load()
    _put(landing, STAGES + ",City", "1,ann@x.org,2026-01-01,2026-02-01,,Eugene", name="crm/b.csv")

    landing.load()

    assert [row[1:] for row in landing.counts()] == [(1, 1, 0, 0), (2, 1, 1, 0)]
    assert landing.values("select stage from raw.lifecycle_events order by 1") == [
        "lead",
        "opportunity",
    ]


def test_stages_of_the_api_name_the_record(landing: Landing) -> None:
    landing.sources = {
        "people": {"kind": "hubspot_contacts", "files": "crm/*"},
        "stages": {"kind": "hubspot_lifecycle", "files": "crm/*", "person": {"source": "people"}},
    }
    dates = {"hs_lifecyclestage_customer_date": "1767225600000"}
    _json(landing, {"id": "1", "properties": dates}, {"id": "2", "properties": {}})

    landing.load()

    assert landing.rows("select person_source, person_record_id, stage, changed_at "
                        "from raw.lifecycle_events") == [
        {"person_source": "people", "person_record_id": "1", "stage": "customer",
         "changed_at": datetime.fromisoformat("2026-01-01")}
    ]  # fmt: skip


@pytest.mark.parametrize("last", ["", "\n"], ids=["no-last-line-end", "last-line-end"])
def test_an_erasure_takes_the_stages_of_a_person_and_their_whole_row(
    landing: Landing, last: str
) -> None:
    _only(landing, "hubspot_lifecycle")
    rows = ["1,ann@x.org,2026-01-01,2026-02-01,", '2,"ben@x.org",,,', "3,cy@x.org,2026-01-03,,"]
    path = landing.put("crm/a.csv", ("\n".join([STAGES, *rows]) + last).encode())
    landing.load()

    landing.location.erase(keys(email=["ann@x.org", "ben@x.org"]))

    assert path.read_text().split("\n")[:4] == [STAGES, "", "", rows[2]]
    assert landing.values("select person_email from raw.lifecycle_events") == ["cy@x.org"]
    assert [row[1:] for row in landing.counts()] == [(1, 1, 0, 0)]
    assert landing.load().files == 0
    assert not landing.location.find(keys(email=["ann@x.org", "ben@x.org"]))


# Overriding, and what is refused


def test_what_is_mapped_goes_before_what_is_known(landing: Landing) -> None:
    _only(landing, "hubspot_contacts", map={"email": "Work mail", "middle_name": "Second"})
    _put(landing, "Record ID,Email,Work mail,Second", "1,home@x.org,work@x.org,May")

    landing.load()

    assert landing.rows("select email, middle_name, attributes from raw.person_records") == [
        {"email": "work@x.org", "middle_name": "May", "attributes": '{"Email":"home@x.org"}'}
    ]


@pytest.mark.parametrize("named", [{"id": "Key"}, {"map": {"source_record_id": "Key"}}])
def test_another_column_may_be_the_id(landing: Landing, named: Mapping[str, Any]) -> None:
    _only(landing, "hubspot_contacts", **named)
    _put(landing, "Record ID,Key", "1,k1")

    landing.load()

    assert landing.values("select source_record_id from raw.person_records") == ["k1"]


@pytest.mark.parametrize(
    ("kind", "header", "missing", "is_shown"),
    [
        ("hubspot_contacts", "First Name,Email", "Record ID", True),
        ("hubspot_contacts", "Ann Lee,ann@x.org", "Record ID", False),
        ("hubspot_lifecycle", "Record ID,Email", "Became a Lead Date", True),
        ("hubspot_lifecycle", "Record ID,Became a Lead Date", "properties.email", True),
    ],
)
def test_a_file_that_lacks_what_an_export_has_is_named(
    landing: Landing, kind: str, header: str, missing: str, is_shown: bool
) -> None:
    _only(landing, kind)
    _put(landing, header, "1,2")

    with pytest.raises(WrongColumnError, match=missing) as caught:
        landing.load()

    assert (header.split(",", maxsplit=1)[0] in str(caught.value)) is is_shown
    assert landing.counts() == []


def test_a_mapped_column_that_is_absent_is_named_though_the_export_is_known(
    landing: Landing,
) -> None:
    _only(landing, "hubspot_contacts", map={"email": "Work mail"})
    _put(landing, HUBSPOT, "1,,,,,,")

    with pytest.raises(WrongColumnError, match="Work mail"):
        landing.load()


@pytest.mark.parametrize("name", ["crm/a.csv", "crm/a.jsonl", "crm/a.csv.gz"])
def test_an_empty_file_of_any_export_is_loaded_as_such(landing: Landing, name: str) -> None:
    landing.sources = {kind: {"kind": kind, "files": "crm/*", "optional": True} for kind in PRESETS}
    landing.put(name, b"")

    landing.load()

    assert landing.counts() == [(name, 0, 0, 0, 0)] * len(PRESETS)


def test_a_header_alone_is_no_row(landing: Landing) -> None:
    _only(landing, "hubspot_contacts", optional=True)
    _put(landing, HUBSPOT)

    landing.load()

    assert landing.counts() == [("crm/a.csv", 0, 0, 0, 0)]


def test_hard_rows_of_an_export_cost_one_line_each(landing: Landing) -> None:
    _only(landing, "hubspot_contacts")
    rows = [
        HUBSPOT,
        '1,Ann,"Lee\nMay",ann@x.org,,lead,2026-03-04 05:06',
        "2,Ben",
        '3,"C ""Cy""",Doe,,,,"Mar 4, 2026 5:06 AM"',
        "4,Di,D,,,,,too,many",
        ",Eve,E,,,,",
    ]
    landing.put("crm/a.csv", "\r\n".join(rows).encode("utf-8-sig"))

    report = landing.load()

    assert landing.rows("select source_record_id as id, last_name, record_created_at as at "
                        "from raw.person_records order by 1") == [
        {"id": "1", "last_name": "Lee\nMay", "at": datetime.fromisoformat("2026-03-04T05:06")},
        {"id": "3", "last_name": "Doe", "at": datetime.fromisoformat("2026-03-04T05:06")},
    ]  # fmt: skip
    assert landing.codes() == [(4, "unreadable_row"), (6, "unreadable_row"), (7, "no_key")]
    assert report.rows_in == 5


# Deleted in the CRM


@pytest.mark.parametrize(
    ("kind", "row", "kept"),
    [
        (
            "salesforce_contacts",
            {"Id": "1", "LastName": "Lee", "IsDeleted": True},
            {"IsDeleted": True},
        ),
        (
            "hubspot_contacts",
            {"id": "1", "properties": {"lastname": "Lee"}, "archived": True},
            {"properties": {}, "archived": True},
        ),
    ],
)
def test_a_record_that_was_deleted_stays_with_its_mark(
    landing: Landing, kind: str, row: Mapping[str, Any], kept: Mapping[str, Any]
) -> None:
    _only(landing, kind)
    _json(landing, row)

    landing.load()

    (attributes,) = landing.values("select attributes from raw.person_records")
    assert json.loads(attributes) == kept


# The configuration


def test_every_known_export_is_a_kind_of_source() -> None:
    for kind in PRESETS:
        SourcesConfig.model_validate({"sources": {"a": {"kind": kind, "files": "a.csv"}}})


def test_every_field_of_an_export_is_a_field_of_its_kind() -> None:
    for name, preset in PRESETS.items():
        if name in KINDS:
            assert set(preset.fields) <= set(KINDS[name].fields), name


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ({"kind": "hubspot_contacts", "map": {"salary": "x"}}, "fields of hubspot_contacts"),
        ({"kind": "hubspot_companies", "person": {"email": "x"}}, "nobody's"),
        ({"kind": "hubspot_companies", "user_id": "x"}, "only person records"),
        ({"kind": "deals", "id": "x", "person": {"source": "b"}}, "write source and id together"),
        ({"kind": "hubspot_deals", "person": {"source": "c"}}, "sources of person records"),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused(
    source: Mapping[str, Any], problem: str
) -> None:
    people = {"kind": "hubspot_contacts", "files": "b.csv"}
    with pytest.raises(ValidationError, match=problem):
        SourcesConfig.model_validate({"sources": {"a": {"files": "a.csv", **source}, "b": people}})


# Pulls


HUBSPOT_PULL = {"from": "hubspot", "object": "deals"}
SALESFORCE_PULL = {"from": "salesforce", "token_env": "T", "base_url": "https://x.example"}


@pytest.mark.parametrize(
    ("kind", "pull", "asked"),
    [
        ("hubspot_deals", HUBSPOT_PULL, {"id", "properties.dealstage", "properties.closedate"}),
        ("salesforce_contacts", SALESFORCE_PULL, {"Id", "MailingCity", "Account.Name"}),
    ],
)
def test_a_pull_asks_for_the_fields_of_an_export_that_is_known(
    kind: str, pull: Mapping[str, Any], asked: set[str]
) -> None:
    config = SourcesConfig.model_validate({"sources": {"crm": {"kind": kind, "pull": pull}}})

    wanted = wanted_columns(config.sources["crm"])  # type: ignore[arg-type]

    assert asked <= wanted
    assert not {"MiddleName", "CurrencyIsoCode"} & wanted


@pytest.mark.parametrize("pull", [{"from": "hubspot"}, SALESFORCE_PULL])
def test_a_pull_of_other_objects_is_refused(pull: Mapping[str, Any]) -> None:
    with pytest.raises(ValidationError, match="from: hubspot, object: deals"):
        SourcesConfig.model_validate({"sources": {"a": {"kind": "hubspot_deals", "pull": pull}}})
