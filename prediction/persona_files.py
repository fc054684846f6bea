"""Published personas as files: a mixture, what its groups are called, card and picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from prediction.cards import as_json, as_markdown
from prediction.config import PersonasConfig
from prediction.dataset import Floats
from prediction.files import write_folder
from prediction.mixture import CLOSENESS, Mixture
from prediction.naming import Trait, describe
from prediction.pictures import draw_personas
from prediction.registry import Decision

MIXTURE = "mixture"
PICTURE = "personas.png"


@dataclass(frozen=True, slots=True)
class Personas:
    """Published groups: a mixture, its columns, and what the groups are called.

    Attributes:
        mixture: k groups.
        facets: Of each column its facet.
        values: Of each column its value.
        ids: Of the groups.
        names: Of the groups, before personas.yml renames them.
        traits: What each group reads more than others.
        status: published or provisional.
    """

    mixture: Mixture
    facets: tuple[str, ...]
    values: tuple[str, ...]
    ids: tuple[str, ...]
    names: tuple[str, ...]
    traits: tuple[tuple[Trait, ...], ...]
    status: str


def as_state(personas: Personas) -> dict[str, Any]:
    """Personas as arrays, texts and numbers."""
    mixture = personas.mixture
    return {
        "algorithm": MIXTURE,
        "weights": mixture.weights,
        "shares": mixture.shares,
        "gain": float(mixture.gain),
        "closeness": mixture.closeness,
        "facets": list(personas.facets),
        "values": list(personas.values),
        "ids": list(personas.ids),
        "names": list(personas.names),
        "traits": [[asdict(trait) for trait in traits] for traits in personas.traits],
        "status": personas.status,
    }


def from_state(state: Mapping[str, Any]) -> Personas:
    """The personas that ``as_state`` took apart."""
    return Personas(
        mixture=_mixture(state),
        facets=tuple(state["facets"]),
        values=tuple(state["values"]),
        ids=tuple(state["ids"]),
        names=tuple(state["names"]),
        traits=tuple(tuple(Trait(**trait) for trait in traits) for traits in state["traits"]),
        status=state["status"],
    )


def _mixture(state: Mapping[str, Any]) -> Mixture:
    sizes = tuple(state["facets"].count(facet) for facet in dict.fromkeys(state["facets"]))
    # A file of before readers had tastes of their own: all of a group read alike.
    closeness = state.get("closeness", np.full(len(sizes), CLOSENESS[1]))
    return Mixture(state["weights"], state["shares"], state["gain"], closeness, sizes)


def write_personas(
    folder: Path, decision: Decision, personas: Personas, config: PersonasConfig
) -> dict[str, str]:
    """Write model, card and picture of these personas; returns the SHA-256 of each, by name."""
    card = _card(decision, personas, config)
    return write_folder(
        folder,
        as_state(personas),
        {
            "card.json": as_json(card),
            "card.md": _as_markdown(card),
            "metrics.json": as_json(decision.metrics),
            "schema.json": as_json({"facets": personas.facets, "values": personas.values}),
            PICTURE: _draw(personas),
        },
    )


def _card(decision: Decision, personas: Personas, config: PersonasConfig) -> dict[str, Any]:
    groups = zip(personas.ids, personas.names, personas.traits, strict=True)
    return {
        "name": "Personas",
        "status": personas.status,
        "reason": decision.reason,
        "as_of": decision.trained_as_of.isoformat(),
        "data": {
            "fingerprint": decision.data_fingerprint,
            "consent": f"granted for {config.purpose} at as_of",
        },
        "metrics": dict(decision.metrics),
        "personas": {name: {"id": key, "reads": describe(traits)} for key, name, traits in groups},
        "limits": [
            "Groups are of what people read and when; they say nothing of who people are.",
            "Persons without consent were not learnt from.",
        ],
    }


def _as_markdown(card: Mapping[str, Any]) -> bytes:
    return as_markdown(
        "Personas",
        {
            "What it is": {name: card[name] for name in ("status", "reason", "as_of")},
            "Groups": {name: group["reads"] for name, group in card["personas"].items()},
            "How sure": {k: v for k, v in card["metrics"].items() if k != "trials"},
            "Limits": card["limits"],
        },
    )


def _draw(personas: Personas) -> bytes:
    average: Floats = np.asarray(personas.mixture.weights @ personas.mixture.shares)
    return draw_personas(personas.names, personas.values, personas.mixture.shares / average)
