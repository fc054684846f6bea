"""Who is who: records, sign-ins, addresses and devices become persons."""

from __future__ import annotations

from identity.churn import Churn
from identity.config import IdentityConfig
from identity.decide import RecordName, Verdict, add_decision
from identity.errors import (
    HeldChangesError,
    IdentityError,
    InvalidDecisionError,
    TruthFileError,
    UnknownRecordError,
    UnusableModelError,
)
from identity.evaluate import QualityReport, evaluate_members
from identity.explain import Explanation, explain_pair, explain_record
from identity.guard import GuardedReport, require_published, resolve_guarded
from identity.plan import PlannedChanges, plan_changes
from identity.report import ResolutionReport
from identity.resolve import resolve

__all__ = [
    "Churn",
    "Explanation",
    "GuardedReport",
    "HeldChangesError",
    "IdentityConfig",
    "IdentityError",
    "InvalidDecisionError",
    "PlannedChanges",
    "QualityReport",
    "RecordName",
    "ResolutionReport",
    "TruthFileError",
    "UnknownRecordError",
    "UnusableModelError",
    "Verdict",
    "add_decision",
    "evaluate_members",
    "explain_pair",
    "explain_record",
    "plan_changes",
    "require_published",
    "resolve",
    "resolve_guarded",
]
