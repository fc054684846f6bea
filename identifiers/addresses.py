"""Parts of postal addresses."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from identifiers.placeholders import null_placeholders

# ZIP+4: the last four digits name a side of a street; records of one person differ in them.
_ZIP_PLUS_4 = r"^(\d{5})-?\d{4}$"
_SHAPE = r"^[A-Z0-9](?:[A-Z0-9 -]{1,8}[A-Z0-9])$"
_MADE_UP = r"^(?:0+|9+|X+)$"


def normalise_postal_codes(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Upper-case codes without their inner blanks; ZIP+4 is cut to five digits, junk is null."""
    upper = pc.utf8_upper(null_placeholders(values))
    short = pc.replace_substring_regex(upper, pattern=_ZIP_PLUS_4, replacement=r"\1")
    shaped = pc.match_substring_regex(short, pattern=_SHAPE)
    made_up = pc.match_substring_regex(short, pattern=_MADE_UP)
    bare = pc.replace_substring_regex(short, pattern=r"[ -]", replacement="")
    return pc.if_else(pc.and_(shaped, pc.invert(made_up)), bare, None)
