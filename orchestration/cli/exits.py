"""Which errors a person may meet, and the exit code of each."""

from __future__ import annotations

from audiences import AudienceError, InvalidAudienceError, NothingToAcceptError, UnknownIdError
from identity import (
    ContradictionError,
    IdentityError,
    InvalidDecisionError,
    ReviewFileError,
    TruthFileError,
    UnknownDecisionError,
    UnknownPersonError,
    UnknownRecordError,
)
from ingestion import (
    EmptySourceError,
    IngestionError,
    MissingSourceError,
    UnknownDayError,
    UnknownRowError,
    UnknownSourceError,
    UnreadableFileError,
    WrongColumnError,
    WrongFilesError,
)
from measurement import InvalidExperimentError, MeasurementError, UnknownExperimentError
from orchestration.cli.codes import BUSY, FAILED, INPUT
from orchestration.errors import (
    FileInTheWayError,
    MissingHomeError,
    NoBackupsError,
    NoProfilesError,
    NothingToEvaluateError,
    NothingToPlanError,
    OrchestrationError,
    RestoreTargetError,
    RestoreUnfinishedError,
    RunFailedError,
    SeveralProfilesError,
    TargetNotEmptyError,
    UnknownJobError,
    UnknownProfileError,
    UnknownTableError,
    UnreadableResultsError,
    UnsupportedFormatError,
)
from personalization import (
    InvalidEmailBlockError,
    MissingArtefactError,
    PersonalizationError,
    SlotKeyTwiceError,
    UnknownEmailBlockError,
    UnknownSlotError,
)
from prediction import (
    NoEarlierVersionError,
    PredictionError,
    RefusedVersionError,
    SensitiveFeatureError,
    SensitiveTargetError,
    UnfitVersionError,
    UnknownFeatureError,
    UnknownGroupError,
    UnknownModelError,
    UnknownTraitError,
    UnknownVersionError,
)
from privacy import (
    AmbiguousRequestError,
    ArchiveTargetError,
    HoldError,
    InvalidRequestError,
    LostServingKeyError,
    LostSigningKeyError,
    MissingArchiveError,
    NoSigningKeyError,
    NothingHeldError,
    PersonalNoteError,
    PrivacyError,
    ReceiptFileError,
    ReceiptKeyError,
    RequestActError,
    SharedIdentityError,
    TaskError,
    UnknownBackupError,
    UnknownRequestError,
    UnusableIdentityError,
)
from sample import SampleError
from settings import SettingsError
from warehouse import WarehouseBusyError, WarehouseError

INPUT_ERRORS = (
    AmbiguousRequestError,
    ContradictionError,
    EmptySourceError,
    FileInTheWayError,
    ArchiveTargetError,
    InvalidAudienceError,
    InvalidDecisionError,
    InvalidEmailBlockError,
    InvalidExperimentError,
    InvalidRequestError,
    MissingArchiveError,
    MissingArtefactError,
    MissingHomeError,
    MissingSourceError,
    NoBackupsError,
    NoEarlierVersionError,
    NoProfilesError,
    LostServingKeyError,
    LostSigningKeyError,
    NoSigningKeyError,
    HoldError,
    NothingHeldError,
    NothingToAcceptError,
    NothingToEvaluateError,
    NothingToPlanError,
    PersonalNoteError,
    ReceiptFileError,
    ReceiptKeyError,
    RefusedVersionError,
    RequestActError,
    RestoreTargetError,
    RestoreUnfinishedError,
    ReviewFileError,
    SampleError,
    SensitiveFeatureError,
    SensitiveTargetError,
    SettingsError,
    SeveralProfilesError,
    SharedIdentityError,
    SlotKeyTwiceError,
    TargetNotEmptyError,
    TaskError,
    TruthFileError,
    UnfitVersionError,
    UnknownBackupError,
    UnknownDayError,
    UnknownDecisionError,
    UnknownEmailBlockError,
    UnknownExperimentError,
    UnknownFeatureError,
    UnknownGroupError,
    UnknownIdError,
    UnknownJobError,
    UnknownModelError,
    UnknownPersonError,
    UnknownProfileError,
    UnknownRecordError,
    UnknownRequestError,
    UnknownRowError,
    UnknownSourceError,
    UnknownSlotError,
    UnknownTableError,
    UnknownTraitError,
    UnknownVersionError,
    UnreadableFileError,
    UnreadableResultsError,
    UnsupportedFormatError,
    UnusableIdentityError,
    WrongColumnError,
    WrongFilesError,
)

# A run tells the classes of what made it fail by name only: Dagster keeps no more of them.
INPUT_NAMES = frozenset({
    *(error.__name__ for error in INPUT_ERRORS),
    *(error.__name__ for error in SettingsError.__subclasses__()),
})  # fmt: skip


def expected_errors() -> tuple[type[Exception], ...]:
    """Every base class whose message is meant for the person at the terminal."""
    return (
        AudienceError, IdentityError, IngestionError, MeasurementError, OrchestrationError,
        PersonalizationError, PredictionError, PrivacyError, SampleError, SettingsError,
        WarehouseError,
    )  # fmt: skip


def exit_code(error: BaseException) -> int:
    """4 when another run is active, 3 when something given is wrong, else 1."""
    if isinstance(error, WarehouseBusyError):
        return BUSY
    if isinstance(error, RunFailedError):
        return INPUT if error.classes and error.classes <= INPUT_NAMES else FAILED
    return INPUT if isinstance(error, INPUT_ERRORS) else FAILED
