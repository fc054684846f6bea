"""Read the number of a house out of its street, wherever people write it."""

from __future__ import annotations

_UNITS = "flat|apt|apartment|unit|suite|ste|room|rm"
_BOXES = "(?:p ?o ?|post ?)?box|postfach|postbus|apartado|casilla|caixa postal|boite postale"

# Before the street, a flat before it or not: "12 Main Street", "Flat 3, 12a High Street".
_BEFORE = rf"^(?:(?:{_UNITS})#\w+ )?(\d+)[a-z]?(?: |$)"
# Behind it, a staircase or flat behind it or not: "Hauptstraße 12 a", "Rua 25 de Março 100 apt 4".
_BEHIND = rf"(?:^| )(\d+)(?: ?[a-z])?(?: \d+)?((?: (?:{_UNITS})#\w+)?)$"


def simplified_street(key: str) -> str:
    """SQL of a street in which the functions below find the house; null where there is none.

    A post box stands in no street. The number of a flat is tied to its word.

    Args:
        key: SQL of the street in lower case, without accents and signs.
    """
    boxless = rf"regexp_replace({key}, '(?:^| )(?:{_BOXES}) \d+\b', ' ', 'g')"
    tied = rf"regexp_replace({boxless}, '\b({_UNITS}) (\d+[a-z]?|[a-z])\b', '\1#\2', 'g')"
    return f"nullif(trim({tied}), '')"


def house_number(street: str) -> str:
    """SQL of the digits of a house's number; empty where a street has none."""
    before, behind, leading = (
        f"regexp_extract({street}, '{pattern}', 1)" for pattern in (_BEFORE, _BEHIND, r"^(\d+)")
    )
    return f"coalesce(nullif({before}, ''), nullif({behind}, ''), {leading})"


def street_name(street: str) -> str:
    """SQL of a street without the number of the house; null where nothing is left."""
    return rf"""nullif(trim(replace(case
        when regexp_matches({street}, '{_BEFORE}') then regexp_replace({street}, '{_BEFORE}', '')
        when regexp_matches({street}, '{_BEHIND}') then regexp_replace({street}, '{_BEHIND}', '\2')
        else regexp_replace({street}, '^\d+', '') end, '#', ' ')), '')"""
