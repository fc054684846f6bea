"""What all blocks share: lists of content ids, and how many slots are drawn at random."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

ContentIds = list[Annotated[str, Field(min_length=1)]]


def discovery_slots(size: int, share: float) -> int:
    """Slots at the end of a block that are drawn at random: at least one, unless turned off."""
    return max(1, round(size * share)) if share else 0
