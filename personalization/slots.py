"""What all blocks share: which content they show, and how many slots are drawn at random."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from settings import StrictModel

# A point: as near as the share of what is drawn has to come to the one that is asked for.
WITHIN = 0.01
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


def discovery_slots(size: int, share: float) -> float:
    """Slots at the end of a block that are drawn at random, in the mean.

    A whole number where that is within a point of the share; else some persons have one more than
    others, by draws of their own, so that the share is kept in the mean of many. Nobody's draw may
    depend on who else there is: an erasure would give others another list.
    """
    expected = size * share
    return float(round(expected)) if abs(round(expected) - expected) <= size * WITHIN else expected
