"""A receipt is believed only as it was signed."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privacy import ReceiptError, verify_receipt
from privacy.receipt import sign_receipt
from tests.privacy.company import NOW

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
RECEIPT = sign_receipt({"subject_request_id": "r1", "hits": 0}, key=KEY, now=NOW)


def test_a_receipt_of_ours_is_valid() -> None:
    verify_receipt(RECEIPT, key=KEY.public_key())


@pytest.mark.parametrize("position", range(len(RECEIPT.content)))
def test_a_change_of_any_character_is_refused(position: int) -> None:
    changed = chr(ord(RECEIPT.content[position]) ^ 1)
    content = RECEIPT.content[:position] + changed + RECEIPT.content[position + 1 :]

    with pytest.raises(ReceiptError):
        verify_receipt(replace(RECEIPT, content=content), key=KEY.public_key())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"signature": base64.b64encode(b"\0" * 64).decode()}, id="signature"),
        pytest.param({"signature": "no base64!"}, id="garbage"),
        pytest.param({"key_id": "0" * 16}, id="key"),
        pytest.param({"subject_request_id": "r2"}, id="request"),
    ],
)
def test_a_receipt_that_does_not_fit_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(ReceiptError):
        verify_receipt(replace(RECEIPT, **change), key=KEY.public_key())
