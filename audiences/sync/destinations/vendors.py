"""Every kind of destination, by the kind that a user writes: add a vendor's two classes here."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from audiences.sync.destinations.activecampaign import ActiveCampaign, ActiveCampaignSettings
from audiences.sync.destinations.algolia import Algolia, AlgoliaSettings
from audiences.sync.destinations.braze import Braze, BrazeSettings
from audiences.sync.destinations.customer_io import CustomerIo, CustomerIoSettings
from audiences.sync.destinations.google import Google, GoogleSettings
from audiences.sync.destinations.hubspot import HubSpot, HubSpotSettings
from audiences.sync.destinations.iterable import IterableLists, IterableSettings
from audiences.sync.destinations.klaviyo import Klaviyo, KlaviyoSettings
from audiences.sync.destinations.linkedin import LinkedIn, LinkedInSettings
from audiences.sync.destinations.mailchimp import Mailchimp, MailchimpSettings
from audiences.sync.destinations.marketo import Marketo, MarketoSettings
from audiences.sync.destinations.meta import Meta, MetaSettings
from audiences.sync.destinations.redis import RedisSettings
from audiences.sync.destinations.s3 import S3Settings
from audiences.sync.destinations.salesforce import Salesforce, SalesforceSettings
from audiences.sync.destinations.sftp import SftpSettings
from audiences.sync.destinations.the_trade_desk import TheTradeDesk, TheTradeDeskSettings
from audiences.sync.destinations.tiktok import TikTok, TikTokSettings
from audiences.sync.destinations.vendor import Vendor
from audiences.sync.settings import FileSettings, PostgresSettings, VendorSettings, WebhookSettings

Settings = Annotated[
    FileSettings
    | WebhookSettings
    | PostgresSettings
    | RedisSettings
    | S3Settings
    | SftpSettings
    | ActiveCampaignSettings
    | AlgoliaSettings
    | BrazeSettings
    | CustomerIoSettings
    | GoogleSettings
    | HubSpotSettings
    | IterableSettings
    | KlaviyoSettings
    | LinkedInSettings
    | MailchimpSettings
    | MarketoSettings
    | MetaSettings
    | SalesforceSettings
    | TheTradeDeskSettings
    | TikTokSettings,
    Field(discriminator="kind"),
]

VENDORS: dict[type[VendorSettings], type[Vendor[Any]]] = {
    ActiveCampaignSettings: ActiveCampaign,
    AlgoliaSettings: Algolia,
    BrazeSettings: Braze,
    CustomerIoSettings: CustomerIo,
    GoogleSettings: Google,
    HubSpotSettings: HubSpot,
    IterableSettings: IterableLists,
    KlaviyoSettings: Klaviyo,
    LinkedInSettings: LinkedIn,
    MailchimpSettings: Mailchimp,
    MarketoSettings: Marketo,
    MetaSettings: Meta,
    SalesforceSettings: Salesforce,
    TheTradeDeskSettings: TheTradeDesk,
    TikTokSettings: TikTok,
}


def shared_place(settings: Any) -> str | None:
    """Where a target is one for all who put members into it; None where it tells them apart."""
    vendor = VENDORS.get(type(settings))
    if vendor is None or settings.tells_audiences_apart:
        return None
    return vendor("", settings, {}).place(settings.account_label)
