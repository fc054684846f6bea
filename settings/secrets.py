"""Secrets come from environment variables only, and are never shown."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import SecretStr

from settings.errors import MissingSecretError


def read_secret(environment: Mapping[str, str], variable: str, *, purpose: str) -> SecretStr:
    """Read one secret; its ``repr`` hides the value.

    Args:
        environment: Usually ``os.environ``.
        variable: The variable's name, as the configuration gives it.
        purpose: What needs it, for the message when it is missing.

    Raises:
        MissingSecretError: The variable is unset or empty.
    """
    value = environment.get(variable, "")
    if not value:
        raise MissingSecretError(variable, purpose)
    return SecretStr(value)
