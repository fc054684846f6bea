"""Put a search engine's results into the order of one person's interests, within bounds. Pure.

    score = (1 - impact) * engine + impact * sum of (weight of a facet * the person's affinity)

Affinities come shrunken by ``n / (n + k)``: with no history they are 0 and the order stays. No
result moves by more than ``max_shift`` positions, and nothing passes a hit that the query names
exactly. Any engine will do: only its list is needed.

Source: facet affinities with a bounded impact, as in Algolia's personalization; the bound makes a
wrong guess cheap.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_NO_WORD = re.compile(r"[\W_]+")
_WORDS = {
    "topic": "reads about {}",
    "content_type": "reads much of the type {}",
    "funnel_stage": "reads much for the stage {}",
}


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One result of an engine; what is not known is empty.

    Attributes:
        content_id: The content.
        title: As it is shown.
        topic: What it is about.
        content_type: What kind of content it is.
        funnel_stage: For which stage it is.
        url: Where it is; the last part of its path counts as a name.
        score: The engine's, 0 or more, higher is better; None: only the order is known.
        is_navigational: The engine knows that the search looks for this page.
    """

    content_id: str
    title: str = ""
    topic: str = ""
    content_type: str = ""
    funnel_stage: str = ""
    url: str = ""
    score: float | None = None
    is_navigational: bool = False


@dataclass(frozen=True, slots=True)
class SearchProfile:
    """What is known of a person's interests.

    Attributes:
        readings: How much was read, decayed by age.
        affinities: By facet and value, 0..1, shrunken; what is not there is 0.
    """

    readings: float
    affinities: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class RerankRules:
    """How far the person's interests count.

    Attributes:
        impact: Largest share of a score that they make up, 0..1.
        max_shift: Most positions that a result moves.
        weights: By facet; together 1, or 0 where clicks showed that interests do not matter.
        navigational: Searches that are never reranked.
    """

    impact: float
    max_shift: int
    weights: Mapping[str, float]
    navigational: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RankedResult:
    """One result at its new place.

    Attributes:
        result: As the engine gave it.
        engine_rank: Its place in the engine's list; 1 is first.
        rank: Its place now.
        reason: Why it moved up; None where it did not.
    """

    result: SearchResult
    engine_rank: int
    rank: int
    reason: str | None


def rerank(
    results: Sequence[SearchResult],
    profile: SearchProfile | None,
    *,
    query: str,
    rules: RerankRules,
) -> tuple[RankedResult, ...]:
    """Rerank one list; the same results come back, each once.

    Args:
        results: In the engine's order, best first.
        profile: None or without readings: the order stays, as it does for who has not granted
            personalization, of whom there is no profile.
        query: What was searched for.
        rules: The bounds.
    """
    names = {normalised(name) for name in rules.navigational}
    if profile is None or profile.readings <= 0 or normalised(query) in names:
        order = list(range(len(results)))
    else:
        scores = _scores(results, profile, rules)
        order = list(_order(results, scores, normalised(query), rules.max_shift))
    return tuple(
        RankedResult(results[was], was + 1, place + 1, _reason(results[was], profile, was - place))
        for place, was in enumerate(order)
    )


def normalised(text: str) -> str:
    """Lower case, words alone: ``Pricing & Plans!`` is ``pricing plans``."""
    return _NO_WORD.sub(" ", text.casefold()).strip()


def is_named(result: SearchResult, query: str) -> bool:
    """Whether the (normalised) query is the result's title or the last part of its path."""
    slug = result.url.split("?")[0].split("#")[0].rstrip("/").rpartition("/")[2]
    return result.is_navigational or (
        bool(query) and query in {normalised(result.title), normalised(slug)}
    )


def engine_scores(results: Sequence[SearchResult]) -> list[float]:
    """The engine's opinion as numbers in 0..1 that never rise along the list.

    Where scores are missing or no scores at all, the place says it: ``1 / log2(1 + rank)``.
    """
    given = [result.score for result in results]
    known = [score for score in given if score is not None and 0 <= score < math.inf]
    highest = max(known, default=0.0)
    if len(known) < len(given) or highest <= 0:
        return [1 / math.log2(place + 2) for place in range(len(results))]
    lowest, found = 1.0, []
    for score in known:
        lowest = min(lowest, score / highest)
        found.append(lowest)
    return found


def affinity(result: SearchResult, profile: SearchProfile, weights: Mapping[str, float]) -> float:
    """How much a result is of the person's interest, 0..1."""
    return sum(
        weight * profile.affinities.get(facet, {}).get(getattr(result, facet), 0.0)
        for facet, weight in weights.items()
    )


def _scores(
    results: Sequence[SearchResult], profile: SearchProfile, rules: RerankRules
) -> list[float]:
    return [
        (1 - rules.impact) * engine + rules.impact * affinity(result, profile, rules.weights)
        for result, engine in zip(results, engine_scores(results), strict=True)
    ]


def _order(
    results: Sequence[SearchResult], scores: Sequence[float], query: str, max_shift: int
) -> Iterator[int]:
    """Old places in their new order: what lies between two fixed hits is ordered by itself."""
    start = 0
    for place, result in enumerate(results):
        if is_named(result, query):
            yield from _ordered(range(start, place), scores, max_shift)
            yield place
            start = place + 1
    yield from _ordered(range(start, len(results)), scores, max_shift)


def _ordered(places: range, scores: Sequence[float], max_shift: int) -> Iterator[int]:
    """The best first, none further than ``max_shift`` from where it was.

    Each has a last place of its own, so whoever reaches it can always take it.
    """
    left = list(places)
    for place in places:
        best = 0
        if left[0] > place - max_shift:
            reach = next((n for n, was in enumerate(left) if was > place + max_shift), len(left))
            best = max(range(reach), key=lambda n: (scores[left[n]], -n))
        yield left.pop(best)


def _reason(result: SearchResult, profile: SearchProfile | None, moved_up: int) -> str | None:
    if moved_up <= 0 or profile is None:
        return None
    strongest = max(
        _WORDS, key=lambda facet: profile.affinities.get(facet, {}).get(getattr(result, facet), 0.0)
    )
    if not profile.affinities.get(strongest, {}).get(getattr(result, strongest), 0.0):
        return None
    return _WORDS[strongest].format(getattr(result, strongest))
