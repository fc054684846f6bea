"""Domains of mailbox providers, which name no company."""

from __future__ import annotations

FREE_MAIL_DOMAINS = frozenset(
    "126.com 163.com aol.com att.net bellsouth.net bluewin.ch btinternet.com comcast.net cox.net "
    "duck.com earthlink.net fastmail.com free.fr freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de "
    "gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.fr icloud.com "
    "laposte.net libero.it live.com mac.com mail.com mail.ru me.com msn.com orange.fr outlook.com "
    "outlook.de pm.me proton.me protonmail.com qq.com rediffmail.com rocketmail.com sbcglobal.net "
    "sfr.fr t-online.de tutanota.com verizon.net virgilio.it wanadoo.fr web.de yahoo.co.uk yahoo.com "
    "yahoo.de yahoo.fr yandex.com yandex.ru ymail.com zoho.com".split()
)


def is_free_mail_domain(domain: str) -> bool:
    """Whether anybody can have a mailbox at this domain."""
    return domain.strip().lower() in FREE_MAIL_DOMAINS
