"""Text kernels shared by the kinds of identifiers; all of them work on whole Arrow arrays."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

# Letters that Unicode does not decompose into a base letter and a mark.
_UNDECOMPOSED = (
    ("ß", "ss"), ("æ", "ae"), ("œ", "oe"), ("ø", "o"), ("ł", "l"), ("đ", "d"), ("ð", "d"),
    ("þ", "th"), ("\u0131", "i"),
)  # fmt: skip


def as_texts(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One contiguous string array of the given values, whatever their type and chunks."""
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if isinstance(array, pa.ChunkedArray):  # combine_chunks of an empty or very large column
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return pc.cast(array, pa.string())


def trimmed(values: pa.Array) -> pa.Array:
    """Trim, collapse inner white space, and turn blanks into null."""
    single = pc.replace_substring_regex(
        values, pattern=r"[\s\p{Z}\x{200B}\x{FEFF}]+", replacement=" "
    )
    clean = pc.utf8_trim_whitespace(single)
    return pc.if_else(pc.equal(pc.utf8_length(clean), 0), None, clean)


def folded(values: pa.Array) -> pa.Array:
    """Lower case without accents: "Zoë" and "ZOE" become "zoe"."""
    lower = pc.utf8_lower(values)
    for letter, replacement in _UNDECOMPOSED:
        lower = pc.replace_substring(lower, pattern=letter, replacement=replacement)
    decomposed = pc.utf8_normalize(lower, form="NFKD")
    return pc.replace_substring_regex(decomposed, pattern=r"\p{M}+", replacement="")


def first_of(values: pa.Array) -> str | None:
    """The only element of a one-element array, for the scalar forms."""
    value: str | None = values[0].as_py()
    return value
