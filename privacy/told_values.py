"""Addresses and numbers in what people and systems write, where nobody has mapped them."""

from __future__ import annotations

# What signs are written with, in turn: of JSON, also of a text of JSON in it, line breaks and the like,
# then the others; of URLs; the nought of +49 (0)151, not dialled from abroad; blanks of every kind.
_ESCAPED = (
    (r"\\+(?:[nrtbf]|u00[01][0-9a-f])", " "),
    (r"\\", ""),
    ("%40", "@"),
    ("%2b", "+"),
    ("%[0-9a-f]{2}", " "),
    ("[(] ?0 ?[)]", ""),
    (r"[\s\p{Z}]", " "),
)
# Quotes and dashes may stand before an address and after it, and are no part of it there.
_ADDRESS = r"'\w[\w.+''-]*@[a-z0-9-]+(?:[.][a-z0-9-]*[a-z0-9])+'"
# Two noughts behind a dot or comma are decimals, behind a letter or digit a part of something else.
_NUMBER = r"'(?:[+]|(?:^|[^\w.,+-])00) ?[1-9][0-9 ()./-]{7,18}[0-9]'"


def told_values(texts: str) -> str:
    """A query of the addresses and numbers in texts, normalised.

    A telephone counts with its country, as in +49 151 234 or 0049 151 234.

    Args:
        texts: Relation ``(subject_request_id, mapped, text)``; each text is JSON, or several one
            after another, and ``mapped`` an address that is no news where it stands there.

    Returns:
        A query of ``(subject_request_id, identifier_type, identifier_value)``, each once.
    """
    text = "lower(text)"
    for written, meant in _ESCAPED:
        text = f"regexp_replace({text}, '{written}', '{meant}', 'g')"
    return f"""
        with plain as materialized (select subject_request_id, mapped, {text} as text from {texts})
        select subject_request_id, 'email' as identifier_type, identifier_value
        from (
            select subject_request_id, mapped,
                unnest(regexp_extract_all(text, {_ADDRESS})) as identifier_value
            from plain
        ) where identifier_value is distinct from mapped
        union
        select subject_request_id, 'phone', '+' || regexp_replace(
            regexp_replace(unnest(regexp_extract_all(text, {_NUMBER})), '[^0-9]', '', 'g'), '^00', '')
        from plain
    """
