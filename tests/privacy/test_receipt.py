"""A receipt is believed only as it was signed."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from privacy import (
    KeyRing,
    NoSigningKeyError,
    Receipt,
    ReceiptError,
    ReceiptFileError,
    ReceiptKeyError,
    check_facts,
    read_public_key,
    receipt_schema,
    verify_receipt,
)
from privacy.receipt import key_id, sign_receipt
from privacy.receipt_facts import require_facts
from tests.conftest import ROOT
from tests.privacy.company import NOW

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
RECEIPT = sign_receipt({"subject_request_id": "r1", "hits": 0}, key=KEY, now=NOW)


def _openssl_version() -> str:
    """What the openssl of this machine calls itself; empty where there is none."""
    found = shutil.which("openssl")
    return subprocess.check_output([found, "version"], text=True) if found else ""


def test_a_receipt_of_ours_is_valid() -> None:
    verify_receipt(RECEIPT, key=KEY.public_key())


def test_a_change_of_any_character_is_refused() -> None:
    long = sign_receipt({"subject_request_id": "r1", "places": "é" * 1_000}, key=KEY, now=NOW)
    assert len(long.content) > 1_024
    for name in ("content", "signature"):
        text = getattr(long, name)
        for position, letter in enumerate(text.rstrip("=")):
            changed = text[:position] + chr(ord(letter) ^ 1) + text[position + 1 :]

            with pytest.raises(ReceiptError):
                verify_receipt(replace(long, **{name: changed}), key=KEY.public_key())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"signature": base64.b64encode(b"\0" * 64).decode()}, id="signature"),
        pytest.param({"signature": "no base64!"}, id="garbage"),
        pytest.param({"subject_request_id": "r2"}, id="request"),
        pytest.param({"issued_at": datetime.fromisoformat("2020-11-24T12:00")}, id="issued_at"),
    ],
)
def test_a_receipt_that_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ReceiptError):
        verify_receipt(replace(RECEIPT, **change), key=KEY.public_key())


def test_a_key_that_did_not_sign_it_says_nothing_of_the_receipt() -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32).public_key()

    with pytest.raises(ReceiptKeyError) as refused:
        verify_receipt(RECEIPT, key=other)

    said = str(refused.value)
    assert f"another key, fingerprint {RECEIPT.key_id}; you gave {key_id(other)}" in said
    assert "not valid" not in said


def test_a_receipt_in_a_file_is_the_same_receipt() -> None:
    assert Receipt.from_json(RECEIPT.to_json()) == RECEIPT


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"content": "x"}'])
def test_a_file_without_a_receipt_is_refused(text: str) -> None:
    with pytest.raises(ReceiptFileError, match="holds no receipt"):
        Receipt.from_json(text)


@pytest.mark.parametrize("more", ['"note": "x"', '"issued_at": "2020-01-01T00:00:00"'])
def test_a_file_that_says_more_than_a_receipt_is_refused(more: str) -> None:
    with pytest.raises(ReceiptFileError, match="other fields than a receipt, or one of them twice"):
        Receipt.from_json(RECEIPT.to_json().replace("{", f"{{{more}, ", 1))


def test_nothing_is_signed_that_could_not_be_verified() -> None:
    with pytest.raises(ReceiptError, match="nothing was signed, since these parts are missing"):
        require_facts({"subject_request_id": "r1", "version": 4})


def test_a_file_that_is_not_there_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(ReceiptFileError, match=r"receipt.json cannot be read \(No such file"):
        Receipt.from_file(tmp_path / "receipt.json")


def test_reading_makes_no_key(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys")
    for read in (ring.signing_key, ring.public_key_pem):
        with pytest.raises(NoSigningKeyError, match="no key that signs receipts"):
            read()

    assert not ring.folder.exists()
    assert (
        ring.make_signing_key(has_signed=False).private_bytes_raw()
        == ring.signing_key().private_bytes_raw()
    )


def test_the_public_key_alone_checks_a_receipt(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path / "keys")
    public = tmp_path / "public.pem"
    ring.make_signing_key(has_signed=False)
    public.write_bytes(ring.public_key_pem())
    receipt = sign_receipt({"subject_request_id": "r1"}, key=ring.signing_key(), now=NOW)

    verify_receipt(receipt, key=read_public_key(public))


@pytest.mark.skipif(
    not os.environ.get("CI") and "OpenSSL 3" not in _openssl_version(),
    reason="the line of the guide is for OpenSSL 3",
)
def test_openssl_checks_a_receipt_as_the_guide_says(tmp_path: Path) -> None:
    guide = (ROOT / "docs/how-to/erase-a-person.md").read_text(encoding="utf-8")
    (line,) = [text for text in guide.splitlines() if text.startswith("openssl pkeyutl")]
    (tmp_path / "candor.pem").write_bytes(
        KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "signature.bin").write_bytes(base64.b64decode(RECEIPT.signature))
    ended = []
    for content in (RECEIPT.content, RECEIPT.content.replace("0", "1")):
        (tmp_path / "content.json").write_bytes(content.encode())
        ended.append(subprocess.run(line.split(), cwd=tmp_path, check=False).returncode)

    assert ended == [0, 1]


def test_a_file_that_is_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "no.pem"
    path.write_text("no key")

    with pytest.raises(ReceiptKeyError, match="no public key"):
        read_public_key(path)
    with pytest.raises(ReceiptKeyError, match=r"gone.pem cannot be read \(No such file"):
        read_public_key(tmp_path / "gone.pem")


def test_a_receipt_that_lacks_what_its_version_says_is_refused() -> None:
    short = sign_receipt({"subject_request_id": "r1", "version": 4}, key=KEY, now=NOW)
    old = sign_receipt({"subject_request_id": "r1", "version": 2}, key=KEY, now=NOW)

    assert check_facts(old) is None
    with pytest.raises(ReceiptError, match="missing or not as they must be: audit, backups, dest"):
        check_facts(short)


@pytest.mark.parametrize(
    ("version", "told", "is_good"), [(3, {}, True), (4, {}, False), (4, {"told": None}, True)]
)
def test_what_destinations_were_told_is_asked_of_receipts_from_version_4_on(
    version: int, told: dict[str, None], is_good: bool
) -> None:
    destination = {"destination": "ads", "sync": "weekly", "persons": 1, "status": "confirmed"}
    facts = {
        "version": version,
        "destinations": [{**destination, "batch": None, "answer": None, **told}],
    }
    receipt = sign_receipt({"subject_request_id": "r1", **facts}, key=KEY, now=NOW)

    with pytest.raises(ReceiptError, match="as they must be: audit, backups, ") as refused:
        check_facts(receipt)

    assert ("destinations" not in str(refused.value)) is is_good


def test_the_schema_of_receipts_asks_for_every_part() -> None:
    schema = receipt_schema()

    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == set(schema["properties"])
