"""Exceptions raised by the settings package.

* SettingsError
  - MissingConfigError
  - MissingConfigFolderError
  - ConfigurationError
  - FaultyConfigurationError
  - MissingSecretError
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class SettingsError(Exception):
    """Configuration, paths or secrets are not as they must be."""


class MissingConfigError(SettingsError, FileNotFoundError):
    """A configuration file that a command needs is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"configuration file {path} is missing: `candor init --config {path.parent}` writes "
            "a commented one, or point --config (CANDOR_CONFIG) at the folder that holds yours"
        )


class MissingConfigFolderError(SettingsError, FileNotFoundError):
    """The folder of the configuration files is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"there is no configuration folder {folder}: `candor init --config {folder}` writes a "
            "commented one, or point --config (CANDOR_CONFIG) at yours"
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in one place of a configuration file; line counts from 1.

    ``line`` and ``key`` are None where it is the file as a whole.
    """

    line: int | None
    key: str | None
    found: str
    allowed: str

    def __str__(self) -> str:
        place = f"line {self.line}" if self.line else "the file as a whole"
        key = f", key {self.key!r}" if self.key else ""
        return f"{place}{key}: found {self.found}; {self.allowed}"


class ConfigurationError(SettingsError, ValueError):
    """A configuration file says something that Candor does not understand."""

    def __init__(self, path: Path, problems: tuple[Problem, ...]) -> None:
        self.path, self.problems = path, problems
        listed = "".join(f"\n  - {problem}" for problem in problems)
        super().__init__(f"{path} cannot be used:{listed}")


class FaultyConfigurationError(SettingsError, ValueError):
    """Several configuration files cannot be used; what is wrong with each."""

    def __init__(self, errors: tuple[Exception, ...]) -> None:
        self.errors = errors
        super().__init__("\n".join(map(str, errors)))


class MissingSecretError(SettingsError, KeyError):
    """A secret is wanted and its environment variable is not set."""

    def __init__(self, variable: str, purpose: str) -> None:
        self.variable = variable
        super().__init__(variable)
        self.message = f"{purpose} needs the environment variable {variable}: set it and run again"

    def __str__(self) -> str:
        return self.message
