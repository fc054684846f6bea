from __future__ import annotations

import json
import random
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion import WrongColumnError, load_landing
from ingestion.accounting import unread_values
from ingestion.consent_words import DENIED, GRANTED
from ingestion.csv_rows import CsvForm, read_rows
from ingestion.files import describe_file
from ingestion.load_records import record_identifiers
from ingestion.records import RECORDS
from tests.ingestion.conftest import NOW, SOURCES, Landing, keys, lines
from warehouse import DuckDBWarehouse

HEADER = b"Id,User,Name,Email,Phone\n"


def _names(landing: Landing) -> list[str]:
    return landing.values("select full_name from raw.person_records order by source_record_id")


def test_quoted_fields_may_hold_delimiters_quotes_and_line_breaks(landing: Landing) -> None:
    landing.put("crm/a.csv", HEADER + b'1,,"Lee, ""Ann""\nMary",a@x.org,\n2,,Ben,b@x.org,\n')

    landing.load()

    assert _names(landing) == ['Lee, "Ann"\nMary', "Ben"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xef\xbb\xbf" + HEADER + b"1,,Ann,,\n2,,Ben,,\n", id="byte-order-mark"),
        pytest.param((HEADER + b"1,,Ann,,\n2,,Ben,,\n").replace(b"\n", b"\r\n"), id="crlf"),
        pytest.param(HEADER + b"1,,Ann,,\n\n2,,Ben,,", id="blank-line-and-no-last-line-end"),
        pytest.param(HEADER + b'"1","","Ann","",""\n"2",,"Ben",,\n', id="all-quoted"),
    ],
)
def test_usual_ways_to_write_csv_are_read(landing: Landing, content: bytes) -> None:
    landing.put("crm/a.csv", content)

    report = landing.load()

    assert _names(landing) == ["Ann", "Ben"]
    assert (report.rows_in, report.rows_quarantined) == (2, 0)


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(b'2,,"Ben,,', id="quote-never-closed"),
        pytest.param(b'2,,"Ben"x,,', id="text-after-quote"),
        pytest.param(b"2,,Ben", id="too-few"),
        pytest.param(b"2,,Ben,,,,", id="too-many"),
        pytest.param(b"2,,B\x00n,,", id="null-byte"),
    ],
)
def test_a_bad_row_costs_one_line_never_its_neighbours(landing: Landing, bad: bytes) -> None:
    landing.put("crm/a.csv", HEADER + b"1,,Ann,,\n" + bad + b'\n3,,"Cy",,\n4,,Di,,\n')

    report = landing.load()

    assert _names(landing) == ["Ann", "Cy", "Di"]
    assert landing.codes() == [(3, "unreadable_row")]
    assert report.rows_in == 4


def test_a_row_in_another_encoding_is_told_from_a_ragged_one(landing: Landing) -> None:
    landing.put("crm/a.csv", HEADER + "1,,Zoé,,\n".encode("latin-1") + b"2,,Ben,,\n3,,Cy\n")

    landing.load()

    assert landing.codes() == [(2, "invalid_utf8"), (4, "unreadable_row")]
    assert landing.values("select reason from raw.quarantine where line = 2") == [
        "the row is not UTF-8 text: save the file as UTF-8"
    ]


def test_a_quote_inside_a_plain_field_is_text(landing: Landing) -> None:
    landing.put("crm/a.csv", HEADER + b'1,,5" pipe,,\n2,,Ben "B" Lee,,\n')

    landing.load()

    assert _names(landing) == ['5" pipe', 'Ben "B" Lee']


def test_a_quote_never_closed_at_the_end_loses_nothing(landing: Landing) -> None:
    landing.put("crm/a.csv", HEADER + b'1,,Ann,,\n2,,"Ben,,\n')

    assert landing.load().rows_in == 2
    assert landing.codes() == [(3, "unreadable_row")]


@pytest.mark.parametrize("seed", range(3))
def test_no_corruption_of_a_csv_file_loses_a_byte(landing: Landing, seed: int) -> None:
    chance = random.Random(seed)
    made = [b"%d,,Name %d,n%d@x.org," % (number, number, number) for number in range(300)]
    noise = [b'"', b",", b"\xff", b"\x00", b'","', b'""', b"\r"]
    for place in range(0, 300, 3):
        at = chance.randrange(len(made[place]))
        made[place] = made[place][:at] + chance.choice(noise) + made[place][at:]
    body = b"\n".join(made) + b"\n"
    path = landing.put("crm/a.csv", HEADER + body)

    report = landing.load()

    file = describe_file("crm", path, landing.folder)
    blocks = list(read_rows(landing.warehouse, file, CsvForm(",", 5)))
    assert b"".join(blocks[0]["raw"].to_pylist()) == body
    assert report.rows_in == sum(block.num_rows for block in blocks)
    assert report.rows_in == report.rows_loaded + report.rows_deduplicated + report.rows_quarantined
    assert report.rows_loaded >= 200


def test_a_row_of_many_blocks_is_read_whole(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.csv_rows.BLOCK_BYTES", 64)
    monkeypatch.setattr("ingestion.csv_rows.MAX_ROW_BYTES", 200)
    rows = b"".join(b'%d,,"Name\n%d",,\n' % (number, number) for number in range(100))
    landing.put("crm/a.csv", HEADER + rows)

    report = landing.load()

    assert (report.rows_in, report.rows_loaded) == (100, 100)
    assert (
        landing.warehouse.scalar("select count(distinct full_name) from raw.person_records") == 100
    )


@pytest.mark.parametrize("content", [b"", HEADER], ids=["empty", "header-only"])
def test_a_file_without_rows_is_loaded_as_such(landing: Landing, content: bytes) -> None:
    landing.put("crm/a.csv", content)

    landing.load()

    assert landing.counts() == [("crm/a.csv", 0, 0, 0, 0)]
    assert landing.load().files == 0


def test_a_file_without_a_mapped_column_is_named_and_nothing_of_it_is_loaded(
    landing: Landing,
) -> None:
    landing.put("crm/a.csv", b"Id,User,Name,Mail,Phone\n1,,Ann,a@x.org,\n")

    with pytest.raises(WrongColumnError, match=r"crm/a.csv: no column 'Email'") as caught:
        landing.load()

    assert "Mail" in str(caught.value)
    assert landing.counts() == []


def test_a_file_without_a_header_does_not_show_its_first_row(landing: Landing) -> None:
    landing.put("crm/a.csv", b"1,7,Ann Lee,ann@x.org,+1\n")

    with pytest.raises(WrongColumnError) as caught:
        landing.load()

    assert "header" in str(caught.value)
    assert "Ann" not in str(caught.value)


def test_a_header_that_is_not_text_or_names_twice_makes_the_file_unreadable(
    landing: Landing,
) -> None:
    landing.put("crm/a.csv", b"\xff\xfeI\x00d\x00\n")
    landing.put("crm/b.csv", b"Id,Id\n1,2\n")

    landing.load()

    assert landing.codes() == [(None, "unreadable_file")] * 2


def test_a_row_without_its_id_is_refused(landing: Landing) -> None:
    landing.put("crm/a.csv", HEADER + b"  ,,Ann,,\n")

    landing.load()

    assert landing.codes() == [(2, "no_key")]


def test_an_order_without_a_readable_time_is_refused_and_told_whether_it_has_one(
    landing: Landing,
) -> None:
    landing.put(
        "shop/a.csv",
        b"order,contact,mail,at,amount\no1,1,,soon,5\no2,1,,2026-01-01,x\no3,1,,,5\n"
        b"o4,1,,1802-01-01,5\no5,1,,N/A,5\n",
    )

    landing.load()

    assert landing.codes() == [(line, "missing_value") for line in (2, 4, 5, 6)]
    assert landing.values("select reason from raw.quarantine order by line") == [
        "ordered_at cannot be read as a time between 1900 and 2200",
        "ordered_at is empty",
        "ordered_at cannot be read as a time between 1900 and 2200",
        "ordered_at is empty",
    ]
    assert landing.values("select amount from raw.orders") == [None]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,234.50", 1234.5), ("-3", -3.0), ("inf", None), ("nan", None), ("1e400", None), ("", None)],
)
def test_numbers_are_read_as_exports_write_them(
    landing: Landing, text: str, value: float | None
) -> None:
    landing.put("shop/a.csv", f'order,contact,mail,at,amount\no1,1,,2026-01-01,"{text}"\n'.encode())

    landing.load()

    assert landing.values("select amount from raw.orders") == [value]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-04T05:06:07+02:00", "2026-03-04T03:06:07"),
        ("2026-03-04", "2026-03-04T00:00"),
        ("03/14/2026 05:06", "2026-03-14T05:06"),
        ("14.03.2026", "2026-03-14T00:00"),
        ("Mar 14, 2026", "2026-03-14T00:00"),
    ],
)
def test_times_are_read_as_exports_write_them(landing: Landing, text: str, moment: str) -> None:
    landing.put("shop/a.csv", f'order,contact,mail,at,amount\no1,1,,"{text}",1\n'.encode())

    landing.load()

    assert landing.values("select ordered_at from raw.orders") == [datetime.fromisoformat(moment)]


def test_a_value_that_cannot_be_read_is_kept_as_text(landing: Landing) -> None:
    header = b"order,contact,mail,at,amount,gift\n"
    landing.put("shop/a.csv", header + b"o1,1,,2026-01-01,much,no\no2,1,,2026-01-01,5,no\n")

    landing.load()

    assert landing.rows("select amount, attributes from raw.orders order by order_id") == [
        {
            "amount": None,
            "attributes": '{"gift":"no","amount":"much"}',
        },
        {"amount": 5.0, "attributes": '{"gift":"no"}'},
    ]


SUBSCRIPTIONS = {
    "subs": {
        "kind": "subscriptions",
        "files": "subs/*",
        "id": "id",
        "person": {"email": "mail"},
        "map": {
            "plan": "plan.name",
            "status": "status",
            "mrr": "mrr",
            "currency": "currency",
            "started_at": "start",
            "cancelled_at": "cancelled",
        },
    }
}


def test_subscriptions_are_read_with_whose_they_are(landing: Landing) -> None:
    landing.sources = SUBSCRIPTIONS
    landing.put(
        "subs/a.jsonl",
        b'{"id": 7, "mail": "Ann@X.org", "plan": {"name": "Team"}, "status": "active", "mrr": 49.5,'
        b' "currency": " kr.", "start": 1767225600}\n'
        b'{"id": null, "mail": "b@x.org"}\n',
    )

    landing.load()

    assert landing.rows(
        "select subscription_id as id, person_email, plan, mrr, currency, "
        "started_at, cancelled_at, ended_at "
        "from raw.subscriptions"
    ) == [
        {
            "id": "7",
            "person_email": "ann@x.org",
            "plan": "Team",
            "mrr": 49.5,
            "currency": "kr.",  # as written: what a sign names, the project in dbt says
            "started_at": datetime.fromisoformat("2026-01-01"),
            "cancelled_at": None,
            "ended_at": None,
        }
    ]
    assert landing.codes() == [(2, "no_key")]


STAGES = {
    "stages": {
        "kind": "lifecycle_events",
        "files": "stages/*",
        "optional": True,
        "person": {"source": "crm", "id": "who"},
        "map": {"stage": "to", "previous_stage": "from", "changed_at": "at"},
    },
    "crm": SOURCES["crm"],
}


def test_changes_of_stage_are_known_by_what_they_say(landing: Landing) -> None:
    landing.sources = STAGES
    landing.put(
        "stages/a.csv",
        b"who,from,to,at,note\n1,,lead,2026-01-01,a\n1,lead,customer,2026-02-01,\n"
        b"1,,lead,2026-01-01,again\n,,lead,2026-01-01,\n2,,,2026-01-01,\n3,,lead,never,\n",
    )

    landing.load()

    assert landing.counts() == [("stages/a.csv", 6, 2, 1, 3)]
    assert landing.codes() == [(5, "no_subject"), (6, "missing_value"), (7, "missing_value")]
    assert landing.rows(
        "select person_source, person_record_id, previous_stage, stage from raw.lifecycle_events "
        "order by changed_at"
    ) == [
        {
            "person_source": "crm",
            "person_record_id": "1",
            "previous_stage": before,
            "stage": stage,
        }
        for before, stage in [(None, "lead"), ("lead", "customer")]
    ]


def test_a_change_of_stage_that_is_corrected_is_a_new_version(landing: Landing) -> None:
    landing.sources = {**STAGES, "stages": {**STAGES["stages"], "id": "key"}}
    landing.put("stages/a.csv", b"key,who,from,to,at\nk1,1,,lead,2026-01-01\n")
    landing.load()
    landing.put("stages/b.csv", b"key,who,from,to,at\nk1,1,,customer,2026-01-01\n")

    landing.load()

    assert landing.values("select lifecycle_event_id from raw.lifecycle_events") == ["k1", "k1"]


@pytest.mark.parametrize(
    ("name", "content", "kept", "table"),
    [
        pytest.param(
            "subs/a.csv",
            b'id,mail,plan.name,status,mrr,currency,start,cancelled\n1,ann@x.org,"T\nx",,,,,\n2,b@x.org,,,,,,\n',
            b"id,mail,plan.name,status,mrr,currency,start,cancelled\n\n\n2,b@x.org,,,,,,\n",
            "subscriptions",
            id="subscriptions",
        ),
        pytest.param(
            "stages/a.csv",
            b"who,from,to,at\n1,,lead,2026-01-01\n2,,lead,2026-01-01\n1,lead,customer,soon\n",
            b"who,from,to,at\n\n2,,lead,2026-01-01\n\n",
            "lifecycle_events",
            id="lifecycle-events",
        ),
    ],
)
def test_an_erasure_finds_persons_in_new_kinds_of_records(
    landing: Landing, name: str, content: bytes, kept: bytes, table: str
) -> None:
    landing.sources = {**SUBSCRIPTIONS, **STAGES}
    landing.sources["subs"] = {**SUBSCRIPTIONS["subs"], "optional": True}
    path = landing.put(name, content)
    landing.load()
    person = keys(email="ann@x.org", source_record="crm|1")

    landing.location.erase(person)

    assert path.read_bytes() == kept
    assert landing.warehouse.scalar(f"select count(*) from raw.{table}") == 1
    assert landing.codes() == []
    assert not landing.location.find(person)


def test_a_new_version_stands_beside_the_old_one_and_the_same_row_is_a_copy(
    landing: Landing,
) -> None:
    landing.put("crm/a.csv", HEADER + b"1,,Ann,,\n2,,Ben,,\n")
    landing.load()
    landing.put("crm/b.csv", HEADER + b"1,,Anne,,\n2,,Ben,,\n2,,Ben,,\n")

    landing.load()

    assert landing.counts()[1] == ("crm/b.csv", 3, 1, 2, 0)
    assert landing.warehouse.scalar("select count(*) from raw.person_records") == 3


def test_columns_that_are_not_mapped_are_kept(landing: Landing) -> None:
    landing.put("crm/a.csv", b"Id,User,Name,Email,Phone,line,select\n1,,Ann,,,x,y\n")

    landing.load()

    assert landing.values("select attributes from raw.person_records") == [
        '{"line":"x","select":"y"}'
    ]


def test_other_delimiters_are_read(landing: Landing) -> None:
    landing.sources = {"crm": {**SOURCES["crm"], "delimiter": "|"}}
    landing.put("crm/a.csv", b'Id|User|Name|Email|Phone\n1||"a|b"||\n2||c,d||\n')

    landing.load()

    assert _names(landing) == ["a|b", "c,d"]


def test_json_lines_are_read_by_path(landing: Landing) -> None:
    landing.put(
        "consent/a.jsonl",
        b'{"who": {"email": " Ann@X.org "}, "purpose": "ads", "status": "revoked", "at": "2026-01-01"}\n'
        b'{"purpose": "ads", "status": "granted", "at": "2026-01-01"}\n'
        b'{"who": {"email": "a@x.org"}, "purpose": "ads", "status": "perhaps", "at": "2026-01-01"}\n'
        b"[]\n",
    )

    landing.load()

    assert landing.rows("select subject_email, status from raw.consent_events") == [
        {"subject_email": "ann@x.org", "status": "denied"}
    ]
    (why,) = landing.values("select reason from raw.quarantine where code = 'missing_value'")
    page = (Path(__file__).parents[2] / "docs/how-to/bring-your-crm.md").read_text("utf-8")
    for word in (*GRANTED, *DENIED):
        assert word in why, word
        assert f"`{word}`" in page, word
    assert landing.codes() == [(2, "no_subject"), (3, "missing_value"), (4, "invalid_json")]


def test_parquet_files_are_read_and_a_broken_one_is_refused(landing: Landing) -> None:
    folder = landing.folder / "crm"
    folder.mkdir()
    table = pa.table({"Id": [1, 2], "User": ["a", None], "Name": ["Ann", "Ben"], "Email": ["", ""], "Phone": ["", ""]})  # fmt: skip
    pq.write_table(table, folder / "good.parquet")
    whole = (folder / "good.parquet").read_bytes()
    (folder / "cut.parquet").write_bytes(whole[:-30])
    (folder / "torn.parquet").write_bytes(whole[:4] + b"\x00" * 60 + whole[64:])

    landing.load()

    assert _names(landing) == ["Ann", "Ben"]
    assert {code for _, code in landing.codes()} == {"unreadable_file"}


def test_a_network_that_is_none_is_refused_and_ranges_sort_as_addresses(landing: Landing) -> None:
    landing.sources = {
        "nets": {"kind": "ip_ranges", "files": "n.csv", "map": {"cidr": "c", "domain": "d"}}
    }
    landing.put(
        "n.csv", b"c,d\n198.18.0.0/24,a.example\nnowhere,b.example\n2001:db8::/32,c.example\n"
    )

    landing.load()

    assert landing.codes() == [(3, "invalid_network")]
    assert landing.values("select first_address from raw.ip_ranges order by 1") == [
        "00000000000000000000ffffc6120000",
        "20010db8000000000000000000000000",
    ]


def test_records_of_erased_people_are_refused(landing: Landing) -> None:
    landing.put(
        "crm/a.csv", HEADER + b"1,,Ann,ANN@x.org,\n2,,Ben,,(206) 555-7870\n3,,Cy,,\n4,,Di,,\n"
    )
    erased = {("email", "ann@x.org"), ("phone", "+12065557870"), ("source_record", "crm|3")}

    def is_suppressed(asked: pa.Table) -> pa.Table:
        rows = [row for row in asked.to_pylist() if (row["kind"], row["value"]) in erased]
        return pa.Table.from_pylist(rows, asked.schema)

    load_landing(
        landing.warehouse, landing.config, landing.folder, now=NOW, is_suppressed=is_suppressed
    )

    assert _names(landing) == ["Di"]
    assert [code for _, code in landing.codes()] == ["suppressed"] * 3


def test_a_file_name_with_a_quote_is_harmless(landing: Landing, tmp_path: Path) -> None:
    landing.put("crm/o'brien; drop.csv", HEADER + b"1,,Ann,,\n")

    landing.load()

    assert _names(landing) == ["Ann"]


@pytest.mark.parametrize("fields", [300, 302], ids=["one-too-few", "one-too-many"])
def test_a_very_wide_row_of_another_width_is_refused_though_it_has_quotes(
    landing: Landing, fields: int
) -> None:
    names = ["Id", "User", "Email", "Phone", "Name", *(f"c{n}" for n in range(296))]
    row = ["2", *["x"] * (fields - 2), '"y"']
    good = ["1", *["x"] * 299, '"y"']
    content = "\n".join(",".join(one) for one in (names, good, row)) + "\n"
    landing.put("crm/a.csv", content.encode())

    landing.load()

    assert landing.codes() == [(3, "unreadable_row")]


def test_a_flattened_object_is_read_by_the_path_that_names_its_field(landing: Landing) -> None:
    landing.sources = {
        "crm": {"kind": "person_records", "files": "crm/*", "id": "id",
                "map": {"email": "properties.email"}}
    }  # fmt: skip
    flat = {"id": "1", "properties.email": "ann@maple.example"}
    nested = {"id": "2", "properties": {"email": "ben@maple.example"}}
    landing.put("crm/a.jsonl", lines(flat, nested))

    landing.load()

    assert landing.values("select email from raw.person_records order by 1") == [
        "ann@maple.example", "ben@maple.example",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "bad", ["2.59E+10,,Ann,,", "2,1.5e+9,Ann,,", "3E+10,,Ann,,", '"2,59E+10",,A,,']
)
def test_an_id_that_a_spreadsheet_rounded_is_refused(landing: Landing, bad: str) -> None:
    landing.put("crm/a.csv", HEADER + f"{bad}\n9,12E5,Ben,,\n".encode())

    landing.load()

    assert landing.codes() == [(2, "rounded_id")]
    assert _names(landing) == ["Ben"]


def test_a_reference_that_a_spreadsheet_rounded_is_refused(landing: Landing) -> None:
    landing.put("shop/a.csv", b"order,contact,mail,at,amount\no1,2.59E+10,,2026-01-01,1\n")

    landing.load()

    assert landing.codes() == [(2, "rounded_id")]


@pytest.mark.parametrize(
    ("at", "is_kept"),
    [
        ("9999-12-31", False), ("2200-01-01", False), ("1899-12-31", False),
        ("2199-12-31", True), ("1900-01-01", True),
    ],
)  # fmt: skip
def test_a_time_that_cannot_be_is_empty_and_its_text_is_kept(
    landing: Landing, at: str, is_kept: bool
) -> None:
    landing.sources = {
        "crm": SOURCES["crm"],
        "subs": {
            "kind": "subscriptions", "files": "subs/*", "id": "id",
            "person": {"source": "crm", "id": "who"}, "map": {"status": "status", "ended_at": "end"},
        }
    }  # fmt: skip
    landing.put("subs/a.csv", f"id,who,status,end\n1,c1,active,{at}\n".encode())

    landing.load()

    found = landing.rows("select ended_at, attributes from raw.subscriptions")
    assert landing.codes() == []
    if is_kept:
        assert found == [{"ended_at": datetime.fromisoformat(at), "attributes": None}]
    else:
        assert found == [{"ended_at": None, "attributes": f'{{"end":"{at}"}}'}]


def test_a_network_or_share_that_cannot_be_is_refused(landing: Landing) -> None:
    landing.sources = {
        "nets": {
            "kind": "ip_ranges", "files": "nets/*", "id": "cidr",
            "map": {"domain": "domain", "confidence": "confidence"},
        }
    }  # fmt: skip
    rows = ["0.0.0.0/0,1", "::/0,1", "::ffff:0:0/96,1", "10.0.0.0/8,1.01", "10.0.0.0/8,-0.1",
            "11.0.0.0/8,1", "12.0.0.0/8,"]  # fmt: skip
    content = "cidr,confidence,domain\n" + "".join(f"{row},acme.example\n" for row in rows)
    landing.put("nets/a.csv", content.encode())

    landing.load()

    assert landing.codes() == [(line, "implausible_value") for line in range(2, 7)]
    assert landing.values("select cidr from raw.ip_ranges order by cidr") == [
        "11.0.0.0/8", "12.0.0.0/8",
    ]  # fmt: skip


def test_fewer_than_no_employees_cannot_be_and_count_as_unknown(landing: Landing) -> None:
    landing.sources = {
        "accounts": {"kind": "accounts", "files": "a/*", "id": "id", "map": {"employee_count": "n"}}
    }
    landing.put("a/a.csv", b"id,n\n1,-5\n2,0\n")

    landing.load()

    assert landing.rows(
        "select employee_count, attributes from raw.accounts order by account_id"
    ) == [
        {"employee_count": None, "attributes": '{"n":"-5"}'},
        {"employee_count": 0, "attributes": None},
    ]


def test_the_rest_of_a_json_line_is_what_is_not_mapped(landing: Landing) -> None:
    landing.sources = {
        "subs": {**SUBSCRIPTIONS["subs"], "map": {"plan": "plan.name", "mrr": "a.b.mrr"}}
    }
    landing.put(
        "subs/a.jsonl",
        b'{"id": 1, "mail": "ann@x.org", "plan": {"name": "Team", "seats": null}, "note": null,'
        b' "a": {"b": {"mrr": 5}}}\n'
        b'{"id": 2, "mail": "ann@x.org", "plan": "Team", "a": {"b": {"mrr": "much"}}}\n'
        b'{"id": 3, "mail": "ann@x.org", "plan.name": "Team", "a.b.mrr": "few"}\n'
        b'{"id": 4, "mail": "ann@x.org", "plan.name": "Team", "a.b.mrr": 2}\n'
        b'{"id": 5, "plan": {"name": "Team"}, "plan.name": "Other"}\n',
    )

    landing.load()

    kept = landing.values("select attributes from raw.subscriptions order by subscription_id")
    assert [None if one is None else json.loads(one) for one in kept] == [
        {"plan": {"seats": None}, "note": None, "a": {"b": {}}},
        {"plan": "Team", "a": {"b": {"mrr": "much"}}},
        {"a.b.mrr": "few"},
        None,
        {"plan": {}, "plan.name": "Other"},
    ]


def test_values_that_cannot_be_read_are_counted_by_field_and_needed_ones_refused(
    landing: Landing,
) -> None:
    landing.sources = {
        "crm": SOURCES["crm"],
        "shop": {**SOURCES["shop"], "created_at": "made", "timezone": "Europe/Berlin"},
        "mail": {
            "kind": "events",
            "files": "mail/*",
            "map": {"event": "what", "occurred_at": "at", "email": "who", "scroll_depth": "deep"},
        },
    }
    head = b"order,contact,mail,at,amount,made\n"
    landing.put("shop/a.csv", head + b"1,,,1.5.2024 10:00,abc,31/31/2024\n2,,,31/31/2024,x,\n"
                b"3,,,2024-05-01T10:00Z,,2024-05-01\n4,,,2024-05-01,n/a,\n")  # fmt: skip
    landing.put("mail/a.csv", b"what,at,who,deep\nRead,2024-05-01,a@x.org,all\nRead,soon,,all\n")

    report = landing.load()

    assert report.unread_values == {
        ("mail", "scroll_depth"): 1, ("shop", "amount"): 1, ("shop", "created_at"): 1,
    }  # fmt: skip
    assert unread_values(landing.warehouse).to_pylist() == [
        {"source": "mail", "field": "scroll_depth", "rows": 1},
        {"source": "shop", "field": "amount", "rows": 1},
        {"source": "shop", "field": "created_at", "rows": 1},
    ]
    assert landing.codes() == [(3, "invalid_timestamp"), (3, "missing_value")]
    assert landing.values("select strftime(ordered_at, '%d %H') from raw.orders order by all") == [
        "01 08", "01 10", "30 22",
    ]  # fmt: skip


def test_another_sign_between_columns_is_named(landing: Landing) -> None:
    landing.put("crm/a.csv", HEADER.replace(b",", b";") + b"1;;Ann;;\n")

    with pytest.raises(WrongColumnError, match='write `delimiter: ";"` under the source'):
        landing.load()


def test_a_decimal_comma_holds_for_text_and_not_for_numbers_of_json(landing: Landing) -> None:
    shop = {**SOURCES["shop"], "files": "shop/*", "delimiter": ";", "decimal": ",", "person": None}
    landing.sources = {"shop": shop}
    landing.put("shop/a.csv", b"order;at;amount\n1;2024-05-01;1.234\n2;2024-05-01;3,5\n")
    landing.put("shop/b.jsonl", lines({"order": 3, "at": "2024-05-01", "amount": 1.234}))

    report = landing.load()

    assert landing.values("select amount from raw.orders order by order_id") == [1234, 3.5, 1.234]
    assert report.unread_values == {}


def test_dates_with_slashes_are_read_as_their_file_shows_or_the_source_says(
    landing: Landing,
) -> None:
    shop = {**SOURCES["shop"], "files": "shop/*", "created_at": "made", "person": None}
    said = {**shop, "files": "said/*", "date_order": "day_first"}
    landing.sources = {"shop": shop, "said": said}
    head = b"order,at,amount,made\n"
    landing.put("shop/day.csv", head + b"1,03/04/2026 10:00,,\n2, 14/03/2026,,05/06/2026\n")
    landing.put("shop/month.csv", head + b"3,3/4/2026,,\n4,3/14/2026,,\n5,3/4/2026,,5/6/2026\n")
    landing.put("shop/none.csv", head + b"6,03/04/2026,,24/06/05\n")
    landing.put("shop/mixed.csv", head + b"7,2026-01-01,,03/04/2026\n8,14/03/2026,,3/14/2026\n"
                b"9,2026-01-01,,14/03/2026\n")  # fmt: skip
    landing.put(
        "shop/json.jsonl", b'{"order": 10, "at": "03\\/04\\/26", "made": "31\\/12\\/2025"}\n'
    )
    landing.put("said/a.csv", head + b"11,03-04-2026,,\n")
    landing.put("shop/hyphens.csv", head + b"12,2026-01-01,,03-04-2026\n13,14/03-2026,,\n")
    landing.put("shop/odd.csv", head + b"14,03/04/2026,,14/03-2026\n")

    report = landing.load()

    read = "[order_id, strftime(ordered_at, '%d.%m.%y'), strftime(record_created_at, '%d.%m.%y')]"
    assert landing.values(f"select {read} from raw.orders order by order_id::int") == [
        ["1", "03.04.26", None], ["2", "14.03.26", "05.06.26"],
        ["3", "04.03.26", None], ["4", "14.03.26", None], ["5", "04.03.26", "06.05.26"],
        ["6", "04.03.26", None], ["7", "01.01.26", None], ["8", "14.03.26", "14.03.26"],
        ["9", "01.01.26", "14.03.26"], ["10", "03.04.26", "31.12.25"], ["11", "03.04.26", None],
        ["12", "01.01.26", None], ["14", "04.03.26", None],
    ]  # fmt: skip
    assert report.unread_values["shop", "created_at"] == 4


def test_a_file_is_read_by_its_own_dates_whichever_files_came_before(landing: Landing) -> None:
    shop = {**SOURCES["shop"], "person": None}
    mail = {
        "kind": "events",
        "files": "mail/*",
        "event_name": "Read",
        "map": {"occurred_at": "at", "email": "who"},
    }
    landing.sources = {
        "first": {**shop, "files": "first/*"},
        "last": {**shop, "files": "last/*"},
        "mail": mail,
    }
    silent, telling = b"order,at,amount\n1,03/04/2026,\n", b"order,at,amount\n2,14-03-2026,\n"
    landing.put("first/a.csv", silent)
    landing.put("last/a.csv", telling)
    landing.put("mail/1.csv", b"at,who\n14/03/2026,a@x.org\n")
    landing.put("mail/2.csv", b"at,who\n03/04/2026,a@x.org\n")
    landing.load()
    landing.put("first/b.csv", telling)
    landing.put("last/b.csv", silent)

    landing.load()

    read = "select [source, order_id, strftime(ordered_at, '%d.%m')] from raw.orders order by all"
    assert landing.values(read) == [
        ["first", "1", "04.03"], ["first", "2", "14.03"],
        ["last", "1", "04.03"], ["last", "2", "14.03"],
    ]  # fmt: skip
    days = landing.values("select strftime(\"timestamp\", '%d.%m') from raw.events order by all")
    assert days == ["04.03", "14.03"]


def test_files_as_spreadsheets_write_them_are_read_or_told_in_plain_words(landing: Landing) -> None:
    landing.put("crm/a.csv", b"sep=,\r\n" + HEADER)
    landing.put("crm/b.csv", HEADER.strip() + b"\r1,,Ann,,\r")
    landing.put("crm/c.xlsx", b"PK\x03\x04 a workbook \xff\n")
    spaced = HEADER.strip().replace(b"Email", b" E\xc2\xa0mail")
    landing.put("crm/d.csv", b"\xef\xbb\xbf" + spaced + b",,\r\n7,,Bo,b@x.org,,x,\r\n")
    landing.sources = {"crm": {**SOURCES["crm"], "map": {"email": "E mail", "full_name": "Name"}}}

    told = landing.load().unreadable

    assert ["(sep=)" in told[0], "carriage returns" in told[1], "workbook" in told[2]] == [True] * 3
    assert landing.rows("select email, attributes from raw.person_records") == [
        {"email": "b@x.org", "attributes": '{"Phone":null,"column 6":"x","column 7":null}'}
    ]


def test_an_erased_number_is_found_as_it_is_dialled_in_the_country_of_its_row_and_at_home() -> None:
    rows = [
        {"line": 1, "phone": "612 345 678", "country": "España"},
        {"line": 2, "phone": "612 345 678", "country": None},
        {"line": 3, "phone": "98450 12345", "country": "IN"},
        {"line": 4, "phone": "(212) 867-5309", "country": "Narnia"},
        {"line": 5, "phone": "+91 98450 12345", "country": "IN"},
    ]
    warehouse = DuckDBWarehouse.in_memory()

    with warehouse.view(RECORDS, pa.Table.from_pylist(rows)):
        found = record_identifiers(warehouse, "crm", "US").to_pylist()

    assert sorted((row["line"], row["value"]) for row in found) == [
        (1, "+34612345678"), (3, "+19845012345"), (3, "+919845012345"), (4, "+12128675309"),
        (5, "+919845012345"),
    ]  # fmt: skip
