"""Signs and codes of currencies that stand before or behind a number, and how they are taken away."""

from __future__ import annotations

# Written out, in any case, with or without a full stop. None of them may say how many: "k", "M",
# "mln" and "tys" stay, so that 5 k€ is no number rather than 5.
WORDS = (
    "zł", "Kč", "kr", "Ft", "lei", "leu", "kn", "din", "euro", "Fr", "SFr", "TL", "Rs", "Rp", "RM", "R",
    "S/", "Bs", "лв", "грн", "руб", "ден", "дин",  # noqa: RUF001 - signs in Cyrillic
)  # fmt: skip
# Letters that tell whose a dollar or the like it is: R$, US$, GH₵.
_WHOSE = ("US", "U", "CA", "C", "AU", "A", "NZ", "HK", "SG", "S", "NT", "MX", "R", "CN", "JP", "GH")
_SIGN = rf"(?:(?i:{'|'.join(_WHOSE)})?\p{{Sc}}S?|(?i:{'|'.join(WORDS)})\.?)"
_BESIDE = rf"(?:{_SIGN})?(?:[A-Z]{{3}})?(?:{_SIGN})?"
# What a person is told of them.
TOLD = "beside it may stand a code such as PLN, or a sign such as €, R$, zł, Kč, kr, Ft or lei"


def bare_number_sql(text: str) -> str:
    """An expression for a number's text without what stands beside it.

    Blanks of all kinds, apostrophes between thousands and signs of per cent; then signs and codes of
    currencies at either end; then brackets, which accountants put around what is lacking.
    """
    return rf"""
    regexp_replace(regexp_replace(regexp_replace(regexp_replace(
        {text}, '[\s\p{{Z}}''\x{{2019}}%]', '', 'g'),
        '^([-+(]?){_BESIDE}([-+(]?[\d.,])', '\1\2'),
        '([\d.,]){_BESIDE}([)]?)$', '\1\2'),
        '^[(](.*)[)]$', '-\1')"""
