"""Every vendor in the pack: add a vendor's case here."""

from __future__ import annotations

from tests.destinations.services import (
    activecampaign,
    algolia,
    braze,
    customer_io,
    hubspot,
    iterable,
    klaviyo,
    mailchimp,
    marketo,
    the_trade_desk,
)
from tests.destinations.world import Case

CASES: tuple[Case, ...] = (
    activecampaign.CASE,
    algolia.CASE,
    braze.CASE,
    customer_io.CASE,
    hubspot.CASE,
    iterable.CASE,
    klaviyo.CASE,
    mailchimp.CASE,
    marketo.CASE,
    the_trade_desk.CASE,
)
DESCRIBED = [case for case in CASES if case.service.description is not None]
SIGNED_IN = [case for case in CASES if case.service.logins]
