"""Configuration files with line numbers, the folders of a company, and secrets."""

from __future__ import annotations

from settings.configuration import StrictModel, load_config, unknown_name
from settings.errors import (
    ConfigurationError,
    MissingConfigError,
    MissingSecretError,
    Problem,
    SettingsError,
)
from settings.paths import CONFIG_VARIABLE, HOME_VARIABLE, LANDING_VARIABLE, Paths
from settings.secrets import read_secret

__all__ = [
    "CONFIG_VARIABLE",
    "HOME_VARIABLE",
    "LANDING_VARIABLE",
    "ConfigurationError",
    "MissingConfigError",
    "MissingSecretError",
    "Paths",
    "Problem",
    "SettingsError",
    "StrictModel",
    "load_config",
    "read_secret",
    "unknown_name",
]
