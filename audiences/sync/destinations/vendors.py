"""Every kind of destination, by the kind that a user writes: add a vendor's two classes here."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from audiences.sync.destinations.klaviyo import Klaviyo, KlaviyoSettings
from audiences.sync.destinations.vendor import Vendor
from audiences.sync.settings import FileSettings, VendorSettings, WebhookSettings

Settings = Annotated[
    FileSettings | WebhookSettings | KlaviyoSettings,
    Field(discriminator="kind"),
]

VENDORS: dict[type[VendorSettings], type[Vendor[Any]]] = {
    KlaviyoSettings: Klaviyo,
}
