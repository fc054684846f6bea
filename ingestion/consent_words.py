"""Words for a grant and for a denial of consent that are known without being declared.

Beside what tools write, yes and no in European languages. A word that is yes in one and no in another,
or yes and something else, as "jo" and "ne", is no grant.
"""

from __future__ import annotations

GRANTED = (
    "granted", "grant", "yes", "true", "1", "opt_in", "opted_in", "subscribed",
    "ja", "oui", "sim", "si", "sì", "sí",
    "tak", "ano", "áno", "da", "igen", "taip", "jā", "jah", "kyllä", "já", "evet",
    "да", "так", "ναι",  # noqa: RUF001 - Greek
)  # fmt: skip
DENIED = (
    "denied", "deny", "revoked", "withdrawn", "no", "false", "0", "opt_out", "opted_out",
    "unsubscribed", "nao", "não", "nee", "nei", "nein", "nej", "non",
    "nie", "ne", "nu", "nem", "nē", "ei", "hayır", "hayir",  # noqa: RUF001 - Turkish
    "не", "нет", "ні", "όχι", "οχι",
)  # fmt: skip
