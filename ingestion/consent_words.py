"""Words for a grant and for a denial of consent that are known without being declared.

Beside what tools write, yes and no in European languages. A word that is yes in one and no in another,
or yes and something else, as "jo" and "ne", is no grant.
"""

from __future__ import annotations

GRANTED = (
    "granted", "grant", "yes", "true", "1", "opt_in", "opted_in", "subscribed",
    "ja", "oui", "sim", "si", "s\u00ec", "s\u00ed",
    "tak", "ano", "\u00e1no", "da", "igen", "taip", "j\u0101", "jah", "kyll\u00e4", "j\u00e1", "evet",
    "\u0434\u0430", "\u0442\u0430\u043a", "\u03bd\u03b1\u03b9",
)  # fmt: skip
DENIED = (
    "denied", "deny", "revoked", "withdrawn", "no", "false", "0", "opt_out", "opted_out",
    "unsubscribed", "nao", "n\u00e3o", "nee", "nei", "nein", "nej", "non",
    "nie", "ne", "nu", "nem", "n\u0113", "ei", "hay\u0131r", "hayir",
    "\u043d\u0435", "\u043d\u0435\u0442", "\u043d\u0456", "\u03cc\u03c7\u03b9", "\u03bf\u03c7\u03b9",
)  # fmt: skip
