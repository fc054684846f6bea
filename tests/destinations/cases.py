"""Every vendor in the pack: add a vendor's case here."""

from __future__ import annotations

from tests.destinations.services import (
    algolia,
    iterable,
    klaviyo,
    mailchimp,
    marketo,
    the_trade_desk,
)
from tests.destinations.world import Case

CASES: tuple[Case, ...] = (
    algolia.CASE,
    iterable.CASE,
    klaviyo.CASE,
    mailchimp.CASE,
    marketo.CASE,
    the_trade_desk.CASE,
)
DESCRIBED = [case for case in CASES if case.service.description is not None]
SIGNED_IN = [case for case in CASES if case.service.logins]
