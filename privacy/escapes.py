r"""What content reads as once the escapes of text formats are undone.

A value may be written in many ways that no list of spellings can give, since each of its characters
may be escaped or not: JSON inside JSON (``\\u0040``), C (``\100``), HTML entities (``&commat;``), percent-encoding
once or twice, quoted-printable of mails, base64 that is broken into lines. So the content is read,
and the value is sought in what it reads as.
"""

from __future__ import annotations

import binascii
import html
import re
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache

# JSON inside JSON inside a query is three; what is escaped more often is left as it is.
_MOST_ROUNDS = 4
_HEX = rb"[0-9a-fA-F]"
_UNITS = re.compile(rb"\\u" + _HEX + rb"{4}(?:\\u" + _HEX + rb"{4})*")
_BRACED = re.compile(rb"\\u\{(" + _HEX + rb"{1,6})\}")
_BYTES = re.compile(rb"\\x(" + _HEX + rb"{2})")
_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")
_PERCENT = re.compile(rb"%" + _HEX + rb"{2}")
_STRAY_PERCENT = re.compile(rb"%(?!" + _HEX + rb"{2})")
_EQUALS = re.compile(rb"=(?:" + _HEX + rb"{2}|\r?\n)")
_STRAY_EQUALS = re.compile(rb"=(?!" + _HEX + rb"{2}|\r?\n)")
# Browsers read numbers without the semicolon, and any zeros before them. Of names they do so as well
# (``&amp``), but then ``?a=1&regina`` begins with a sign.
_ENTITY = re.compile(
    rb"&(?:#0{0,8}[0-9]{1,7};?|#[xX]0{0,8}" + _HEX + rb"{1,6};?|[A-Za-z][A-Za-z0-9]{1,31};)"
)
# Lines of base64 are broken after 76 digits (RFC 2045), 64 (RFC 7468) or 60, the last one is shorter.
_BASE64_LINE = re.compile(rb"\n(?:(?<=[A-Za-z0-9+/]{60}\n)|(?<=[A-Za-z0-9+/]{60}\r\n))")
_PLAIN = {b'\\"': b'"', b"\\'": b"'", b"\\/": b"/", b"\\r": b"\r"} | {
    b"\\" + letter: b"\n" for letter in (b"n", b"t", b"b", b"f", b"v")
}


def readings(content: bytes) -> Iterator[bytes]:
    """What the content reads as in each way that changes it; lines may end otherwise.

    All content is read in all ways, also where it is no text: one control character in a log would
    else hide all that is escaped in it.
    """
    seen = {content}
    unescaped = _unescaped(content)
    for read in (_itself, _quoted_printable, _joined_base64):
        read_as = read(unescaped)
        if read_as not in seen:
            seen.add(read_as)
            yield read_as


def _itself(content: bytes) -> bytes:
    return content


def _unescaped(content: bytes) -> bytes:
    for _ in range(_MOST_ROUNDS):
        before = content
        content = _without_percents(_without_entities(_without_backslashes(content)))
        if content == before:
            break
    return content


def _without_backslashes(content: bytes) -> bytes:
    if b"\\" not in content:
        return content
    while b"\\\\" in content:
        content = content.replace(b"\\\\", b"\\")
    content = _BRACED.sub(_braced, _UNITS.sub(_units, content))
    content = _OCTAL.sub(_octal, _BYTES.sub(_byte, content))
    for escaped, letter in _PLAIN.items():
        content = content.replace(escaped, letter)
    return content


def _braced(found: re.Match[bytes]) -> bytes:
    number = int(found[1], 16)
    return chr(number).encode(errors="replace") if number <= sys.maxunicode else found[0]


def _byte(found: re.Match[bytes]) -> bytes:
    return bytes.fromhex(found[1].decode())


def _octal(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 8)])


def _units(found: re.Match[bytes]) -> bytes:
    units = bytes.fromhex(found[0].replace(b"\\u", b"").decode())
    return units.decode("utf-16-be", errors="replace").encode()


def _without_entities(content: bytes) -> bytes:
    return _ENTITY.sub(_entity, content) if b"&" in content else content


def _entity(found: re.Match[bytes]) -> bytes:
    return _character(found[0])


@lru_cache(maxsize=4096)
def _character(entity: bytes) -> bytes:
    return html.unescape(entity.decode()).encode(errors="replace")


def _without_percents(content: bytes) -> bytes:
    """Undone as quoted-printable, which the standard library reads many times as fast."""
    if not _PERCENT.search(content):
        return content
    # What is no escape is kept apart: the end of a line after an equals sign would go.
    kept = _STRAY_PERCENT.sub(b"=25", content.replace(b"=", b"=3D"))
    return _decoded(kept.replace(b"%", b"="))


def _quoted_printable(content: bytes) -> bytes:
    if not _EQUALS.search(content):
        return content
    # An equals sign that escapes nothing stays: what follows "=\\r" up to the end of the line would go.
    return _unescaped(_decoded(_STRAY_EQUALS.sub(b"=3D", content)))


def _joined_base64(content: bytes) -> bytes:
    return _BASE64_LINE.sub(b"", content).replace(b"\r", b"") if b"\n" in content else content


_decoded: Callable[[bytes], bytes] = binascii.a2b_qp
