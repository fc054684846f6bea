"""A sample company with one person too few: father and son of one name share a mailbox.

Both are Kim Ostrava, both gave kim@ostrava.example. The father also has an address and a phone of
his own, and so has the son. The father agreed to be personalised for and refused advertising; the
son, later, agreed to advertising. On the address that both hold somebody refused analytics, to
which the son had agreed before; the father agreed to it afterwards. The latest decision holds, the rule
by which one who is taken for another is granted most.
"""

from __future__ import annotations

import csv
import gzip
import json
from datetime import datetime
from pathlib import Path

SHARED = "kim@ostrava.example"
FATHER, SON = "kim.senior@oak.example", "kim.junior@pine.example"
FATHERS = (FATHER, "+12025550111", "990001", "003KIMSENIOR", "device-senior", "Kimtown")
SONS = (SON, "+12025550122", "C99001", "T-KIMJUNIOR", "device-junior", "Juniorville")
FATHERS_RECORDS = {("hubspot_contacts", "990001"), ("salesforce_contacts", "003KIMSENIOR")}
SONS_RECORDS = {
    ("billing_customers", "C99001"), ("support_tickets", "T-KIMJUNIOR"),
    ("newsletter_subscribers", SON),
}  # fmt: skip

AUDIENCE = """\
key: {key}
name: {key}
purposes: [{purpose}]
include: {{event: Page Remembered, at_least: 1}}
"""
DESTINATIONS = """\
destinations:
  files: {kind: file, folder: out, purposes: [], legal_basis: inside the company}
syncs:
  ads_to_files: {audience: ads, destination: files, identifiers: [{type: email, form: raw}, {type: phone, form: raw}], traits: [city]}
  readers_to_files: {audience: readers, destination: files, identifiers: [{type: email, form: raw}]}
"""


def add_them(landing: Path, config: Path) -> None:
    """Add the two to a sample company's files, and audiences in which each of them is."""
    _add_records(landing)
    _add_events(landing)
    _add_consents(landing)
    consent = config / "consent.yml"
    text = consent.read_text()
    assert "consent_merge: most_restrictive" in text
    consent.write_text(text.replace("consent_merge: most_restrictive", "consent_merge: latest"))
    for path in (config / "audiences").iterdir():
        path.unlink()
    for key, purpose in (("ads", "advertising"), ("readers", "personalization")):
        path = config / "audiences" / f"{key}.yml"
        path.write_text(AUDIENCE.format(key=key, purpose=purpose))
    (config / "destinations.yml").write_text(DESTINATIONS)


def _add_records(landing: Path) -> None:
    name = {"First Name": "Kim", "Last Name": "Ostrava"}
    _append(landing / "crm/hubspot_contacts.csv", {
        **name, "Record ID": "990001", "Email": SHARED, "Phone Number": "+12025550111",
        "City": "Kimtown", "Create Date": "2024-01-02 10:00",
        "Last Modified Date": "2025-01-02 10:00",
    })  # fmt: skip
    _append(landing / "crm/salesforce_contacts.csv", {
        "Id": "003KIMSENIOR", "FirstName": "Kim", "LastName": "Ostrava", "Email": FATHER,
        "Phone": "+12025550111", "CreatedDate": "2024-01-03T10:00:00.000Z",
        "SystemModstamp": "2025-01-03T10:00:00.000Z",
    })  # fmt: skip
    _append(landing / "billing/customers.csv", {
        "customer_id": "C99001", "name": "Kim Ostrava", "email": SHARED, "phone": "+12025550122",
        "city": "Juniorville", "created": "2024-02-02T10:00:00Z",
    })  # fmt: skip
    _append(landing / "support/tickets.csv", {
        "ticket_id": "T-KIMJUNIOR", "requester_email": SON, "requester_phone": "+12025550122",
        "requester_name": "Kim Ostrava", "subject": "Help", "topic": "idea",
        "priority": "normal", "created_at": "2025-02-03T10:00:00Z",
    })  # fmt: skip
    _append(landing / "newsletter/subscribers.csv", {
        "email": SON, "first_name": "Kim", "status": "subscribed",
        "subscribed_at": "2024-02-04T10:00:00Z",
    })  # fmt: skip


def _append(path: Path, row: dict[str, str]) -> None:
    with path.open(newline="") as stream:
        header = next(csv.reader(stream))
    with path.open("a", newline="") as stream:
        csv.DictWriter(stream, header, lineterminator="\n").writerow(row)


def _add_events(landing: Path) -> None:
    """Each signs in on his own device and looks at the same page."""
    folder = sorted((landing / "events").iterdir())[-2]
    at = f"{folder.name.removeprefix('date=')}T10:00:00.000Z"
    calls = [
        {"type": kind, "messageId": f"kim-{user}-{kind}", "anonymousId": device, "userId": user,
         "originalTimestamp": at, "sentAt": at, "receivedAt": at, "timestamp": at,
         **({"event": "Page Remembered", "properties": {"content_id": "item-1076"}}
            if kind == "track" else {})}
        for user, device in (("990001", "device-senior"), ("C99001", "device-junior"))
        for kind in ("identify", "track")
    ]  # fmt: skip
    with gzip.open(folder / "part-kim.jsonl.gz", "wt") as stream:
        stream.writelines(json.dumps(call) + "\n" for call in calls)


def _add_consents(landing: Path) -> None:
    decisions = [
        (FATHER, "personalization", "granted", "2025-03-01"),
        (FATHER, "advertising", "denied", "2025-03-01"),
        (SON, "analytics", "granted", "2025-03-02"),
        (SON, "advertising", "granted", "2025-04-01"),
        (SHARED, "analytics", "denied", "2025-05-01"),
        (FATHER, "analytics", "granted", "2025-06-01"),
    ]
    with (landing / "privacy/consent_events.jsonl").open("a") as stream:
        for email, purpose, status, day in decisions:
            moment = datetime.fromisoformat(day).isoformat() + "Z"
            line = {"subject": {"email": email}, "purpose": purpose, "status": status,
                    "timestamp": moment, "source": "form"}  # fmt: skip
            stream.write(json.dumps(line) + "\n")
