"""What a user writes about recommendation blocks: ``content.yml``."""

from __future__ import annotations

from math import ceil
from typing import Annotated, Self

from pydantic import Field, model_validator

from personalization.email_config import EmailBlock, Name
from personalization.search_config import Search
from personalization.slots import ContentFilters, ContentIds, discovery_slots
from settings import StrictModel

# The consent purpose without which nobody is recommended anything.
PURPOSE = "personalization"


class Block(ContentFilters):
    """One place on a page or in an e-mail that shows a list of content."""

    size: int = Field(6, gt=0, le=50, description="How many items each person gets.")
    pins: ContentIds = Field(
        default_factory=list,
        description="Content ids shown first, in this order, whatever the filters say; "
        "whoever has read one does not get it again.",
    )
    shows_read: bool = Field(
        default=False,
        description="Whether items that the person has read may come again, as suits reference "
        "material; pins and drawn places never repeat.",
    )
    discovery_share: float = Field(
        0.15,
        ge=0,
        le=0.5,
        description="Share of the block that is drawn at random from content with few readers; "
        "0 turns it off.",
    )

    calibration: float = Field(
        0.2,
        ge=0,
        le=1,
        description="How far a list keeps to the topics in the shares in which its reader reads them: 0 goes "
        "by score alone, 1 by topics alone. Used only where a backtest shows that it costs next to "
        "nothing (personalization.calibrations).",
    )

    @property
    def discovery_slots(self) -> float:
        """Places at the end of the block that are drawn at random, in the mean."""
        return discovery_slots(self.size, self.discovery_share)

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if len(self.pins) + ceil(self.discovery_slots) > self.size:
            raise ValueError("pins and discovery together are more than size")
        if set(self.pins) & set(self.bans):
            raise ValueError("a content id is both pinned and banned")
        return self


class ContentConfig(StrictModel):
    """The whole of ``content.yml``."""

    blocks: dict[str, Block] = Field(
        default_factory=dict, description="Blocks, by a key of your own."
    )
    email_blocks: dict[Name, EmailBlock] = Field(
        default_factory=dict,
        description="Blocks of mailings, by a key of your own; never change a key.",
    )
    search: Search = Field(
        default_factory=Search, description="How results of your search engine are reranked."
    )
    bans: ContentIds = Field(
        default_factory=list, description="Content ids that no block ever shows."
    )
    stale_after_days: float = Field(
        7.0,
        gt=0,
        description="Days after which what a run published for pages says nothing of a person any more: "
        "everybody is shown what is popular, and each experiment's baseline.",
    )
    half_life_days: float = Field(
        30.0,
        gt=0,
        description="After so many days a reading counts half towards popularity; towards what "
        "its reader likes, after six times as many.",
    )
    half_lives_tried: list[Annotated[float, Field(gt=0)]] = Field(
        [7.0, 30.0, 90.0],
        max_length=10,
        description="Other half-lives of popularity, in days: the one of them that a backtest shows to be "
        "surely better takes the place of half_life_days (personalization.half_lives); empty: none does.",
    )
