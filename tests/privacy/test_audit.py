"""The audit log shows every change that was made to it."""

from __future__ import annotations

import pytest

from privacy import AuditChainError, AuditHead, verify_audit
from privacy.audit import AuditEntry, append_audit, read_head
from privacy.inventory import TABLES
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


@pytest.mark.parametrize(
    "tampering",
    [
        pytest.param("update privacy.audit_log set detail = '{}' where position = 2", id="detail"),
        pytest.param(
            "update privacy.audit_log set done_at = '2020-01-01' where position = 2", id="time"
        ),
        pytest.param("update privacy.audit_log set entry_hash = 'x' where position = 4", id="hash"),
        pytest.param("delete from privacy.audit_log where position = 2", id="removed"),
        pytest.param("delete from privacy.audit_log where position = 1", id="first-removed"),
        pytest.param(
            "insert into privacy.audit_log select 5, action, subject, detail, done_at, previous_hash, "
            "entry_hash from privacy.audit_log where position = 4",
            id="inserted",
        ),
        pytest.param(
            "update privacy.audit_log set position = case position when 2 then 3 else 2 end "
            "where position in (2, 3)",
            id="reordered",
        ),
    ],
)
def test_any_change_is_seen(log: DuckDBWarehouse, tampering: str) -> None:
    log.execute(tampering)

    with pytest.raises(AuditChainError):
        verify_audit(log)


def test_a_cut_end_is_seen_by_what_a_receipt_names(log: DuckDBWarehouse) -> None:
    head = read_head(log)
    log.execute("delete from privacy.audit_log where position = 4")

    with pytest.raises(AuditChainError, match="entry 4"):
        verify_audit(log, anchors=[head])


def test_an_empty_log_begins_at_zero() -> None:
    warehouse = DuckDBWarehouse.in_memory()
    warehouse.create_missing(TABLES)

    assert read_head(warehouse) == AuditHead(0, "0" * 64)
