"""What all blocks share: which content they show, and how many slots are drawn at random."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from settings import StrictModel

ContentIds = list[Annotated[str, Field(min_length=1)]]


class ContentFilters(StrictModel):
    """Which content a block shows."""

    content_types: ContentIds = Field(
        default_factory=list, description="Only these types; without any, all."
    )
    topics: ContentIds = Field(
        default_factory=list, description="Only these topics; without any, all."
    )
    stages: ContentIds = Field(
        default_factory=list, description="Only these funnel stages; without any, all."
    )
    bans: ContentIds = Field(
        default_factory=list, description="Content ids that this block never shows."
    )


def discovery_slots(size: int, share: float) -> int:
    """Slots at the end of a block that are drawn at random: at least one, unless turned off."""
    return max(1, round(size * share)) if share else 0
