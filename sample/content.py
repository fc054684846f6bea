"""The content library: what the company has published."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.calendar import DAYS, Calendar
from sample.chance import cumulative, pick
from sample.personas import CONTENT_TYPES, TOPICS, content_type_weights
from sample.text import DAY_MS, Floats, Ints, iso_seconds, join, padded, take, whole

COMPANY = "Tallymoor"
DOMAIN = "tallymoor.example"
SITE = f"https://www.{DOMAIN}"
FUNNEL_STAGES = ("awareness", "consideration", "decision", "retention")
TARGETS = ("Crew", "Shop floor", "Owner", "Planning", "Back office", "Newcomer")
_STYLES = (
    "A short",
    "A patient",
    "A first",
    "A frank",
    "An expert",
    "A one-page",
    "A weekend",
    "A plain",
    "A new",
)
_FORMS = (
    "look at",
    "course in",
    "plan for",
    "walk through",
    "story about",
    "question about",
    "cure for",
    "tour of",
)
_OLD = 3 * len(
    TOPICS
)  # items older than the first day; the first ones go through the topics in order


@dataclass(frozen=True, slots=True)
class Library:
    """Published items, one per row; ``popularity`` is their latent pull."""

    content_id: pa.Array
    path: pa.Array
    title: pa.Array
    topic: Ints
    content_type: Ints
    funnel_stage: Ints
    published_ms: Ints
    popularity: Floats
    table: pa.Table

    def reading_cdf(self) -> Floats:
        """Chance of each item given persona and topic, cumulative.

        Shape (personas * topics, items); row ``persona * topics + topic``.
        """
        types = content_type_weights()[:, self.content_type]  # (personas, items)
        within = self.topic[None, :] == np.arange(len(TOPICS))[:, None]  # (topics, items)
        weights = types[:, None, :] * within[None, :, :] * self.popularity
        return cumulative(weights.reshape(-1, len(self.topic)))


def library_size(people: int) -> int:
    """How many items a company of this many people has published."""
    return min(600, 150 + people // 2_500)


def write_library(rng: np.random.Generator, size: int, calendar: Calendar) -> Library:
    """Make ``size`` items; every topic has several that are older than the first day."""
    topic = np.concatenate(
        [np.arange(_OLD) % len(TOPICS), rng.integers(0, len(TOPICS), size - _OLD)]
    )
    age_days = rng.integers(0, 900, size)
    age_days[:_OLD] = rng.integers(DAYS + 11, 900, _OLD)
    published = calendar.end_ms - (age_days + 1) * DAY_MS + rng.integers(0, DAY_MS, size)
    kind = pick(rng, size, [26, 20, 18, 22, 14, 20, 16])
    words = _keywords(rng, topic)
    title = join(take(_STYLES, rng.integers(0, len(_STYLES), size)), " ",
                 take(_FORMS, rng.integers(0, len(_FORMS), size)), " ", words[0], " and ", words[1])  # fmt: skip
    number = padded(1000 + rng.permutation(9000)[:size], 4)
    content_id = join("item-", number)
    slug = pc.replace_substring(pc.utf8_lower(title), " ", "-")
    path = join("/", take(CONTENT_TYPES, kind), "/", slug, "-", number)
    stage = pick(rng, size, [44, 30, 16, 10])
    target = np.where(rng.random(size) < 0.5, topic % 5, rng.integers(0, len(TARGETS), size))
    table = pa.table({
        "content_id": content_id, "url": join(SITE, path), "title": title,
        "topic": take([name for name, _ in TOPICS], topic),
        "content_type": take(CONTENT_TYPES, kind), "funnel_stage": take(FUNNEL_STAGES, stage),
        "target_persona": take(TARGETS, target), "published_at": iso_seconds(published),
        "word_count": whole(rng.integers(300, 2600, size)),
        "summary": join("What ", words[2], " and ", words[3], " have to do with ", words[0], ", and where ", words[1], " comes in."),
    })  # fmt: skip
    return Library(content_id, path, title, topic, kind, stage, published,
                   rng.lognormal(0.0, 0.9, size), table)  # fmt: skip


def _keywords(rng: np.random.Generator, topic: Ints) -> list[pa.Array]:
    """The four keywords of each item's topic, in an order of its own."""
    flat = [word for _, words in TOPICS for word in words]
    order = np.argsort(rng.random((len(topic), 4)), axis=1)
    return [take(flat, topic * 4 + order[:, place]) for place in range(4)]
