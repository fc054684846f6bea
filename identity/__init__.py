"""Who is who: records, sign-ins, addresses and devices become persons."""

from __future__ import annotations

from identity.accounts import AccountReport, resolve_accounts
from identity.churn import Churn
from identity.config import IdentityConfig
from identity.decide import Act, Origin, RecordName, Verdict, add_decision
from identity.divide import SplitPlan, merge_persons, plan_split, split_person
from identity.errors import (
    ContradictionError,
    HeldChangesError,
    IdentityError,
    InvalidDecisionError,
    ReviewFileError,
    TruthFileError,
    UnknownDecisionError,
    UnknownPersonError,
    UnknownRecordError,
    UnusableModelError,
)
from identity.evaluate import QualityReport, evaluate_members
from identity.explain import Explanation, explain_pair, explain_person, explain_record
from identity.guard import GuardedReport, require_published, resolve_guarded
from identity.plan import PlannedChanges, plan_changes
from identity.report import ResolutionReport
from identity.resolve import resolve
from identity.review import ReviewImport, export_queue, import_answers
from identity.revoke import Revocation, list_decisions, revoke_decision

__all__ = [
    "AccountReport",
    "Act",
    "Churn",
    "ContradictionError",
    "Explanation",
    "GuardedReport",
    "HeldChangesError",
    "IdentityConfig",
    "IdentityError",
    "InvalidDecisionError",
    "Origin",
    "PlannedChanges",
    "QualityReport",
    "RecordName",
    "ResolutionReport",
    "ReviewFileError",
    "ReviewImport",
    "Revocation",
    "SplitPlan",
    "TruthFileError",
    "UnknownDecisionError",
    "UnknownPersonError",
    "UnknownRecordError",
    "UnusableModelError",
    "Verdict",
    "add_decision",
    "evaluate_members",
    "explain_pair",
    "explain_person",
    "explain_record",
    "export_queue",
    "import_answers",
    "list_decisions",
    "merge_persons",
    "plan_changes",
    "plan_split",
    "require_published",
    "resolve",
    "resolve_accounts",
    "resolve_guarded",
    "revoke_decision",
    "split_person",
]
