"""The kinds of reader that are planted in the sample, and what each prefers.

They differ in topics, content types and depth: an honest clustering of what people read finds
them again, imperfectly, because every person mixes the kind with tastes of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sample.text import Floats

TOPICS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("route-planning", ("stops", "fuel", "time-windows", "driver-hours")),
    ("equipment-care", ("inspection", "spare-parts", "warranty", "downtime")),
    ("stock-control", ("reorder-point", "stocktake", "barcode", "shrinkage")),
    ("shift-rostering", ("overtime", "swap", "availability", "cover")),
    ("local-advertising", ("flyer", "radius", "storefront", "sponsorship")),
    ("customer-reviews", ("reply", "rating", "testimonial", "complaint")),
    ("loyalty-schemes", ("stamp-card", "points", "rewards", "birthday")),
    ("online-shop", ("basket", "checkout", "photos", "delivery-slot")),
    ("pricing", ("margin", "markup", "bundle", "seasonal-price")),
    ("growth-funding", ("loan", "lease", "grant", "investor")),
    ("demand-reports", ("forecast", "baseline", "chart", "peak-hour")),
    ("payroll", ("timesheet", "withholding", "bonus", "payday")),
    ("cash-flow", ("late-payer", "deposit", "float", "statement")),
    ("supplier-terms", ("lead-time", "contract", "minimum-order", "backup")),
)
CONTENT_TYPES: tuple[str, ...] = (
    "article", "manual", "walkthrough", "clip", "live-session", "story", "report"
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
    Persona("dispatcher", 0.22, {"route-planning": 15, "equipment-care": 11, "shift-rostering": 9, "stock-control": 4},
            {"manual": 8, "walkthrough": 7}, 0.72, 3.2),
    Persona("promoter", 0.25, {"local-advertising": 14, "customer-reviews": 11, "loyalty-schemes": 10, "online-shop": 5},
            {"article": 8, "live-session": 5}, 0.46, 2.5),
    Persona("proprietor", 0.17, {"pricing": 13, "growth-funding": 13, "cash-flow": 6},
            {"story": 9, "report": 4}, 0.31, 1.8),
    Persona("planner", 0.17, {"demand-reports": 15, "stock-control": 10, "supplier-terms": 7},
            {"report": 7, "walkthrough": 5, "live-session": 3}, 0.62, 2.9),
    Persona("bookkeeper", 0.19, {"payroll": 14, "cash-flow": 10, "supplier-terms": 6, "shift-rostering": 5},
            {"clip": 9, "article": 4}, 0.54, 2.2),
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
    return np.asarray(table / table.sum(axis=1, keepdims=True), dtype=np.float64)
