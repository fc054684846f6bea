"""The forms in which identifiers are sent, as SQL over the normalised value.

The value is a trimmed lower-case address, a number in E.164, or a person's id. Vendors differ in
what they do to an address before hashing it; a hash by another vendor's rule matches nobody.

Source: Google, data-manager-python ``format.py`` (dots go for gmail.com and googlemail.com, tags
stay); UID2, docs "Normalization and Encoding" (dots and tags go, gmail.com alone, Base64 of the
raw hash); Meta, facebook-business ``normalize.py`` (digits without plus and leading zeros).
"""

from __future__ import annotations

from typing import Literal, get_args

IdentifierType = Literal["email", "phone", "person_id", "uid2", "tdid", "maid"]
# Ids that others gave a person, as they stand in a column of the profile.
HELD_IN_TRAITS = frozenset({"uid2", "tdid", "maid"})
Form = Literal["raw", "sha256", "google", "uid2", "meta"]


def form_sql(value: str, kind: str, form: str) -> str:
    """An identifier as it is sent; null stays null.

    Args:
        value: Expression for the normalised value.
        kind: email, phone or person_id.
        form: raw; sha256: hex of the value; google: hex by Google's rule; uid2: Base64 by UID2's
            rule; meta: hex by Meta's rule.
    """
    if form == "raw":
        return value
    if form == "uid2":
        return f"to_base64(unhex(sha256({_uid2_email(value) if kind == 'email' else value})))"
    if form == "google" and kind == "email":
        return f"sha256({_google_email(value)})"
    if form == "meta" and kind == "phone":
        return f"sha256(ltrim(regexp_replace({value}, '[^0-9]', '', 'g'), '0'))"
    return f"sha256({value})"


def forms_of(kind: str) -> tuple[str, ...]:
    """The forms in which identifiers of a kind differ when they are sent."""
    value = "value"
    return tuple({form_sql(value, kind, form): form for form in get_args(Form)}.values())


def column_of(kind: str, form: str) -> str:
    """The name of an identifier in what is sent."""
    return kind if form == "raw" else f"{kind}_{form}"


def _google_email(value: str) -> str:
    local = f"replace(split_part({value}, '@', 1), '.', '')"
    domain = f"split_part({value}, '@', 2)"
    return (
        f"case when {domain} in ('gmail.com', 'googlemail.com') "
        f"then {local} || '@' || {domain} else {value} end"
    )


def _uid2_email(value: str) -> str:
    local = f"replace(split_part(split_part({value}, '@', 1), '+', 1), '.', '')"
    return f"case when {value} like '%@gmail.com' then {local} || '@gmail.com' else {value} end"
