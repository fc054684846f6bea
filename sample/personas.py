"""The kinds of reader that are planted in the sample, and what each prefers.

They differ in topics, content types and depth: an honest clustering of what people read finds
them again, imperfectly, because every person mixes the kind with tastes of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sample.text import Floats

TOPICS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("api-integration", ("api", "sdk", "webhook", "rate-limit")),
    ("data-modelling", ("star-schema", "grain", "dimension", "contract")),
    ("security", ("sso", "mfa", "encryption", "audit-log")),
    ("ai-automation", ("llm", "agents", "prompts", "workflow")),
    ("email-marketing", ("deliverability", "drip", "subject-line", "inbox")),
    ("search-seo", ("keywords", "serp", "ranking", "backlinks")),
    ("ab-testing", ("experiment", "variant", "sample-size", "uplift")),
    ("product-analytics", ("events", "retention", "cohort", "dashboard")),
    ("pricing-strategy", ("packaging", "value-metric", "discount", "tiers")),
    ("revenue-operations", ("pipeline", "forecast", "quota", "handover")),
    ("customer-success", ("onboarding", "churn", "health-score", "renewal")),
    ("productivity", ("meetings", "templates", "focus", "checklists")),
    ("finance-invoicing", ("invoice", "vat", "reconciliation", "cash-flow")),
    ("privacy-compliance", ("consent", "retention-rules", "ccpa", "gdpr")),
)
CONTENT_TYPES: tuple[str, ...] = (
    "blog", "docs", "tutorial", "video", "webinar", "case-study", "whitepaper"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Persona:
    """One planted kind of reader; weights count relative to 1 for everything not named."""

    name: str
    share: float
    topics: dict[str, float]
    content_types: dict[str, float]
    mean_scroll: float
    mean_steps: float


PERSONAS: tuple[Persona, ...] = (
    Persona("builder", 0.24, {"api-integration": 14, "data-modelling": 12, "security": 9, "ai-automation": 6},
            {"docs": 9, "tutorial": 7}, 0.74, 3.3),
    Persona("marketer", 0.24, {"email-marketing": 14, "search-seo": 12, "ab-testing": 8, "privacy-compliance": 4},
            {"blog": 8, "webinar": 5}, 0.48, 2.5),
    Persona("executive", 0.16, {"pricing-strategy": 14, "revenue-operations": 13, "finance-invoicing": 6},
            {"case-study": 9, "whitepaper": 5}, 0.30, 1.7),
    Persona("analyst", 0.18, {"product-analytics": 15, "ab-testing": 9, "data-modelling": 7},
            {"whitepaper": 7, "tutorial": 5, "webinar": 3}, 0.64, 3.0),
    Persona("operator", 0.18, {"customer-success": 13, "productivity": 13, "finance-invoicing": 9},
            {"video": 9, "blog": 4}, 0.52, 2.2),
)  # fmt: skip


def topic_weights() -> Floats:
    """Mean share of each topic, shape (personas, topics); rows sum to 1."""
    names = [name for name, _ in TOPICS]
    return _shares([[kind.topics.get(name, 1.0) for name in names] for kind in PERSONAS])


def content_type_weights() -> Floats:
    """Mean share of each content type, shape (personas, types); rows sum to 1."""
    return _shares(
        [[kind.content_types.get(name, 1.0) for name in CONTENT_TYPES] for kind in PERSONAS]
    )


def _shares(weights: list[list[float]]) -> Floats:
    table = np.array(weights, dtype=np.float64)
    return table / table.sum(axis=1, keepdims=True)
