"""What the run before left: who had members, by which rules, at which moment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pydantic

from audiences.clauses import FoundList
from audiences.compile import Before
from audiences.config import Audience
from audiences.inventory import DEFINITIONS, MEMBERSHIPS, SIZES
from audiences.lists import lists_of
from warehouse import Warehouse


def read_before(
    warehouse: Warehouse, audiences: Sequence[Audience], *, run_id: str | None = None
) -> Before:
    """Read what the latest run left.

    Args:
        warehouse: The engine, with the tables of audiences in place.
        audiences: As they are configured; old rules read the lists where these find them.
        run_id: A run that does not count, as it is the one that asks.
    """
    lists = {
        test.name: test.found
        for audience in audiences
        for test in lists_of((audience.include, audience.exclude))
        if test.found
    }
    standing = warehouse.read(f"select distinct audience_key from {MEMBERSHIPS.name.sql}")
    return Before(
        standing=frozenset(standing["audience_key"].to_pylist()),
        audiences=_definitions(warehouse, lists),
        as_of=warehouse.scalar(
            f"select max_by(as_of, computed_at) from {SIZES.name.sql} "
            "where run_id is distinct from $run_id",
            {"run_id": run_id},
        ),
    )


def _definitions(warehouse: Warehouse, lists: Mapping[str, FoundList]) -> dict[str, Audience]:
    """The audiences as they were; one whose definition is no longer understood is left out."""
    rows = warehouse.read(f"select audience_key, definition from {DEFINITIONS.name.sql}")
    found: dict[str, Audience] = {}
    for row in rows.to_pylist():  # one row per audience
        try:
            audience = Audience.model_validate(json.loads(row["definition"]))
        except pydantic.ValidationError:
            continue
        for test in lists_of((audience.include, audience.exclude)):
            test.find(lists.get(test.name))
        found[audience.key] = audience
    return found
