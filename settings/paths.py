"""Where a company's configuration, data home and landing files are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CONFIG_VARIABLE = "CANDOR_CONFIG"
HOME_VARIABLE = "CANDOR_HOME"
LANDING_VARIABLE = "CANDOR_LANDING"


@dataclass(frozen=True, slots=True)
class Paths:
    """The three folders of one company, all absolute.

    Attributes:
        config: What a user edits.
        home: Warehouse, artifacts, keys, Dagster's storage; readable by its owner alone.
        landing: Raw files as received.
    """

    config: Path
    home: Path
    landing: Path

    @classmethod
    def resolve(
        cls,
        environment: Mapping[str, str],
        *,
        config: Path | None = None,
        home: Path | None = None,
        landing: Path | None = None,
    ) -> Paths:
        """Take each folder from its option, else its variable, else its default.

        Defaults: ``./config``, ``./.candor`` and ``landing`` inside the data home.
        """
        chosen_home = home or Path(environment.get(HOME_VARIABLE, ".candor"))
        default_landing = Path(environment.get(LANDING_VARIABLE, chosen_home / "landing"))
        return cls(
            config=(config or Path(environment.get(CONFIG_VARIABLE, "config"))).resolve(),
            home=chosen_home.resolve(),
            landing=(landing or default_landing).resolve(),
        )

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.home / "warehouse.duckdb"

    @property
    def artifacts(self) -> Path:
        """Models, reports and exports."""
        return self.home / "artifacts"

    @property
    def keys(self) -> Path:
        """Keys that never enter the warehouse."""
        return self.home / "keys"

    @property
    def dagster(self) -> Path:
        """Dagster's instance: runs, events, schedules."""
        return self.home / "dagster"

    @property
    def dbt(self) -> Path:
        """Compiled models and logs of dbt."""
        return self.home / "dbt"

    def as_environment(self) -> dict[str, str]:
        """The variables that hand these folders to a child process."""
        return {
            CONFIG_VARIABLE: str(self.config),
            HOME_VARIABLE: str(self.home),
            LANDING_VARIABLE: str(self.landing),
        }

    def make_home(self) -> None:
        """Make the data home and its folders with mode 0700, whatever the umask."""
        for folder in (self.home, self.artifacts, self.keys, self.dagster, self.dbt):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
