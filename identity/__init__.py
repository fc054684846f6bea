"""Who is who: records, sign-ins, addresses and devices become persons."""

from __future__ import annotations

from identity.config import IdentityConfig
from identity.decide import RecordName, Verdict, add_decision
from identity.errors import (
    IdentityError,
    InvalidDecisionError,
    OversizedClusterError,
    TruthFileError,
    UnknownRecordError,
    UnusableModelError,
)
from identity.evaluate import QualityReport, evaluate_members
from identity.explain import Explanation, explain_pair, explain_record
from identity.report import ResolutionReport
from identity.resolve import resolve

__all__ = [
    "Explanation",
    "IdentityConfig",
    "IdentityError",
    "InvalidDecisionError",
    "OversizedClusterError",
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
    "resolve",
]
