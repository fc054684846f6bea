"""Sensitive traits that audiences test or send: each needs a use, written beside the audience."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from audiences.catalogue import ACCOUNTS, PROFILES
from audiences.clauses import AccountClause, TraitClause
from audiences.config import Audience
from audiences.references import leaves

# A column by its relation and its name.
Column = tuple[str, str]


def used_columns(
    audiences: Sequence[Audience], sent: Mapping[str, Collection[str]]
) -> frozenset[Column]:
    """Every column of profiles and accounts that an audience tests, or of whose members it is sent.

    Args:
        audiences: All that are configured.
        sent: Traits that are sent of the members, by the key of the audience.
    """
    return frozenset(column for *_, column in _used(audiences, sent))


def missing_uses(
    audiences: Sequence[Audience],
    sent: Mapping[str, Collection[str]],
    sensitive: Mapping[Column, Sequence[str]],
    *,
    unknown: Collection[Column] = (),
) -> dict[str, tuple[str, ...]]:
    """By the key of each audience, where it uses what is sensitive and does not say what for.

    Args:
        audiences: All that are configured.
        sent: Traits that are sent of the members, by the key of the audience.
        sensitive: Of each sensitive column the columns that it comes from.
        unknown: Columns of which nobody can tell yet, as what they are made of is not compiled.
    """
    found: dict[str, dict[str, None]] = {}
    for key, audience, where, column in _used(audiences, sent):
        if column[1] in audience.sensitive:
            continue
        if column in sensitive:
            found.setdefault(key, {})[
                f"{where}: {column[1]!r} is sensitive (from {', '.join(sensitive[column])}): name it "
                f"under `sensitive` of audience {audience.key!r} with what it is used for, or take it out"
            ] = None
        elif column in unknown:
            found.setdefault(key, {})[
                f"{where}: whether {column[1]!r} is sensitive cannot be told yet, as the models that it is "
                "made of are not compiled in this data home: run `candor run` first"
            ] = None
    return {key: tuple(problems) for key, problems in found.items()}


def _used(
    audiences: Sequence[Audience], sent: Mapping[str, Collection[str]]
) -> Iterator[tuple[str, Audience, str, Column]]:
    """Key of the audience, the one that answers for it, where it is used, and the column."""
    by_key = {audience.key: audience for audience in audiences}
    for key, audience in by_key.items():
        for owner, place, clause in leaves(audience, by_key):
            if isinstance(clause, TraitClause):
                yield key, owner, owner.where(place), (str(PROFILES), clause.trait)
            elif isinstance(clause, AccountClause):
                yield key, owner, owner.where(place), (str(ACCOUNTS), clause.account)
        for trait in sent.get(key, ()):
            yield key, audience, f"a sync of audience {key!r}", (str(PROFILES), trait)
