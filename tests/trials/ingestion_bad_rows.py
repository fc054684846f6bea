"""Named ways to spoil one row of a CSV file; each stays one row, by construction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from tests.trials.ingestion_bad_lines import (
    BLANKS,
    FAR_TIMES,
    NO_NUMBERS,
    PAYLOADS,
    TIMES,
    WILD_NUMBERS,
    as_utf16,
    bits_flipped,
)
from tests.trials.ingestion_good import csv_line

# From a good row's values to a bad row's bytes.
SpoilRow = Callable[[Random, list[str]], bytes]


def _with(values: Sequence[str]) -> SpoilRow:
    def spoil(chance: Random, row: list[str]) -> bytes:
        row[chance.randrange(len(row))] = chance.choice(values)
        return csv_line(row)

    return spoil


def _noise(*noise: bytes) -> SpoilRow:
    def spoil(chance: Random, row: list[str]) -> bytes:
        made = csv_line(row)
        at = chance.randrange(len(made))
        return made[:at] + chance.choice(noise) + made[at:]

    return spoil


def _field(write: Callable[[str], str]) -> SpoilRow:
    def spoil(chance: Random, row: list[str]) -> bytes:
        at = chance.randrange(len(row))
        return ",".join([*row[:at], write(row[at]), *row[at + 1 :]]).encode()

    return spoil


def _without_line_feeds(spoil: Callable[[Random, bytes], bytes]) -> SpoilRow:
    def made(chance: Random, row: list[str]) -> bytes:
        # A quote may open a field that goes on in the rows below, which is no longer one row.
        return spoil(chance, csv_line(row)).replace(b"\n", b"").replace(b'"', b"") or b"x"

    return made


ROWS: Mapping[str, SpoilRow] = {
    "row_too_short": lambda c, row: csv_line(row[: c.randrange(1, len(row))]),
    "row_too_long": lambda c, row: csv_line(row + ["x"] * c.randrange(1, 9)),
    "row_one_field": lambda c, row: c.choice((b"x", b"1", b"NULL", b" ", b"\t", b'""', b"-")),
    "row_of_delimiters": lambda c, row: b"," * c.randrange(1, 3 * len(row)),
    "row_quote_unclosed": _field(lambda text: '"' + text.replace('"', "")),
    "row_text_after_quote": _field(lambda text: '"' + text.replace('"', "") + '"x'),
    "row_quote_inside": _field(lambda text: f'a"{text[:3]}"b'),
    "row_quote_escaped_by_backslash": _field(lambda text: r'"a\"b"'),
    "row_quotes_doubled": _field(lambda text: '""""""'),
    "row_line_breaks_quoted": _field(lambda text: '"a\nb\r\nc\n"'),
    "row_invalid_utf8": _noise(b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xe2\x82"),
    "row_latin1": lambda _, row: csv_line(row) + "ä".encode("latin-1"),
    "row_null_byte": _noise(b"\x00", b"\x00\x00\x00"),
    "row_control_characters": _noise(*(bytes([code]) for code in (1, 7, 8, 11, 12, 27, 31, 127))),
    "row_lone_cr": _noise(b"\r", b"\r\r"),
    "row_tabs_and_semicolons": lambda c, row: c.choice((";", "\t", "|")).join(row).encode(),
    "row_byte_order_mark": lambda _, row: b"\xef\xbb\xbf" + csv_line(row),
    "row_utf16": _without_line_feeds(as_utf16),
    "row_bits_flipped": _without_line_feeds(bits_flipped),
    "row_random_bytes": _without_line_feeds(lambda c, _: c.randbytes(c.randrange(3, 300))),
    "row_gigantic_field": _field(lambda text: "a" * 3_000_000),
    "row_gigantic_quoted_field": _field(lambda text: '"' + "a" * 900_000 + '"'),
    "row_wild_numbers": _with((*WILD_NUMBERS, *NO_NUMBERS)),
    "row_numbers_of_other_lands": _with(("1.234,56", "1 234.56", "1'234", "$5", "5 €", "(5)", "5-", "\uff11\uff12")),
    "row_times_of_all_sorts": _with(TIMES),
    "row_times_far_away": _with(FAR_TIMES),
    "row_payloads": _with([text for text in PAYLOADS if "\x1b" not in text]),
    "row_unicode_blanks": _with(BLANKS),
    "row_odd_text": _with(("\u202eabc", "e\u0301" * 50, "👩‍👩‍👧", "İ", "ß" * 99, "\u2028", "\u0085")),
    "row_empty_field": _with(("",)),
}  # fmt: skip


def _in_stream(values: Sequence[str]) -> Callable[[Random, bytes], bytes]:
    def spoil(chance: Random, line: bytes) -> bytes:
        fields = line.decode().split("\t")
        fields[chance.randrange(len(fields))] = chance.choice(values)
        return "\t".join(fields).encode()

    return spoil


# Ways that spoil a line of Snowplow's stream.
STREAM: Mapping[str, Callable[[Random, bytes], bytes]] = {
    "stream_too_few_fields": lambda c, line: b"\t".join(line.split(b"\t")[: c.randrange(1, 130)]),
    "stream_too_many_fields": lambda c, line: line + b"\t" * c.randrange(1, 300),
    "stream_wild_numbers": _in_stream((*WILD_NUMBERS, *NO_NUMBERS)),
    "stream_times": _in_stream((*TIMES, *FAR_TIMES)),
    "stream_payloads": _in_stream(PAYLOADS),
    "stream_blanks": _in_stream([text for text in BLANKS if "\t" not in text]),
    "stream_documents": _in_stream(('{"a"', "[]", "{}", '{"data": 1}', '{"data": [{"schema": 1}]}', "null",
                                    '{"schema": "iglu:x", "data": {"a": NaN}}', "[" * 500)),
}  # fmt: skip
