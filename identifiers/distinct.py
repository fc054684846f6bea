"""Do costly work once per distinct value of a column."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc


def over_distinct(
    values: pa.Array | pa.ChunkedArray,
    compute: Callable[[str], object],
    data_type: pa.DataType,
) -> pa.Array:
    """Apply ``compute`` to each distinct text; null stays null.

    Args:
        values: n texts.
        compute: Takes a text that is not null; may return None.
        data_type: Type of what it returns.

    Returns:
        n values in the order of ``values``.
    """
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    encoded = pc.dictionary_encode(whole.cast(pa.string()))
    computed = [compute(text) for text in encoded.dictionary.to_pylist()]
    return pc.take(pa.array(computed, data_type), encoded.indices)
