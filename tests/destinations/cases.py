"""Every vendor in the pack: add a vendor's case here."""

from __future__ import annotations

from tests.destinations.services import klaviyo
from tests.destinations.world import Case

CASES: tuple[Case, ...] = (klaviyo.CASE,)
DESCRIBED = [case for case in CASES if case.service.description is not None]
SIGNED_IN = [case for case in CASES if case.service.logins]
