"""One company as the runs see it: its folders, its configuration, its warehouse."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pydantic

from audiences import Audience, load_audiences, require_known_names
from audiences.sync import DestinationsConfig, Sync, resolve_syncs
from identity import IdentityConfig
from ingestion import SourcesConfig, refuse_missing_sources
from ingestion.expectations_config import ExpectationsConfig, load_expectations
from ingestion.tracking_plan import TrackingPlan, TrackingPlanConfig, load_tracking_plan
from measurement import ExperimentsConfig
from orchestration import purposes
from orchestration.configuration_check import check_configuration
from orchestration.errors import MissingHomeError
from orchestration.inventory import python_tables
from orchestration.manifest import parsed_project
from orchestration.names_check import NamesCheck
from orchestration.predictions_config import check_predictions
from orchestration.profiles_config import ProfilesConfig, load_profiles
from orchestration.restore_mark import refuse_erased_persons
from orchestration.run_lock import hold_or_wait
from orchestration.survivorship_config import SurvivorshipConfig, load_survivorship
from orchestration.unexpected import without_foreign_words
from personalization import ContentConfig
from prediction import PersonasConfig, PredictionsConfig
from privacy import ConsentConfig, RetentionConfig
from settings import ConfigurationError, Paths, load_config
from warehouse import DuckDBWarehouse, Warehouse

# Whoever sits before a terminal is told after half a minute.
READER_WAIT_S = 30.0
# A run may meet a reader that needs minutes, such as an export of all events; failing then would
# throw away every step that the run still had before it.
RUN_WAIT_S = 600.0

_FAIL_ALONE = (
    "A sync that names them adds and changes nobody until it is mended, removes whoever has to go, and has "
    "failed (invalid_sync); all else goes on."
)

# The files of a configuration folder, by name without the suffix.
FILES: Mapping[str, type[pydantic.BaseModel]] = {
    "sources": SourcesConfig,
    "tracking_plan": TrackingPlanConfig,
    "expectations": ExpectationsConfig,
    "identity": IdentityConfig,
    "consent": ConsentConfig,
    "profiles": ProfilesConfig,
    "survivorship": SurvivorshipConfig,
    "predictions": PredictionsConfig,
    "personas": PersonasConfig,
    "destinations": DestinationsConfig,
    "experiments": ExperimentsConfig,
    "content": ContentConfig,
    "retention": RetentionConfig,
}


@dataclass(frozen=True, slots=True)
class Company:
    """The configuration and storage of the company that a run serves.

    Attributes:
        paths: Its folders.
        wait_s: How long to wait for another process that holds the warehouse, in seconds.
    """

    paths: Paths
    wait_s: float = READER_WAIT_S

    @classmethod
    def from_environment(cls) -> Company:
        """The company that the CANDOR_ variables point at."""
        return cls(Paths.resolve(os.environ))

    @property
    def sources(self) -> SourcesConfig:
        """What is ingested."""
        return load_config(self.paths.config / "sources.yml", SourcesConfig)

    @property
    def tracking_plan(self) -> TrackingPlan:
        """What events must be; empty where nobody wrote a contract."""
        return load_tracking_plan(self.paths.config, self.sources.sources)

    @property
    def expectations(self) -> ExpectationsConfig:
        """How strictly raw tables are judged."""
        return load_expectations(self.paths.config, self.sources)

    @property
    def identity(self) -> IdentityConfig:
        """How records become persons."""
        return load_config(self.paths.config / "identity.yml", IdentityConfig, missing_ok=True)

    @property
    def consent(self) -> ConsentConfig:
        """Which purposes exist."""
        return load_config(self.paths.config / "consent.yml", ConsentConfig)

    @property
    def profiles(self) -> ProfilesConfig:
        """How events become profiles."""
        return load_profiles(self.paths.config)

    @property
    def survivorship(self) -> SurvivorshipConfig:
        """Which record wins each field of a profile."""
        return load_survivorship(self.paths.config, self.sources.sources)

    @property
    def profile_variables(self) -> dict[str, Any]:
        """What dbt is told of the configuration."""
        return {
            "consent_merge": self.consent.consent_merge,
            **self.profiles.as_variables(),
            **self.survivorship.as_variables(),
        }

    @property
    def retention(self) -> RetentionConfig:
        """How long rows are kept."""
        return load_config(self.paths.config / "retention.yml", RetentionConfig, missing_ok=True)

    @property
    def predictions(self) -> PredictionsConfig:
        """What is predicted."""
        path = self.paths.config / "predictions.yml"
        predictions = load_config(path, PredictionsConfig, missing_ok=True)
        self._require_purposes(path, purposes.of_predictions(predictions))
        return predictions

    @property
    def personas(self) -> PersonasConfig:
        """How readers are grouped."""
        path = self.paths.config / "personas.yml"
        personas = load_config(path, PersonasConfig, missing_ok=True)
        self._require_purposes(path, purposes.of_personas(personas))
        return personas

    @property
    def experiments(self) -> ExperimentsConfig:
        """What is measured."""
        path = self.paths.config / "experiments.yml"
        return load_config(path, ExperimentsConfig, missing_ok=True)

    @property
    def content(self) -> ContentConfig:
        """Which recommendation blocks exist."""
        return load_config(self.paths.config / "content.yml", ContentConfig, missing_ok=True)

    @property
    def audiences(self) -> tuple[Audience, ...]:
        """Every audience in the configuration, in order of its key."""
        audiences = load_audiences(self.paths.config / "audiences", landing=self.paths.landing)
        if audiences:
            purposes.require_known_of_audiences(audiences, self.consent.purposes)
            require_known_names(audiences, self.predictions.models.keys())
        return audiences

    @property
    def destinations(self) -> DestinationsConfig:
        """Where audiences are sent."""
        path = self.paths.config / "destinations.yml"
        destinations = load_config(path, DestinationsConfig, missing_ok=True)
        self._require_purposes(path, purposes.of_destinations(destinations))
        return destinations

    @property
    def syncs(self) -> tuple[Sync, ...]:
        """Which audience goes to which destination; those switched off are left out."""
        keys = [audience.key for audience in self.audiences]
        return resolve_syncs(self.destinations, audiences=keys)

    def _require_purposes(self, path: Path, named: Iterable[purposes.Named]) -> None:
        if path.exists():
            purposes.require_known(path, named, self.consent.purposes)

    def check_configuration(self, *, tell: Callable[[str], None] | None = None) -> None:
        """Read every configuration file, so that mistakes stop a run before it begins.

        Args:
            tell: Told of columns, models and blocks that syncs send and that are not there: they
                stop no run, since each of those syncs still removes whoever has to go. None: they
                are refused as well.

        Raises:
            SettingsError: Files are at fault; says what is wrong with all of them. Columns that
                models name are looked for among those that the dbt project builds.
            DbtProjectError: dbt cannot parse the project.
            AudienceError: The audiences or destinations alone are at fault.
        """
        names = NamesCheck(self)
        sent = () if tell else (names.refuse_sent,)
        check_configuration(self, FILES, (self._check_predictions, *names.readers(), *sent))
        if tell:
            try:
                names.refuse_sent()
            except ConfigurationError as error:
                tell(f"{error}\n{_FAIL_ALONE}")

    def _check_predictions(self) -> None:
        check_predictions(
            self.paths.config / "predictions.yml",
            self.predictions,
            manifest=lambda: parsed_project(self.paths).manifest,
        )

    def check_landing(self) -> None:
        """Refuse a landing folder that lacks the files of a source, before a run begins.

        Raises:
            MissingSourceError: Sources have no file; all of them. One that is pulled may have none.
        """
        refuse_missing_sources(self.sources, self.paths.landing, before_pull=True)

    def check_home(self) -> None:
        """Refuse to read a data home that no run has made.

        Raises:
            MissingHomeError: There is no warehouse in it.
            RestoreUnfinishedError: It was restored, and may hold persons who were erased.
        """
        self.require_warehouse()
        refuse_erased_persons(self.paths)

    def require_warehouse(self) -> None:
        """Refuse a data home that no run has made.

        Raises:
            MissingHomeError: There is no warehouse in it.
        """
        if not self.paths.warehouse.is_file():
            raise MissingHomeError(self.paths.home)

    @contextmanager
    def open_warehouse(self) -> Iterator[Warehouse]:
        """Open the warehouse with every declared table in place.

        Raises:
            UnexpectedError: An error that is not ours happened meanwhile; it may repeat a row.
        """
        self.paths.make_home()
        with (
            without_foreign_words(self.paths),
            self.lend_warehouse_file() as path,
            DuckDBWarehouse.open(path) as warehouse,
        ):
            warehouse.create_missing(python_tables())
            yield warehouse

    @contextmanager
    def lend_warehouse_file(self) -> Iterator[Path]:
        """Hold the lock without a connection, while dbt works on the file."""
        path = self.paths.warehouse
        with hold_or_wait(path, wait_s=self.wait_s, until="to release the warehouse"):
            yield path


def utc_now() -> datetime:
    """This moment in UTC, naive as all times of the warehouse are."""
    return datetime.now(tz=UTC).replace(tzinfo=None)


def known_until(warehouse: Warehouse) -> datetime:
    """The moment up to which the warehouse knows; the clock's before anything was loaded."""
    return warehouse.scalar("select max(as_of) from raw.as_of") or utc_now()
