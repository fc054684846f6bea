"""What a destination may know a person by: JSON objects of identifiers, and lists of these.

Everything here is SQL text; nothing is written, nothing is sent.
"""

from __future__ import annotations


def each_sql(identifiers: str) -> str:
    """Expression for a list of the identifiers in a JSON object, nulls included.

    Without their names: no identifier of one kind could be another one of another kind.
    """
    return f"json_extract_string({identifiers}, '$.*')"


def held_sql(earlier: str, identifiers: str, is_present: str) -> str:
    """Expression for a list of the objects that may be there, the last first; empty where none is.

    Args:
        earlier: JSON list of objects that may be there beside the last one.
        identifiers: The last one.
        is_present: Whether anything is there.
    """
    listed = f"cast(json_extract({earlier}, '$[*]') as varchar[])"
    return f"case when {is_present} then [{identifiers}] || coalesce({listed}, []) else [] end"


def listed_sql(objects: str) -> str:
    """Expression for a JSON list of objects; null where there are none."""
    return f"nullif('[' || array_to_string({objects}, ',') || ']', '[]')"


def first_earlier_sql(earlier: str) -> str:
    """Expression for the first object of a JSON list, the next to be taken away."""
    return f"cast(json_extract({earlier}, '$[0]') as varchar)"
