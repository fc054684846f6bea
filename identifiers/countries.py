"""Countries as people and tools write them: codes, and names in many languages."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from babel.core import get_global

from identifiers.placeholders import null_placeholders
from identifiers.text import folded

# The code of CLDR for a country that nobody knows.
UNKNOWN_REGION = "ZZ"
_ALPHA_3 = 3  # letters of the longer codes of ISO 3166-1

# What people and ISO 3166 call a country beside the names that the library of numbers knows.
_OTHER_NAMES = {
    "uk": "GB", "great britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB",
    "united states of america": "US", "america": "US", "holland": "NL", "the netherlands": "NL", "czechia": "CZ",
    "uae": "AE", "emirates": "AE", "ivory coast": "CI", "macau": "MO", "viet nam": "VN", "oesterreich": "AT",
    "republic of ireland": "IE", "korea": "KR", "republic of korea": "KR", "korea south": "KR", "korea north": "KP",
    "korea democratic peoples republic of": "KP", "russian federation": "RU", "north macedonia": "MK", "eswatini": "SZ",
    "burma": "MM", "cabo verde": "CV", "cape verde": "CV", "east timor": "TL", "brunei darussalam": "BN", "drc": "CD",
    "congo the democratic republic of the": "CD", "democratic republic of the congo": "CD", "congo kinshasa": "CD",
    "congo drc": "CD", "lao peoples democratic republic": "LA", "syrian arab republic": "SY", "holy see": "VA",
    "peoples republic of china": "CN", "hong kong sar": "HK", "saudi": "SA", "bosnia": "BA", "virgin islands us": "VI",
    "virgin islands british": "VG",
}  # fmt: skip


def is_region(code: str) -> bool:
    """Whether a code of ISO 3166-1 is a country whose numbering plan is known: US, DE."""
    return code in phonenumbers.SUPPORTED_REGIONS


def regions_of(countries: pa.Array) -> pa.Array:
    """The two letters of n countries: DE of "de", "DEU", "Germany" and "Deutschland".

    Returns:
        n codes; null where no country is named, ``UNKNOWN_REGION`` where it cannot be read.
    """
    encoded = pc.dictionary_encode(null_placeholders(countries))
    texts = encoded.dictionary
    # "Korea, Republic of", "Falkland Islands (Malvinas)": known as a whole or by what leads.
    short = pc.replace_substring_regex(texts, pattern=r" ?[,(].*$", replacement="")
    forms = (_key(texts).to_pylist(), _key(short).to_pylist())
    # Before accents go: "Áo" is Austria, AO is Angola.
    codes = pc.utf8_upper(pc.replace_substring_regex(texts, pattern=r"[. ]", replacement=""))
    regions = [
        next(filter(None, (_by_code(code), *map(_by_name, names))), UNKNOWN_REGION)
        for code, *names in zip(codes.to_pylist(), *forms, strict=True)
    ]
    return pa.array(regions, pa.string()).take(encoded.indices)


def _key(names: pa.Array) -> pa.Array:
    """Without case, accents and signs: "Côte d'Ivoire" becomes "cote divoire"."""
    bare = pc.replace_substring_regex(folded(names), pattern=r"[.'\x{2019}]", replacement="")
    spaced = pc.replace_substring_regex(bare, pattern=r"[\p{P}\p{S}\s]+", replacement=" ")
    return pc.utf8_trim_whitespace(spaced)


def _by_code(code: str) -> str | None:
    return code if is_region(code) else _regions_by_alpha_3().get(code)


def _by_name(name: str) -> str | None:
    return _OTHER_NAMES.get(name) or _regions_by_name().get(name)


@lru_cache(maxsize=1)
def _regions_by_alpha_3() -> dict[str, str]:
    """Two letters by three, as CLDR knows them; XKX for Kosovo is in use beside its XKK."""
    aliases = get_global("territory_aliases")
    return {"XKX": "XK"} | {
        code: regions[0]
        for code, regions in aliases.items()
        if len(code) == _ALPHA_3 and code.isalpha() and len(regions) == 1 and is_region(regions[0])
    }


@lru_cache(maxsize=1)
def _regions_by_name() -> dict[str, str]:
    """Countries by their names in the languages that the library knows; it loads them in .4 s."""
    from phonenumbers.geodata.locale import LOCALE_DATA  # noqa: PLC0415 - see above

    named = [
        (name, region)
        for region, names in LOCALE_DATA.items()
        for name in names.values()
        if is_region(region) and not name.startswith("*")  # "*aa": as in the language aa
    ]
    keys = _key(pa.array([name for name, _ in named], pa.string())).to_pylist()
    return dict(zip(keys, (region for _, region in named), strict=True))
