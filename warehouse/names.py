"""Names of tables: schema and table, quoted in one place."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from warehouse.errors import InvalidNameError


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """A table's schema and name, as the warehouse spells them."""

    schema: str
    name: str

    @classmethod
    def parse(cls, text: str) -> TableName:
        """Read ``schema.table``.

        Raises:
            InvalidNameError: The text does not have exactly two non-empty parts.
        """
        schema, _, name = text.partition(".")
        if not schema or not name or "." in name:
            raise InvalidNameError(text)
        return cls(schema, name)

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def sql(self) -> str:
        """The name quoted for SQL."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"


def literal(text: str) -> str:
    """Write a text as SQL does, so that any text is safe inside it."""
    return "'" + text.replace("'", "''") + "'"


def quoted(identifier: str) -> str:
    """Quote one identifier so that any text is safe inside SQL."""
    return exp.to_identifier(identifier, quoted=True).sql(dialect="duckdb")
