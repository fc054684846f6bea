"""How a story is told: what arrives in four batches, and who is who at the end.

``{s}`` in a value becomes the story's name and ``{x}`` three digits of its own, so that all stories
live in one company without meeting. Ids of records, users and devices are made distinct likewise.
A node is named ``source/id``; ``u/`` is a user, ``d/`` a device, ``e/`` an address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PREFIXES = {"u": "users", "d": "devices", "e": "emails"}
BATCHES = 4

Groups = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that arrives or happens: its kind, the nodes that it names, and its values."""

    kind: str
    names: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


Batch = tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """A named case.

    Attributes:
        name: Its name, unique.
        claim: What it shows, in a sentence.
        batches: What arrives, at most four batches.
        persons: The persons at the end, each a list of nodes; names every record and user.
        before: The persons after an earlier batch, counted from 1.
        nobody: Nodes that belong to no person at the end.
    """

    name: str
    claim: str
    batches: tuple[Batch, ...]
    persons: Groups
    before: Mapping[int, Groups] = field(default_factory=dict)
    nobody: tuple[str, ...] = ()


def record(name: str, *, created: float | None = -1.0, **values: Any) -> Fact:
    """A record arrives; it was created on that day, or when it arrived (-1), or nobody knows."""
    return Fact("record", (name,), {"created": created, **values})


def change(name: str, **values: Any) -> Fact:
    """A source sends a newer version of a record."""
    return Fact("change", (name,), values)


def drop(name: str) -> Fact:
    """A source no longer has a record."""
    return Fact("drop", (name,))


def erase(*names: str) -> Fact:
    """A person is erased: these are all their records and users."""
    return Fact("erase", names)


def event(kind: str = "page", **ids: str) -> Fact:
    """Something happens: ``user``, ``device``, ``email``, ``previous`` say who was seen."""
    return Fact("event", (), {"kind": kind, **ids})


def must(one: str, other: str) -> Fact:
    """Somebody decides that two records are one person."""
    return Fact("must_link", (one, other))


def cannot(one: str, other: str) -> Fact:
    """Somebody decides that two records are two persons."""
    return Fact("cannot_link", (one, other))
