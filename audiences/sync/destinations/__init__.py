"""Places that audiences are published to, and how to open one from its settings."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path

from audiences.errors import InvalidAudienceError
from audiences.sync.config import FileSettings, WebhookSettings
from audiences.sync.destinations.base import (
    Batch,
    Clock,
    Delivery,
    Destination,
    Request,
    Sleep,
)
from audiences.sync.destinations.file import FileDestination
from audiences.sync.destinations.webhook import WebhookDestination
from settings import read_secret

_PREFIX = "whsec_"


def open_destination(
    key: str,
    settings: FileSettings | WebhookSettings,
    *,
    artifacts: Path,
    environment: Mapping[str, str],
    clock: Clock,
) -> Destination:
    """Make a destination ready from its settings; nothing is written or sent yet.

    Args:
        key: Its key in the configuration.
        settings: Its settings.
        artifacts: The folder in which relative folders start.
        environment: Where secrets are, usually ``os.environ``.
        clock: Gives the time of each attempt, UTC with its zone.

    Raises:
        settings.MissingSecretError: Its secret is not set.
        InvalidAudienceError: Its secret is not ``whsec_`` and base64.
    """
    if isinstance(settings, FileSettings):
        return FileDestination(
            key,
            artifacts / settings.folder,
            settings.max_rows,
            neutralises=settings.formulas == "neutralise",
        )
    secret = read_secret(
        environment, settings.secret_env, purpose=f"signing requests to destination {key!r}"
    ).get_secret_value()
    try:
        decoded = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        decoded = b""
    if not secret.startswith(_PREFIX) or not decoded:
        problem = f"destination {key!r}: {settings.secret_env} does not hold whsec_ and base64"
        raise InvalidAudienceError([problem]) from None
    return WebhookDestination(key, settings, decoded, clock)


__all__ = [
    "Batch",
    "Clock",
    "Delivery",
    "Destination",
    "FileDestination",
    "Request",
    "Sleep",
    "WebhookDestination",
    "open_destination",
]
