"""Ask the engine whether it takes a regular expression; its syntax, RE2, is not Python's."""

from __future__ import annotations

import duckdb


def pattern_fault(pattern: str) -> str | None:
    """Why the engine refuses a regular expression, in its words; None where it takes it."""
    with duckdb.connect() as connection:
        try:
            connection.execute("select regexp_matches('', $1)", [pattern]).fetchall()
        except duckdb.Error as error:
            # Such as "Invalid Input Error: bad repetition operator: ++": the last is of the pattern.
            return str(error).partition("Error: ")[2].partition(":")[0] or "it cannot be read"
    return None
