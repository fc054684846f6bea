"""Consent, access, erasure with proof, retention and the audit log."""

from __future__ import annotations

from privacy.access import (
    AccessReport,
    ArchiveFolder,
    OldArchives,
    archive_path,
    hand_out_archive,
    remove_expired_archives,
    serve_access,
)
from privacy.addendum import (
    AddendumFacts,
    addendum_schema,
    check_addendum,
    is_addendum,
    sign_addendum,
)
from privacy.audit import AuditEntry, AuditHead, read_head, verify_audit
from privacy.audit_seal import anchors_of, break_seal, is_sealed, seal_audit
from privacy.backups import Backup, BackupFolder, OldBackups
from privacy.classification import unclassified, write_inventory
from privacy.config import ConsentConfig, Objection, RetentionConfig
from privacy.context import (
    DestinationEraser,
    DestinationEvidence,
    ErasureContext,
    ModelVersion,
    RequestPlace,
    TrainedModels,
)
from privacy.drop import Drop, DropReport
from privacy.drop_files import DropLists, read_lists
from privacy.erase import ErasureReport, erase
from privacy.erasure_log import ErasureLog, catch_up
from privacy.errors import (
    AmbiguousRequestError,
    ArchiveTargetError,
    AuditChainError,
    BackupError,
    DropFileError,
    ErasureLogError,
    HoldError,
    InvalidRequestError,
    LostServingKeyError,
    LostSigningKeyError,
    MissingArchiveError,
    MissingKeyError,
    MissingPlanError,
    NoSigningKeyError,
    NothingHeldError,
    PersonalNoteError,
    PrivacyError,
    ReceiptError,
    ReceiptFileError,
    ReceiptKeyError,
    RequestActError,
    RetentionRuleError,
    ScannerRecallError,
    SharedIdentityError,
    TaskError,
    UnknownBackupError,
    UnknownRequestError,
    UnusableIdentityError,
)
from privacy.handling import RequestDesk
from privacy.hashed_objections import HashedObjections
from privacy.holds import Holds, LegalHold, place_hold
from privacy.key_rotation import KeyUse, read_key_uses, rotate_key
from privacy.keys import KeyRing, read_public_key
from privacy.locations import FolderLocation, TableLocation, table_locations
from privacy.notes import impersonal
from privacy.objections import (
    attribute_objections,
    extend_objections,
    restricted,
)
from privacy.plan import ErasurePlan, PlannedCount
from privacy.plan_requests import find_keys, plan_erasure
from privacy.receipt import Receipt, read_receipts, verify_receipt
from privacy.receipt_facts import ReceiptFacts, check_facts, receipt_schema
from privacy.request_folder import RequestFolder
from privacy.requests import (
    IdentityType,
    RequestFile,
    SubjectIdentity,
    SubjectRequest,
    make_request,
    read_bodies,
    require_usable,
)
from privacy.retention import (
    RetentionOutcome,
    enforce_retention,
    record_retention,
    unfit_rules,
)
from privacy.returned import returned_requests
from privacy.search_again import SearchReport, search_again
from privacy.serve_objections import ObjectionReport, serve_objections
from privacy.signals import record_signals
from privacy.signing import signing_key_of
from privacy.signing_rotation import SigningKeyUse, read_signing_keys, rotate_signing_key
from privacy.standing import (
    RequestStanding,
    StepTaken,
    read_standing,
    read_steps,
)
from privacy.suppression import Suppressions
from privacy.tasks import ErasureTask, TaskDesk, overdue, read_tasks
from privacy.verify import ScanReport

__all__ = [
    "AccessReport",
    "AddendumFacts",
    "AmbiguousRequestError",
    "ArchiveFolder",
    "ArchiveTargetError",
    "AuditChainError",
    "AuditEntry",
    "AuditHead",
    "Backup",
    "BackupError",
    "BackupFolder",
    "ConsentConfig",
    "DestinationEraser",
    "DestinationEvidence",
    "Drop",
    "DropFileError",
    "DropLists",
    "DropReport",
    "ErasureContext",
    "ErasureLog",
    "ErasureLogError",
    "ErasurePlan",
    "ErasureReport",
    "ErasureTask",
    "FolderLocation",
    "HashedObjections",
    "HoldError",
    "Holds",
    "IdentityType",
    "InvalidRequestError",
    "KeyRing",
    "KeyUse",
    "LegalHold",
    "LostServingKeyError",
    "LostSigningKeyError",
    "MissingArchiveError",
    "MissingKeyError",
    "MissingPlanError",
    "ModelVersion",
    "NoSigningKeyError",
    "NothingHeldError",
    "Objection",
    "ObjectionReport",
    "OldArchives",
    "OldBackups",
    "PersonalNoteError",
    "PlannedCount",
    "PrivacyError",
    "Receipt",
    "ReceiptError",
    "ReceiptFacts",
    "ReceiptFileError",
    "ReceiptKeyError",
    "RequestActError",
    "RequestDesk",
    "RequestFile",
    "RequestFolder",
    "RequestPlace",
    "RequestStanding",
    "RetentionConfig",
    "RetentionOutcome",
    "RetentionRuleError",
    "ScanReport",
    "ScannerRecallError",
    "SearchReport",
    "SharedIdentityError",
    "SigningKeyUse",
    "StepTaken",
    "SubjectIdentity",
    "SubjectRequest",
    "Suppressions",
    "TableLocation",
    "TaskDesk",
    "TaskError",
    "TrainedModels",
    "UnknownBackupError",
    "UnknownRequestError",
    "UnusableIdentityError",
    "addendum_schema",
    "anchors_of",
    "archive_path",
    "attribute_objections",
    "break_seal",
    "catch_up",
    "check_addendum",
    "check_facts",
    "enforce_retention",
    "erase",
    "extend_objections",
    "find_keys",
    "hand_out_archive",
    "impersonal",
    "is_addendum",
    "is_sealed",
    "make_request",
    "overdue",
    "place_hold",
    "plan_erasure",
    "read_bodies",
    "read_head",
    "read_key_uses",
    "read_lists",
    "read_public_key",
    "read_receipts",
    "read_signing_keys",
    "read_standing",
    "read_steps",
    "read_tasks",
    "receipt_schema",
    "record_retention",
    "record_signals",
    "remove_expired_archives",
    "require_usable",
    "restricted",
    "returned_requests",
    "rotate_key",
    "rotate_signing_key",
    "seal_audit",
    "search_again",
    "serve_access",
    "serve_objections",
    "sign_addendum",
    "signing_key_of",
    "table_locations",
    "unclassified",
    "unfit_rules",
    "verify_audit",
    "verify_receipt",
    "write_inventory",
]
