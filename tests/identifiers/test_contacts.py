"""E-mail addresses, phone numbers and their hashes, against vectors that vendors publish."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import phonenumbers
import pyarrow as pa
import pytest

from identifiers import (
    canonical_mailboxes,
    is_disposable_domain,
    is_free_mail_domain,
    normalise_email,
    normalise_emails,
    normalise_phone,
    normalise_phones,
    sha256_hex,
    tells_contact,
)
from identifiers.countries import UNKNOWN_REGION, regions_of
from tests.conftest import SHARED_DATA

VECTORS = SHARED_DATA.parent / "specs" / "identifier_vectors" / "vectors.json"

# Numbers and addresses that vendors use as examples are what people type when they will not say.
NOBODYS = {"1 (234) 567-8901", "USER@example.com"}


def _cases(kind: str) -> list[dict[str, Any]]:
    if not VECTORS.exists():
        _skip_outside_ci()
    vectors = json.loads(VECTORS.read_text())
    cases = [case for vendor in vectors.values() for case in vendor["cases"]]
    return [case for case in cases if case["kind"] == kind and case.get("raw") not in NOBODYS]


def test_addresses_are_normalised_as_vendors_do() -> None:
    for case in _cases("email"):
        expected = case["normalised"]
        found = normalise_email(case["raw"])
        if expected.endswith("@gmail.com"):
            found = canonical_mailboxes(pa.array([found]))[0].as_py()
        if not expected.endswith("@googlemail.com"):
            assert found == expected


def test_numbers_are_normalised_as_vendors_do() -> None:
    for case in _cases("phone"):
        region = "GB" if case["normalised"].startswith("+44") else "US"

        assert normalise_phone(case["raw"], default_region=region) == case["normalised"]


def test_hashes_are_those_of_the_vendors() -> None:
    cases = [case for kind in ("hash", "email", "phone") for case in _cases(kind)]
    hashed = [case for case in cases if "sha256_hex" in case]

    found = sha256_hex(pa.array([case["normalised"] for case in hashed]))

    assert len(hashed) >= 10
    assert found.to_pylist() == [case["sha256_hex"] for case in hashed]


def test_what_vendors_call_invalid_is_invalid() -> None:
    if not VECTORS.exists():
        _skip_outside_ci()
    invalid = json.loads(VECTORS.read_text())["google_data_manager"]

    assert [normalise_email(text) for text in invalid["invalid_email"]] == [None] * 5
    assert [normalise_phone(text, default_region="US") for text in invalid["invalid_phone"]] == [
        None
    ] * 3


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" Ann.Lee@Maple.Example ", "ann.lee@maple.example"),
        ("<ann@maple.example>", "ann@maple.example"),
        ("mailto:ann@maple.example", "ann@maple.example"),
        ("mailto:<Ann@maple.example>", "ann@maple.example"),
        ("ann+news@maple.example", "ann+news@maple.example"),
        ("o'brien@maple.example", "o'brien@maple.example"),
        ("ann@mail.maple.co.uk", "ann@mail.maple.co.uk"),
    ],
)
def test_an_address_is_trimmed_and_lowered(text: str, address: str) -> None:
    assert normalise_email(text) == address
    assert normalise_email(address) == address


@pytest.mark.parametrize(
    "text",
    [
        "", "ann", "ann@", "@maple.example", "ann@maple", "a b@maple.example", "a@b@maple.example",
        ".ann@maple.example", "ann.@maple.example", "a..n@maple.example", "ann@-maple.example",
        "x" * 65 + "@maple.example", "test@test.com", "null@maple.example", "noreply@maple.example",
        "unknown@unknown.com", "none@none.com", "anonymous@maple.example",
    ],
)  # fmt: skip
def test_what_is_no_address_or_nobodys_becomes_none(text: str) -> None:
    assert normalise_email(text) is None


@pytest.mark.parametrize("text", ["test@maple.example", "me@maple.example", "user@maple.example"])
def test_a_short_name_at_a_real_domain_is_somebody(text: str) -> None:
    assert normalise_email(text) == text


@pytest.mark.parametrize(
    "text",
    ["(206) 555-7870", "206.555.7870", "2065557870", "+1 206 555 7870", "1-206-555-7870", "206-555-7870 ext 12"],
)  # fmt: skip
def test_every_spelling_of_a_number_is_one_number(text: str) -> None:
    assert normalise_phone(text, default_region="US") == "+12065557870"


@pytest.mark.parametrize(
    "text",
    ["", "n/a", "123", "0000000000", "1111111111", "1234567890", "9876543210", "555-555-5555", "call me"],
)  # fmt: skip
def test_what_is_no_number_or_nobodys_becomes_none(text: str) -> None:
    assert normalise_phone(text, default_region="US") is None


def test_zeros_before_a_country_code_are_read_where_other_digits_are_dialled() -> None:
    assert normalise_phone("001-206-555-7870x181", default_region="US") == "+12065557870"
    assert normalise_phone("0044 20 7946 0018", default_region="US") == "+442079460018"


def test_the_region_decides_a_number_without_a_country() -> None:
    assert normalise_phone("020 7946 0018", default_region="GB") == "+442079460018"
    assert normalise_phone("+44 20 7946 0018", default_region="US") == "+442079460018"


def test_a_country_is_read_as_people_and_tools_write_it() -> None:
    given = {
        "de": "DE", "DEU": "DE", "NGA": "NG", "U.K.": "GB", "U.S.A": "US", "UAE": "AE", "Czechia": "CZ",
        "Ivory Coast": "CI", "Viet Nam": "VN", "Macau": "MO", "Espana": "ES", "España": "ES", "Oesterreich": "AT",
        "Korea, Republic of": "KR", "Virgin Islands, U.S.": "VI", "Moldova, Republic of": "MD", "United States (USA)": "US",
        "Narnia": UNKNOWN_REGION, "*aa": UNKNOWN_REGION, "n/a": None, " ": None, None: None,
    }  # fmt: skip

    regions = regions_of(pa.array([*given], pa.string())).to_pylist()

    assert dict(zip(given, regions, strict=True)) == given


def test_arrays_keep_order_repetition_and_nulls() -> None:
    emails = pa.chunked_array([["A@x.org", None], ["b@x.org", "A@x.org", "junk"]])
    phones = pa.array(["2065557870", None, "2065557870"])

    assert normalise_emails(emails).to_pylist() == ["a@x.org", None, "b@x.org", "a@x.org", None]
    assert normalise_phones(phones, default_region="US").to_pylist() == [
        "+12065557870", None, "+12065557870",
    ]  # fmt: skip
    assert normalise_emails(pa.chunked_array([], pa.string())).to_pylist() == []
    assert sha256_hex(pa.array([None], pa.string())).to_pylist() == [None]


def test_a_mailbox_of_gmail_is_one_whatever_its_dots_and_tags() -> None:
    given = pa.array(["a.b+x@gmail.com", "ab@googlemail.com", "a.b+x@maple.example", None])

    assert canonical_mailboxes(given).to_pylist() == [
        "ab@gmail.com", "ab@gmail.com", "a.b+x@maple.example", None,
    ]  # fmt: skip


def test_a_disposable_domain_names_no_company() -> None:
    assert is_disposable_domain("Mailinator.com")
    assert not is_disposable_domain("maple.example")


def test_a_free_mail_domain_names_no_company() -> None:
    assert is_free_mail_domain(" Gmail.com ")
    assert not is_free_mail_domain("maple.example")


def _skip_outside_ci() -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{VECTORS} must be there in CI")
    pytest.skip(f"the vendors' vectors are not at {VECTORS}")


def _written(chance: np.random.Generator) -> str:
    """A phone number, or what looks like one, as somebody might write it."""
    digits = "".join(map(str, chance.integers(0, 10, chance.choice([7, 9, 10, 10, 10, 11]))))
    if chance.random() < 0.1:
        digits = str(chance.choice(["5555555555", "2345678901", "9876543210", "2062060000"]))
    form = str(chance.choice([
        "{0}", "({a}) {b}-{c}", "{a}.{b}.{c}", "1 {a} {b} {c}", "+1{0}", "1-{a}-{b}-{c}", "+{0}",
        "({a} {b} {c}", "{a}) {b} {c}", "1{0}", "+1({a}) {b} {c}", "{a}  {b} {c}", "{a}-{b}-{c} ext. 5",
    ]))  # fmt: skip
    return form.format(digits, a=digits[:3], b=digits[3:6], c=digits[6:])


@pytest.mark.parametrize("region", ["US", "DE"])
def test_numbers_read_by_the_column_are_read_as_one_by_one(region: str) -> None:
    chance = np.random.default_rng(3)
    given = [_written(chance) for _ in range(3_000)]

    found = normalise_phones(pa.array([*given, None]), default_region=region).to_pylist()

    assert found == [*(normalise_phone(text, default_region=region) for text in given), None]


def test_addresses_read_by_the_column_are_read_as_one_by_one() -> None:
    chance = np.random.default_rng(3)
    bases = [
        "ann.lee@mail.example", "test@test.com", "noreply@a.de", "x@example.com", "a-b@c-d.co.uk",
        "Ann@Lee.Example", "n/a@na.com", "a..b@c.de", ".a@c.de", "a@-b.de", "a@b-.de", "a@b.c",
        "a@b.1c", "a@b.c1", f"{'a' * 64}@b.com", f"{'a' * 65}@b.com", f"a@{'b' * 64}.com",
    ]  # fmt: skip
    given = []
    for base in chance.choice(bases, 5_000):
        letters = list(base)
        for place in chance.integers(0, len(letters), chance.integers(0, 3)):
            letters[place] = str(chance.choice(list("abAB19._+-@ é<'ß")))
        given.append("".join(letters))

    found = normalise_emails(pa.array([*given, None])).to_pylist()

    assert found == [*map(normalise_email, given), None]


def test_a_date_in_a_note_is_no_number_in_any_country() -> None:
    notes = [
        "moved on 3.12.2026", "(3. 12. 2026)", "03/12/2026 09:15", "on 12-03-2026",
        "3.12.2026 \u2013 5.12.2026", "since 2026-11-30, until 30.11.2027",
    ]  # fmt: skip

    taken = [
        (note, region)
        for note in notes
        for region in phonenumbers.SUPPORTED_REGIONS
        if tells_contact(note, default_region=region)
    ]

    assert taken == []


@pytest.mark.parametrize(
    "note",
    [
        "+49\u2011151\u20111234567", "(030)\u20131234567\u20138", "030\u2014123\u201445678",
        "+49 30\u221212345678", "0\u200b30\u200b12345678", "ann\u200b@x.example",
        "0301234567 3.12.2026", "+49 30.12.2026", "+49 (30.12.2026)",
    ],
)  # fmt: skip
def test_a_number_is_one_whatever_dashes_it_has_and_whatever_date_is_near(note: str) -> None:
    assert tells_contact(note, default_region="US")
