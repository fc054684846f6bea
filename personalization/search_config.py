"""What a user writes about search: ``search`` of ``content.yml``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator

from settings import StrictModel

PROPERTY = r"^[A-Za-z0-9_ .-]+$"
Share = Annotated[float, Field(ge=0, le=1)]


class FacetWeights(StrictModel):
    """How much each facet of content counts; together 1."""

    topic: Share = Field(default=0.6, description="What it is about.")
    content_type: Share = Field(default=0.25, description="What kind of content it is.")
    funnel_stage: Share = Field(default=0.15, description="For which stage it is.")

    @property
    def by_facet(self) -> Mapping[str, float]:
        """Weight by facet."""
        return {
            "topic": self.topic,
            "content_type": self.content_type,
            "funnel_stage": self.funnel_stage,
        }

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if round(sum(self.by_facet.values()), 6) != 1:
            raise ValueError("the weights must add up to 1")
        return self


class Clicks(StrictModel):
    """Which event tells that a result was clicked, and which results were shown."""

    event: str = Field(
        default="Search Result Clicked", min_length=1, description="Name of the event."
    )
    query_property: str = Field(
        default="query", pattern=PROPERTY, description="Property with what was searched for."
    )
    content_property: str = Field(
        default="content_id",
        pattern=PROPERTY,
        description="Property with the id of the clicked content.",
    )
    results_property: str = Field(
        default="results",
        pattern=PROPERTY,
        description="Property with the ids of all results, a list in the order shown; without it "
        "no weights can be learnt.",
    )


class Search(StrictModel):
    """How results of your search engine are reranked for a person."""

    impact: float = Field(
        default=0.3,
        ge=0,
        le=0.8,
        description="Largest share of a result's score that the person's interests make up; 0: "
        "the engine's order stays.",
    )
    evidence: float = Field(
        default=5.0,
        gt=0,
        description="Readings at which interests count half as much as they ever will: n/(n+k).",
    )
    max_shift: int = Field(
        default=3, ge=0, le=10, description="No result moves by more positions than this."
    )
    weights: FacetWeights = Field(
        default_factory=FacetWeights,
        description="Declared weights; they hold until at least 1,000 clicked queries say more.",
    )
    navigational: list[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list,
        description="Searches that look for one page, such as pricing or login: never reranked.",
    )
    clicks: Clicks = Field(default_factory=Clicks, description="How your events tell of clicks.")
