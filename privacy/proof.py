"""Put together the facts of a receipt from the frozen plan, the steps and the search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from privacy.audit import AuditHead, read_head
from privacy.context import ErasureContext, TrainedModels
from privacy.key_rotation import current_key
from privacy.keys import SuppressionKey
from privacy.plan import ErasurePlan, LearntModel
from privacy.receipt import VERSION, sign_receipt, write_receipts
from privacy.receipt_facts import require_facts
from privacy.steps import Case, Step, StepLog
from privacy.suppression import digest
from privacy.verify import VERIFIER, ScanReport


def issue_receipts(
    proven: Sequence[tuple[Case, ErasurePlan]],
    context: ErasureContext,
    *,
    log: StepLog,
    scan: ScanReport,
) -> None:
    """Sign and store one receipt for each request that a clean search has proven."""
    warehouse, now, suppressions = log.warehouse, log.now, context.suppressions
    signing, head = suppressions.keys.signing_key(), read_head(warehouse)
    current = current_key(warehouse, suppressions.keys)
    suppressed = suppressions.made_with([case.subject_request_id for case, _ in proven])
    told = log.details([case.subject_request_id for case, _ in proven], Step.DESTINATIONS_TOLD)
    receipts = []
    for case, plan in proven:  # one signature each
        facts = {
            **_facts(case, plan, scan, head, now),
            "subject": _pseudonym(plan, current),
            "subject_key": {"key_version": current.version, "key_fingerprint": current.fingerprint},
            "suppressed": suppressed[case.subject_request_id],
            "destinations": [
                # What an earlier version wrote down tells neither.
                {"batch": None, "answer": None, "told": None, **item}
                for item in told[case.subject_request_id]["destinations"]
            ],
            "models": [_fate(model, context.models) for model in plan.models],
            # They may hold the persons still; one that is restored forgets them before it is used.
            "backups": [
                {"name": backup.name, "expires_at": backup.expires_at.isoformat()}
                for backup in (context.backups.all() if context.backups else ())
            ],
        }
        require_facts(facts)
        receipts.append(sign_receipt(facts, key=signing, now=now))
    write_receipts(warehouse, receipts)


def _facts(
    case: Case, plan: ErasurePlan, scan: ScanReport, head: AuditHead, now: datetime
) -> dict[str, Any]:
    return {
        "version": VERSION,
        "subject_request_id": case.subject_request_id,
        "request_type": "erasure",
        "regulation": case.regulation,
        "submitted_at": case.submitted_at.isoformat(),
        "received_at": case.received_at.isoformat(),
        "due_at": case.due_at.isoformat(),
        "proven_at": now.isoformat(),
        "identifiers": dict(plan.identifiers),
        "left_alone": [asdict(item) for item in plan.left_alone],
        "locations_searched": len(plan.counts),
        "locations": [
            {
                "location": count.location,
                "rows_found": count.rows,
                "rows_left": 0,  # an erasure that leaves a row does not come this far
                "requests_counted": count.requests,
            }
            for count in plan.counts
            if count.rows
        ],
        "scan": {
            "hits": sum(trace.rows for trace in scan.traces),
            "probes_found": scan.probes,
            "files": scan.files,
            "values": scan.values,
            "verifier": VERIFIER,
        },
        "audit": asdict(head),
    }


def _fate(model: LearntModel, models: TrainedModels | None) -> dict[str, str | bool | None]:
    """What became of a version that learnt from the person; a file with a trace is removed."""
    is_there = models is not None and models.has_file(model.model, model.version)
    return {**asdict(model), "outcome": "kept" if is_there else "no_file"}


def _pseudonym(plan: ErasurePlan, key: SuppressionKey) -> str:
    """An HMAC over all keys of the persons: the same persons give the same one."""
    joined = "\n".join(f"{kind}|{value}" for kind, value in sorted(plan.keys))
    return digest(key, "subject", joined)
