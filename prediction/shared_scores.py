"""Scores of accounts as a place to erase persons from: they go with everyone they were made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from prediction.inventory import ACCOUNT_SCORE_MEMBERS, ACCOUNT_SCORES
from prediction.objecting import counted_sql, take_along
from warehouse import SubjectKind, Trace, Warehouse

_SOUGHT = "candor_sought_members"
_THEIRS = f"select value from {_SOUGHT} where kind = '{SubjectKind.PERSON_ID}'"
_SHARED = f"coalesce(person_id not in ({_THEIRS}), true) and {counted_sql(_THEIRS)}"


@dataclass(frozen=True, slots=True)
class SharedScores:
    """Scores of accounts by all members whom they were computed from; a warehouse ``Location``.

    The table of scores itself names who alone acted in an account, and their scores are of that place.
    This one must come before the table of members, which is how the others are found.
    """

    warehouse: Warehouse

    @property
    def name(self) -> str:
        """What the place is called in plans and receipts."""
        return f"{ACCOUNT_SCORES.name} of several"

    def refusals(self, keys: pa.Table) -> Sequence[str]:  # noqa: ARG002 - nothing stands against it
        """Nothing."""
        return ()

    def find(self, keys: pa.Table) -> Sequence[Trace]:
        """Count the scores of others, or of several, that the persons were counted for."""
        if not self._is_there():
            return (Trace(self.name, 0),)
        wanted = f"select count(*) from {ACCOUNT_SCORES.name.sql} where {_SHARED}"
        with self.warehouse.view(_SOUGHT, keys):
            return (Trace(self.name, int(self.warehouse.scalar(wanted))),)

    def erase(self, keys: pa.Table) -> Sequence[Trace]:
        """Delete these scores; the next run's are made of who is left."""
        if not self._is_there():
            return (Trace(self.name, 0),)
        with self.warehouse.view(_SOUGHT, keys), self.warehouse.transaction():
            return (Trace(self.name, take_along(self.warehouse, _SHARED)),)

    def _is_there(self) -> bool:
        return all(
            self.warehouse.exists(table.name) for table in (ACCOUNT_SCORES, ACCOUNT_SCORE_MEMBERS)
        )
