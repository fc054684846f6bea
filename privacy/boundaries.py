"""Whether what was found is a value by itself, or a part of somebody else's longer one.

``ann@x.example`` is a part of ``joann@x.example``, and a telephone number of a longer one, also where
nobody knows the longer. In text a value has an end; in other bytes, as in pages of a database,
values of one row touch each other, so there only runs of digits are told apart. What may be either is
a trace: an erasure that is blocked is looked into, one that is called clean is not.
"""

from __future__ import annotations

import codecs
import re

_DIGITS = frozenset(b"0123456789")
# At signs as they are and percent-encoded.
_SIGNS = (b"@", b"%40")
_LETTERS_AND_DIGITS = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
# What goes after it: the rest of its last label, and one more, with nothing behind.
_GOES_ON = re.compile(rb"([A-Za-z0-9]*+(?:\.[A-Za-z]++)?+)(?![A-Za-z0-9-]|\.[A-Za-z0-9])")
# Top-level domains that make an address longer for sure. Those that files and fields are named by as well
# (br, id, in, info, me, mk, pl, pt, py, sh, so, zip) do in angle brackets alone; else it is a trace.
_TOP_LEVEL = frozenset(
    b"com org net edu gov biz coop aero asia mobi travel museum jobs company community "
    b"ae ar at au be bg bo ch cl cn co cz de dk ec ee eg es eu fi fr gr hk hr hu ie il ir jp ke kr kw "
    b"lk lt lu lv mt mx ng ni nl no nz om pa pk pr qa ro ru sa se sg si sk sv th tn tr tw ua ug "
    b"uk us uy uz ve vn za zm zw".split()
)
_ALSO_FILES = frozenset(b"br id in info me mk pl pt py sh so zip".split())
_WIDEST_AFTER = 64
# Bytes on either side that tell one place of a value from another.
BESIDE = 8
# What no text holds: all control characters but tab, the ends of lines and of pages.
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_CONTINUES = bytes(range(0x80, 0xC0))
_WIDEST_LINE = 256


def is_in_text(content: bytes, start: int, end: int) -> bool:
    """Whether the line around a value is text in UTF-8, in which a value has an end.

    In anything else values may touch each other: a length, or what is stored before, may look like
    a letter.
    """
    first = content.rfind(b"\n", max(start - _WIDEST_LINE, 0), start) + 1
    last = content.find(b"\n", end, end + _WIDEST_LINE)
    line = content[first or max(start - _WIDEST_LINE, 0) : end + _WIDEST_LINE if last < 0 else last]
    if _CONTROL.search(line):
        return False
    try:
        _UTF8().decode(line.lstrip(_CONTINUES))  # it may be cut within a letter
    except UnicodeDecodeError:
        return False
    return True


def is_digits_of_more(text: bytes, start: int, end: int) -> bool:
    """Whether a run of digits goes on before it or after it."""
    before = start > 0 and text[start - 1] in _DIGITS
    return before or (end < len(text) and text[end] in _DIGITS)


def is_part_of_longer(text: bytes, start: int, end: int) -> bool:
    """Whether a value in a text is for sure a part of a longer address, or of a longer number.

    What may as well be the value itself counts as it: the name of a file (``ann@x.example.skops``), a
    sentence that begins without a space (``ann@x.example.Thanks``), a key (``users.ann@x.example``),
    words of a query (``q=to+ann@x.example``).
    """
    value = text[start:end]
    if any(sign in value for sign in _SIGNS):
        before = text[start - 1 : start] if start else b""
        return (before != b"" and before[0] in _LETTERS_AND_DIGITS) or _goes_on(text, start, end)
    starts, ends = value[0] in _DIGITS, value[-1] in _DIGITS
    before, after = text[start - 1 : start] if start else b"", text[end : end + 1]
    return (starts and before.isdigit()) or (ends and after.isdigit())


def place_of(content: bytes, start: int, end: int) -> bytes | None:
    """A value with the bytes around it, where it may be a part of a longer one; else None."""
    before, after = content[start - 1 : start] if start else b"", content[end : end + 1]
    if before.isalnum() or after.isalnum() or after == b".":
        return content[max(start - BESIDE, 0) : end + BESIDE].lower()
    return None


def _goes_on(text: bytes, start: int, end: int) -> bool:
    """Whether the domain that ends there goes on to another top-level domain."""
    found = _GOES_ON.match(text[end : end + _WIDEST_AFTER])
    more = found[1] if found else b""
    is_sentence = more.lstrip(b".")[:1].isupper() and not text[end - 1 : end].isupper()
    last = (text[start:end] + more).lower().rpartition(b".")[2]
    if more == b"" or is_sentence:
        return False
    # An address in a mail's head stands so, a file never does: <ann@x.com.br>
    after = end + len(more)
    is_bracketed = text[max(start - 1, 0) : start] + text[after : after + 1] == b"<>"
    return last in _TOP_LEVEL or (is_bracketed and last in _ALSO_FILES)


_UTF8 = codecs.getincrementaldecoder("utf-8")
