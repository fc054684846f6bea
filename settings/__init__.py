"""Configuration files with line numbers, the folders of a company, secrets, plain numbers."""

from __future__ import annotations

from settings.allowed import suggestion
from settings.configuration import (
    StrictModel,
    line_of,
    load_config,
    misfit,
    problem_at,
    read_together,
    refuse_empty_range,
    unfit_name,
    unknown_name,
)
from settings.errors import (
    ConfigurationError,
    FaultyConfigurationError,
    MissingConfigError,
    MissingConfigFolderError,
    MissingSecretError,
    Problem,
    SettingsError,
)
from settings.numbers import counted, plain_number
from settings.paths import CONFIG_VARIABLE, HOME_VARIABLE, LANDING_VARIABLE, Paths
from settings.secrets import read_secret

__all__ = [
    "CONFIG_VARIABLE",
    "HOME_VARIABLE",
    "LANDING_VARIABLE",
    "ConfigurationError",
    "FaultyConfigurationError",
    "MissingConfigError",
    "MissingConfigFolderError",
    "MissingSecretError",
    "Paths",
    "Problem",
    "SettingsError",
    "StrictModel",
    "counted",
    "line_of",
    "load_config",
    "misfit",
    "plain_number",
    "problem_at",
    "read_secret",
    "read_together",
    "refuse_empty_range",
    "suggestion",
    "unfit_name",
    "unknown_name",
]
