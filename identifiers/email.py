"""E-mail addresses: trimmed, lower case, plausible, and somebody's."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from identifiers.distinct import over_distinct

# The shape that mail systems accept in practice (RFC 5321 without quoted local parts); lengths
# are those of RFC 5321 section 4.5.3.1.
_SHAPE = re.compile(r"(?P<local>[^@\s\"(),:;<>\[\]\\]{1,64})@(?P<domain>[^@\s]{1,255})")
# What surrounds an address in headers and links: <ann@x.example>, mailto:ann@x.example.
_AROUND = re.compile(r"^[\s<>]*(mailto:)?[\s<>]*|[\s<>]+$")
_DOMAIN = re.compile(r"([\w](?:[\w-]{0,61}[\w])?\.)+[^\W\d_][\w-]{1,62}")
# What forms are filled with by people who will not say, or by people who test.
_JUNK_LOCALS = frozenset(
    [
        "a",
        "aa",
        "aaa",
        "abc",
        "anonymous",
        "asdf",
        "blank",
        "donotreply",
        "do-not-reply",
        "email",
        "fake",
        "foo",
        "invalid",
        "mailer-daemon",
        "me",
        "n/a",
        "na",
        "nil",
        "no",
        "no-reply",
        "nobody",
        "noemail",
        "noname",
        "none",
        "noreply",
        "nothing",
        "null",
        "qwerty",
        "test",
        "test1",
        "test123",
        "tester",
        "testing",
        "unknown",
        "user",
        "xx",
        "xxx",
    ]
)
_JUNK_DOMAINS = frozenset(
    [
        "anonymous.com",
        "asdf.com",
        "email.com",
        "example.com",
        "example.net",
        "example.org",
        "fake.com",
        "invalid.com",
        "na.com",
        "no.com",
        "noemail.com",
        "none.com",
        "nowhere.com",
        "null.com",
        "test.com",
        "unknown.com",
        "xxx.com",
    ]
)
# Written down as the reason why some locals above count only at a junk domain: these are names too.
_JUNK_ANYWHERE = frozenset(
    "anonymous donotreply do-not-reply invalid mailer-daemon no-reply noemail noreply null unknown".split()  # noqa: SIM905 - words without quotes read better
)


# Nearly every address: letters, digits and single dots, no longer than one label of a domain. Read
# by the column; what is written in any other way, or may be junk, is read one by one.
_PLAIN = r"^[a-z0-9_+-]+(\.[a-z0-9_+-]+)*@([a-z0-9]+(-[a-z0-9]+)*\.)+[a-z][a-z0-9]*(-?[a-z0-9])+$"
_PLAIN_LENGTH = 60
_SUSPECT = rf"^({'|'.join(sorted(map(re.escape, _JUNK_ANYWHERE)))})@|@({'|'.join(sorted(map(re.escape, _JUNK_DOMAINS)))})$"


def normalise_emails(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Normalise n addresses, see :func:`normalise_email`; what is none becomes null."""
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    lower = pc.ascii_lower(whole.cast(pa.string()))
    plain = pc.and_(
        pc.match_substring_regex(lower, _PLAIN),
        pc.and_(
            pc.less_equal(pc.binary_length(lower), _PLAIN_LENGTH),
            pc.invert(pc.match_substring_regex(lower, _SUSPECT)),
        ),
    )
    others = over_distinct(pc.if_else(plain, None, lower), normalise_email, pa.string())
    return pc.if_else(plain, lower, others)


def normalise_email(text: str) -> str | None:
    """Trim and lower-case an address; None when it is none, or nobody's.

    Dots and plus tags stay: whether they matter is the mailbox provider's business, and each
    destination has a rule of its own.
    """
    address = _AROUND.sub("", text.lower())
    found = _SHAPE.fullmatch(address)
    if found is None or _is_junk(found["local"], found["domain"]):
        return None
    local, domain = found["local"], found["domain"]
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return None
    return address if _DOMAIN.fullmatch(domain) else None


def _is_junk(local: str, domain: str) -> bool:
    if local in _JUNK_ANYWHERE:
        return True
    return domain in _JUNK_DOMAINS and (local in _JUNK_LOCALS or local == domain.partition(".")[0])
