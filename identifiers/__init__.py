"""Bring identifiers into the one form in which they can be compared, hashed and sent."""

from __future__ import annotations

from identifiers.addresses import normalise_postal_codes
from identifiers.contacts import tells_contact
from identifiers.countries import is_region
from identifiers.dates import DateOrders, learn_date_orders, parse_birth_dates
from identifiers.domains import (
    DISPOSABLE_DOMAINS,
    FREE_MAIL_DOMAINS,
    is_disposable_domain,
    is_free_mail_domain,
)
from identifiers.email import normalise_email, normalise_emails
from identifiers.hashing import sha256_hex
from identifiers.mailboxes import canonical_mailboxes
from identifiers.names import (
    GENERATIONS,
    SURNAME_PARTICLES,
    WordOrder,
    fold_names,
    learn_word_order,
    split_first_names,
    split_full_names,
)
from identifiers.nicknames import (
    canonical_given_name,
    canonical_given_names,
    known_given_names,
)
from identifiers.phone import normalise_phone, normalise_phones, phones_by_country
from identifiers.placeholders import null_first_names, null_last_names, null_placeholders

__all__ = [
    "DISPOSABLE_DOMAINS",
    "FREE_MAIL_DOMAINS",
    "GENERATIONS",
    "SURNAME_PARTICLES",
    "DateOrders",
    "WordOrder",
    "canonical_given_name",
    "canonical_given_names",
    "canonical_mailboxes",
    "fold_names",
    "is_disposable_domain",
    "is_free_mail_domain",
    "is_region",
    "known_given_names",
    "learn_date_orders",
    "learn_word_order",
    "normalise_email",
    "normalise_emails",
    "normalise_phone",
    "normalise_phones",
    "normalise_postal_codes",
    "null_first_names",
    "null_last_names",
    "null_placeholders",
    "parse_birth_dates",
    "phones_by_country",
    "sha256_hex",
    "split_first_names",
    "split_full_names",
    "tells_contact",
]
