"""Checks of a line of JSON as text, before anybody reads its fields."""

from __future__ import annotations

# The deepest payload of the Spec has 5 levels; this leaves room and keeps parsers from harm.
MAX_DEPTH = 64
# A quick look for numbers that need a closer one: long, with a large exponent, or none at all.
_WILD_NUMBER = r"[:,\[]\s*-?(?:[0-9]{17}|[0-9]+(?:[.][0-9]+)?[eE][+]?[0-9]{3}|NaN|Infinity)"

# Why a line is refused before its fields are read; the reason never holds a value of the line.
REASONS = {
    "invalid_utf8": "the line is not UTF-8 text",
    "null_byte": "the line holds a null character",
    "invalid_json": "the line is not complete JSON",
    "not_an_object": "the line is JSON but not an object",
    "empty_object": "the object has no fields",
    "too_deep": f"the object nests deeper than {MAX_DEPTH} levels",
    "number_out_of_range": "a number is too large for 64 bits, or is not a number",
}


def shape_code_sql(max_bytes: int) -> str:
    """The checks that look at the text as a whole, cheapest first.

    A costly check stands in a case of its own: the engine evaluates both sides of an ``and``, but a
    branch of a case only for the rows that reach it.
    """
    return f"""
    case
        when text is null then 'invalid_utf8'
        when bytes > {max_bytes} + 2 then 'too_large'
        when contains(text, chr(0)) or contains(text, '\\u0000') then 'null_byte'
        when not json_valid(text) then 'invalid_json'
        when json_type(text) <> 'OBJECT' then 'not_an_object'
        when regexp_full_match(text, '\\s*\\{{\\s*\\}}\\s*') then 'empty_object'
        when case when {_many_brackets()} then {_is_too_deep()} else false end
            then 'too_deep'
        when case when regexp_matches(text, '{_WILD_NUMBER}') then {_has_wild_number()} else false end
            then 'number_out_of_range'
    end"""


def _without_strings() -> str:
    return r"""regexp_replace(text, '"(?:[^"\\]|\\.)*"', '', 'g')"""


def _many_brackets() -> str:
    return f"length(text) - length(replace(replace(text, '{{', ''), '[', '')) > {MAX_DEPTH}"


def _is_too_deep() -> str:
    """Whether brackets are left after the innermost pairs were taken away MAX_DEPTH times."""
    brackets = f"regexp_replace({_without_strings()}, '[^][{{}}]', '', 'g')"
    rounds = f"list_transform(range({MAX_DEPTH}), lambda i: '')"
    return rf"""
    length(list_reduce(
        list_prepend({brackets}, {rounds}),
        lambda remaining, turn: regexp_replace(remaining, '\{{\}}|\[\]', '', 'g')
    )) > 0"""


def _has_wild_number() -> str:
    """Beyond 64 bits as a whole number, beyond a double as a fraction, or NaN."""
    return f"""
    (regexp_matches({_without_strings()}, 'NaN|Infinity')
        or len(list_filter(
            regexp_extract_all({_without_strings()}, '-?[0-9]+(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?'),
            lambda n: not isfinite(coalesce(try_cast(n as double), 'inf'::double))
                or (regexp_full_match(n, '-?[0-9]+') and try_cast(n as bigint) is null
                    and try_cast(n as ubigint) is null)
        )) > 0)"""
