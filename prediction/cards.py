"""Model cards: what a model is for, what it learnt from, how good it is, why it is in use.

Source: Mitchell et al. (2019), "Model Cards for Model Reporting". Aggregates only.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any


def as_json(card: Mapping[str, Any]) -> bytes:
    """A card that programs read."""
    return (json.dumps(card, indent=2, sort_keys=True, default=str) + "\n").encode()


def as_markdown(title: str, sections: Mapping[str, Mapping[str, Any] | Sequence[str]]) -> bytes:
    """A card that people read: headings with lists or with tables of two columns."""
    parts = [f"# {title}", ""]
    for heading, content in sections.items():
        parts += [f"## {heading}", ""]
        if isinstance(content, Mapping):
            parts += ["| | |", "|---|---|"]
            parts += [f"| {name} | {_text(value)} |" for name, value in content.items()]
        else:
            parts += [f"- {line}" for line in content]
        parts.append("")
    return "\n".join(parts).encode()


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        if value.keys() == {"low", "high"}:
            if math.isinf(value["high"]):
                return "cannot be told"
            return f"{_text(value['low'])} to {_text(value['high'])}"
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items())
    return str(value)
