"""Every vendor in the pack: add a vendor's case here."""

from __future__ import annotations

from tests.destinations.services import (
    activecampaign,
    algolia,
    braze,
    customer_io,
    google,
    hubspot,
    iterable,
    klaviyo,
    linkedin,
    mailchimp,
    marketo,
    meta,
    salesforce,
    the_trade_desk,
    tiktok,
)
from tests.destinations.world import Case

CASES: tuple[Case, ...] = (
    activecampaign.CASE,
    algolia.CASE,
    braze.CASE,
    customer_io.CASE,
    google.CASE,
    hubspot.CASE,
    iterable.CASE,
    klaviyo.CASE,
    linkedin.CASE,
    mailchimp.CASE,
    marketo.CASE,
    meta.CASE,
    salesforce.CASE,
    the_trade_desk.CASE,
    tiktok.CASE,
)
DESCRIBED = [case for case in CASES if case.service.description is not None]
SIGNED_IN = [case for case in CASES if case.service.logins]
