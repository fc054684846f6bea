"""Identifiers standardised and hashed as California's deletion platform (DROP) does it, in the engine.

Standardised text, UTF-8, SHA-256, Base64: 44 characters. Of several fields each is hashed, the
hashes are joined in the order of the list's name, and hashed again.

Source: CalPrivacy, DROP technical specifications 1.2.0, "Working with the data" (2026-07); Cal.
Code Regs. title 11, section 7600 et seq. The letters of Greek and Cyrillic follow the published
examples; those that no example shows follow the BGN/PCGN tables.
"""

from __future__ import annotations

from enum import StrEnum

from warehouse import literal

_LETTERS = {
    "щ": "shch", "ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "ё": "yo", "ю": "yu",  # noqa: RUF001 - Cyrillic
    "я": "ya", "є": "ye", "ї": "yi", "ђ": "dj", "љ": "lj", "њ": "nj", "џ": "dz", "ъ": "", "ь": "",
    "θ": "th", "χ": "ch", "ψ": "ps", "ß": "ss", "æ": "ae", "œ": "oe", "ĳ": "ij", "þ": "th",
    "ŉ": "n",
}  # fmt: skip
# One letter for one, position by position.
_FROM = "абвгґдеєзиійклмнопрстуўфыэћјѓќѕѐѝαάβγδεέζηήιίϊΐκλμνξοόπρσςτυύϋΰφωώłħŋıøđŧ"
_TO = "abvggdeeziiyklmnoprstuufyecjgkzeiaabgdeeziiiiiiklmnxooprsstyyyyfoolhniodt"


class DropList(StrEnum):
    """The six lists, as the names of their files spell them."""

    EMAIL = "Email"
    PHONE = "Phone"
    MAID = "MAID"
    CTVID = "CTVID"
    NDZ = "NDZ"
    NAME_VIN = "NameVIN"


def email_sql(text: str) -> str:
    """No white space, lower case; dots and plus signs stay."""
    return rf"regexp_replace(lower({text}), '\s', '', 'g')"


def phone_sql(text: str) -> str:
    """The last ten digits, or all where there are fewer."""
    return f"right(regexp_replace({text}, '[^0-9]', '', 'g'), 10)"


def zip_sql(text: str) -> str:
    """The first five letters and digits, without "+4" and leading zeros."""
    short = rf"regexp_replace(trim({text}), '^(\d{{5}})-?\d{{4}}$', '\1')"
    short = rf"regexp_replace({short}, '-\d{{4}}$', '')"
    return f"left(ltrim(regexp_replace(lower({short}), '[^a-z0-9]', '', 'g'), '0'), 5)"


def birth_date_sql(date: str) -> str:
    """A date as YYYYMMDD."""
    return f"strftime({date}, '%Y%m%d')"


def name_sql(text: str) -> str:
    """Lower case, Greek and Cyrillic in Latin letters, no accents; only letters and digits."""
    told = f"lower(nfc_normalize({text}))"
    for letter, letters in _LETTERS.items():
        told = f"replace({told}, {literal(letter)}, {literal(letters)})"
    told = f"strip_accents(translate({told}, {literal(_FROM)}, {literal(_TO)}))"
    # Most names are plain: as many bytes as letters. To look for others takes ten times as long.
    plain = f"regexp_replace(lower({text}), '[^a-z0-9]', '', 'g')"
    kept = rf"regexp_replace({told}, '[^\p{{L}}\p{{N}}]', '', 'g')"
    return f"case when strlen({text}) = length({text}) then {plain} else {kept} end"


def maid_sql(text: str) -> str:
    """A mobile advertising id: 32 hexadecimal digits; null where it is none."""
    return _exactly(f"regexp_replace(lower({text}), '[^0-9a-f]', '', 'g')", "[0-9a-f]{32}")


def ctvid_sql(text: str) -> str:
    """An id of a television: 8 to 32 letters and digits; null where it is none."""
    return _exactly(f"regexp_replace(lower({text}), '[^0-9a-z]', '', 'g')", "[0-9a-z]{8,32}")


def vin_sql(text: str) -> str:
    """The number of a vehicle: 17 letters and digits; null where it is none."""
    return _exactly(f"regexp_replace(lower({text}), '[^0-9a-z]', '', 'g')", "[0-9a-z]{17}")


def hash_sql(standardised: str) -> str:
    """The hash of a standardised text; null for an empty one."""
    return f"base64(unhex(sha256(nullif({standardised}, ''))))"


def joined_sql(*standardised: str) -> str:
    """The hash over several fields; null where one of them is missing."""
    return hash_sql(" || ".join(hash_sql(text) for text in standardised))


def _exactly(text: str, pattern: str) -> str:
    return f"case when regexp_full_match({text}, '{pattern}') then {text} end"
