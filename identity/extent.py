"""How much of the tables a run writes: all rows, or those of the nodes that it resolved."""

from __future__ import annotations

from dataclasses import dataclass

from identity.nodes import DEVICES

# Nodes that a run resolves when it resolves a part: node, source, source_record_id; row_hash and
# component as the last run left them, null of those that it did not know.
INNER = "identity_inner_nodes"


@dataclass(frozen=True, slots=True)
class Extent:
    """What a run resolves.

    Attributes:
        is_whole: Everything; else the nodes of ``INNER``.
        because: Why everything; None where it is a part.
    """

    is_whole: bool = True
    because: str | None = None

    def rows(self, source: str = "source", record: str = "source_record_id") -> str:
        """SQL of the condition that a row is of a node that the run resolves."""
        if self.is_whole:
            return "true"
        return f"(({source}, {record}) in (select source, source_record_id from {INNER}))"

    def devices(self, column: str) -> str:
        """SQL of the condition that a row is of a device that the run resolves."""
        if self.is_whole:
            return "true"
        return f"({column} in (select source_record_id from {INNER} where source = '{DEVICES}'))"

    def nodes(self, column: str = "node") -> str:
        """SQL of the condition that a node is one that the run resolves."""
        return "true" if self.is_whole else f"({column} in (select node from {INNER}))"


WHOLE = Extent()
