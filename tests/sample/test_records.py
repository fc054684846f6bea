"""The records of people: each has a known owner, and joining them is hard but fair."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from sample import make_records
from tests.sample.conftest import PEOPLE, SEED, Made

# Source, file, and the columns with id, e-mail and phone.
TOOLS = [
    ("hubspot_contacts", "crm/hubspot_contacts.csv", "Record ID", "Email", "Phone Number"),
    ("salesforce_contacts", "crm/salesforce_contacts.csv", "Id", "Email", "Phone"),
    ("billing_customers", "billing/customers.csv", "customer_id", "email", "phone"),
    ("newsletter_subscribers", "newsletter/subscribers.csv", "email", "email", None),
    ("support_tickets", "support/tickets.csv", "ticket_id", "requester_email", "requester_phone"),
]


@pytest.fixture(scope="module")
def records(made: Made) -> pa.Table:
    """Every record with its digits of phone, small letters of e-mail and true person."""
    parts = []
    for source, name, key, email, phone in TOOLS:
        table = made.table(name)
        digits = pc.replace_substring_regex(table[phone], r" ext.*|\D", "") if phone else None
        parts.append(pa.table({
            "source": pa.array([source] * table.num_rows), "source_record_id": table[key],
            "email": pc.utf8_lower(table[email]),
            "phone": pc.utf8_slice_codeunits(digits, -10, None) if phone else pa.nulls(table.num_rows, pa.string()),
        }))  # fmt: skip
    return pa.concat_tables(parts).join(made.truth_table("records"), ["source", "source_record_id"])


def joined(records: pa.Table, *, most: int) -> np.ndarray:
    """A cluster per record: whoever shares an e-mail or a phone that at most so many have."""
    n, edges = records.num_rows, []
    for name in ("email", "phone"):
        codes = pc.fill_null(records[name], "").combine_chunks().dictionary_encode()
        code = codes.indices.to_numpy()
        size = np.bincount(code)[code]
        size[code == codes.dictionary.index("").as_py()] = most + 1
        _, first = np.unique(code, return_index=True)
        kept = np.flatnonzero(size <= most)
        edges.append(np.stack((kept, first[code[kept]])))
    left, right = np.concatenate(edges, axis=1)
    return connected_components(
        coo_matrix((np.ones(len(left)), (left, right)), (n, n)), directed=False
    )[1]


def pairs(*labels: np.ndarray) -> int:
    _, count = np.unique(np.stack(labels), axis=1, return_counts=True)
    return int((count * (count - 1) // 2).sum())


def test_every_record_of_a_file_is_in_the_truth_and_the_reverse(made: Made) -> None:
    truth = made.truth_table("records")

    for source, name, key, *_ in TOOLS:
        told = truth.filter(pc.equal(truth["source"], source))["source_record_id"].to_pylist()
        held = made.table(name)[key].to_pylist()
        assert len(set(held)) == len(held), source
        assert sorted(told) == sorted(held), source


def test_joining_on_email_and_phone_alone_is_middling(records: pa.Table) -> None:
    records = records.filter(pc.equal(records["ambiguous"], "0"))
    person = records["person_id"].combine_chunks().dictionary_encode().indices.to_numpy()

    cluster = joined(records, most=4)

    shared = pairs(cluster, person)
    precision, recall = shared / pairs(cluster), shared / pairs(person)
    f1 = 2 * precision * recall / (precision + recall)
    assert 0.72 < f1 < 0.85, (precision, recall)


def test_people_of_one_household_share_addresses_and_phones(records: pa.Table) -> None:
    for name in ("email", "phone"):
        groups = records.group_by(name).aggregate(
            [("person_id", "count_distinct"), ("household_id", "count_distinct")]
        )
        several = groups.filter(pc.greater(groups["person_id_count_distinct"], 1))

        in_one_home = pc.equal(several["household_id_count_distinct"], 1)
        assert pc.sum(in_one_home).as_py() > 20, name


@pytest.mark.parametrize(
    "claim", ["nickname", "placeholder", "role mailbox", "several phone forms"]
)
def test_records_hold_the_usual_noise(made: Made, claim: str) -> None:
    contacts = made.table("crm/hubspot_contacts.csv")
    emails, phones = contacts["Email"].to_pylist(), contacts["Phone Number"].to_pylist()

    forms = {re.sub(r"\d", "0", phone).split(" ext")[0] for phone in phones}
    found = {
        "nickname": {"Bob", "Liz", "Mike"} & set(contacts["First Name"].to_pylist()),
        "placeholder": {"test@test.com", "na@na.com", "null", "unknown@example.com"} & set(emails),
        "role mailbox": [email for email in emails if email.startswith(("info@", "orders@"))],
        "several phone forms": forms if len(forms) >= 6 else (),
    }
    assert found[claim]


def test_full_names_stand_in_no_fixed_order(made: Made) -> None:
    names = made.table("billing/customers.csv")["name"].to_pylist()

    with_comma = sum("," in name for name in names) / len(names)
    assert 0.05 < with_comma < 0.3


def test_all_phones_and_hosts_are_fictional(made: Made) -> None:
    contacts = made.table("crm/hubspot_contacts.csv")
    digits = pc.replace_substring_regex(contacts["Phone Number"], r" ext.*|\D", "").to_pylist()

    numbers = {number[-10:] for number in digits if len(number) >= 10}
    junk = {"0000000000", "1234567890", "9999999999"}
    assert {number[3:6] for number in numbers - junk} == {"555"}
    domains = made.table("firmographics/companies.csv")["domain"].to_pylist()
    assert all(domain.endswith(".example") for domain in domains)


def test_accounts_of_contacts_exist(made: Made) -> None:
    contacts, accounts = (
        made.table("crm/salesforce_contacts.csv"),
        made.table("crm/salesforce_accounts.csv"),
    )

    used = set(contacts["AccountId"].to_pylist()) - {""}
    assert used
    assert used <= set(accounts["Id"].to_pylist())


def test_purchases_belong_to_customers(made: Made) -> None:
    purchases, customers = made.table("billing/purchases.csv"), made.table("billing/customers.csv")

    assert set(purchases["customer_id"].to_pylist()) <= set(customers["customer_id"].to_pylist())
    assert len(set(purchases["purchase_id"].to_pylist())) == purchases.num_rows


def test_records_alone_are_those_of_the_whole_company(made: Made, tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"

    count = make_records(people=PEOPLE, seed=SEED, out=tmp_path / "landing", truth=truth)

    assert count == made.report.records
    for _, name, *_ in TOOLS:
        assert (tmp_path / "landing" / name).read_bytes() == (made.landing / name).read_bytes()
