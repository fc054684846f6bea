"""What consent.yml and retention.yml may say."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from settings import StrictModel, misfit, unfit_name

# A hundred years: a moment before the calendar begins cannot be reckoned.
LONGEST_DAYS = 36_525


class LegalBasis(StrEnum):
    """Grounds other than consent on which data may be used: GDPR Article 6(1)(b) to (f)."""

    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTERESTS = "legitimate_interests"


class Purpose(StrictModel):
    """One purpose for which people are asked."""

    description: str = Field(min_length=1, description="What a person agrees to, in one sentence.")


class ExemptSource(StrictModel):
    """A source whose people need no consent for some purposes."""

    basis: LegalBasis = Field(description="The legal basis that stands in place of consent.")
    purposes: tuple[str, ...] = Field(min_length=1, description="The purposes it covers.")
    reason: str = Field(min_length=1, description="Why the basis applies, for whoever audits it.")


def _inside_landing(files: tuple[str, ...]) -> tuple[str, ...]:
    for file in files:
        if file.startswith("/") or ".." in file.split("/"):
            raise ValueError(f"{file!r} leaves the landing folder; paths are relative to it")
    return files


def _refuse_unknown(
    place: tuple[str, ...], purposes: tuple[str, ...], known: AbstractSet[str]
) -> None:
    for number, purpose in enumerate(purposes):
        if purpose not in known:
            raise unfit_name((*place, number), purpose, known, what="purposes of consent.yml")


class Objection(StrEnum):
    """Ways to say no that outlast every later yes."""

    OBJECTION = "objection"  # GDPR Article 21(2): to direct marketing
    PROFILING_OBJECTION = "profiling_objection"  # GDPR Article 21(1) and 22
    DO_NOT_SELL_OR_SHARE = "do_not_sell_or_share"  # CCPA section 1798.120
    GPC = "gpc"  # a browser's signal, CCPA regulations section 7025


# Not a purpose that people are asked for: who is denied it is in no feature, score or persona.
PROFILING = "profiling"


class ConsentConfig(StrictModel):
    """consent.yml: the purposes, and who need not be asked."""

    purposes: dict[str, Purpose] = Field(min_length=1, description="Each purpose by its key.")
    exempt_sources: dict[str, ExemptSource] = Field(
        default_factory=dict, description="Sources, by name, that rest on another legal basis."
    )
    consent_merge: Literal["most_restrictive", "latest"] = Field(
        "most_restrictive",
        description="Which decision holds where one person decided under several records, "
        "addresses or devices: a denial by any of them until one that it named grants, or the latest.",
    )
    customer_id_sources: tuple[str, ...] = Field(
        (),
        description="Sources whose record ids a request may give as controller_customer_id; "
        "empty for all of them. A user id is always accepted.",
    )

    objections: dict[Literal["gdpr", "ccpa"], dict[Objection, tuple[str, ...]]] = Field(
        default_factory=dict,
        description="By law and kind, the purposes that an objection or opt-out denies until it is "
        "withdrawn, whatever is granted later; `profiling` among them takes the person out of "
        "features, scores and personas. A kind that is not named denies every purpose.",
    )
    gpc_fields: tuple[str, ...] = Field(
        ("gpc", "globalPrivacyControl", "headers.Sec-GPC"),
        description="Where the context of an event says that the browser sends Global Privacy "
        "Control: paths of keys, joined by dots, in capital or small letters. true and 1 count.",
    )
    drop_vin_attribute: str | None = Field(
        None,
        description="The attribute of person records that holds the number of a vehicle (VIN), for "
        "the list NameVIN of California's deletion platform; none by default.",
    )
    approve_requests: bool = Field(
        False,  # noqa: FBT003 - a default, and pydantic takes it by position
        description="Whether somebody must approve each request of a person (`candor privacy "
        "approve`) before it is carried out.",
    )
    request_files: Annotated[tuple[str, ...], AfterValidator(_inside_landing)] = Field(
        (),
        description="Files in the landing folder that hold data-subject requests, one OpenDSR "
        "body per line; relative paths. They are served with those of the drop folder.",
    )

    @property
    def uses(self) -> tuple[str, ...]:
        """Every purpose, and profiling."""
        return tuple(dict.fromkeys((*self.purposes, PROFILING)))

    def denied_by(self, regulation: str, kind: Objection) -> tuple[str, ...]:
        """The purposes that one kind of objection denies; all of them where nothing is said."""
        laws = {str(law): kinds for law, kinds in self.objections.items()}
        return tuple(dict.fromkeys(laws.get(regulation, {}).get(kind, self.uses)))

    @model_validator(mode="after")
    def _leaves_profiling_free(self) -> ConsentConfig:
        if PROFILING in self.purposes:
            what = "nobody is asked for it: objections take people out of profiling; rename it"
            raise misfit(("purposes", PROFILING), PROFILING, what)
        return self

    @model_validator(mode="after")
    def _objections_name_purposes(self) -> ConsentConfig:
        for law, kinds in self.objections.items():
            for kind, purposes in kinds.items():
                place = ("objections", law, str(kind))
                _refuse_unknown(place, purposes, {*self.purposes, PROFILING})
        return self

    @model_validator(mode="after")
    def _exemptions_name_purposes(self) -> ConsentConfig:
        for source, exempt in self.exempt_sources.items():
            place = ("exempt_sources", source, "purposes")
            _refuse_unknown(place, exempt.purposes, set(self.purposes))
        return self


class RetentionRule(StrictModel):
    """How long the rows of one table are kept."""

    days: int = Field(gt=0, le=LONGEST_DAYS, description="Rows older than this many days go.")
    aged_by: str | None = Field(
        None, description="The timestamp that tells a row's age; the table's own when absent."
    )
    action: Literal["delete", "anonymise"] = Field(
        "delete",
        description="What happens to old rows: delete; or anonymise: the row stays, and each column "
        "that says something about a person becomes null. Only for events, orders, subscriptions, "
        "lifecycle_events, deals and tickets of raw, whose key must be named under keep.",
    )
    keep: tuple[str, ...] = Field(
        (),
        description="With anonymise, columns that keep their values although they are personal; "
        "those of the key must be among them.",
    )

    @model_validator(mode="after")
    def _only_anonymised_rows_keep_columns(self) -> RetentionRule:
        if self.keep and self.action != "anonymise":
            raise ValueError("keep says what anonymise leaves: set action to anonymise")
        return self


class LandingRule(StrictModel):
    """How long files are kept as they were received."""

    days: int | None = Field(
        None,
        gt=0,
        le=LONGEST_DAYS,
        description="Of every source that is not named; all are kept when absent.",
    )
    sources: dict[str, Annotated[int, Field(gt=0, le=LONGEST_DAYS)]] = Field(
        default_factory=dict, description="Days by source."
    )

    def by_source(self, names: Iterable[str]) -> dict[str, int]:
        """Days of each source whose files are not kept for ever."""
        everywhere = {name: self.days for name in names if self.days is not None}
        return {**everywhere, **self.sources}


class BackupRule(StrictModel):
    """Where backups of the data home go, and how long they are kept."""

    folder: Path = Field(
        description="An absolute path outside the data home, at best on another disk. It holds "
        "personal data: let only Candor's user read it. An erasure writes down there whom a "
        "restored backup must forget, and waits while the folder cannot be reached."
    )
    days: int = Field(
        30, gt=0, le=LONGEST_DAYS, description="Days until retention removes a backup."
    )

    @field_validator("folder")
    @classmethod
    def _absolute(cls, folder: Path) -> Path:
        if not folder.is_absolute():
            raise ValueError(f"{str(folder)!r} is not absolute: begin it with /")
        return folder


class RetentionConfig(StrictModel):
    """retention.yml: rules by table; a table that is not named keeps its rows."""

    archive_days: int = Field(
        14,
        gt=0,
        le=LONGEST_DAYS,
        description="Days that the archive of an access request waits to be handed out; then it is "
        "removed.",
    )

    landing: LandingRule = Field(
        default_factory=lambda: LandingRule.model_validate({}),
        description="Landing files, by the date in their path, else that of their last change. The "
        "newest of each source stays, and what was not loaded or could not be read; files of a "
        "source with `erase: report` stay too.",
    )
    runs_days: int | None = Field(
        None,
        gt=0,
        le=LONGEST_DAYS,
        description="Days that Dagster keeps a finished run with its events and logs; for ever when "
        "absent.",
    )
    exports_days: int | None = Field(
        None,
        gt=0,
        le=LONGEST_DAYS,
        description="Days that file destinations keep each run's changes (`deltas/`); for ever when "
        "absent. The current members stay.",
    )
    backups: BackupRule | None = Field(
        None, description="Backups by `candor backup`; none are made when absent."
    )
    tables: dict[str, RetentionRule] = Field(
        default_factory=dict, description="Each rule by schema.table."
    )
