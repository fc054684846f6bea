"""What to look for: a person's values, and every spelling in which storage may hold them.

Spellings: UTF-8, UTF-16 and UTF-32 in both byte orders, Western European in one byte (Windows-1252, of
which Latin-1 is a part), any letter case, accents composed and apart, percent-encoding, hexadecimal, base64 in its three alignments, and MD5, SHA-1,
SHA-256 of the normalised value as bytes, hex and base64. What formats escape sign by sign is undone
before (``privacy.escapes``).
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

import phonenumbers
import pyarrow as pa

from warehouse import SubjectKind

# Below this an id is too common a run of characters to mean anybody; the rows are found by key.
SHORTEST_ID = 8
# An accent is a part of its letter, or a sign of its own after it; some systems change one to the other.
_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
_HASHES = ("md5", "sha1", "sha256")
_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_SINGLE_BYTES = "cp1252"
_GMAIL = ("gmail.com", "googlemail.com")
# In URLs the sign of an address is often left as it is.
_LEFT_PLAIN = ("", "@")
_JOINTS = ("-", ".", " ")
_AREA_CODES = range(2, 6)
_NO_DIGITS = re.compile("[^0-9]+")
# Digits of a national number that is sought as a run of them, and in groups.
_NATIONAL_RUN, _NATIONAL_GROUPED = 10, 9


@dataclass(frozen=True, slots=True)
class Needles:
    """Values to look for, and values of others that contain one and must not count.

    Attributes:
        values: Each value once, normalised.
        others: Values that other persons hold and that contain one of ``values``.
    """

    values: frozenset[str]
    others: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Spellings:
    """The byte strings of one value.

    Attributes:
        folded: To be sought in bytes whose ASCII letters were lowered.
        exact: To be sought in the bytes as they are.
        plain: Those of ``folded`` that are the value itself, as text.
    """

    folded: tuple[bytes, ...]
    exact: tuple[bytes, ...]
    plain: frozenset[bytes]


def needles_of(keys: pa.Table) -> Needles:
    """The values of ``(kind, value)`` that a search can tell from noise."""
    pairs = zip(keys["kind"].to_pylist(), keys["value"].to_pylist(), strict=True)
    values = {value for kind, text in pairs for value in _sought(SubjectKind(kind), str(text))}
    return Needles(frozenset(values))


def spell(value: str) -> Spellings:
    """Every byte string in which a value may be stored, in a fixed order."""
    forms = {value, *(unicodedata.normalize(form, value) for form in _FORMS)}
    cases = {text for form in forms for text in (form, form.lower(), form.upper())}
    # Bytes are lowered, as those in which they are sought: in UTF-16 half a letter may look like one.
    stored = {text.encode(encoding).lower() for text in cases for encoding in _ENCODINGS}
    stored |= {single for text in cases if (single := _single_bytes(text)) is not None}
    plain = {text.encode().lower() for text in cases}
    plain |= {quote(text, safe=sign).lower().encode() for text in cases for sign in _LEFT_PLAIN}
    digests = [
        hashlib.new(name, form.encode(), usedforsecurity=False)
        for name in _HASHES
        for form in forms
    ]
    hexes = [text.encode().hex().encode() for text in cases]
    hexes += [digest.hexdigest().encode() for digest in digests]
    exact = {fragment for text in cases for fragment in _base64(text.encode())}
    for digest in digests:
        exact |= {digest.digest(), *_whole_base64(digest.digest())}
    folded = {*stored, *plain, *hexes}
    return Spellings(tuple(sorted(folded)), tuple(sorted(exact)), frozenset(plain))


def _sought(kind: SubjectKind, value: str) -> Iterable[str]:
    if kind is SubjectKind.PERSON_ID:
        return (value,)
    if kind is SubjectKind.EMAIL:
        return (value, *mailbox_forms(value))
    if kind is SubjectKind.PHONE:
        return _written_phones(value)
    text = value.partition("|")[2] if kind is SubjectKind.SOURCE_RECORD else value
    return (text,) if len(text) >= SHORTEST_ID else ()


def mailbox_forms(value: str) -> Iterable[str]:
    """What vendors hash in place of a Gmail address: without its dots, and without its tag.

    Source: Google, data-manager-python ``format.py`` (the tag and the domain stay); UID2, docs
    "Normalization and Encoding" (neither the tag nor googlemail.com does).
    """
    local, _, domain = value.lower().rpartition("@")
    bare = local.replace(".", "")
    untagged = bare.partition("+")[0]
    if domain not in _GMAIL or not untagged:  # a domain alone is everybody's
        return ()
    forms = {f"{bare}@{domain}", f"{untagged}@gmail.com"}
    return sorted(forms - {value.lower()})


def _written_phones(value: str) -> Iterable[str]:
    """An E.164 number, its digits, and the usual ways to write it, from abroad and at home."""
    digits = value.lstrip("+")
    if value.startswith("+1") and len(digits) == len("14155550123"):
        area, exchange, line = digits[1:4], digits[4:7], digits[7:]
        spaced = (f"({area}) {exchange}-{line}", f"({area}){exchange}-{line}")
        joined = (f"{area}{joint}{exchange}{joint}{line}" for joint in ("", *_JOINTS))
        return (value, digits, f"00{digits}", *spaced, *joined)
    return (value, digits, f"00{digits}", *_grouped_phones(value))


def _grouped_phones(value: str) -> Iterable[str]:
    """Its groups as the numbering plan of its country makes them; short ones are left out."""
    try:
        number = phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        return ()
    forms = [
        phonenumbers.format_number(number, form)
        for form in (
            phonenumbers.PhoneNumberFormat.INTERNATIONAL,
            phonenumbers.PhoneNumberFormat.NATIONAL,
        )
    ]
    abroad, at_home = ([*_NO_DIGITS.sub(" ", form).split()] for form in forms)
    country, rest = f"+{abroad[0]}", "".join(abroad[1:])
    trunk = "".join(at_home).removesuffix(rest)
    # Groups by the plan, and in two wherever the area code may end.
    inner = {rest, *(joint.join(abroad[1:]) for joint in _JOINTS)}
    inner |= {f"{rest[:width]} {rest[width:]}" for width in _AREA_CODES}
    whole = {f"{country}{joint}{joint.join(abroad[1:])}" for joint in _JOINTS}
    whole |= {f"{country} {text}" for text in inner}
    whole |= {f"00{abroad[0]} {text}" for text in inner}
    if trunk:
        whole |= {f"{country} ({trunk}){joint}{text}" for joint in ("", " ") for text in inner}
    national = {forms[1], *(f"{trunk}{text}" for text in inner)}
    national |= {
        f"{trunk}{rest[:width]}{joint}{rest[width:]}" for width in _AREA_CODES for joint in "/-"
    }
    return sorted(whole | {text for text in national if _is_telling(text)})


def _is_telling(text: str) -> bool:
    """Whether a number without its country is one for sure: a run of few digits is any id."""
    digits = len(_NO_DIGITS.sub("", text))
    return digits >= (_NATIONAL_RUN if text.isdigit() else _NATIONAL_GROUPED)


def _single_bytes(text: str) -> bytes | None:
    """The text as one byte per letter; None where a letter has none there."""
    try:
        return text.encode(_SINGLE_BYTES).lower()
    except UnicodeEncodeError:
        return None


def _base64(content: bytes) -> Iterable[bytes]:
    """The base64 digits that the content alone decides, at each of three alignments."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + content)
        start = -(-shift * 8 // 6)
        whole = (shift + len(content)) * 8 // 6
        fragment = encoded[start:whole]
        yield fragment
        yield fragment.replace(b"+", b"-").replace(b"/", b"_")


def _whole_base64(content: bytes) -> Iterable[bytes]:
    encoded = base64.b64encode(content).rstrip(b"=")
    return (encoded, encoded.replace(b"+", b"-").replace(b"/", b"_"))
