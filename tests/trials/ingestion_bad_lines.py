"""Named ways to spoil one line: each makes a bad line from a good one, by a seeded chance."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

Spoil = Callable[[Random, bytes], bytes]

PAYLOADS = (
    "'; drop table raw.events; --", '"; drop table raw.events; --', "' or 1=1 --", "$now", "$1", "?",
    "%s%s%n", "{0.__class__}", "{{7*7}}", "${jndi:ldap://x}", "\\'; select 1", "a' || chr(0) || 'b",
    "=cmd|' /C calc'!A0", "../../etc/passwd", "<script>alert(1)</script>", "\x1b[31m", "NULL", "\\N",
)  # fmt: skip
BLANKS = (
    "",
    " ",
    "\t",
    "\u00a0",
    "\u2003",
    "\u200b",
    "\ufeff",
    "\u3000 \u2028",
    "\u2029",
    "\x0b\x0c",
)
TIMES = (
    "2026-11-01", "2026-11-01T10", "2026-11-01 10:00:00+25:00", "2026-13-01T00:00:00Z",
    "2026-02-30T00:00:00Z", "20261101T100000Z", "2026-W44-7", "2026-305", "1/2/26", "01.11.2026",
    "Nov 1, 2026", "1 Nov 2026 10:00 PM", "tomorrow", "now()", "infinity", "-infinity", "epoch",
    "2026-11-01T10:00:60Z", "2026-11-01T24:00:00Z", "2026-11-01T10:00:00.123456789Z", "T10:00:00Z",
    "2026-11-01T10:00:00 Europe/Berlin", "2026-11-01T10:00:00 Nowhere/Zone", "1793527200",
    "1793527200000", "1793527200000000000", "1.7935e9", "\u0662\u0660\u0662\u0666-11-01",
)  # fmt: skip
FAR_TIMES = (
    "0000-00-00", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59.999999999Z", "10000-01-01T00:00:00Z", "294247-01-10T04:00:54.775807Z",
    "294248-01-01", "-290308-12-21", "0044-03-15 (BC)", "290309-12-22 (BC) 00:00:00", "1970-01-01",
    "1969-12-31T23:59:59Z", "2106-02-07T06:28:16Z", "+100000-01-01T00:00:00Z", "5881580-07-11",
)  # fmt: skip
WILD_NUMBERS = (
    "18446744073709551616", "-9223372036854775809", "1" + "0" * 400, "9" * 5000, "1e400", "-1e999",
    "1E+309", "4.9e-400", "0.1" + "0" * 500 + "1", "-0", "-0.0", "1e0000000000001", "340282366920938463463374607431768211456",
)  # fmt: skip
NO_NUMBERS = ("NaN", "Infinity", "-Infinity", "nan", "inf", "+1", "01", "0x1F", ".5", "5.", "1_000", "--1")  # fmt: skip
OTHER_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 2**63, 2**64 - 1, -(2**63), 1e308, "", "x", [], [1], ["a", None],
    {}, {"a": 1}, {"": ""}, [[]], [{}], "\ud83d\ude00", " ",
)  # fmt: skip


def _at(chance: Random, line: bytes) -> int:
    return chance.randrange(1, max(2, len(line) - 1))


def truncated(chance: Random, line: bytes) -> bytes:
    return line[: _at(chance, line)]


def beheaded(chance: Random, line: bytes) -> bytes:
    return line[_at(chance, line) :]


def _inserted(*noise: bytes) -> Spoil:
    def spoil(chance: Random, line: bytes) -> bytes:
        for _ in range(chance.randrange(1, 4)):
            at = _at(chance, line)
            line = line[:at] + chance.choice(noise) + line[at:]
        return line

    return spoil


def bits_flipped(chance: Random, line: bytes) -> bytes:
    made = bytearray(line)
    for _ in range(chance.randrange(1, 6)):
        made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)
    return bytes(made)


def bytes_lost(chance: Random, line: bytes) -> bytes:
    at = _at(chance, line)
    return line[:at] + line[at + chance.randrange(1, 20) :]


def halves_swapped(chance: Random, line: bytes) -> bytes:
    at = _at(chance, line)
    return line[at:] + line[:at]


def random_bytes(chance: Random, line: bytes) -> bytes:
    return chance.randbytes(chance.randrange(1, 400))


def as_utf16(chance: Random, line: bytes) -> bytes:
    return line.decode().encode(chance.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32")))


def as_other_encoding(chance: Random, line: bytes) -> bytes:
    text = json.dumps(json.loads(line), ensure_ascii=False) if line[:1] == b"{" else line.decode()
    at = _at(chance, text.encode()) % len(text)
    odd = (text[:at] + "äß" + text[at:]).encode("cp1252", "replace")
    return odd if chance.random() < 0.5 else text.encode() + odd


def blanks_only(chance: Random, line: bytes) -> bytes:
    return chance.choice((b" ", b"\t", b"   \t ", b"\xc2\xa0", b"\r\r", b"\x0b", b"\xe2\x80\x83"))


def said_twice(chance: Random, line: bytes) -> bytes:
    return line + chance.choice((b"", b" ", b",", b"\t", b"\r")) + line


def very_long(chance: Random, line: bytes) -> bytes:
    at, size = _at(chance, line), chance.choice((33_000, 300_000, 5_000_000))
    return line[:at] + b"a" * size + line[at:]


def after_byte_order_mark(chance: Random, line: bytes) -> bytes:
    return chance.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\xef\xbb\xbf" * 2)) + line


def ends_in_cr(chance: Random, line: bytes) -> bytes:
    return line + b"\r" * chance.randrange(1, 4)


# Ways that spoil the line of any format.
BYTES: Mapping[str, Spoil] = {
    "truncated": truncated,
    "beheaded": beheaded,
    "invalid_utf8": _inserted(b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xe2\x82"),
    "null_byte": _inserted(b"\x00", b"\x00" * 50),
    "control_characters": _inserted(*(bytes([code]) for code in (1, 7, 8, 11, 12, 27, 31, 127))),
    "tab_inside": _inserted(b"\t"),
    "lone_cr": _inserted(b"\r", b"\r\r"),
    "cut_by_line_feed": _inserted(b"\n", b"\n\n", b"\r\n"),
    "bits_flipped": bits_flipped,
    "bytes_lost": bytes_lost,
    "bytes_added": _inserted(b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"'", b"/*", b"0", b"\xc3\xa9"),
    "halves_swapped": halves_swapped,
    "random_bytes": random_bytes,
    "utf16": as_utf16,
    "mixed_encodings": as_other_encoding,
    "blanks_only": blanks_only,
    "objects_on_one_line": said_twice,
    "very_long_line": very_long,
    "byte_order_mark_inside": after_byte_order_mark,
    "crlf_and_cr_ends": ends_in_cr,
    "unicode_line_ends": _inserted("\u2028".encode(), "\u2029".encode(), "\u0085".encode()),
}  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()  # fmt: skip
    return [path, *(place for name, one in inner for place in _places(one, (*path, name)))]


def _holder(value: Any, path: tuple[Any, ...]) -> Any:
    for name in path[:-1]:
        value = value[name]
    return value


def _edited(edit: Callable[[Random, Any, Any], None]) -> Spoil:
    """Change the parsed object at a random place: edit(chance, the place's holder, its name)."""

    def spoil(chance: Random, line: bytes) -> bytes:
        document = json.loads(line)
        path = chance.choice(_places(document)[1:])
        edit(chance, _holder(document, path), path[-1])
        return json.dumps(document, ensure_ascii=chance.random() < 0.5).encode(
            "utf-8", "surrogatepass"
        )

    return spoil


def _given(values: tuple[Any, ...], **also: Any) -> Spoil:
    def edit(chance: Random, holder: Any, name: Any) -> None:
        holder[name] = chance.choice(values)

    return _edited(edit)


def _in_field(fields: tuple[str, ...], values: tuple[Any, ...]) -> Spoil:
    """Put a value into a field of the object's top level that the format reads."""

    def spoil(chance: Random, line: bytes) -> bytes:
        document = json.loads(line)
        known = [name for name in fields if name in document] or list(document)
        document[chance.choice(known)] = chance.choice(values)
        return json.dumps(document).encode()

    return spoil


def _raw_value(values: tuple[str, ...]) -> Spoil:
    """Put text that is perhaps no JSON in the place of a value."""

    def spoil(chance: Random, line: bytes) -> bytes:
        document = json.loads(line)
        path = chance.choice(_places(document)[1:])
        _holder(document, path)[path[-1]] = "@value@"
        return json.dumps(document).replace('"@value@"', chance.choice(values)).encode()

    return spoil


def _removed(chance: Random, holder: Any, name: Any) -> None:
    del holder[name]


def _case_changed(chance: Random, holder: Any, name: Any) -> None:
    if isinstance(name, str):
        holder[chance.choice((name.upper(), name.lower(), name.title()))] = holder.pop(name)


def _odd_key(chance: Random, holder: Any, name: Any) -> None:
    odd = chance.choice(("", ".", "a.b", '"', "'", "$", "$.x", "*", "[0]", "\n", "\u200b", "__proto__", *PAYLOADS))  # fmt: skip
    if isinstance(holder, dict):
        holder[odd] = holder.pop(name) if chance.random() < 0.3 else "x"


def _deep(chance: Random, holder: Any, name: Any) -> None:
    made: Any = 1
    for _ in range(chance.choice((50, 63, 64, 65, 66, 200, 900))):
        made = [made] if chance.random() < 0.5 else {"a": made}
    holder[name] = made


def _many_keys(chance: Random, holder: Any, name: Any) -> None:
    holder[name] = {f"k{number}": number for number in range(chance.choice((500, 1500, 20_000)))}


def _surrogate(chance: Random, line: bytes) -> bytes:
    broken = chance.choice(
        ("\\ud800", "\\udfff", "\\ud83d\\ud83d", "\\ude00\\ud83d", "\\uZZZZ", "\\u12")
    )
    return _raw_value((f'"a{broken}b"',))(chance, line)


def _deep_text(chance: Random, line: bytes) -> bytes:
    levels = chance.choice((1_000, 5_000, 16_000))
    opened, closed = chance.choice((("[", "]"), ('{"a":', "}")))
    whole = opened * levels + "1" + closed * (levels if chance.random() < 0.7 else 0)
    return _raw_value((whole,))(chance, line)


def _no_json(chance: Random, line: bytes) -> bytes:
    text = line.decode()
    made = chance.choice(
        (
            text[:-1] + ",}", text.replace('"', "'"), "// a\x20comment" + text, text + ";", "(" + text + ")",
            text.replace(":", "=", 1), text.replace(",", "", 1), text.replace('"', "", 2), "\\" + text,
            text.replace("{", "[", 1), "<event>" + text + "</event>", "callback(" + text + ")",
        )
    )  # fmt: skip
    return made.encode()


def _as_array(chance: Random, line: bytes) -> bytes:
    return chance.choice(
        (b"[" + line + b"]", b"[" + line + b"," + line + b"]", b"[]", b"[[" + line + b"]]")
    )


def _as_scalar(chance: Random, line: bytes) -> bytes:
    text = json.dumps(line.decode()).encode()
    return chance.choice(
        (b"null", b"true", b"0", b"-1.5e3", b'"text"', b'""', text, b"{}", b" { } ")
    )


def _key_twice(chance: Random, line: bytes) -> bytes:
    document = json.loads(line)
    name = chance.choice(list(document))
    other = json.dumps(chance.choice((*OTHER_VALUES[:-2], document[name])))
    return line[:-1] + f", {json.dumps(name)}: {other}}}".encode()


def _null_escaped(chance: Random, line: bytes) -> bytes:
    return _raw_value(('"a\\u0000b"', '"\\u0000"', '"\\\\u0000"'))(chance, line)


_IDS = ("messageId", "anonymousId", "userId", "event_id", "mpid", "source_record_id", "order_id",
        "account_id", "ticket_id", "content_id", "cidr", "anonymous_id", "batch_id")  # fmt: skip
_TIME_FIELDS = ("originalTimestamp", "sentAt", "receivedAt", "timestamp", "ordered_at", "opened_at",
                "published_at", "occurred_at", "timestamp_unixtime_ms")  # fmt: skip

# Ways that spoil a line of JSON.
JSON: Mapping[str, Spoil] = {
    "wrong_type": _given(OTHER_VALUES[:-2]),
    "field_missing": _edited(_removed),
    "field_null": _given((None,)),
    "key_case_changed": _edited(_case_changed),
    "odd_keys": _edited(_odd_key),
    "duplicate_keys": _key_twice,
    "beyond_64_bits": _raw_value(WILD_NUMBERS),
    "nan_and_infinity": _raw_value(NO_NUMBERS),
    "nested_deep": _edited(_deep),
    "nested_abyss": _deep_text,
    "many_keys": _edited(_many_keys),
    "gigantic_string": _given(("a" * 20_000, "é" * 40_000, "\\" * 30_000, '"' * 40_000)),
    "surrogates": _surrogate,
    "null_escaped": _null_escaped,
    "not_quite_json": _no_json,
    "array_for_object": _as_array,
    "scalar_for_object": _as_scalar,
    "payloads_in_values": _given(PAYLOADS),
    "unicode_blanks": _given(BLANKS),
    "ids_of_other_types": _in_field(_IDS, (1.5, True, False, {"id": 1}, [1], None, 7, -7, 2**63, 1e30)),
    "ids_blank": _in_field(_IDS, BLANKS),
    "times_of_all_sorts": _in_field(_TIME_FIELDS, TIMES),
    "times_far_away": _in_field(_TIME_FIELDS, FAR_TIMES),
    "times_as_numbers": _in_field(
        _TIME_FIELDS, (0, -1, -62135596800, 1793527200, 1793527200000, 1.5, -1e18, 2**63 - 1, True)
    ),
    "odd_text_is_text": _given(("\u202eabc", "e\u0301" * 50, "👩‍👩‍👧‍👦", "İ", "ﬁ", "\u0000"[1:], "ß" * 99)),
}  # fmt: skip
