"""The content library: what the company has published."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sample.calendar import Calendar
from sample.chance import cumulative, pick
from sample.personas import CONTENT_TYPES, TOPICS, content_type_weights
from sample.text import DAY_MS, Floats, Ints, iso_seconds, join, padded, take, whole

SITE = "https://www.fernhill.example"
FUNNEL_STAGES = ("awareness", "consideration", "decision", "retention")
TARGETS = ("Practitioner", "Marketer", "Executive", "Analyst", "Operator", "Founder")
_STYLES = ("simple", "practical", "honest", "modern", "field", "hard-won", "quick", "team", "beginner")
_FORMS = ("guide", "lessons", "notes", "playbook", "checklist", "mistakes", "patterns", "introduction")


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
    topic = np.concatenate([np.arange(42) % 14, rng.integers(0, 14, size - 42)])
    age_days = rng.integers(0, 900, size)
    age_days[:42] = rng.integers(130, 900, 42)  # older than the 119 days of events
    published = calendar.end_ms - (age_days + 1) * DAY_MS + rng.integers(0, DAY_MS, size)
    kind = pick(rng, size, [20, 22, 22, 24, 22, 21, 19])
    words = _keywords(rng, topic)
    title = join("The ", take(_STYLES, rng.integers(0, 9, size)), " ",
                 take(_FORMS, rng.integers(0, 8, size)), " for ", words[0], " and ", words[1])  # fmt: skip
    content_id = join("cnt_", padded(1000 + rng.permutation(9000)[:size], 4))
    slug = pc.replace_substring(pc.utf8_lower(title), " ", "-")
    path = join("/", take(CONTENT_TYPES, kind), "/", slug, "-", pc.utf8_slice_codeunits(content_id, 4, 8))
    stage = pick(rng, size, [71, 47, 20, 12])
    target = np.where(rng.random(size) < 0.5, topic % 5, rng.integers(0, 6, size))
    table = pa.table({
        "content_id": content_id, "url": join(SITE, path), "title": title,
        "topic": take([name for name, _ in TOPICS], topic),
        "content_type": take(CONTENT_TYPES, kind), "funnel_stage": take(FUNNEL_STAGES, stage),
        "target_persona": take(TARGETS, target), "published_at": iso_seconds(published),
        "word_count": whole(rng.integers(300, 2600, size)),
        "summary": join(title, ": ", words[0], ", ", words[1], ", ", words[2], " for teams that work with ", words[3], "."),
    })  # fmt: skip
    return Library(content_id, path, title, topic, kind, stage, published,
                   rng.lognormal(0.0, 0.9, size), table)  # fmt: skip


def _keywords(rng: np.random.Generator, topic: Ints) -> list[pa.Array]:
    """The four keywords of each item's topic, in an order of its own."""
    flat = [word for _, words in TOPICS for word in words]
    order = np.argsort(rng.random((len(topic), 4)), axis=1)
    return [take(flat, topic * 4 + order[:, place]) for place in range(4)]
