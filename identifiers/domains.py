"""Domains of mailbox providers, free and disposable, which name no company."""

from __future__ import annotations

from disposable_email_domains import blocklist

# Mailboxes that live for minutes: some 9,000 domains, kept by a project of that name (MIT).
DISPOSABLE_DOMAINS: frozenset[str] = frozenset(blocklist)

FREE_MAIL_DOMAINS = frozenset(
    [
        "126.com",
        "163.com",
        "aol.com",
        "att.net",
        "bellsouth.net",
        "bluewin.ch",
        "btinternet.com",
        "comcast.net",
        "cox.net",
        "duck.com",
        "earthlink.net",
        "fastmail.com",
        "free.fr",
        "freenet.de",
        "gmail.com",
        "gmx.at",
        "gmx.ch",
        "gmx.com",
        "gmx.de",
        "gmx.net",
        "googlemail.com",
        "hey.com",
        "hotmail.co.uk",
        "hotmail.com",
        "hotmail.de",
        "hotmail.fr",
        "icloud.com",
        "laposte.net",
        "libero.it",
        "live.com",
        "mac.com",
        "mail.com",
        "mail.ru",
        "mailbox.org",
        "me.com",
        "msn.com",
        "orange.fr",
        "outlook.com",
        "outlook.de",
        "pm.me",
        "posteo.de",
        "proton.me",
        "protonmail.com",
        "qq.com",
        "rediffmail.com",
        "rocketmail.com",
        "sbcglobal.net",
        "sfr.fr",
        "t-online.de",
        "tutanota.com",
        "verizon.net",
        "virgilio.it",
        "wanadoo.fr",
        "web.de",
        "yahoo.co.uk",
        "yahoo.com",
        "yahoo.de",
        "yahoo.fr",
        "yandex.com",
        "yandex.ru",
        "ymail.com",
        "zoho.com",
    ]
)


def is_free_mail_domain(domain: str) -> bool:
    """Whether anybody can have a mailbox at this domain."""
    return domain.strip().lower() in FREE_MAIL_DOMAINS


def is_disposable_domain(domain: str) -> bool:
    """Whether mailboxes at this domain are made to be thrown away."""
    return domain.strip().lower() in DISPOSABLE_DOMAINS
