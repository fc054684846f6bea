"""Exceptions raised by the warehouse package.

* WarehouseError
  - WarehouseBusyError
  - EngineError
  - UnknownColumnError
  - InvalidNameError
  - CorruptWarehouseError
"""

from __future__ import annotations

import re
from pathlib import Path

# Errors that are told before a row is looked at: their words are of tables, columns and statements.
_ABOUT_STATEMENTS = frozenset({
    "BinderException", "CatalogException", "DependencyException", "InterruptException",
    "NotImplementedException", "OutOfMemoryException", "ParserException", "PermissionException",
    "SyntaxException",
})  # fmt: skip
# Where such an error begins to repeat the statement, and what it quotes: names, but values as well,
# which may have quotes in them.
_STATEMENT = re.compile(r"\s*\bLINE \d+:", re.IGNORECASE)
_QUOTED = re.compile(r"""["'`].*["'`]|["'`].*""", re.DOTALL)
# Addresses and numbers that no quotes are around.
_BARE = re.compile(r"\S*@\S*|[+]?\d[\d ().-]{4,}\d")
# Where an error about rows begins to repeat what it was given.
_VALUE = re.compile(r"""["'`\n{\[(]|\d{4}|\S+@|Input:""")
# How the engine begins what it says: its kind of error, as in "Conversion Error: ...".
_OF_THE_ENGINE = re.compile(r"\b((?:[A-Z]\w*)(?: \w+){0,3}) Error: ")


class WarehouseError(Exception):
    """Anything that went wrong between Candor and its engine."""


class WarehouseBusyError(WarehouseError):
    """Another process holds the warehouse."""

    def __init__(self, path: Path, holder: str, waited_s: float) -> None:
        self.path, self.holder, self.waited_s = path, holder, waited_s
        super().__init__(
            f"the warehouse {path} is in use by {holder} and was still in use after "
            f"{waited_s:.0f} s: wait for that run to end, or stop it, then run again"
        )


class EngineError(WarehouseError):
    """The engine could not carry out a statement; says why, and repeats no value of a row.

    Attributes:
        kind: The engine's own name of the error, such as ConversionException.
    """

    def __init__(self, kind: str, reason: str) -> None:
        self.kind = kind
        super().__init__(f"the engine could not carry out a statement ({kind}): {reason}")

    @classmethod
    def of(cls, error: Exception) -> EngineError:
        """What of an error of the engine may be told.

        Of errors about tables and statements that is what comes before the statement itself,
        without what is quoted; of those about rows what comes before the first value.
        """
        kind = type(error).__name__
        return cls(kind, _told(kind, str(error)))


def without_values(text: str) -> str:
    """What of a text may be told that repeats an error of the engine, such as dbt's of a model.

    What stands before the engine's words stays, and of them what ``EngineError`` tells.
    """
    found = _OF_THE_ENGINE.search(text)
    if found is None:
        return text
    kind = "".join(word.capitalize() for word in found[1].split()) + "Exception"
    return text[: found.start()] + _told(kind, text[found.start() :])


def _told(kind: str, text: str) -> str:
    if kind in _ABOUT_STATEMENTS:
        told = _QUOTED.sub("...", _STATEMENT.split(text, maxsplit=1)[0])
        return _BARE.sub("...", told).strip()
    told = ": ".join(text.split(": ")[:2])
    return _VALUE.split(told, maxsplit=1)[0].strip()


class UnknownColumnError(WarehouseError, ValueError):
    """Rows bring columns that the declared table does not have, or lack some."""

    def __init__(self, table: str, unknown: tuple[str, ...]) -> None:
        self.table, self.unknown = table, unknown
        super().__init__(
            f"rows for {table} bring unknown columns: {', '.join(unknown)}; "
            "declare them in the owning package's inventory.py or drop them"
        )


class InvalidNameError(WarehouseError, ValueError):
    """A table name is not of the form schema.table."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name!r} is not of the form schema.table, e.g. marts.profiles")


class CorruptWarehouseError(WarehouseError):
    """The file is there but is not a warehouse that this engine can open."""

    def __init__(self, path: Path, detail: str) -> None:
        self.path = path
        super().__init__(
            f"{path} cannot be opened as a DuckDB database ({detail}): restore it from a "
            "backup, or move it away and run again to rebuild it from the landing files"
        )
