"""Places that audiences are published to, and how to open one from its settings."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from audiences.errors import InvalidAudienceError
from audiences.sync.destinations.address import Resolve, resolve_by_system
from audiences.sync.destinations.base import (
    Batch,
    Clock,
    Delivery,
    Destination,
    Request,
    Sleep,
)
from audiences.sync.destinations.exchange import Exchange
from audiences.sync.destinations.file import FileDestination
from audiences.sync.destinations.postgres import PostgresDestination
from audiences.sync.destinations.redis import RedisDestination, RedisSettings
from audiences.sync.destinations.runner import VendorDestination
from audiences.sync.destinations.s3 import MOST_BYTES, S3Destination, S3Settings
from audiences.sync.destinations.sftp import SftpDestination, SftpSettings
from audiences.sync.destinations.vendors import VENDORS
from audiences.sync.destinations.webhook import WebhookDestination
from audiences.sync.settings import (
    FileSettings,
    VendorSettings,
    WebhookSettings,
)
from settings import read_secret

_PREFIX = "whsec_"


def open_destination(
    key: str,
    settings: Any,
    *,
    artifacts: Path,
    environment: Mapping[str, str],
    clock: Clock,
) -> Destination:
    """Make a destination ready from its settings; nothing is written or sent yet.

    Args:
        key: Its key in the configuration.
        settings: Its settings, one of the classes of ``destinations.yml``.
        artifacts: The folder in which relative folders start.
        environment: Where secrets are, usually ``os.environ``.
        clock: Gives the time of each attempt, UTC with its zone.

    Raises:
        settings.MissingSecretError: Its secret is not set.
        InvalidAudienceError: Its secret is not of the form that it must have.
    """
    if isinstance(settings, FileSettings):
        return FileDestination(
            key,
            artifacts / settings.folder,
            settings.max_rows,
            neutralises=settings.formulas == "neutralise",
            named=str(settings.folder),
        )
    if isinstance(settings, VendorSettings):
        return open_vendor(key, settings, environment=environment, clock=clock)
    if isinstance(settings, WebhookSettings):
        return _open_webhook(key, settings, environment, clock)
    return _open_server(key, settings, _secrets(key, settings, environment), clock)


def open_vendor(
    key: str,
    settings: VendorSettings,
    *,
    environment: Mapping[str, str],
    clock: Clock,
    resolve: Resolve = resolve_by_system,
    transport: httpx.BaseTransport | None = None,
) -> VendorDestination:
    """Make a vendor's service ready; no connection is made yet.

    Args:
        key: Its key in the configuration.
        settings: Its settings.
        environment: Where secrets are, usually ``os.environ``.
        clock: Gives the time of each attempt, UTC with its zone.
        resolve: Gives the addresses of a name.
        transport: Carries requests instead of the network, in tests.

    Raises:
        settings.MissingSecretError: One of its secrets is not set.
    """
    vendor = VENDORS[type(settings)](key, settings, _secrets(key, settings, environment))
    return VendorDestination(vendor, Exchange(key, settings, clock, resolve, transport))


def _open_server(key: str, settings: Any, secrets: Mapping[str, str], clock: Clock) -> Destination:
    if isinstance(settings, S3Settings):
        exchange = Exchange(key, settings, clock, most_bytes=MOST_BYTES)
        return S3Destination(key, settings, secrets, exchange)
    if isinstance(settings, SftpSettings):
        return SftpDestination(key, settings, secrets)
    if isinstance(settings, RedisSettings):
        return RedisDestination(key, settings, secrets["password_env"])
    return PostgresDestination(key, settings, secrets["password_env"])


def _secrets(key: str, settings: Any, environment: Mapping[str, str]) -> dict[str, str]:
    """The values of the variables that settings name, by the name of the setting."""
    return {
        name: read_secret(environment, variable, purpose=f"destination {key!r}").get_secret_value()
        for name, variable in settings
        if name.endswith("_env") and variable is not None
    }


def _open_webhook(
    key: str, settings: WebhookSettings, environment: Mapping[str, str], clock: Clock
) -> WebhookDestination:
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
    "PostgresDestination",
    "RedisDestination",
    "Request",
    "S3Destination",
    "SftpDestination",
    "Sleep",
    "VendorDestination",
    "WebhookDestination",
    "open_destination",
    "open_vendor",
]
