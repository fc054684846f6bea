"""What a user may say about identity resolution: ``identity.yml``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from identifiers import normalise_email, normalise_phone
from settings import StrictModel

MailDomain = Annotated[str, Field(pattern=r"^[^\s@/A-Z]+\.[^\s@/A-Z.]+$")]
# RFC 2142 names the mailboxes of roles; the rest are those that companies publish most.
ROLE_MAILBOXES = (
    "abuse", "accounting", "accounts", "admin", "administrator", "billing", "board", "career",
    "careers", "contact", "customerservice", "donotreply", "enquiries", "feedback", "finance",
    "frontdesk", "hello", "help", "helpdesk", "hostmaster", "hr", "info", "inquiries", "invoices",
    "it", "jobs", "legal", "mail", "mailerdaemon", "marketing", "media", "news", "newsletter",
    "noc", "noreply", "office", "operations", "orders", "payroll", "postmaster", "press",
    "privacy", "purchasing", "reception", "recruiting", "root", "sales", "security", "service",
    "shop", "staff", "subscribe", "support", "team", "unsubscribe", "usenet", "webmaster",
)  # fmt: skip


def _normalised(value: str) -> str:
    """Refuse what no e-mail or phone is equal to; the value is nobody's business but theirs."""
    is_phone = value.startswith("+")
    found = normalise_phone(value, default_region="US") if is_phone else normalise_email(value)
    if found is None and not is_phone and re.fullmatch(r"[^\s@A-Z]+@[^\s@A-Z]+", value):
        return value  # what is taken for junk, such as test@test.com, links nobody anyway
    if found != value:
        raise ValueError(
            "write an address in small letters without blanks, or a phone as +, country and number "
            "without blanks: no other is ever met"
        )
    return value


def _lettered(role: str) -> str:
    """Refuse a mailbox that no role is told by; of addresses too the letters alone are read."""
    if role != role.lower() or not any(letter.isalpha() for letter in role):
        raise ValueError(
            "write what is before the @ in small letters, of which it has one at least"
        )
    return role


Mailbox = Annotated[str, Field(pattern=r"^[^\s@A-Z]+$"), AfterValidator(_lettered)]


class IdentityConfig(StrictModel):
    """How records become persons; every default is the careful choice."""

    probabilistic: bool = Field(
        default=True, description="false: link by identifiers and decisions alone, without Splink."
    )
    min_precision: float = Field(
        0.97,
        gt=0.5,
        lt=1,
        description="Share of the pairs of records of one person that must be right; the "
        "threshold of likeness is the lowest that the data say keeps it.",
    )
    review_probability: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="Pairs from this match probability on that are not linked go to the review "
        "queue; nothing less likely is ever linked by likeness.",
    )
    max_persons_per_value: float = Field(
        2.5,
        gt=1,
        description="An e-mail or phone of effectively more different persons than this is "
        "shared: it stays as evidence and links nobody.",
    )
    role_mailboxes: tuple[Mailbox, ...] = Field(
        ROLE_MAILBOXES,
        description="Parts before the @ that belong to a role; such addresses are shared. "
        "Letters alone count: info is info1 and in-fo too.",
    )
    blocked_values: tuple[Annotated[str, AfterValidator(_normalised)], ...] = Field(
        (), description="Normalised e-mails and phones that must never link anybody."
    )
    max_block_size: int = Field(
        60, gt=1, description="Values that more records share make no candidate pairs."
    )
    max_pairs_per_record: float = Field(
        6.0,
        gt=0,
        description="The comparison budget: about as many pairs per record are compared, those of "
        "the smallest blocks first. Up to two million pairs are compared in any case.",
    )
    min_model_records: int = Field(
        200, gt=1, description="Below this many records rules alone decide."
    )
    min_proven_pairs: int = Field(
        100, gt=0, description="Proven pairs that a field needs before its weights come from them."
    )
    sampled_pairs: int = Field(
        300_000, gt=1000, description="Random pairs from which chance agreement is measured."
    )
    max_records_per_person: int = Field(
        500,
        gt=1,
        description="A person with more records is taken apart, weakest links first: a shared "
        "value slipped in. The cut links say so, and a check of the run warns.",
    )
    max_device_persons: int = Field(
        1, gt=0, description="A device on which more persons sign in is shared."
    )
    min_device_share: float = Field(
        0.9,
        gt=0.5,
        le=1,
        description="A device stays one person's while at least this share of its signed-in days "
        "is theirs and others appear on one day only.",
    )
    # How much a run may change, and what makes a company, say nothing of who is who: they are no part
    # of the configuration that persons depend on, hence left out of what is dumped and fingerprinted.
    max_changed_share: float = Field(
        0.05,
        ge=0,
        le=1,
        exclude=True,
        description="A run that would change more than this share of the persons, without new "
        "records or decisions as the reason, is held until somebody accepts it; 1: never.",
    )
    min_changed_persons: int = Field(
        50,
        ge=0,
        exclude=True,
        description="A run that changes fewer persons than this is not held.",
    )
    mailbox_providers: tuple[MailDomain, ...] = Field(
        (),
        exclude=True,
        description="Domains at which anybody can have a mailbox, beside those that are known: "
        "addresses there name no company.",
    )
    min_domain_persons: int = Field(
        2,
        gt=0,
        exclude=True,
        description="A domain of e-mail addresses that so many persons write from is a company, "
        "though no account record has it; a domain of one person may be their own.",
    )
