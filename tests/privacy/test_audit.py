"""The audit log shows every change that was made to it."""

from __future__ import annotations

import itertools
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from privacy import AuditChainError, AuditHead, KeyRing, anchors_of, seal_audit, verify_audit
from privacy.audit import AuditEntry, append_audit, read_head
from privacy.inventory import AUDIT_LOG, TABLES
from privacy.receipt import sign_receipt, write_receipts
from tests.privacy.company import NOW
from warehouse import DuckDBWarehouse


@pytest.fixture
def log() -> DuckDBWarehouse:
    warehouse = DuckDBWarehouse.in_memory()
    warehouse.create_missing(TABLES)
    for number in range(4):
        append_audit(warehouse, [AuditEntry("erased", f"r{number}", {"rows": number})], now=NOW)
    return warehouse


def test_an_untouched_log_holds_together(log: DuckDBWarehouse) -> None:
    assert verify_audit(log, anchors=[read_head(log)]) == 4


TEXTS = ("action", "subject", "detail", "previous_hash", "entry_hash")


def _flips() -> list[str]:
    """Another sign in place of each, in every text of an entry, and another second of it."""
    lengths = {"action": 6, "subject": 2, "detail": 10, "previous_hash": 64, "entry_hash": 64}
    signs = [
        f"update privacy.audit_log set {name} = substr({name}, 1, {at}) || "
        f"chr(xor(ord(substr({name}, {at + 1}, 1)), 1)) || substr({name}, {at + 2}) "
        "where position = 2"
        for name in TEXTS
        for at in range(lengths[name])
    ]
    return [
        *signs, "update privacy.audit_log set done_at = done_at + interval 1 second",
    ]  # fmt: skip


def _removals() -> list[str]:
    """Any entry but the last, alone and with those that come before it."""
    return [
        f"delete from privacy.audit_log where position {sign} {number}"
        for number in range(1, 4)
        for sign in ("=", "<=")
    ]


def _swaps() -> list[str]:
    """Any two entries, each in the place of the other."""
    return [
        f"update privacy.audit_log set position = {one + other} - position "
        f"where position in ({one}, {other})"
        for one, other in itertools.combinations(range(1, 5), 2)
    ]


INSERTION = (
    "insert into privacy.audit_log select 5, action, subject, detail, done_at, previous_hash, "
    "entry_hash from privacy.audit_log where position = 4"
)


def test_every_flip_removal_swap_and_insertion_is_seen(log: DuckDBWarehouse) -> None:
    good = log.read("from privacy.audit_log")
    unseen = []
    for tampering in [*_flips(), *_removals(), *_swaps(), INSERTION]:
        log.execute(tampering)
        assert log.read("from privacy.audit_log").to_pylist() != good.to_pylist(), tampering
        try:
            verify_audit(log)
        except AuditChainError:
            pass
        else:
            unseen.append(tampering)
        log.replace(AUDIT_LOG.name, good)

    assert unseen == []
    assert verify_audit(log) == 4


def test_a_cut_end_is_seen_by_what_a_receipt_names(log: DuckDBWarehouse) -> None:
    head = read_head(log)
    log.execute("delete from privacy.audit_log where position = 4")

    with pytest.raises(AuditChainError, match="entry 4"):
        verify_audit(log, anchors=[head])


@pytest.fixture
def sealed(log: DuckDBWarehouse, tmp_path: Path) -> KeyRing:
    """The log, sealed at its fourth entry."""
    keys = KeyRing(tmp_path / "keys")
    seal_audit(log, keys)
    return keys


def test_a_cut_end_is_seen_by_the_seal_and_sealing_again_does_not_hide_it(
    log: DuckDBWarehouse, sealed: KeyRing
) -> None:
    log.execute("delete from privacy.audit_log where position = 4")
    seal_audit(log, sealed)

    with pytest.raises(AuditChainError, match="entry 4"):
        verify_audit(log, anchors=anchors_of(log, sealed))


def test_a_log_that_is_written_anew_from_its_start_is_seen_by_the_seal(
    log: DuckDBWarehouse, sealed: KeyRing
) -> None:
    log.execute("delete from privacy.audit_log")
    for number in range(5):
        append_audit(log, [AuditEntry("other", f"r{number}", {})], now=NOW)
    seal_audit(log, sealed)

    assert verify_audit(log) == 5
    with pytest.raises(AuditChainError, match="entry 4"):
        verify_audit(log, anchors=anchors_of(log, sealed))


def test_a_seal_that_goes_with_the_log_is_good_and_one_that_was_changed_is_not(
    log: DuckDBWarehouse, sealed: KeyRing
) -> None:
    append_audit(log, [AuditEntry("erased", "r9", {})], now=NOW)
    seal_audit(log, sealed)
    path = sealed.folder / "audit-seal.json"

    assert anchors_of(log, sealed) == (read_head(log),)
    assert path.stat().st_mode & 0o777 == 0o600

    path.write_text(path.read_text().replace("position", "Position"))

    with pytest.raises(AuditChainError, match="was changed"):
        anchors_of(log, sealed)


@pytest.mark.parametrize("content", ["", "[]", "null", '{"content": 5, "signature": ""}'])
def test_a_seal_that_is_none_is_said_to_be_changed(
    log: DuckDBWarehouse, sealed: KeyRing, content: str
) -> None:
    (sealed.folder / "audit-seal.json").write_text(content)

    with pytest.raises(AuditChainError, match="was changed"):
        anchors_of(log, sealed)


def test_a_receipt_that_was_changed_is_no_anchor(log: DuckDBWarehouse, sealed: KeyRing) -> None:
    facts = {"subject_request_id": "r1", "audit": asdict(read_head(log))}
    receipt = sign_receipt(facts, key=sealed.signing_key(), now=NOW)
    write_receipts(log, [receipt])
    good = anchors_of(log, sealed)
    write_receipts(log, [replace(receipt, content=receipt.content.replace("4", "3"))])

    assert good == (read_head(log), read_head(log))
    with pytest.raises(AuditChainError, match="receipt of r1"):
        anchors_of(log, sealed)


def test_an_empty_log_begins_at_zero() -> None:
    warehouse = DuckDBWarehouse.in_memory()
    warehouse.create_missing(TABLES)

    assert read_head(warehouse) == AuditHead(0, "0" * 64)
