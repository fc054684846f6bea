r"""What content reads as once the escapes of text formats are undone.

A value may be written in many ways that no list of spellings can give, since each of its characters
may be escaped or not: JSON inside JSON (``\\u0040``), HTML entities (``&commat;``), percent-encoding
once or twice, quoted-printable of mails, base64 that is broken into lines. So the content is read,
and the value is sought in what it reads as.
"""

from __future__ import annotations

import binascii
import html
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

# JSON inside JSON inside a query is three; what is escaped more often is left as it is.
_MOST_ROUNDS = 4
_HEX = rb"[0-9a-fA-F]"
# What no text holds: all control characters but tab, the ends of lines and of pages.
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_UNITS = re.compile(rb"\\u" + _HEX + rb"{4}(?:\\u" + _HEX + rb"{4})*")
_BYTES = re.compile(rb"\\x(" + _HEX + rb"{2})")
_PERCENT = re.compile(rb"%" + _HEX + rb"{2}")
_EQUALS = re.compile(rb"=(?:" + _HEX + rb"{2}|\r?\n)")
_ENTITY = re.compile(rb"&(?:#[0-9]{1,7}|#[xX]" + _HEX + rb"{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Lines of base64 are broken after 76 digits (RFC 2045) or 64 (RFC 7468), the last one is shorter.
_BASE64_LINE = re.compile(rb"\n(?:(?<=[A-Za-z0-9+/]{64}\n)|(?<=[A-Za-z0-9+/]{64}\r\n))")
_PLAIN = {b'\\"': b'"', b"\\'": b"'", b"\\/": b"/"} | {
    b"\\" + letter: b"\n" for letter in (b"n", b"r", b"t", b"b", b"f", b"v")
}


def readings(content: bytes, *, as_text: bool) -> Iterator[bytes]:
    """What the content reads as in each way that changes it; lines may end otherwise.

    Args:
        content: Bytes.
        as_text: Whether to read every layer of them, as mailers and web pages write them; else the
            outermost alone.
    """
    ways = (_unescaped, _quoted_printable, _joined_base64) if as_text else (_read_once,)
    seen = {content}
    for read in ways:
        read_as = read(content)
        if read_as not in seen:
            seen.add(read_as)
            yield read_as


def is_text(content: bytes) -> bool:
    """Whether nothing but letters, signs and the ends of lines is in it, in whatever encoding."""
    return _CONTROL.search(content) is None


def _unescaped(content: bytes) -> bytes:
    for _ in range(_MOST_ROUNDS):
        before, content = content, _read_once(content, also=_PLAIN)
        if content == before:
            break
    return content


def _read_once(content: bytes, *, also: Mapping[bytes, bytes] = MappingProxyType({})) -> bytes:
    return _without_percents(_without_entities(_without_backslashes(content, also)))


def _without_backslashes(content: bytes, plain: Mapping[bytes, bytes]) -> bytes:
    if b"\\" not in content:
        return content
    while b"\\\\" in content:
        content = content.replace(b"\\\\", b"\\")
    content = _BYTES.sub(_byte, _UNITS.sub(_units, content))
    for escaped, letter in plain.items():
        content = content.replace(escaped, letter)
    return content


def _byte(found: re.Match[bytes]) -> bytes:
    return bytes.fromhex(found[1].decode())


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
    return _decoded(content.replace(b"=", b"=3D").replace(b"%", b"="))


def _quoted_printable(content: bytes) -> bytes:
    return _unescaped(_decoded(content)) if _EQUALS.search(content) else content


def _joined_base64(content: bytes) -> bytes:
    return _BASE64_LINE.sub(b"", content).replace(b"\r", b"") if b"\n" in content else content


_decoded: Callable[[bytes], bytes] = binascii.a2b_qp
