"""Turn the text of a field into a value, as tools and spreadsheets write it; in the engine."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import cache

from ingestion.consent_words import DENIED, GRANTED
from ingestion.currency_signs import bare_number_sql
from ingestion.mapping import FieldType
from warehouse import literal

UTC = "UTC"


class DateOrder(StrEnum):
    """Which number of a date with slashes or hyphens comes first."""

    MONTH_FIRST = "month_first"
    DAY_FIRST = "day_first"
    BOTH = "both"
    """Now one and now the other: only dates are read that can be but one."""
    UNTOLD = "untold"
    """Nobody says it: with slashes the month, with hyphens only dates are read that can be but one."""


_TRUE, _FALSE = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")

# Beside ISO 8601, what exports write: how a text begins, and the date that it then holds. With dots
# the day comes first. A format that does not fit costs as much as one that does, so the beginning
# decides on the few to try.
_NO_MONTH = r"(?:1[3-9]|[23]\d)"
_MONTH_FIRST = {
    r"\d{1,2}/\d{1,2}/\d{4}": ("%m/%d/%Y",),
    r"\d{1,2}/\d{1,2}/\d": ("%m/%d/%y",),
}
_CLEAR_HYPHENS = {
    rf"\d{{1,2}}-{_NO_MONTH}-\d{{4}}": ("%m-%d-%Y",),
    rf"{_NO_MONTH}-\d{{1,2}}-\d{{4}}": ("%d-%m-%Y",),
}
_NUMBERED = {
    DateOrder.UNTOLD: _MONTH_FIRST | _CLEAR_HYPHENS,
    DateOrder.MONTH_FIRST: _MONTH_FIRST | {r"\d{1,2}-\d{1,2}-\d{4}": ("%m-%d-%Y",)},
    DateOrder.DAY_FIRST: {
        r"\d{1,2}/\d{1,2}/\d{4}": ("%d/%m/%Y",),
        r"\d{1,2}/\d{1,2}/\d": ("%d/%m/%y",),
        r"\d{1,2}-\d{1,2}-\d{4}": ("%d-%m-%Y",),
    },
    DateOrder.BOTH: {
        rf"\d{{1,2}}/{_NO_MONTH}/\d{{4}}": ("%m/%d/%Y",),
        rf"{_NO_MONTH}/\d{{1,2}}/\d{{4}}": ("%d/%m/%Y",),
        rf"\d{{1,2}}/{_NO_MONTH}/\d": ("%m/%d/%y",),
        rf"{_NO_MONTH}/\d{{1,2}}/\d": ("%d/%m/%y",),
    }
    | _CLEAR_HYPHENS,
}
_DATES = {
    r"\d{1,2}\.\d{1,2}\.\d{4}": ("%d.%m.%Y",),
    r"\d{1,2}\.\d{1,2}\.\d": ("%d.%m.%y",),
    r"\d{4}/\d": ("%Y/%m/%d",),
    r"\d{4}-\d": ("%Y-%m-%d",),
    r"\d{4}\.\d": ("%Y.%m.%d",),
    r"\d{8}T": ("%Y%m%dT%H%M%S", "%Y%m%dT%H%M"),
    r"\d{8}": ("%Y%m%d",),
    r"\d{1,2}-[A-Za-z]{3}-\d{4}": ("%d-%b-%Y",),
    r"\d{1,2}-[A-Za-z]{3}-\d": ("%d-%b-%y",),
    r"[A-Za-z]{3,} \d": ("%b %d, %Y", "%B %d, %Y"),
    r"\d{1,2} [A-Za-z]{3}": ("%d %b %Y", "%d %B %Y"),
}
# Of a time in ISO 8601: whether a zone or an offset follows the clock.
_NAMES_ZONE = r"regexp_matches(said, '^[-/\d]+[T ]\d.*([A-Za-z]|[-+]\d)')"
# The clocks to try, by how a text that is written plainly ends.
_CLOCKS = {
    "ends_with(lower(plain), 'm')": (" %I:%M %p", " %I:%M:%S %p", " %I:%M:%S.%f %p"),
    "contains(plain, ':')": (" %H:%M", " %H:%M:%S", " %H:%M:%S.%f"),
    "true": ("",),
}
# What is not written plainly: narrow and unbreakable blanks, as browsers write, a comma or T before
# the clock, dots in it, a comma before parts of a second, and PM as "pm" without a blank or "p. m.".
_IS_ODD = r"""regexp_matches(said, '[^ -~]|, ?\d{1,2}[:.]|\dT\d|[ T]\d{1,2}[.]\d\d|:\d\d,\d|'
    '[^ ][AaPp][Mm]$|[Mm][.]$| [Mm]$')"""
_PLAIN = rf"""
    case when {_IS_ODD} then
        regexp_replace(regexp_replace(regexp_replace(regexp_replace(
            regexp_replace(said, '[\s\p{{Z}}]+', ' ', 'g'),
            ' ?([AaPp])[.]? ?[Mm][.]?$', ' \1m'),
            '(\d)(?:,? |T)(\d{{1,2}})[:.](\d\d)\b', '\1 \2:\3'),
            '( \d{{1,2}}:\d\d)[:.](\d\d)\b', '\1:\2'),
            '(:\d\d:\d\d),(\d)', '\1.\2')
    else said end"""
# With a zone (RFC 5322, and databases that put a blank before it).
_ZONED = {
    r"[A-Za-z]{3}, \d": ("%a, %d %b %Y %H:%M:%S %z",),
    r"\d{4}-.* [+-]\d": (
        "%Y-%m-%d %H:%M:%S %z",
        "%Y-%m-%d %H:%M:%S.%f %z",
        "%Y-%m-%d %H:%M %z",
    ),
    r"\d{1,2}\.\d{1,2}\.\d{4} .* [+-]\d": ("%d.%m.%Y %H:%M:%S %z", "%d.%m.%Y %H:%M %z"),
    r"\d{8}T\d+[Z+-]": ("%Y%m%dT%H%M%SZ", "%Y%m%dT%H%M%S%z"),
}


def text_sql(text: str) -> str:
    """An expression for a text without the blanks around it; null where there is nothing but blanks.

    Blanks of any script count, and signs that are not seen: an id of them is no id. Every format
    reads ids by this rule.
    """
    # Most texts have none, and seeing that takes a tenth of the time that trimming takes. Only what
    # does not begin with a visible sign of ASCII is looked at closely.
    is_visible = f"ascii({text}) between 33 and 126"
    is_ascii = f"strlen({text}) = length({text})"
    return rf"""
    case when {is_visible} and {is_ascii} and not ends_with({text}, ' ') then {text}
        when {is_visible} then trim({text})
        when not regexp_full_match({text}, '[\s\p{{Z}}\p{{C}}]*') then trim({text}) end"""


def typed_sql(
    text: str,
    field_type: FieldType,
    *,
    zone: str = UTC,
    decimal: str | None = None,
    order: DateOrder = DateOrder.UNTOLD,
) -> str:
    """An expression for a field's value; null where it is empty or cannot be read.

    Args:
        text: An expression for the text as given.
        field_type: How to read it.
        zone: Where clocks stand that a time without a zone is read from; an IANA name.
        decimal: The decimal sign of numbers, a comma or a point; by the look of each where it is
            None.
        order: Which number of a date with slashes or hyphens comes first.
    """
    bare = text_sql(text)
    return {
        FieldType.TEXT: bare,
        FieldType.EMAIL: f"lower({bare})",
        FieldType.NUMBER: _number(bare, decimal),
        FieldType.WHOLE: f"try_cast(round({_number(bare, decimal)}) as bigint)",
        FieldType.TIME: time_sql(bare, zone=zone, order=order),
        FieldType.CONSENT: f"case when lower({bare}) in ({_listed(GRANTED)}) then 'granted' "
        f"when lower({bare}) in ({_listed(DENIED)}) then 'denied' end",
        FieldType.FLAG: f"case when lower({bare}) in ({_listed(_TRUE)}) then true "
        f"when lower({bare}) in ({_listed(_FALSE)}) then false end",
    }[field_type]


def time_sql(text: str, *, zone: str = UTC, order: DateOrder = DateOrder.UNTOLD) -> str:
    """An expression for a moment in UTC; null where the text tells none.

    A time that names no zone, or a date alone, is one of the given zone. The hour that comes twice
    when clocks are set back is the second one; one that clocks skip is counted on from before.

    A number is a count of seconds (9 or 10 digits) or milliseconds (12 or 13) since 1970, as APIs
    write it: years 1973 to 2286.
    """
    return _named(text, _moment(zone, order))


def _named(text: str, expression: str) -> str:
    """Apply an expression over ``said`` to a text, which then is computed once."""
    return f"list_transform([{text}], lambda said: {expression})[1]"


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(literal(text) for text in texts)


@cache
def _moment(zone: str, order: DateOrder) -> str:
    zoned = " ".join(
        f"when regexp_matches(plain, '^{begin}') then {_parsed(formats)}::timestamp"
        for begin, formats in _ZONED.items()
    )
    local = " ".join(
        f"when regexp_matches(plain, '^{begin}') then {_with_clock(dates)}"
        for begin, dates in (_NUMBERED[order] | _DATES).items()
    )
    iso = _finite("try_cast(said as timestamptz)::timestamp")
    if zone != UTC:
        here = _in_utc(_finite("try_cast(said as timestamp)"), zone)
        iso = f"case when {_NAMES_ZONE} then {iso} else {here} end"
    unzoned = _in_utc(f"case {local} end", zone)
    # What is in ISO 8601 or a number, as most is, is not looked at any closer.
    return f"""
    coalesce(
        case when regexp_matches(said, '^\\d{{4}}[-/]') then {iso}
            when regexp_full_match(said, '\\d{{12,13}}') then epoch_ms(try_cast(said as bigint))
            when regexp_full_match(said, '\\d{{9,10}}') then epoch_ms(try_cast(said as bigint) * 1000)
        end,
        list_transform([{_PLAIN}], lambda plain: case {zoned} else {unzoned} end)[1]
    )"""


def _with_clock(dates: Sequence[str]) -> str:
    tests = (
        f"when {look} then {_parsed([date + clock for date in dates for clock in clocks])}"
        for look, clocks in _CLOCKS.items()
    )
    return f"case {' '.join(tests)} end"


def _parsed(formats: Sequence[str]) -> str:
    return f"try_strptime(plain, [{_listed(formats)}])"


def _in_utc(local: str, zone: str) -> str:
    """The moment at which clocks of a zone show a time."""
    return local if zone == UTC else f"timezone({literal(UTC)}, timezone({literal(zone)}, {local}))"


def _finite(value: str) -> str:
    return f"list_transform([{value}], lambda found: case when isfinite(found) then found end)[1]"


_GROUPED = r"""
    case when regexp_full_match(bare, '[-+]?[1-9]\d{0,2}(,\d{2,3})*,\d{3}(\.\d*)?')
            then replace(bare, ',', '')
        when regexp_full_match(bare, '[-+]?[1-9]\d{0,2}((\.\d{3})+,\d*|(\.\d{3}){2,})')
            then replace(replace(bare, '.', ''), ',', '.')
        when regexp_full_match(bare, '[-+]?\d*,\d+') then replace(bare, ',', '.')
        when regexp_full_match(bare, '[-+]?(\d+\.?\d*|\.\d+)') then bare
    end"""
# The same where the decimal sign is known: groups of two or three digits between the other sign.
_MARKED = r"""
    case when regexp_full_match(bare, '[-+]?[1-9]\d{0,2}(GROUP\d{2,3})*GROUP\d{3}(MARK\d*)?')
            or regexp_full_match(bare, '[-+]?(\d+(MARK\d*)?|MARK\d+)([eE][-+]?\d+)?')
        then replace(replace(bare, 'GROUP', ''), 'MARK', '.') end"""


def _number(text: str, decimal: str | None) -> str:
    """An expression for a finite number.

    Of a comma and a point the last one is the decimal sign, if it is not known. Where there is but
    one kind, commas separate thousands if the last group has three digits (1,234 is above a
    thousand, 1,5 and 0,123 are not), and points do if there are several.
    """
    if decimal is None:
        return _finite(_named(text, f"coalesce(try_cast(said as double), {_bared(_GROUPED)})"))
    return _finite(_named(text, _bared(_marked(decimal))))


def _bared(number: str) -> str:
    return (
        f"try_cast(list_transform([{bare_number_sql('said')}], lambda bare: {number})[1] as double)"
    )


def _marked(decimal: str) -> str:
    group = "." if decimal == "," else ","
    signs = {"'GROUP'": f"'{group}'", "'MARK'": f"'{decimal}'"}
    signs |= {"GROUP": f"[{group}]", "MARK": f"[{decimal}]"}
    marked = _MARKED
    for name, sign in signs.items():
        marked = marked.replace(name, sign)
    return marked
